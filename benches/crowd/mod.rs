//! Many clients in one process with one thread, so that their side costs little: raw sockets that
//! count the changes they are told.
//!
//! A process may open only so many files, so each crowd is a process of its own.

use std::sync::Mutex;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::server::{Told, now_ms};

/// The argument by which a bench starts itself as a crowd.
const CROWD: &str = "--crowd";
/// How many connections one user may have; each guest of the crowd opens as many.
const PER_GUEST: usize = 10;
/// How many guests come at once.
const AT_ONCE: usize = 16;
/// So little is taken for a client that does not read.
const SMALL: usize = 4 * 1024;
/// Nothing here is this long in coming.
const PATIENCE: Duration = Duration::from_secs(20);
const SUBSCRIBED: &[u8] = br#"{"type":"subscribed""#;
const CHANGE: &[u8] = br#"{"type":"change""#;

/// What a crowd is told to do.
#[derive(Serialize, Deserialize)]
pub enum Order {
    /// Open so many plain sockets.
    Plain { address: String, count: usize },
    /// Open so many WebSockets.
    Open { address: String, count: usize },
    /// Let each WebSocket send the handshakes of its place, the last one for all that follow, and
    /// wait until it is subscribed to all.
    Subscribe(Vec<Vec<String>>),
    /// Read from now on, and count.
    Read,
    /// From now on leave what comes where it is.
    Ignore,
    /// Say when so many changes have come.
    Expect(usize),
    /// Leave.
    Leave,
}

/// What a crowd has heard.
#[derive(Default, Serialize, Deserialize)]
pub struct Heard {
    /// When each change came, in milliseconds, in order.
    pub at: Vec<f64>,
    /// How long the frame of a change is.
    pub frame: usize,
    /// How many subscriptions were told to read again.
    pub resyncs: usize,
}

/// A crowd in a process of its own.
pub struct Crowd(Told);

impl Crowd {
    pub fn gather() -> Self {
        Self(Told::start(&[CROWD]))
    }

    /// Gives an order and waits until it is done.
    pub fn order(&mut self, order: &Order) -> Heard {
        self.begin(order);
        self.heard()
    }

    pub fn begin(&mut self, order: &Order) {
        self.0.say(&serde_json::to_string(order).expect("it has only text keys"));
    }

    pub fn heard(&mut self) -> Heard {
        serde_json::from_str(&self.0.answer()).expect("a crowd says what it has heard")
    }
}

/// Is a crowd, if this process was started as that.
pub async fn crowd() -> bool {
    if !std::env::args().any(|arg| arg == CROWD) {
        return false;
    }
    let mut clients = Vec::new();
    let (leave, _) = watch::channel(());
    for line in std::io::stdin().lines() {
        let order = serde_json::from_str(&line.expect("the bench is there"));
        match order.expect("it gives orders") {
            Order::Plain { address, count } => clients = plain(&address, count).await,
            Order::Open { address, count } => clients = open(&address, count).await,
            Order::Subscribe(handshakes) => clients = subscribe(clients, &handshakes).await,
            Order::Read => {
                for client in clients.drain(..) {
                    let mut left = leave.subscribe();
                    tokio::spawn(async move {
                        tokio::select! {
                            () = client.listen() => panic!("a client was closed"),
                            _ = left.changed() => {}
                        }
                    });
                }
            }
            Order::Ignore => clients.iter().for_each(|client| {
                let socket = SockRef::from(&client.stream);
                socket.set_recv_buffer_size(SMALL).expect("it is a size");
            }),
            Order::Expect(count) => {
                println!("{}", serde_json::to_string(&ALL.expect(count).await).expect("figures"));
                continue;
            }
            Order::Leave => {
                clients.clear();
                leave.send_replace(());
                tokio::task::yield_now().await;
            }
        }
        println!("{}", serde_json::to_string(&Heard::default()).expect("figures"));
    }
    true
}

/// What all clients together have heard since that was last asked.
struct All {
    heard: Mutex<Heard>,
    more: Notify,
}

static ALL: All = All {
    heard: Mutex::new(Heard { at: Vec::new(), frame: 0, resyncs: 0 }),
    more: Notify::const_new(),
};

impl All {
    fn note(&self, changes: usize, resyncs: usize, frame: usize) {
        let mut heard = self.heard.lock().expect("nobody panicked");
        let now = now_ms();
        heard.at.extend(std::iter::repeat_n(now, changes));
        heard.resyncs += resyncs;
        heard.frame = frame.max(heard.frame);
        drop(heard);
        self.more.notify_one();
    }

    /// Waits for so many changes, but not for ever: what was lost does not come.
    async fn expect(&self, count: usize) -> Heard {
        while self.heard.lock().expect("nobody panicked").at.len() < count {
            if timeout(PATIENCE, self.more.notified()).await.is_err() {
                break;
            }
        }
        std::mem::take(&mut *self.heard.lock().expect("nobody panicked"))
    }
}

struct Client {
    stream: TcpStream,
    /// The beginning of a frame whose end has yet to come.
    rest: Vec<u8>,
}

