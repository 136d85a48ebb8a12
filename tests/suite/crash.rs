//! Kill -9 in the middle of a storm of writes: what was acknowledged is there, and no batch is half.
//!
//! Twenty rounds, or as many as `PAGETIDE_KILLS` says.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use reqwest::Client;
use serde_json::{Value as Json, json};
use tokio::sync::{Mutex, mpsc};

use crate::cli::{Process, app, pagetide};

const ROUNDS: u32 = 20;
/// How many write at once, each on a connection of its own.
const WRITERS: usize = 8;
/// How many records a batch has.
const BATCH: usize = 5;

const APP: &str = "
name: storm
tables:
  - name: notes
    fields: [{ name: words, type: single-line-text }, { name: code, type: single-line-text, unique: true }]
    permissions: { read: all, create: all, update: all, delete: all }
pages: []
";

/// What was acknowledged: the words of each record by its id.
type Acknowledged = Arc<Mutex<HashMap<String, String>>>;

#[tokio::test]
async fn kills_lose_no_acknowledged_write_and_leave_no_half_batch() {
    let folder = app(APP);
    let rounds = std::env::var("PAGETIDE_KILLS").ok().and_then(|rounds| rounds.parse().ok());
    let acknowledged = Acknowledged::default();
    for round in 0..rounds.unwrap_or(ROUNDS) {
        let mut command = pagetide();
        command.args(["serve", "--listen", "127.0.0.1:0", "--database", "data.db"]);
        let process = Process::start(command.current_dir(folder.path()));
        let records = format!("http://{}/api/tables/notes/records", process.address);
        let (bell, mut rung) = mpsc::unbounded_channel();
        let writers = (0..WRITERS).map(|writer| {
            let name = format!("{round}-{writer}");
            tokio::spawn(storm(records.clone(), name, acknowledged.clone(), bell.clone()))
        });
        let writers: Vec<_> = writers.collect();
        // Another moment of the storm in each round.
        for _ in 0..round * 7 % 40 {
            rung.recv().await.unwrap();
        }
        process.signal("-KILL");
        for writer in writers {
            writer.await.unwrap();
        }
        drop(process);
        check(folder.path(), &*acknowledged.lock().await);
    }
    assert!(!acknowledged.lock().await.is_empty());
}

/// Writes until nobody answers, and rings at each answer.
async fn storm(
    records: String,
    name: String,
    acknowledged: Acknowledged,
    bell: mpsc::UnboundedSender<()>,
) {
    let client = Client::new();
    for number in 0.. {
        let words = format!("{name}-{number}");
        let one = json!({ "fields": { "words": words } });
        let (path, body) = match number % 3 {
            0 => ("", one),
            1 => ("/batch", json!({ "records": vec![one; BATCH] })),
            _ => (
                "/upsert",
                json!({ "mergeOn": "code", "records": [
                { "fields": { "words": words, "code": name } },
            ] }),
            ),
        };
        let Ok(answer) = client.post(format!("{records}{path}")).json(&body).send().await else {
            return;
        };
        let status = answer.status();
        let Ok(answer) = answer.json::<Json>().await else { return };
        assert!(status.is_success(), "{answer}");
        let made = answer["records"].as_array().cloned().unwrap_or_else(|| vec![answer]);
        let mut acknowledged = acknowledged.lock().await;
        for record in made {
            acknowledged.insert(record["id"].as_str().unwrap().to_owned(), words.clone());
        }
        // After the kill nobody listens.
        let _ = bell.send(());
    }
}

#[track_caller]
fn check(folder: &Path, acknowledged: &HashMap<String, String>) {
    let notes = sql(folder, "select id, words from notes");
    let there: HashMap<_, _> = notes.lines().filter_map(|line| line.split_once('|')).collect();
    for (id, words) in acknowledged {
        let found = there.get(id.as_str());
        // The last write of an upsert may stand without having been acknowledged.
        assert!(found.is_some(), "record {id} with {words} is gone");
        assert!(number(found.unwrap()) >= number(words), "record {id} is older than {words}");
    }
    let halves = format!(
        "select words from notes where code is null and words in (select words from notes group by words having count(*) not in (1, {BATCH}))"
    );
    assert_eq!(sql(folder, &halves), "");
    // Every row is the newest one that the log knows of it, and the log knows no others.
    let told = "select count(*) from notes where not exists (
        select 1 from _pagetide_changes where key = notes.id and new ->> 'words' = words and seq = (
          select max(seq) from _pagetide_changes where key = notes.id))";
    assert_eq!(sql(folder, told), "0");
    let logged =
        "select (select count(distinct key) from _pagetide_changes) - (select count(*) from notes)";
    assert_eq!(sql(folder, logged), "0");
    assert_eq!(sql(folder, "pragma integrity_check"), "ok");
}

fn number(words: &str) -> u64 {
    words.rsplit('-').next().unwrap().parse().unwrap()
}

fn sql(folder: &Path, statement: &str) -> String {
    let output =
        Command::new("sqlite3").arg(folder.join("data.db")).arg(statement).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
