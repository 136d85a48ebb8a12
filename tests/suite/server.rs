//! A running app for tests: on a free port, over a database of its own, gone afterwards.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::{SinkExt, StreamExt};
use pagetide::auth::NewPerson;
use pagetide::limits::{Limit, Limits};
use pagetide::model::refresh::{TRANSPORT, Transport};
use pagetide::runtime::{Runtime, Start};
use pagetide::store::Losses;
use pagetide::{http, spec};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime as Threads};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tokio_util::sync::CancellationToken;

/// No wait in these tests is meant to last this long.
const PATIENCE: Duration = Duration::from_secs(10);

/// The app that most tests run: one open table, one closed one, a field that only some may read.
pub const DESK: &str = "
name: desk
auth: { roles: [packer] }
tables:
  - name: orders
    fields:
      - { name: customer, type: single-line-text, required: true }
      - { name: status, type: single-select, options: [open, done], default: open }
      - { name: total, type: currency, currency: EUR, min: 0 }
      - { name: secret, type: single-line-text }
      - { name: code, type: single-line-text, unique: true }
      - { name: updatedAt, type: updated-at }
    permissions:
      read: all
      create: [admin]
      update: [admin]
      fields: [{ field: secret, read: [admin] }]
  - name: salaries
    fields: [{ name: amount, type: integer }]
    permissions: { read: [packer] }
  - name: notes
    fields: [{ name: words, type: long-text }]
    permissions: { create: [packer] }
pages:
  - name: Desk
    path: /
    components:
      - type: dataTable
        dataSource:
          table: orders
          filter: [{ field: status, operator: eq, value: open }]
          sort: [{ field: customer, direction: asc }]
          refreshMode: realtime
  - name: Notes
    path: /notes
    components: [{ type: dataTable, dataSource: { table: notes } }]
";

/// A running app.
pub struct Server {
    pub address: SocketAddr,
    /// Where the app is.
    app: PathBuf,
    /// Where its data is.
    folder: TempDir,
    stop: CancellationToken,
    running: Option<JoinHandle<()>>,
    transport: Transport,
    limits: Vec<(Limit, u64)>,
    /// A thread of its own: a test that waits for another program must not keep the server waiting.
    threads: Option<Threads>,
}

/// Somebody who sends requests: a guest, an admin, or nobody at all.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    address: SocketAddr,
    cookie: Option<String>,
    bearer: Option<String>,
}

