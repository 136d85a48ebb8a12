//! The bare limits: a TCP loop that writes frames to sockets, and a poem handler that answers 304.

use bytes::Bytes;
use poem::http::{HeaderMap, StatusCode, header};
use poem::{Response, Route, get, handler};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::server::{Told, now_ms};

/// The arguments by which the bench starts itself as one of them.
const LOOP: &str = "--bare-loop";
const HANDLER: &str = "--bare-handler";

/// A TCP loop in a process of its own.
pub struct Loop {
    process: Told,
    pub address: String,
}

impl Loop {
    pub fn start(sockets: usize) -> Self {
        let mut process = Told::start(&[LOOP, &sockets.to_string()]);
        let address = process.answer();
        Self { process, address }
    }

    /// Waits until it has all its sockets.
    pub fn is_full(&mut self) {
        assert_eq!(self.process.answer(), "full");
    }

    /// Sends so many frames of this length to each socket, and says when that began.
    pub fn send(&mut self, count: usize, length: usize) -> f64 {
        self.process.ask(&format!("{count} {length}")).parse().expect("it is a time")
    }

    pub fn resident_kb(&self) -> f64 {
        crate::server::resident_kb(self.process.child.id())
    }
}

/// A poem handler in a process of its own; its address, for as long as it is kept.
pub struct Handler {
    process: Told,
    pub address: String,
}

impl Handler {
    pub fn start() -> Self {
        let mut process = Told::start(&[HANDLER]);
        let address = process.answer();
        Self { process, address }
    }

    pub fn cpu_ms(&self) -> f64 {
        crate::server::cpu_ms(self.process.child.id())
    }
}

/// Is one of them, if this process was started as that.
pub fn bare() -> bool {
    let mut args = std::env::args();
    let threads = || tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match args.find(|arg| arg == LOOP || arg == HANDLER) {
        Some(what) if what == LOOP => {
            let sockets = args.next().and_then(|count| count.parse().ok());
            threads().expect("threads").block_on(run_loop(sockets.expect("a number")));
        }
        Some(_) => threads().expect("threads").block_on(run_handler()),
        None => return false,
    }
    true
}

async fn run_loop(sockets: usize) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    println!("{}", listener.local_addr().expect("it has one"));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let mut shares: Vec<Vec<TcpStream>> = (0..workers).map(|_| Vec::new()).collect();
    for nth in 0..sockets {
        let (stream, _) = listener.accept().await.expect("a client");
        stream.set_nodelay(true).expect("it is a socket");
        shares[nth % workers].push(stream);
    }
    println!("full");
    let starts = shares.into_iter().map(|share| {
        let (start, started) = mpsc::unbounded_channel();
        tokio::spawn(write_all(share, started));
        start
    });
    let starts: Vec<_> = starts.collect();
    for line in std::io::stdin().lines() {
        let line = line.expect("the bench is there");
        let (count, length) = line.split_once(' ').expect("two numbers");
        let length = length.parse().expect("a number");
        let frames = Bytes::from(frame(length).repeat(count.parse().expect("a number")));
        println!("{}", now_ms());
        starts.iter().for_each(|start| drop(start.send(frames.clone())));
    }
}

async fn write_all(mut sockets: Vec<TcpStream>, mut started: mpsc::UnboundedReceiver<Bytes>) {
    while let Some(frames) = started.recv().await {
        for socket in &mut sockets {
            socket.write_all(&frames).await.expect("the client is there");
        }
    }
}

/// A text frame of this length that looks like a change.
fn frame(length: usize) -> Vec<u8> {
    let payload = u16::try_from(length - 4).expect("it is no longer than that");
    let mut frame = vec![0x81, 126];
    frame.extend(payload.to_be_bytes());
    frame.extend(br#"{"type":"change""#);
    frame.resize(length, b' ');
    frame
}

async fn run_handler() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    println!("{}", listener.local_addr().expect("it has one"));
    let acceptor = poem::listener::TcpAcceptor::from_tokio(listener).expect("it listens");
    let routes = Route::new().at("/api/fragments", get(unchanged));
    poem::Server::new_with_acceptor(acceptor).run(routes).await.expect("it serves");
}

#[handler]
fn unchanged(headers: &HeaderMap) -> Response {
    let known = headers.get(header::IF_NONE_MATCH).cloned();
    let status = StatusCode::NOT_MODIFIED;
    match known {
        Some(tag) => Response::builder().status(status).header(header::ETAG, tag).finish(),
        None => Response::builder().header(header::ETAG, "\"a\"").body("a"),
    }
}
