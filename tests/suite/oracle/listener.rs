//! Somebody who applies what they hear, and knows nothing else.

use std::collections::{BTreeMap, HashMap};

use futures_util::StreamExt;
use serde_json::{Value as Json, json};
use tokio_tungstenite::tungstenite::Message;

use super::program::Program;
use super::world::{Condition, SECRET, Who, World, row};
use crate::server::{Client, Socket, within};
use crate::streams::Stream;

/// The ways to listen.
pub const WAYS: u64 = 4;
const LIST: &str = "/api/tables/items/records?limit=500";

enum Link {
    Socket(Socket),
    Stream(Stream),
}

pub struct Listener {
    pub client: Client,
    pub who: Who,
    pub way: u64,
    pub filter: Condition,
    /// The fields they ask for.
    pub shown: Vec<String>,
    /// What they hold when they hold what they should, as SQL: row by id.
    pub truth: String,
    link: Option<Link>,
    position: Option<String>,
    rows: BTreeMap<String, String>,
    /// When the last change of each record happened.
    last: HashMap<String, String>,
}

impl Listener {
    pub fn new(
        (client, who): (Client, Who),
        way: u64,
        filter: Condition,
        shown: Vec<String>,
        (world, rule): (&World, &str),
    ) -> Self {
        let row = world.row_sql(&shown);
        let truth =
            format!("select id || '|' || {row} from items where ({rule}) and ({})", filter.sql);
        let (rows, last) = (BTreeMap::new(), HashMap::new());
        Self { client, who, way, filter, shown, truth, link: None, position: None, rows, last }
    }

    pub fn is_connected(&self) -> bool {
        self.link.is_some()
    }

    pub fn leave(&mut self) {
        self.link = None;
    }

    pub async fn connect(&mut self) {
        if self.position.is_none() {
            self.read().await;
        }
        let (filter, fields) = (self.filter.json.to_string(), self.shown.join(","));
        let since = self.position.clone().unwrap();
        let query = [("filter", &filter), ("fields", &fields), ("since", &since)];
        let query = serde_urlencoded::to_string(query).unwrap();
        let handshake = json!({
            "table": "items", "filter": self.filter.json, "fields": self.shown, "since": since,
            "subscriptionId": "s",
        });
        self.link = Some(match self.way {
            0 => {
                let path = format!("/api/tables/items/subscribe?{query}");
                Link::Socket(self.client.open(&path).await.unwrap())
            }
            1 => {
                let mut socket = self.client.open("/api/realtime/subscribe").await.unwrap();
                socket.send(handshake).await;
                Link::Socket(socket)
            }
            2 => {
                let path = format!("/api/tables/items/subscribe/sse?{query}");
                Link::Stream(Stream::open(&self.client, &path, "").await)
            }
            _ => {
                let all = json!([handshake]).to_string();
                let query = serde_urlencoded::to_string([("subscribe", all)]).unwrap();
                let path = format!("/api/realtime/subscribe/sse?{query}");
                Link::Stream(Stream::open(&self.client, &path, "").await)
            }
        });
    }

    /// Begins anew from a list.
    async fn read(&mut self) {
        let (filter, fields) = (self.filter.json.to_string(), self.shown.join(","));
        let query = serde_urlencoded::to_string([("filter", filter), ("fields", fields)]).unwrap();
        let (status, list) = self.client.get(&format!("{LIST}&{query}")).await;
        assert_eq!(status, 200, "{list}");
        assert!(self.who == Who::Admin || !list.to_string().contains(SECRET), "{list}");
        let records = list["records"].as_array().unwrap();
        assert_eq!(list["pagination"]["total"], records.len(), "{}", self.filter.json);
        let held = |record| (id(record), row(&self.shown, record));
        self.rows = records.iter().map(held).collect();
        self.position = Some(list["position"].as_str().unwrap().to_owned());
    }

    /// Applies the next message; says no if the connection has ended.
    pub async fn hear(&mut self) -> bool {
        let text = match self.link.as_mut().unwrap() {
            Link::Socket(socket) => match socket.0.next().await {
                Some(Ok(Message::Text(text))) => text.to_string(),
                Some(Ok(Message::Ping(_))) => return true,
                _ => return false,
            },
            Link::Stream(stream) => match stream.next().await {
                Some(event) => event.data,
                None => return false,
            },
        };
        assert!(self.who == Who::Admin || !text.contains(SECRET), "{text}");
        let message: Json = serde_json::from_str(&text).unwrap();
        match message["type"].as_str().unwrap() {
            "change" => self.apply(&message),
            "resync" => {
                self.link = None;
                self.position = None;
                within("a connection", self.connect()).await;
            }
            "error" => panic!("{text}"),
            _ => {}
        }
        true
    }

    fn apply(&mut self, message: &Json) {
        let position = message["position"].as_str().unwrap();
        let at = message["timestamp"].as_str().unwrap().to_owned();
        let event = message["event"].as_str().unwrap();
        let (id, before) = if event == "delete" {
            let id = message["recordId"].as_i64().unwrap().to_string();
            let before = self.rows.remove(&id);
            (id, before)
        } else {
            let record = &message["record"];
            let before = self.rows.insert(id(record), row(&self.shown, record));
            (id(record), before)
        };
        assert_eq!(before.is_some(), event != "insert", "{message}");
        // What was missed is told without it.
        if let Some(old) = message.get("oldRecord") {
            assert_eq!(before, Some(row(&self.shown, old)), "{message}");
        }
        let last = self.last.insert(id, at.clone());
        assert!(last.as_ref() <= Some(&at), "after {last:?} came {message}");
        self.position = Some(position.to_owned());
    }

    /// Listens until what it holds is what the query returns.
    pub async fn settle(&mut self, program: &Program) {
        let truth = program.sql(&self.truth);
        let truth: BTreeMap<_, _> = truth
            .lines()
            .map(|line| {
                let (id, row) = line.split_once('|').unwrap();
                (id.to_owned(), row.to_owned())
            })
            .collect();
        while self.link.is_some() && self.rows != truth {
            let told = tokio::time::timeout(std::time::Duration::from_secs(10), self.hear()).await;
            let told = told.unwrap_or_else(|_| {
                let (who, filter, rows) = (self.who, &self.filter.json, &self.rows);
                panic!("{who:?} with {filter} by way {}: {rows:?} is not {truth:?}", self.way)
            });
            if !told {
                self.link = None;
            }
        }
    }
}

fn id(record: &Json) -> String {
    record["id"].as_str().unwrap().to_owned()
}
