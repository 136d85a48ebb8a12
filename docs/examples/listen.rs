//! Holds the records of a table and prints each change:
//! `cargo run --example listen -- http://127.0.0.1:3000 orders fields=customer`

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use futures_util::StreamExt;
use reqwest::header::{COOKIE, HeaderValue, SET_COOKIE};
use serde_json::Value as Json;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error as Refused, Message};

/// The server says something every 30 s: a longer silence means that nobody is there.
const SILENCE: Duration = Duration::from_secs(75);

type Result<T> = std::result::Result<T, Box<dyn Error>>;

struct Listener {
    url: String,
    table: String,
    scope: String,
    cookie: HeaderValue,
    records: BTreeMap<String, Json>,
    /// Up to where `records` knows everything; none when it must be read anew.
    position: Option<String>,
    failures: u32,
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().unwrap_or_default();
    let mut listener = Listener {
        url: next(),
        table: next(),
        scope: next(),
        cookie: HeaderValue::from_static(""),
        records: BTreeMap::new(),
        position: None,
        failures: 0,
    };
    loop {
        match listener.listen().await {
            Ok(()) if listener.position.is_none() => continue,
            Ok(()) => {}
            Err(error) => eprintln!("{error}"),
        }
        let wait = 1_000 * 2_u64.pow(listener.failures).min(30);
        // Some chance in it, so that not everybody comes back at once.
        sleep(Duration::from_millis(rand::random_range(wait / 2..=wait))).await;
        listener.failures = (listener.failures + 1).min(5);
    }
}

impl Listener {
    /// Listens until the socket ends, or there is a gap.
    async fn listen(&mut self) -> Result<()> {
        let since = match self.position.clone() {
            Some(position) => position,
            None => self.read_all().await?,
        };
        let path = format!("/api/tables/{}/subscribe?since={since}&{}", self.table, self.scope);
        let mut request =
            format!("{}{path}", self.url.replacen("http", "ws", 1)).into_client_request()?;
        request.headers_mut().insert(COOKIE, self.cookie.clone());
        let connected = connect_async(request).await;
        if let Err(Refused::Http(_)) = &connected {
            // Perhaps the session has ended: begin from the beginning.
            self.position = None;
        }
        let (mut socket, _) = connected?;
        while let Some(frame) = timeout(SILENCE, socket.next()).await? {
            let Message::Text(text) = frame? else { continue };
            self.failures = 0;
            self.hear(&serde_json::from_str(&text)?);
            if self.position.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Reads all records and says up to which position they are known.
    async fn read_all(&mut self) -> Result<String> {
        // Any public page gives a guest's session, kept as a cookie.
        let page = reqwest::get(format!("{}/", self.url)).await?.error_for_status()?;
        let cookie = page.headers().get(SET_COOKIE).ok_or("no session")?.to_str()?;
        self.cookie = cookie.split(';').next().unwrap_or_default().parse()?;
        let path = format!("/api/tables/{}/records?limit=500&{}", self.table, self.scope);
        let request = reqwest::Client::new().get(format!("{}{path}", self.url));
        let answer = request.header(COOKIE, &self.cookie).timeout(SILENCE).send().await?;
        let list: Json = answer.error_for_status()?.json().await?;
        let records = list["records"].as_array().ok_or("no records")?;
        let record = |record: &Json| (text(&record["id"]), record["fields"].clone());
        self.records = records.iter().map(record).collect();
        println!("read: {} in all", self.records.len());
        let position = text(&list["position"]);
        self.position = Some(position.clone());
        Ok(position)
    }

    /// Applies one message.
    fn hear(&mut self, message: &Json) {
        match message["type"].as_str() {
            Some("change") => self.apply(message),
            Some("resync") => {
                println!("resync: {}", text(&message["reason"]));
                self.position = None;
                return;
            }
            _ => {}
        }
        if let Some(position) = message["position"].as_str() {
            self.position = Some(position.to_owned());
        }
    }

    /// Applies a change and prints it.
    fn apply(&mut self, message: &Json) {
        let event = text(&message["event"]);
        let (id, fields) = if event == "delete" {
            let id = message["recordId"].to_string();
            self.records.remove(&id);
            (id, String::new())
        } else {
            let (id, fields) = (text(&message["record"]["id"]), &message["record"]["fields"]);
            self.records.insert(id.clone(), fields.clone());
            (id, format!(" {fields}"))
        };
        println!("{event} {id}{fields}: {} in all", self.records.len());
    }
}

fn text(json: &Json) -> String {
    json.as_str().unwrap_or_default().to_owned()
}
