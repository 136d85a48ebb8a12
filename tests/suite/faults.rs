//! What machines do to a server: a disk without room, a lock that is held, a process that stands still,
//! descriptors that run out, a file that is cut. What was acknowledged is there, what is not ready says
//! so, and all is well again once the cause is gone.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pagetide::limits::Limit;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::cli::{Process, app};
use crate::server::{DESK, Server, until, within};

const NOTES: &str = "
name: notes
tables:
  - name: notes
    fields: [{ name: words, type: long-text }]
    permissions: { read: all, create: all, update: all }
pages:
  - name: Notes
    path: /
    components: [{ type: dataTable, dataSource: { table: notes } }]
";

/// A server in a process of its own, which can be squeezed.
struct Squeezed {
    process: Process,
    folder: TempDir,
    client: Client,
}

impl Squeezed {
    /// `before` is a command of the shell that the server then runs under.
    fn start(before: &str) -> Self {
        let folder = app(NOTES);
        let process = Self::process(before, folder.path());
        Self { process, folder, client: Client::new() }
    }

    fn process(before: &str, folder: &Path) -> Process {
        let script = format!("{before}; exec \"$0\" \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_pagetide")]);
        command.args(["serve", "--listen", "127.0.0.1:0", "--database", "data.db"]);
        Process::start(command.current_dir(folder))
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.process.address)
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let answer = self.client.get(self.url(path)).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    /// Adds a note; its id if it was taken.
    async fn add(&self, words: &str) -> Result<String, (StatusCode, Json)> {
        let note = json!({ "fields": { "words": words } });
        let request = self.client.post(self.url("/api/tables/notes/records")).json(&note);
        let answer = request.send().await.unwrap();
        let (status, body) = (answer.status(), answer.json::<Json>().await.unwrap());
        match status {
            StatusCode::CREATED => Ok(body["id"].as_str().unwrap().to_owned()),
            status => Err((status, body)),
        }
    }

    /// Waits until `/readyz` says this.
    async fn turns(&self, wanted: StatusCode) -> String {
        let turned = async {
            loop {
                let (status, body) = self.get("/readyz").await;
                if status == wanted {
                    return body;
                }
            }
        };
        within("the server to say whether it is ready", turned).await
    }

    /// Lets the running process write files (`fsize`) or take memory (`as`) up to so many bytes. False if it
    /// does not run any more.
    fn limit(&self, of: &str, bytes: &str) -> bool {
        let mut prlimit = Command::new("prlimit");
        // The soft limit alone: nobody but root may raise the hard one again.
        let option = &*format!("--{of}={bytes}:");
        let process = self.process.id().to_string();
        prlimit.args(["--pid", &process, option]).status().unwrap().success()
    }

    /// How much memory the process holds (`VmRSS`) or has addresses for (`VmSize`), in KiB.
    fn memory(&self, what: &str) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
        line.trim_matches([':', ' ', '\t']).trim_end_matches(" kB").parse().unwrap()
    }

    fn sql(&self, statement: &str) -> String {
        sql(&self.folder.path().join("data.db"), statement)
    }

    /// Everything that was acknowledged is there, and the log tells all of it once.
    fn holds(&self, acknowledged: &[String]) {
        let there = self.sql("select id from notes");
        let there: Vec<_> = there.lines().collect();
        for id in acknowledged {
            assert!(there.contains(&id.as_str()), "{id} is gone");
        }
        let told = "select count(*), count(distinct key) from _pagetide_changes";
        assert_eq!(self.sql(told), format!("{0}|{0}", there.len()));
        assert_eq!(self.sql("pragma integrity_check"), "ok");
    }
}

