//! Tests of replays of the change log: from memory, from the file, and those that are refused.

use super::*;
use crate::model::value::Value;
use crate::store::sqlite::SqliteEngine;
use crate::store::{Losses, Write, WriteOp};

async fn open(folder: &std::path::Path) -> (SqliteEngine, Arc<Table>) {
    let table = Arc::new(crate::model::table::tests::table("orders", &["customer"]));
    let url = folder.join("data.db").display().to_string();
    let (store, _) =
        SqliteEngine::open(&url, std::slice::from_ref(&table), Losses::Refused, Arc::default())
            .await
            .unwrap();
    (store, table)
}

async fn add(store: &SqliteEngine, table: &Arc<Table>, customer: &str) {
    let at = table.at("customer").unwrap();
    let action = WriteOp::Insert(vec![(at, Value::text(customer))]);
    store.write(Write::of(table, action)).await.unwrap();
}

async fn told(store: &SqliteEngine, since: &Position, until: &Position) -> Replay {
    store.log.between(since, until, &"orders".parse().unwrap()).await.unwrap()
}

#[track_caller]
fn check(replay: &Replay, expected: &[i64]) {
    let Replay::Changes(changes) = replay else { panic!("{replay:?}") };
    let ids: Vec<_> = changes.iter().map(|change| change.record_id.get()).collect();
    assert_eq!(ids, expected);
}

#[tokio::test]
async fn what_was_read_a_moment_ago_is_told_again_without_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let (store, table) = open(folder.path()).await;
    let start = store.log.remember().await.unwrap();
    add(&store, &table, "Ada").await;
    add(&store, &table, "Grace").await;
    let first = store.log.after(&start).await.unwrap().unwrap();
    let between = first.changes[0].position.clone();
    // From here on the database cannot be asked.
    store.readers.close().await;
    check(&told(&store, &start, &first.position).await, &[1, 2]);
    check(&told(&store, &between, &first.position).await, &[2]);
    check(&told(&store, &first.position, &first.position).await, &[]);
    let other = Position::new("other-1");
    assert!(matches!(told(&store, &other, &first.position).await, Replay::Gone));
}

#[tokio::test]
async fn what_happened_before_the_start_is_remembered_too() {
    let folder = tempfile::tempdir().unwrap();
    let (store, table) = open(folder.path()).await;
    let start = store.log.position().await.unwrap();
    for _ in 0..BATCH + 5 {
        add(&store, &table, "Ada").await;
    }
    store.close().await;
    let (store, table) = open(folder.path()).await;
    let now = store.log.remember().await.unwrap();
    // Nothing is lost between what was remembered and what is read on.
    add(&store, &table, "Grace").await;
    let next = store.log.after(&now).await.unwrap().unwrap();
    let stretch = (&start, &next.position);
    let mut ids = Vec::new();
    let mut last = None;
    loop {
        let part = store.log.part(stretch, last, &table.name).await.unwrap().unwrap();
        ids.extend(part.changes.iter().map(|change| change.record_id.get()));
        last = part.last;
        if last.is_none() {
            break;
        }
    }
    assert_eq!(ids, (1..=BATCH as i64 + 6).collect::<Vec<_>>());
    let other = store.log.epoch.now().position(LogPlace { seq: 1, mark: 1 });
    let part = store.log.part((&other, &next.position), None, &table.name).await.unwrap();
    assert!(part.is_none());
    store.readers.close().await;
    assert!(matches!(told(&store, &start, &next.position).await, Replay::Much));
}

#[tokio::test]
async fn what_is_no_longer_in_memory_is_asked_of_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let (store, table) = open(folder.path()).await;
    let start = store.log.position().await.unwrap();
    add(&store, &table, "Ada").await;
    // The feed has not read this line into memory.
    let until = store.log.position().await.unwrap();
    check(&told(&store, &start, &until).await, &[1]);
    assert!(matches!(told(&store, &until, &start).await, Replay::Ahead));
    let beyond = store.log.epoch.now().position(LogPlace { seq: 7, mark: 1 });
    assert!(matches!(told(&store, &beyond, &until).await, Replay::Gone));
}
