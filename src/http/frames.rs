//! The configuration by which WebSocket frames of clients are read.

use std::io::{self, Read, Write};

use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message as Frame, WebSocket};

/// The longest frame and message of a client, in bytes. The longest part of a message is a filter.
const MAX_FRAME: usize = 64 * 1024;
/// The bytes that are read at once. Handshakes are short, and each of thousands of sockets has a buffer.
const READ_BUFFER: usize = 512;

/// The configuration of every socket. Nothing is buffered for writing, since messages are written past the
/// library.
pub(super) fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(MAX_FRAME))
        .max_frame_size(Some(MAX_FRAME))
}

/// Returns the text messages in the bytes of a client, up to where the socket would be closed. For fuzzing
/// and tests, which send bytes that no WebSocket library would.
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

/// The connection of a client that has sent these bytes and left. What is written to it is dropped.
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
