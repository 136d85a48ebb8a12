//! Who creates records: raw sockets on one thread, so that their side costs the machine little.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::now_ms;

/// So many records from so many connections; how many are created in a second.
pub async fn create(address: &str, connections: usize, each: usize) -> f64 {
    let mut streams = Vec::new();
    for _ in 0..connections {
        let stream = TcpStream::connect(address).await.expect("it can be reached");
        stream.set_nodelay(true).expect("it is a socket");
        streams.push(stream);
    }
    let began = now_ms();
    let writers = streams.into_iter().map(|stream| tokio::spawn(write(stream, each)));
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("it ends well");
    }
    (connections * each) as f64 / (now_ms() - began) * 1_000.0
}

async fn write(mut stream: TcpStream, each: usize) {
    let mut answer = Vec::with_capacity(4 * 1024);
    for number in 0..each {
        let body = format!(r#"{{"fields":{{"customer":"Ada {number}","total":"12.5"}}}}"#);
        let request = format!(
            "POST /api/tables/orders/records HTTP/1.1\r\nHost: localhost\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.expect("the server listens");
        answer.clear();
        while !is_whole(&answer) {
            assert!(stream.read_buf(&mut answer).await.expect("it answers") > 0, "it hung up");
        }
        assert!(answer.starts_with(b"HTTP/1.1 201"), "{}", String::from_utf8_lossy(&answer));
    }
}

/// Whether all of an answer is there.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.and_then(|length| length.parse().ok()) == Some(body.len())
}