impl Client {
    async fn listen(mut self) {
        let mut buffer = [0; 16 * 1024];
        loop {
            if self.stream.readable().await.is_err() {
                return;
            }
            let (mut changes, mut resyncs, mut longest) = (0, 0, 0);
            match self.stream.try_read(&mut buffer) {
                Ok(0) => return,
                Ok(read) => frames(&mut self.rest, &buffer[..read], |frame, text| {
                    if text.starts_with(CHANGE) {
                        changes += 1;
                        longest = frame.max(longest);
                    } else if text.starts_with(br#"{"type":"resync""#) {
                        resyncs += 1;
                    }
                }),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
                Err(_) => return,
            }
            if changes + resyncs > 0 {
                ALL.note(changes, resyncs, longest);
            }
        }
    }

    async fn subscribe(&mut self, handshakes: &[String]) {
        let mut sent = Vec::new();
        handshakes.iter().for_each(|handshake| put_masked(handshake.as_bytes(), &mut sent));
        self.stream.write_all(&sent).await.expect("the server listens");
        let mut subscribed = 0;
        let mut buffer = [0; 16 * 1024];
        while subscribed < handshakes.len() {
            let read = self.stream.read(&mut buffer).await.expect("it answers");
            assert!(read > 0, "a client was closed");
            frames(&mut self.rest, &buffer[..read], |_, text| {
                subscribed += usize::from(text.starts_with(SUBSCRIBED));
            });
        }
    }
}

/// Takes whole frames off what was read, with their length and their text.
fn frames(rest: &mut Vec<u8>, read: &[u8], mut each: impl FnMut(usize, &[u8])) {
    let joined;
    let mut bytes = if rest.is_empty() {
        read
    } else {
        joined = [rest.as_slice(), read].concat();
        &joined
    };
    while let Some((header, length)) =
        header(bytes).filter(|(header, length)| bytes.len() >= header + length)
    {
        each(header + length, &bytes[header..header + length]);
        bytes = &bytes[header + length..];
    }
    *rest = bytes.to_vec();
}

/// How long the header and the payload of an unmasked frame are (RFC 6455, 5.2).
fn header(bytes: &[u8]) -> Option<(usize, usize)> {
    match *bytes.get(1)? {
        126 => Some((4, u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?).into())),
        127 => Some((10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize)),
        short => Some((2, short.into())),
    }
}

/// A text frame masked with nothing, which is as good as any mask.
fn put_masked(text: &[u8], bytes: &mut Vec<u8>) {
    bytes.push(0x81);
    match text.len() {
        short @ 0..126 => bytes.push(0x80 | short as u8),
        long => {
            bytes.push(0x80 | 126);
            bytes.extend((long as u16).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(text);
}

async fn plain(address: &str, count: usize) -> Vec<Client> {
    let mut clients = Vec::with_capacity(count);
    for _ in 0..count {
        let stream = TcpStream::connect(address).await.expect("it can be reached");
        clients.push(Client { stream, rest: Vec::new() });
    }
    clients
}

async fn open(address: &str, count: usize) -> Vec<Client> {
    let guests = (0..count.div_ceil(PER_GUEST)).map(|nth| {
        let sockets = PER_GUEST.min(count - nth * PER_GUEST);
        async move {
            let cookie = cookie(address).await;
            let mut clients = Vec::with_capacity(sockets);
            for _ in 0..sockets {
                clients.push(websocket(address, &cookie).await);
            }
            clients
        }
    });
    let guests: Vec<Vec<_>> = stream::iter(guests).buffered(AT_ONCE).collect().await;
    guests.into_iter().flatten().collect()
}

async fn subscribe(clients: Vec<Client>, handshakes: &[Vec<String>]) -> Vec<Client> {
    let clients = clients.into_iter().enumerate().map(|(nth, mut client)| async move {
        client.subscribe(&handshakes[nth.min(handshakes.len() - 1)]).await;
        client
    });
    stream::iter(clients).buffered(PER_GUEST * AT_ONCE).collect().await
}

/// A new guest's cookie, which comes with any public page.
async fn cookie(address: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it can be reached");
    let request = format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it listens");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("it answers");
    let answer = String::from_utf8_lossy(&answer);
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: "));
    cookie.and_then(|cookie| cookie.split(';').next()).expect("it makes a guest").to_owned()
}

async fn websocket(address: &str, cookie: &str) -> Client {
    let mut stream = TcpStream::connect(address).await.expect("it can be reached");
    let request = format!(
        "GET /api/realtime/subscribe HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("it listens");
    let mut answer = Vec::new();
    let end = b"\r\n\r\n";
    let after = loop {
        if let Some(at) = answer.windows(end.len()).position(|four| four == end) {
            break at + end.len();
        }
        let read = stream.read_buf(&mut answer).await.expect("it answers");
        assert!(read > 0, "a client was refused");
    };
    assert!(answer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&answer));
    Client { stream, rest: answer.split_off(after) }
}
