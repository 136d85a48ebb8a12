//! How much of what a client sends over a WebSocket is taken, and what it says with it.

use std::io::{self, Read, Write};

use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message as Frame, WebSocket};

/// The longest frame and message of a client, in bytes. Filters are the longest they send.
const MAX_FRAME: usize = 64 * 1024;
/// What is read at once; handshakes are short, and there may be thousands of sockets.
const READ_BUFFER: usize = 512;

/// How every socket reads its client's frames.
pub(super) fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(MAX_FRAME))
        .max_frame_size(Some(MAX_FRAME))
}

/// The texts that a client says with these bytes, up to where the socket would be closed. For
/// tests that send what no library would.
pub fn texts(bytes: &[u8]) -> Vec<String> {
    let mut socket = WebSocket::from_raw_socket(ReceivedBytes(bytes), Role::Server, Some(config()));
    let mut texts = Vec::new();
    loop {
        match socket.read() {
            Ok(Frame::Text(text)) => texts.push(text.as_str().to_owned()),
            Ok(Frame::Binary(_)) | Err(_) => return texts,
            Ok(_) => {}
        }
    }
}

/// What a client has sent before it left; it reads nothing.
struct ReceivedBytes<'a>(&'a [u8]);

impl Read for ReceivedBytes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for ReceivedBytes<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