/// An open WebSocket.
#[derive(Debug)]
pub struct Socket(pub WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Server {
    pub async fn start(yaml: &str) -> Self {
        Self::start_with(yaml, TRANSPORT).await
    }

    pub async fn start_with(yaml: &str, transport: Transport) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("app.yaml"), yaml).unwrap();
        Self::start_in(folder.path().to_owned(), folder, transport, &[]).await
    }

    /// Serves an app within other limits than the usual ones.
    pub async fn start_within(yaml: &str, limits: &[(Limit, u64)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("app.yaml"), yaml).unwrap();
        Self::start_in(folder.path().to_owned(), folder, TRANSPORT, limits).await
    }

    /// Serves the app that is in this folder.
    pub async fn start_app(app: &Path) -> Self {
        Self::start_in(app.to_owned(), tempfile::tempdir().unwrap(), TRANSPORT, &[]).await
    }

    async fn start_in(
        app: PathBuf,
        folder: TempDir,
        transport: Transport,
        limits: &[(Limit, u64)],
    ) -> Self {
        let address = "127.0.0.1:0".parse().unwrap();
        let stop = CancellationToken::new();
        let threads = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let threads = Some(threads.unwrap());
        let (running, limits) = (None, limits.to_vec());
        let mut server = Self { address, app, folder, stop, running, transport, limits, threads };
        server.run().await;
        server
    }

    async fn run(&mut self) {
        let loaded = spec::load(&self.app).unwrap();
        let app = loaded.app.unwrap_or_else(|| panic!("{}", loaded.report));
        let url = format!("sqlite:{}", self.database().display());
        let (address, transport) = (self.address, self.transport);
        let all = self.limits.iter();
        let limits =
            all.fold(Limits::default(), |limits, (limit, size)| limits.with(*limit, *size));
        let limits = Arc::new(limits);
        let threads = self.threads.as_ref().expect("they live as long as the server");
        let starting = threads.spawn(async move {
            let losses = Losses::Refused;
            let start = Start { database_url: url, transport, losses, limits, edition: None };
            let (runtime, started) = Runtime::begin(app, start).await.unwrap();
            if started.setup_token.is_some() {
                let admin = NewPerson {
                    name: "Ada".to_owned(),
                    email: "ada@example.org".to_owned(),
                    password: "correct horse".to_owned(),
                };
                assert!(runtime.auth.add_first_admin(admin).await.unwrap());
            }
            (Arc::new(runtime), TcpListener::bind(address).await.unwrap())
        });
        let (runtime, listener) = starting.await.unwrap();
        self.address = listener.local_addr().unwrap();
        self.stop = CancellationToken::new();
        let stop = self.stop.clone();
        self.running = Some(threads.spawn(async move {
            http::serve(runtime.clone(), listener, stop).await;
            runtime.stop().await;
        }));
    }

    /// Stops as on SIGTERM.
    pub async fn stop(&mut self) {
        self.stop.cancel();
        if let Some(running) = self.running.take() {
            within("the server to stop", running).await.unwrap();
        }
    }

    /// Starts again on the same port and the same data.
    pub async fn restart(&mut self) {
        self.stop().await;
        self.run().await;
    }

    /// Starts again as another app.
    pub async fn restart_as(&mut self, yaml: &str) {
        std::fs::write(self.app.join("app.yaml"), yaml).unwrap();
        self.restart().await;
    }

    /// Writes a file of the app.
    pub fn save(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn database(&self) -> PathBuf {
        self.folder.path().join("data.db")
    }

    /// Runs SQL as another program would: with the program `sqlite3`.
    pub fn sql(&self, statement: &str) -> String {
        let mut sqlite3 = Command::new("sqlite3");
        sqlite3.args(["-cmd", ".timeout 5000"]).arg(self.database()).arg(statement);
        let output = sqlite3.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// One figure of `/metrics`.
    pub async fn metric(&self, name: &str) -> f64 {
        let (_, text) = self.nobody().get("/metrics").await;
        let text = text.as_str().unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} is not in {text}")).parse().unwrap()
    }

    /// Somebody without a cookie.
    pub fn nobody(&self) -> Client {
        Client::at(self.address)
    }

    /// Somebody who has opened a public page.
    pub async fn guest(&self) -> Client {
        self.nobody().into_guest().await
    }

    pub async fn admin(&self) -> Client {
        self.nobody().into_admin().await
    }

    /// Somebody with an account of this id and role, made and signed in behind the server's back.
    pub fn person(&self, id: &str, role: &str) -> Client {
        let token = format!("token-of-{id}");
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(&token));
        self.sql(&format!(
            "insert into _pagetide_users (id, email, name, role, password_hash)
               values ('{id}', '{id}@people.example', '{id}', '{role}', '-');
             insert into _pagetide_sessions (token_hash, user_id, expires_at)
               values ('{hash}', '{id}', unixepoch() + 3600)"
        ));
        self.nobody().with_cookie(format!("pagetide_session={token}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(threads) = self.threads.take() {
            threads.shutdown_background();
        }
    }
}

/// The `name=value` that an answer sets.
pub fn cookie(answer: &reqwest::Response) -> Option<String> {
    let header = answer.headers().get("set-cookie")?.to_str().unwrap();
    Some(header.split(';').next().unwrap().to_owned())
}

impl Client {
    /// Somebody without a cookie.
    pub fn at(address: SocketAddr) -> Self {
        let redirect = reqwest::redirect::Policy::none();
        // A connection of its own for each request: the server may have been killed since the last.
        let http = reqwest::Client::builder().redirect(redirect).pool_max_idle_per_host(0);
        let http = http.build().unwrap();
        Self { http, address, cookie: None, bearer: None }
    }

    pub fn with_cookie(self, cookie: String) -> Self {
        Self { cookie: Some(cookie), ..self }
    }

    /// A program with a token of the API.
    pub fn with_bearer(self, token: &str) -> Self {
        Self { bearer: Some(format!("Bearer {token}")), ..self }
    }

    pub async fn into_guest(mut self) -> Self {
        let answer = self.request(Method::GET, "/").send().await.unwrap();
        self.cookie = Some(cookie(&answer).unwrap());
        self
    }

    pub async fn into_admin(self) -> Self {
        self.into_person("ada@example.org", "correct horse").await
    }

