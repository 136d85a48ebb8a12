//! Whatever happens, what a client holds is what the query returns.
//!
//! Random writes by the API and by another program, in transactions too; clients on every transport
//! that come, go, stall and resume; the server killed and started again. `ORACLE_SEED` repeats a
//! run, `ORACLE_STEPS` makes it longer.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use futures_util::{FutureExt, StreamExt};
use reqwest::Method;
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::Message;

use crate::server::{Client, Socket, within};
use crate::streams::Stream;

const STEPS: u64 = 2_000;
const APP: &str = "
name: oracle
tables:
  - name: items
    fields:
      - { name: name, type: single-line-text }
      - { name: status, type: single-select, options: [a, b, c] }
      - { name: rank, type: integer }
      - { name: secret, type: single-line-text }
      - { name: updatedAt, type: updated-at }
    permissions:
      read: all
      fields: [{ field: secret, read: [admin] }]
pages: [{ name: Home, path: /, access: all, components: [] }]
";
/// Must never be in anything that a guest receives.
const SECRET: &str = "xyzzy";
const LIST: &str = "/api/tables/items/records?limit=500";

/// Filters, each as JSON and as SQL.
const FILTERS: [(&str, &str); 9] = [
    ("[]", "1"),
    (r#"[{"field":"status","operator":"eq","value":"a"}]"#, "status is 'a'"),
    (
        r#"[{"field":"status","operator":"in","value":["a","b"]}]"#,
        "coalesce(status in ('a', 'b'), 0)",
    ),
    (
        r#"[{"field":"status","operator":"eq","value":"b"},{"field":"rank","operator":"gt","value":5}]"#,
        "status is 'b' and coalesce(rank > 5, 0)",
    ),
    (
        r#"{"or":[{"field":"status","operator":"eq","value":"c"},{"field":"rank","operator":"isEmpty"}]}"#,
        "status is 'c' or rank is null",
    ),
    (r#"{"not":{"field":"status","operator":"eq","value":"a"}}"#, "status is not 'a'"),
    (
        r#"[{"field":"name","operator":"contains","value":"X"}]"#,
        "coalesce(instr(lower(name), 'x') > 0, 0)",
    ),
    (r#"[{"field":"rank","operator":"lte","value":3}]"#, "coalesce(rank <= 3, 0)"),
    (
        r#"[{"field":"status","operator":"notIn","value":["c"]},{"or":[{"field":"rank","operator":"neq","value":1},{"field":"name","operator":"startsWith","value":"y"}]}]"#,
        "coalesce(status not in ('c'), 1) and (rank is not 1 or coalesce(lower(name) like 'y%', 0))",
    ),
];

/// Numbers that are the same for the same seed (splitmix64, S. Vigna).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len() as u64) as usize]
    }
}

/// The program in a process of its own.
struct Program {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl Program {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("app.yaml"), APP).unwrap();
        let (child, address) = Self::spawn(&folder, "127.0.0.1:0");
        Self { child, address, folder }
    }

    fn spawn(folder: &TempDir, listen: &str) -> (Child, SocketAddr) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pagetide"))
            .args(["serve", "--listen", listen, "--database", "data.db"])
            .env("PAGETIDE_ADMIN_EMAIL", "ada@example.org")
            .env("PAGETIDE_ADMIN_PASSWORD", "correct horse")
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit("http://").next().unwrap().parse().unwrap();
        (child, address)
    }

    /// Ends it as `kill -9` does, and starts it again at the same address.
    fn kill_and_restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        (self.child, _) = Self::spawn(&self.folder, &self.address.to_string());
    }

    fn sql(&self, statement: &str) -> String {
        let database = self.folder.path().join("data.db");
        let mut sqlite3 = Command::new("sqlite3");
        let output = sqlite3
            .arg("-cmd")
            .arg(".timeout 10000")
            .arg(database)
            .arg(statement)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a client with this filter must hold: `name|status|rank` by id.
    fn truth(&self, condition: &str) -> BTreeMap<String, String> {
        let row =
            "coalesce(name, '-') || '|' || coalesce(status, '-') || '|' || coalesce(rank, '-')";
        let rows = self.sql(&format!("select id, {row} from items where {condition}"));
        let row = |line: &str| {
            let (id, row) = line.split_once('|').unwrap();
            (id.to_owned(), row.to_owned())
        };
        rows.lines().map(row).collect()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

enum Link {
    Socket(Socket),
    Stream(Stream),
}

/// Somebody who applies what they hear, and knows nothing else.
struct Listener {
    client: Client,
    is_admin: bool,
    way: u64,
    filter: &'static str,
    condition: &'static str,
    link: Option<Link>,
    position: Option<String>,
    rows: BTreeMap<String, String>,
    /// The number of the last change of each record.
    last: HashMap<String, u64>,
}

impl Listener {
    async fn connect(&mut self) {
        if self.position.is_none() {
            self.read().await;
        }
        let since = self.position.clone().unwrap();
        let query = [("filter", self.filter), ("since", &since)];
        let query = serde_urlencoded::to_string(query).unwrap();
        self.link = Some(match self.way {
            0 => {
                let path = format!("/api/tables/items/subscribe?{query}");
                Link::Socket(self.client.open(&path).await.unwrap())
            }
            1 => {
                let mut socket = self.client.open("/api/realtime/subscribe").await.unwrap();
                let filter: Json = serde_json::from_str(self.filter).unwrap();
                let handshake = json!({
                    "table": "items", "filter": filter, "since": since, "subscriptionId": "s",
                });
                socket.send(handshake).await;
                Link::Socket(socket)
            }
            _ => {
                let path = format!("/api/tables/items/subscribe/sse?{query}");
                Link::Stream(Stream::open(&self.client, &path, "").await)
            }
        });
    }

    /// Begins anew from a list.
    async fn read(&mut self) {
        let query = serde_urlencoded::to_string([("filter", self.filter)]).unwrap();
        let (status, list) = self.client.get(&format!("{LIST}&{query}")).await;
        assert_eq!(status, 200, "{list}");
        let records = list["records"].as_array().unwrap();
        self.rows = records.iter().map(row).collect();
        self.position = Some(list["position"].as_str().unwrap().to_owned());
    }

    /// Applies the next message; says no if the connection has ended.
    async fn hear(&mut self) -> bool {
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
        assert!(self.is_admin || !text.contains(SECRET), "{text}");
        let message: Json = serde_json::from_str(&text).unwrap();
        match message["type"].as_str().unwrap() {
            "change" => self.apply(&message),
            "resync" => {
                self.link = None;
                self.position = None;
                self.connect().await;
            }
            "error" => panic!("{text}"),
            _ => {}
        }
        true
    }

    fn apply(&mut self, message: &Json) {
        let position = message["position"].as_str().unwrap();
        let number: u64 = position.rsplit('-').next().unwrap().parse().unwrap();
        let event = message["event"].as_str().unwrap();
        let (id, before) = if event == "delete" {
            let id = message["recordId"].as_i64().unwrap().to_string();
            let before = self.rows.remove(&id);
            (id, before)
        } else {
            let (id, row) = row(&message["record"]);
            let before = self.rows.insert(id.clone(), row);
            (id, before)
        };
        assert_eq!(before.is_some(), event != "insert", "{message}");
        let last = self.last.insert(id, number);
        assert!(last < Some(number), "after {last:?} came {message}");
        self.position = Some(position.to_owned());
    }

    /// Listens until what it holds is what the query returns.
    async fn settle(&mut self, program: &Program) {
        let truth = program.truth(self.condition);
        while self.link.is_some() && self.rows != truth {
            let told = tokio::time::timeout(std::time::Duration::from_secs(10), self.hear()).await;
            let told = told.unwrap_or_else(|_| {
                panic!("{} via {}: {:?} is not {truth:?}", self.filter, self.way, self.rows)
            });
            if !told {
                self.link = None;
            }
        }
    }
}

fn row(record: &Json) -> (String, String) {
    let text = |name: &str| match &record["fields"][name] {
        Json::Null => "-".to_owned(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    let row = format!("{}|{}|{}", text("name"), text("status"), text("rank"));
    (record["id"].as_str().unwrap().to_owned(), row)
}

/// Values for some of the fields, as JSON and as SQL.
fn fields(dice: &mut Dice) -> Vec<(&'static str, Json)> {
    let name = dice.pick(&["x", "yX", "y", "zebra", "Xylo"]);
    let all = [
        ("name", json!(name)),
        ("status", [json!("a"), json!("b"), json!("c"), Json::Null][dice.roll(4) as usize].clone()),
        ("rank", [Json::Null, json!(dice.roll(10))][dice.roll(4).min(1) as usize].clone()),
        ("secret", json!(format!("{SECRET}{}", dice.roll(3)))),
    ];
    let first = dice.roll(all.len() as u64) as usize;
    let chosen = all.iter().cycle().skip(first).take(1 + dice.roll(3) as usize);
    chosen.cloned().collect()
}

fn sql_value(json: &Json) -> String {
    match json {
        Json::Null => "null".to_owned(),
        Json::String(text) => format!("'{text}'"),
        other => other.to_string(),
    }
}

fn statement(dice: &mut Dice) -> String {
    let fields = fields(dice);
    let some = "(select id from items order by random() limit 1)";
    let names = fields.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let values = fields.iter().map(|(_, json)| sql_value(json)).collect::<Vec<_>>().join(", ");
    let set = fields.iter().map(|(name, json)| format!("{name} = {}", sql_value(json)));
    let set = set.collect::<Vec<_>>().join(", ");
    match dice.roll(10) {
        0..4 => format!("insert into items ({names}) values ({values});"),
        4..7 => format!("update items set {set} where id = {some};"),
        7 => format!("update items set {set} where status is '{}';", dice.pick(&["a", "b"])),
        8 => format!("delete from items where id = {some};"),
        _ => format!("insert or replace into items (id, {names}) values ({some}, {values});"),
    }
}

async fn write_by_api(dice: &mut Dice, admin: &Client, program: &Program) {
    let fields: serde_json::Map<String, Json> =
        fields(dice).into_iter().map(|(name, json)| (name.to_owned(), json)).collect();
    let id = program.sql("select id from items order by random() limit 1").trim().to_owned();
    let one = format!("/api/tables/items/records/{id}");
    let body = Some(json!({ "fields": fields }));
    let (status, answer) = match dice.roll(5) {
        0 | 1 => admin.send(Method::POST, "/api/tables/items/records", body).await,
        _ if id.is_empty() => return,
        4 => admin.send(Method::DELETE, &one, None).await,
        _ => admin.send(Method::PATCH, &one, body).await,
    };
    assert!(status < 300, "{status} {answer}");
}

#[tokio::test]
async fn what_a_client_holds_is_what_the_query_returns() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seed: u64 = number("ORACLE_SEED").unwrap_or_else(rand::random);
    println!("ORACLE_SEED={seed}");
    let mut dice = Dice(seed);
    let mut program = Program::start();
    let admin = Client::at(program.address).into_admin().await;
    let mut listeners = Vec::new();
    for nth in 0..FILTERS.len() as u64 * 2 {
        let (filter, condition) = FILTERS[(nth % FILTERS.len() as u64) as usize];
        let is_admin = nth % 5 == 0;
        let client = match is_admin {
            true => admin.clone(),
            false => Client::at(program.address).into_guest().await,
        };
        let (rows, last) = (BTreeMap::new(), HashMap::new());
        let (way, link, position) = (nth % 3, None, None);
        listeners.push(Listener {
            client,
            is_admin,
            way,
            filter,
            condition,
            link,
            position,
            rows,
            last,
        });
    }
    for step in 1..=number("ORACLE_STEPS").unwrap_or(STEPS) {
        let somebody = dice.roll(listeners.len() as u64) as usize;
        let listener = &mut listeners[somebody];
        match dice.roll(20) {
            0..3 => {
                let many = 1 + dice.roll(5);
                let statements: String = (0..many).map(|_| statement(&mut dice)).collect();
                let end = if dice.roll(5) == 0 { "rollback" } else { "commit" };
                program.sql(&format!("begin immediate; {statements} {end};"));
            }
            3..6 => write_by_api(&mut dice, &admin, &program).await,
            6..9 if listener.link.is_none() => within("a connection", listener.connect()).await,
            9 => listener.link = None,
            10 if step % 40 == 0 => program.kill_and_restart(),
            10..19 if listener.link.is_some() => {
                // Only what is there already: a reader may stall at any time.
                while listener.link.is_some() {
                    match listener.hear().now_or_never() {
                        Some(true) => {}
                        Some(false) => listener.link = None,
                        None => break,
                    }
                }
            }
            _ => {}
        }
        if step % 200 == 0 {
            program.kill_and_restart();
            for listener in &mut listeners {
                listener.link = None;
                within("a connection", listener.connect()).await;
            }
            program.sql(&statement(&mut dice));
        }
        if step % 50 == 0 {
            for listener in &mut listeners {
                listener.settle(&program).await;
            }
        }
    }
    for listener in &mut listeners {
        listener.link = None;
        within("a connection", listener.connect()).await;
        listener.settle(&program).await;
    }
}