fn sql(database: &Path, statement: &str) -> String {
    let mut sqlite3 = Command::new("sqlite3");
    let output = sqlite3.args(["-cmd", ".timeout 5000"]).arg(database).arg(statement).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Another program that holds the lock for writing until it is dropped.
struct Holder(Child);

impl Holder {
    fn of(database: &Path) -> Self {
        let mut sqlite3 = Command::new("sqlite3");
        let piped = sqlite3.arg(database).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let stdin = child.stdin.as_mut().unwrap();
        stdin.write_all(b".timeout 5000\nbegin immediate;\nselect 'held';\n").unwrap();
        stdin.flush().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "held");
        Self(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // Whether it is there any more is no matter.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_disk_that_is_full_refuses_writes_and_all_is_well_once_there_is_room() {
    // The system ends a process that writes past its limit, unless that is ignored.
    // What it says goes to the same disk.
    let server = Squeezed::start("trap '' XFSZ; exec 2>log.txt");
    let mut acknowledged = vec![server.add("first").await.unwrap()];
    let long = "x".repeat(40_000);
    // First in the middle of something long, then whatever it is.
    for (limit, words) in [("200000", &*long), ("1", "short")] {
        assert!(server.limit("fsize", limit));
        let full = async {
            loop {
                match server.add(words).await {
                    Ok(id) => acknowledged.push(id),
                    Err((status, told)) => return (status, told["code"].clone()),
                }
            }
        };
        let refused = within("the disk to be full", full).await;
        assert_eq!(refused, (StatusCode::SERVICE_UNAVAILABLE, json!("UNAVAILABLE")));
    }
    // Reads go on, and whoever watches is told.
    assert_eq!(server.get("/").await.0, StatusCode::OK);
    let (status, list) = server.get("/api/tables/notes/records?fields=id").await;
    assert!(status.is_success() || status.is_client_error(), "{list}");
    server.turns(StatusCode::SERVICE_UNAVAILABLE).await;
    for _ in 0..20 {
        assert!(server.add(&long).await.is_err());
    }
    assert!(server.limit("fsize", "unlimited"));
    server.turns(StatusCode::OK).await;
    for _ in 0..10 {
        acknowledged.push(server.add(&long).await.unwrap());
    }
    server.holds(&acknowledged);
}

#[tokio::test]
async fn below_the_floor_of_free_disk_nothing_is_written_and_everything_is_read() {
    let server = Server::start_within(DESK, &[(Limit::FreeDiskBytes, u64::MAX)]).await;
    // Whoever looks after it can still sign in.
    let admin = server.admin().await;
    let order = json!({ "fields": { "customer": "Ada" } });
    let (status, told) = admin.send(Method::POST, "/api/tables/orders/records", Some(order)).await;
    assert_eq!((status, &told["code"]), (503, &json!("BUSY")));
    assert!(told["message"].as_str().unwrap().contains("disk"), "{told}");
    assert_eq!(admin.get("/api/tables/orders/records").await.0, 200);
    assert_eq!(admin.get("/").await.0, 200);
    until("the server to say that it is not ready", async || {
        (admin.get("/readyz").await.0 == 503).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_lock_that_another_program_holds_is_waited_for_a_while_and_then_told() {
    let server = Server::start_within(DESK, &[(Limit::WriteWaitTime, 200)]).await;
    let admin = server.admin().await;
    let order = || json!({ "fields": { "customer": "Ada" } });
    let records = "/api/tables/orders/records";
    let holder = Holder::of(&server.database());
    for _ in 0..3 {
        let (status, told) = admin.send(Method::POST, records, Some(order())).await;
        assert_eq!((status, &told["code"]), (503, &json!("BUSY")));
        assert!(told["message"].as_str().unwrap().contains("another program"), "{told}");
    }
    assert_eq!(admin.get(records).await.0, 200);
    drop(holder);
    assert_eq!(admin.send(Method::POST, records, Some(order())).await.0, 201);
    assert_eq!(server.sql("select count(*) from orders"), "1");
}

#[tokio::test]
async fn a_process_that_stood_still_goes_on_where_it_was() {
    let server = Squeezed::start(":");
    let mut acknowledged = vec![server.add("before").await.unwrap()];
    server.process.signal("-STOP");
    server.sql("insert into notes (words) values ('meanwhile')");
    let adding = server.add("during");
    let going_on = async {
        // It is on its way by then: whatever is sent waits in the socket.
        let other = Client::new().get(server.url("/healthz")).send();
        server.process.signal("-CONT");
        assert_eq!(other.await.unwrap().status(), StatusCode::OK);
    };
    let (added, ()) = tokio::join!(adding, going_on);
    acknowledged.push(added.unwrap());
    server.turns(StatusCode::OK).await;
    acknowledged.push(server.add("after").await.unwrap());
    server.holds(&acknowledged);
    assert_eq!(server.sql("select count(*) from notes"), "4");
}

#[tokio::test]
async fn without_descriptors_left_who_is_there_is_served_and_then_everybody_is() {
    let server = Squeezed::start("ulimit -n 64");
    // This connection is kept.
    let mut acknowledged = vec![server.add("before").await.unwrap()];
    let sockets: Vec<_> =
        (0..100).map(|_| TcpStream::connect(&server.process.address).unwrap()).collect();
    for nth in 0..20 {
        acknowledged.push(server.add(&format!("during {nth}")).await.unwrap());
        server.sql("insert into notes (words) values ('by another program')");
    }
    assert_eq!(server.get("/").await.0, StatusCode::OK);
    drop(sockets);
    let fresh = Client::new().get(server.url("/")).send();
    let fresh = within("somebody new to be let in", fresh).await.unwrap();
    assert_eq!(fresh.status(), StatusCode::OK);
    server.turns(StatusCode::OK).await;
    acknowledged.push(server.add("after").await.unwrap());
    server.holds(&acknowledged);
}

#[tokio::test]
async fn a_file_that_is_cut_is_not_taken_for_the_database() {
    let server = Squeezed::start(":");
    for nth in 0..50 {
        server.add(&format!("{nth} {}", "x".repeat(2_000))).await.unwrap();
    }
    let database = server.folder.path().join("data.db");
    // All of it is in the file before.
    let wal = database.with_file_name("data.db-wal");
    until("what was written to be in the file", async || {
        (!std::fs::metadata(&wal).is_ok_and(|about| about.len() > 0)).then_some(())
    })
    .await;
    let whole = std::fs::read(&database).unwrap();
    let file = std::fs::File::options().write(true).open(&database).unwrap();
    file.set_len(8_192).unwrap();
    drop(file);
    server.turns(StatusCode::SERVICE_UNAVAILABLE).await;
    let refused = server.add("into nothing").await.unwrap_err();
    assert_eq!(refused.0, StatusCode::SERVICE_UNAVAILABLE, "{}", refused.1);
    std::fs::write(&database, &whole).unwrap();
    server.turns(StatusCode::OK).await;
    let id = server.add("again").await.unwrap();
    server.holds(&[id]);
    assert_eq!(server.sql("select count(*) from notes"), "51");
}

/// Long lists and wrong passwords, many at once: an allocator that keeps what it was given, a heap for each
/// thread, holds several times as much afterwards.
#[tokio::test]
async fn what_a_flood_took_of_memory_is_given_back() {
    let squeezed = Squeezed::start("true");
    squeezed.sql(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 300)
         insert into notes (words) select printf('%.99000c', 'a') from n",
    );
    let list = async || squeezed.get("/api/tables/notes/records?limit=500").await.0;
    let wrong = async || {
        let body = json!({ "email": "nobody@example.org", "password": "wrong password" });
        let request = squeezed.client.post(squeezed.url("/api/auth/sign-in/email")).json(&body);
        request.send().await.unwrap().status()
    };
    assert_eq!(list().await, StatusCode::OK);
    assert_eq!(wrong().await, StatusCode::UNAUTHORIZED);
    let mut tick = tokio::time::interval(Duration::from_millis(500));
    // What the first of them took is on its way back, too.
    let mut before = u64::MAX;
    for _ in 0..24 {
        tick.tick().await;
        before = before.min(squeezed.memory("VmRSS"));
    }
    for _ in 0..4 {
        let lists = futures_util::future::join_all((0..10).map(|_| list()));
        let (lists, _) =
            tokio::join!(lists, futures_util::future::join_all((0..5).map(|_| wrong())));
        assert!(lists.contains(&StatusCode::OK), "{lists:?}");
    }
    let peak = squeezed.memory("VmRSS");
    let deadline = Instant::now() + Duration::from_secs(60);
    while squeezed.memory("VmRSS") > before * 3 / 2 {
        assert!(
            Instant::now() < deadline,
            "{before}, {peak}, then {} KiB",
            squeezed.memory("VmRSS")
        );
        tick.tick().await;
    }
}

/// An allocation that fails ends the process: what was acknowledged by then is in the database.
#[tokio::test]
async fn without_memory_left_nothing_is_lost_that_was_acknowledged() {
    let mut server = Squeezed::start("true");
    let mut acknowledged = vec![server.add("before").await.unwrap()];
    let bytes = (server.memory("VmSize") + 2_048) * 1_024;
    assert!(server.limit("as", &bytes.to_string()));
    let note = json!({ "fields": { "words": "x".repeat(90_000) } });
    let one_after_the_other = async || {
        let mut taken = Vec::new();
        for _ in 0..40 {
            let request = server.client.post(server.url("/api/tables/notes/records")).json(&note);
            let Ok(answer) = request.send().await else { break };
            if answer.status() == StatusCode::CREATED {
                let Ok(body) = answer.json::<Json>().await else { break };
                taken.push(body["id"].as_str().unwrap().to_owned());
            }
        }
        taken
    };
    let taken = futures_util::future::join_all((0..16).map(|_| one_after_the_other())).await;
    acknowledged.extend(taken.into_iter().flatten());
    if !server.limit("as", "unlimited") || server.client.get(server.url("/")).send().await.is_err()
    {
        server.process = Squeezed::process("true", server.folder.path());
    }
    server.turns(StatusCode::OK).await;
    acknowledged.push(server.add("after").await.unwrap());
    server.holds(&acknowledged);
}