    /// Whoever signs in with this.
    pub async fn into_person(mut self, email: &str, password: &str) -> Self {
        let body = json!({ "email": email, "password": password });
        let request = self.request(Method::POST, "/api/auth/sign-in/email").json(&body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        self.cookie = Some(cookie(&answer).unwrap());
        self
    }

    /// A request with the cookie; unsafe ones come from our own pages.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.bare(method, path);
        match &self.cookie {
            Some(_) => request.header("sec-fetch-site", "same-origin"),
            None => request,
        }
    }

    /// A request with the cookie that says nothing of where it comes from.
    pub fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        let mut request = self.http.request(method, format!("http://{}{path}", self.address));
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        match &self.bearer {
            Some(bearer) => request.header("authorization", bearer),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> (u16, Json) {
        self.send(Method::GET, path, None).await
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<Json>) -> (u16, Json) {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Json::String(text)))
    }

    /// Adds an order and returns its id.
    pub async fn add_order(&self, fields: Json) -> String {
        let body = Some(json!({ "fields": fields }));
        let (status, record) = self.send(Method::POST, "/api/tables/orders/records", body).await;
        assert_eq!(status, 201, "{record}");
        record["id"].as_str().unwrap().to_owned()
    }

    /// Opens a WebSocket, or says with which status and body that was refused.
    pub async fn open(&self, path: &str) -> Result<Socket, (u16, Json)> {
        self.open_from(path, None).await
    }

    pub async fn open_from(&self, path: &str, origin: Option<&str>) -> Result<Socket, (u16, Json)> {
        let mut request = format!("ws://{}{path}", self.address).into_client_request().unwrap();
        let mut set = |name, value: &str| {
            request.headers_mut().insert(name, value.parse().unwrap());
        };
        if let Some(cookie) = &self.cookie {
            set("cookie", cookie);
        }
        if let Some(bearer) = &self.bearer {
            set("authorization", bearer);
        }
        if let Some(origin) = origin {
            set("origin", origin);
        }
        match within("the socket to open", connect_async(request)).await {
            Ok((stream, _)) => Ok(Socket(stream)),
            Err(Error::Http(answer)) => {
                let body = answer.body().as_deref().unwrap_or_default();
                Err((answer.status().as_u16(), serde_json::from_slice(body).unwrap_or(Json::Null)))
            }
            Err(error) => panic!("{error}"),
        }
    }
}

impl Socket {
    pub async fn send(&mut self, handshake: Json) {
        self.0.send(Message::text(handshake.to_string())).await.unwrap();
    }

    /// The next message about records or people.
    pub async fn next(&mut self) -> Json {
        loop {
            let message = self.next_message().await;
            if !says_connected(&message) && message["type"] != "heartbeat" {
                return message;
            }
        }
    }

    /// The next message, whatever it is.
    pub async fn next_message(&mut self) -> Json {
        loop {
            match self.next_frame().await {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) => {}
                other => panic!("expected a message, got {other:?}"),
            }
        }
    }

    pub async fn next_frame(&mut self) -> Message {
        within("a message", self.0.next()).await.expect("the socket was closed").unwrap()
    }

    /// The code with which the server closes, whatever it says before.
    pub async fn close_code(&mut self) -> u16 {
        loop {
            if let Message::Close(frame) = self.next_frame().await {
                return frame.expect("a close has a code").code.into();
            }
        }
    }
}

/// What a page says that a component means.
pub fn shape_of(page: &str, component: &str) -> String {
    let (_, element) = page.split_once(&format!("data-component=\"{component}\"")).unwrap();
    let (_, shape) = element.split_once("data-shape=\"").unwrap();
    shape.split('"').next().unwrap().to_owned()
}

/// Whether a message only says that the connection is open.
pub fn says_connected(message: &Json) -> bool {
    message["type"] == "connection-status" && message["status"] == "connected"
}

/// What is asked for again and again until it is there. A moment passes between two tries, so that they do not keep
/// the server from getting there: both may run on one thread.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let mut tick = tokio::time::interval(Duration::from_millis(5));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let found = async {
        loop {
            tick.tick().await;
            if let Some(found) = ask().await {
                return found;
            }
        }
    };
    within(what, found).await
}

/// The answer, unless it takes far too long.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, future).await;
    done.unwrap_or_else(|_| panic!("waited too long for {what}"))
}
