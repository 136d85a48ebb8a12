//! HTTP/2 by prior knowledge, and what its frames make cheap to ask: each is bounded on its connection, and
//! others are answered.

use bytes::Bytes;
use h2::client::{Connection, SendRequest};
use h2::{Error, Reason};
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::RECORDS;
use crate::server::{DESK, Server, within};

type Ended = JoinHandle<Result<(), Error>>;

/// A connection, and what tells how it ends.
async fn connect(server: &Server) -> (SendRequest<Bytes>, Ended) {
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (requests, connection): (_, Connection<TcpStream, Bytes>) =
        h2::client::handshake(stream).await.unwrap();
    (requests, tokio::spawn(connection))
}

fn request(server: &Server, method: Method) -> http::request::Builder {
    let uri = format!("http://{}{RECORDS}", server.address);
    http::Request::builder().method(method).uri(uri)
}

#[tokio::test]
async fn whoever_takes_back_what_they_ask_for_is_sent_away() {
    let server = Server::start(DESK).await;
    let (requests, ended) = connect(&server).await;
    let mut requests = requests.ready().await.unwrap();
    for _ in 0..20_000 {
        let asked = request(&server, Method::GET).body(()).unwrap();
        let Ok((_, mut stream)) = requests.send_request(asked, true) else { break };
        stream.send_reset(Reason::CANCEL);
        match requests.ready().await {
            Ok(ready) => requests = ready,
            Err(_) => break,
        }
    }
    // That it is over is sometimes seen before why it is.
    let end = within("the connection to end", ended).await.unwrap().unwrap_err();
    assert!(end.is_io() || end.reason() == Some(Reason::ENHANCE_YOUR_CALM), "{end}");
    assert_eq!(server.guest().await.get(RECORDS).await.0, 200);
}

#[tokio::test]
async fn no_more_requests_are_under_way_than_a_browser_has() {
    let server = Server::start(DESK).await;
    let (requests, _ended) = connect(&server).await;
    let mut requests = requests.ready().await.unwrap();
    let mut open = Vec::new();
    // Until the server has said how many it takes, the client believes that it may have any number.
    let first = request(&server, Method::GET).body(()).unwrap();
    requests.send_request(first, true).unwrap().0.await.unwrap();
    for _ in 0..32 {
        requests = within("a place", requests.ready()).await.unwrap();
        let unfinished = request(&server, Method::POST).header("content-type", "application/json");
        open.push(requests.send_request(unfinished.body(()).unwrap(), false).unwrap());
    }
    assert_eq!(requests.current_max_send_streams(), 32);
    let (next, _) =
        requests.send_request(request(&server, Method::GET).body(()).unwrap(), true).unwrap();
    let next = tokio::spawn(next);
    // Others have connections of their own.
    assert_eq!(server.guest().await.get(RECORDS).await.0, 200);
    assert!(!next.is_finished());
    let (_, mut stream) = open.pop().unwrap();
    stream.send_reset(Reason::CANCEL);
    let answer = within("its turn", next).await.unwrap().unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn headers_are_bounded_in_length_and_number() {
    let server = Server::start(DESK).await;
    let (requests, _ended) = connect(&server).await;
    let requests = requests.ready().await.unwrap();
    for (name, value, count) in
        [("x-long", "x".repeat(20_000), 1), ("x-many", "x".to_owned(), 2_000)]
    {
        let mut requests = requests.clone();
        let builder = (0..count).fold(request(&server, Method::GET), |builder, nth| {
            builder.header(format!("{name}-{nth}"), &value)
        });
        let (answer, _) = requests.send_request(builder.body(()).unwrap(), true).unwrap();
        let refused = within("an answer", answer).await;
        assert!(refused.is_err() || refused.unwrap().status() == 431, "{name}");
        let many = (0..count).map(|nth| format!("{name}-{nth}: {value}\r\n")).collect::<String>();
        let head = format!("GET / HTTP/1.1\r\nHost: {}\r\n{many}\r\n", server.address);
        if count > 1 {
            let mut stream = TcpStream::connect(server.address).await.unwrap();
            stream.write_all(head.as_bytes()).await.unwrap();
            let mut words = [0; 12];
            within("an answer", stream.read_exact(&mut words)).await.unwrap();
            assert_eq!(words, *b"HTTP/1.1 431", "{name}");
        }
    }
    assert_eq!(server.guest().await.get(RECORDS).await.0, 200);
}
