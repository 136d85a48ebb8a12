//! What a crowd says over raw sockets: HTTP/1.1 and the frames of WebSocket.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// A connection from 127.0.0.`from`.
pub async fn connect(from: u8, address: &str) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, from), 0)))?;
    socket.connect(address.parse().expect("it is an address")).await
}

pub fn get(address: &str, path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n").into_bytes()
}

pub fn post(address: &str, path: &str, kind: &str, length: usize, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: {kind}\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// Sends a request and reads its answer to the end.
pub async fn ask(from: u8, address: &str, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = connect(from, address).await?;
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

/// Sends a request and throws away what comes back.
pub async fn flood(from: u8, address: &str, request: &[u8]) -> std::io::Result<()> {
    let mut stream = connect(from, address).await?;
    stream.write_all(request).await?;
    discard(&mut stream).await
}

/// Reads to the end, and keeps nothing.
pub async fn discard(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}

/// A new guest's cookie, which comes with any public page.
pub async fn cookie(from: u8, address: &str) -> std::io::Result<String> {
    let answer = ask(from, address, &get(address, "/", "Connection: close\r\n")).await?;
    let answer = String::from_utf8_lossy(&answer);
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: "));
    let cookie = cookie.and_then(|cookie| cookie.split(';').next());
    cookie.map(str::to_owned).ok_or_else(|| std::io::Error::other("no guest was made"))
}

/// A WebSocket with these texts sent over it.
pub async fn websocket(from: u8, address: &str, texts: &[String]) -> std::io::Result<TcpStream> {
    let cookie = cookie(from, address).await?;
    let mut stream = connect(from, address).await?;
    let headers = format!(
        "Cookie: {cookie}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    );
    stream.write_all(&get(address, "/api/realtime/subscribe", &headers)).await?;
    for text in texts {
        stream.write_all(&masked(text.as_bytes())).await?;
    }
    Ok(stream)
}

/// A text frame masked with nothing, which is as good as any mask (RFC 6455, 5.2).
fn masked(text: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x81];
    match u16::try_from(text.len()) {
        Ok(short @ 0..126) => bytes.push(0x80 | short as u8),
        Ok(long) => {
            bytes.push(0x80 | 126);
            bytes.extend(long.to_be_bytes());
        }
        Err(_) => {
            bytes.push(0x80 | 127);
            bytes.extend((text.len() as u64).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(text);
    bytes
}
