//! The same work through sqlx alone.

use std::path::Path;
use std::time::Instant;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use crate::server::{Told, cpu_ms};

/// The argument by which the bench starts itself as the bare loop.
const COMMITS: &str = "--group-commits";
/// How many writes share a commit at most.
const GROUP: usize = 256;

/// CPU of reading 50 rows with their total, for each of many times, in milliseconds.
pub async fn cpu_per_query(database: &Path, order: &str, after: i64, times: usize) -> f64 {
    let options = SqliteConnectOptions::new().filename(database).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await.expect("it opens");
    let sql = format!(
        "select id, customer, status, total, createdAt, updatedAt from orders where id > ? order by {order} limit 50"
    );
    let before = cpu_ms(std::process::id());
    for _ in 0..times {
        let query = sqlx::query(AssertSqlSafe(sql.clone())).bind(after);
        let rows = query.fetch_all(&mut connection).await.expect("it answers");
        let bytes: usize = rows.iter().map(|row| row.get::<String, _>(1).len()).sum();
        assert!(bytes > 0);
    }
    (cpu_ms(std::process::id()) - before) / times as f64
}

/// The bare loop, in a process of its own.
pub struct Commits(Told);

impl Commits {
    /// Writes to the orders of this database, which is made if it is not there.
    pub fn start(database: &Path, writers: usize, each: usize) -> Self {
        let database = database.to_str().expect("the path is text");
        Self(Told::start(&[COMMITS, database, &writers.to_string(), &each.to_string()]))
    }

    /// How many rows it wrote in a second, and CPU of each, in microseconds.
    pub fn finished(mut self) -> (f64, f64) {
        let mut number = || self.0.answer().parse().expect("it is a number");
        (number(), number())
    }
}

/// Is the bare loop, if this process was started as that.
pub async fn group_commits() -> bool {
    let mut asked = std::env::args().skip_while(|arg| arg != COMMITS).skip(1);
    let Some(database) = asked.next() else { return false };
    let mut number = || asked.next().and_then(|text| text.parse().ok()).expect("a number");
    let (writers, each): (usize, usize) = (number(), number());
    let connection = orders(Path::new(&database)).await;
    let (jobs, waiting) = mpsc::channel(1_024);
    let (begin, before) = (Instant::now(), cpu_ms(std::process::id()));
    let writers: Vec<_> = (0..writers).map(|_| tokio::spawn(write(jobs.clone(), each))).collect();
    drop(jobs);
    commit(connection, waiting).await;
    let written = (writers.len() * each) as f64;
    println!("{}", written / begin.elapsed().as_secs_f64());
    println!("{}", (cpu_ms(std::process::id()) - before) * 1_000.0 / written);
    true
}

/// A database with a table of orders: the one that is there, or a plain one without triggers.
async fn orders(database: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(database)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut connection = SqliteConnection::connect_with(&options).await.expect("it opens");
    sqlx::query(
        "create table if not exists orders (
         id integer primary key autoincrement, customer text, total numeric,
         createdAt text default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')))",
    )
    .execute(&mut connection)
    .await
    .expect("it can be made");
    connection
}

async fn write(jobs: mpsc::Sender<oneshot::Sender<()>>, each: usize) {
    for _ in 0..each {
        let (done, committed) = oneshot::channel();
        jobs.send(done).await.expect("the loop goes on");
        committed.await.expect("it is committed");
    }
}

async fn commit(
    mut connection: SqliteConnection,
    mut waiting: mpsc::Receiver<oneshot::Sender<()>>,
) {
    let mut group = Vec::with_capacity(GROUP);
    while waiting.recv_many(&mut group, GROUP).await > 0 {
        let mut transaction = connection.begin_with("begin immediate").await.expect("it begins");
        for _ in &group {
            sqlx::query("insert into orders (customer, total) values (?, ?)")
                .bind("Ada Lovelace")
                .bind("12.5")
                .execute(&mut *transaction)
                .await
                .expect("it can be written");
        }
        transaction.commit().await.expect("it is on disk");
        for done in group.drain(..) {
            let _ = done.send(());
        }
    }
}
