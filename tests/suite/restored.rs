//! The file of the database is also other people's: it is restored, replaced, deleted and emptied
//! while it is served. Whoever listens reads again, and no write is told to be kept that is not.

use std::fs;
use std::io::{BufRead, BufReader};

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::server::{Client, DESK, Server, Socket, until, within};

const RECORDS: &str = "/api/tables/orders/records";
const SUBSCRIBE: &str = "/api/tables/orders/subscribe?fields=customer";

/// Waits for the message that tells to read again.
async fn resync(socket: &mut Socket) -> Json {
    loop {
        let message = socket.next().await;
        if message["type"] == "resync" {
            return message;
        }
    }
}

/// The customers of all orders, as the API lists them.
async fn customers(client: &Client) -> Vec<String> {
    let (_, list) = client.get(&format!("{RECORDS}?sort=id:asc")).await;
    let records = list["records"].as_array().cloned().unwrap_or_default();
    let name = |record: &Json| record["fields"]["customer"].as_str().unwrap().to_owned();
    records.iter().map(name).collect()
}

/// Waits until the page shows these and not those.
async fn page_shows(client: &Client, shown: &[&str], gone: &[&str]) {
    let shows = async || {
        let (_, page) = client.get("/").await;
        let page = page.as_str().unwrap_or_default().to_owned();
        shown.iter().all(|text| page.contains(text)) && !gone.iter().any(|text| page.contains(text))
    };
    until("the page to show what is there", async || shows().await.then_some(())).await;
}

async fn turned(client: &Client, status: u16) -> Json {
    until("the server to say whether it is ready", async || {
        let (now, body) = client.get("/readyz").await;
        (now == status).then_some(body)
    })
    .await
}

fn aside(server: &Server, name: &str) -> String {
    server.database().with_file_name(name).display().to_string()
}

fn add(server: &Server, names: &[&str]) {
    for name in names {
        server.sql(&format!("insert into orders (customer) values ('{name}')"));
    }
}

/// Hears the next changes.
async fn hear(socket: &mut Socket, names: &[&str]) {
    for name in names {
        assert_eq!(socket.next().await["record"]["fields"]["customer"], *name);
    }
}

#[tokio::test]
async fn a_backup_put_back_under_the_server_is_another_history_for_everyone() {
    let server = Server::start(DESK).await;
    let guest = server.guest().await;
    let mut socket = guest.open(SUBSCRIBE).await.unwrap();
    socket.next().await;
    add(&server, &["Ada", "Grace"]);
    hear(&mut socket, &["Ada", "Grace"]).await;
    let backup = aside(&server, "backup.db");
    server.sql(&format!(".backup {backup}"));
    add(&server, &["Lost", "Gone", "Missing"]);
    hear(&mut socket, &["Lost", "Gone", "Missing"]).await;
    page_shows(&guest, &["Ada", "Lost"], &[]).await;
    let (_, before) = guest.get(RECORDS).await;
    let etag = guest.request(Method::GET, "/").send().await.unwrap();
    let etag = etag.headers()["etag"].to_str().unwrap().to_owned();

    server.sql(&format!(".restore {backup}"));
    // More than were lost: no number tells them apart from those.
    add(&server, &["New", "Newer", "Newest", "Last"]);
    resync(&mut socket).await;
    page_shows(&guest, &["Ada", "Last"], &["Lost", "Gone"]).await;
    let again = guest.request(Method::GET, "/").header("if-none-match", etag).send().await.unwrap();
    assert_eq!(again.status(), 200);
    assert_eq!(customers(&guest).await, ["Ada", "Grace", "New", "Newer", "Newest", "Last"]);
    let since = before["position"].as_str().unwrap();
    let mut late = guest.open(&format!("{SUBSCRIBE}&since={since}")).await.unwrap();
    assert_eq!(late.next().await["type"], "subscribed");
    assert_eq!(late.next().await["type"], "resync");
    turned(&guest, 200).await;
    server.sql("insert into orders (customer) values ('Told')");
    for socket in [&mut socket, &mut late] {
        while socket.next().await["record"]["fields"]["customer"] != "Told" {}
    }
}

#[tokio::test]
async fn a_position_of_another_history_is_known_after_a_restart_too() {
    let mut server = Server::start(DESK).await;
    let guest = server.guest().await;
    add(&server, &["Ada", "Grace"]);
    let backup = aside(&server, "backup.db");
    let (_, kept) = guest.get(RECORDS).await;
    // A plain copy: `.backup` marks what it makes as another database.
    server.stop().await;
    fs::copy(server.database(), &backup).unwrap();
    server.restart().await;
    let guest = server.guest().await;
    add(&server, &["Lost", "Gone"]);
    let (_, lost) = guest.get(RECORDS).await;
    server.stop().await;
    fs::copy(&backup, server.database()).unwrap();
    server.restart().await;
    add(&server, &["New", "Newer", "Newest"]);
    let guest = server.guest().await;
    let since = |list: &Json| format!("{SUBSCRIBE}&since={}", list["position"].as_str().unwrap());
    let mut socket = guest.open(&since(&lost)).await.unwrap();
    assert_eq!(socket.next().await["type"], "subscribed");
    assert_eq!(socket.next().await["type"], "resync");
    // What both histories know is a place to go on from.
    let mut socket = guest.open(&since(&kept)).await.unwrap();
    assert_eq!(socket.next().await["type"], "subscribed");
    hear(&mut socket, &["New", "Newer", "Newest"]).await;
}

#[tokio::test]
async fn a_log_that_was_emptied_is_another_history() {
    for and in ["", "delete from sqlite_sequence where name = '_pagetide_changes';"] {
        let server = Server::start(DESK).await;
        let guest = server.guest().await;
        let mut socket = guest.open(SUBSCRIBE).await.unwrap();
        socket.next().await;
        add(&server, &["Ada", "Grace"]);
        hear(&mut socket, &["Ada", "Grace"]).await;
        server.sql(&format!(
            "begin; update orders set customer = 'A'; delete from _pagetide_changes; {and} commit;"
        ));
        add(&server, &["New"]);
        resync(&mut socket).await;
        page_shows(&guest, &["New"], &["Ada"]).await;
        turned(&guest, 200).await;
        server.sql("insert into orders (customer) values ('Told')");
        while socket.next().await["record"]["fields"]["customer"] != "Told" {}
    }
}

#[tokio::test]
async fn another_file_in_its_place_is_opened_and_no_write_is_lost_meanwhile() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    let mut socket = admin.open(SUBSCRIBE).await.unwrap();
    socket.next().await;
    add(&server, &["Ada"]);
    hear(&mut socket, &["Ada"]).await;
    let backup = aside(&server, "backup.db");
    server.sql(&format!(".backup {backup}"));
    add(&server, &["Later"]);
    hear(&mut socket, &["Later"]).await;
    page_shows(&admin, &["Later"], &[]).await;

    fs::rename(server.database(), aside(&server, "aside.db")).unwrap();
    fs::copy(&backup, server.database()).unwrap();
    until("a write to be taken", async || {
        let body = Some(json!({ "fields": { "customer": "Written" } }));
        match admin.send(Method::POST, RECORDS, body).await {
            (201, _) => return Some(()),
            (503, refused) => assert!(refused["message"].is_string(), "{refused}"),
            // The session may have been looked up in between.
            (status, answer) => assert_eq!(status, 401, "{answer}"),
        }
        None
    })
    .await;
    resync(&mut socket).await;
    page_shows(&admin, &["Ada", "Written"], &["Later"]).await;
    turned(&admin, 200).await;
    assert_eq!(server.sql("select customer from orders order by id"), "Ada\nWritten");
    assert_eq!(server.sql("pragma integrity_check"), "ok");
    // Whoever moved the old one has all of it.
    let old = std::process::Command::new("sqlite3")
        .args([&aside(&server, "aside.db"), "select customer from orders order by id"])
        .output();
    assert_eq!(String::from_utf8(old.unwrap().stdout).unwrap().trim(), "Ada\nLater");
}

#[tokio::test]
async fn a_file_that_is_gone_takes_no_writes_until_it_is_back() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    admin.add_order(json!({ "customer": "Ada" })).await;
    fs::rename(server.database(), aside(&server, "aside.db")).unwrap();
    let body = Some(json!({ "fields": { "customer": "Lost" } }));
    let (status, refused) = admin.send(Method::POST, RECORDS, body.clone()).await;
    assert_eq!(status, 503);
    assert!(refused["message"].as_str().unwrap().contains("moved, deleted or replaced"));
    turned(&admin, 503).await;
    fs::rename(aside(&server, "aside.db"), server.database()).unwrap();
    turned(&admin, 200).await;
    admin.add_order(json!({ "customer": "Grace" })).await;
    assert_eq!(server.sql("select customer from orders order by id"), "Ada\nGrace");
}

#[tokio::test]
async fn what_was_acknowledged_is_there_though_the_write_ahead_log_is_unlinked() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    admin.add_order(json!({ "customer": "Ada" })).await;
    fs::remove_file(server.database().with_file_name("data.db-wal")).unwrap();
    let mut kept = 1;
    within("writes to be taken again", async {
        while kept < 4 {
            let body = Some(json!({ "fields": { "customer": "Written" } }));
            let (status, _) = admin.send(Method::POST, RECORDS, body).await;
            kept += u64::from(status == 201);
        }
    })
    .await;
    turned(&admin, 200).await;
    assert_eq!(server.sql("select count(*) from orders"), kept.to_string());
    assert_eq!(server.sql("pragma integrity_check"), "ok");
}

#[tokio::test]
async fn a_copy_written_over_the_file_is_noticed() {
    let server = Server::start(DESK).await;
    let guest = server.guest().await;
    let mut socket = guest.open(SUBSCRIBE).await.unwrap();
    socket.next().await;
    add(&server, &["Ada"]);
    let backup = aside(&server, "backup.db");
    server.sql(&format!(".backup {backup}"));
    add(&server, &["Later"]);
    hear(&mut socket, &["Ada", "Later"]).await;
    page_shows(&guest, &["Later"], &[]).await;
    let log = server.database().with_file_name("data.db-wal");
    within("all to be in the file", async {
        while fs::metadata(&log).unwrap().len() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    fs::copy(&backup, server.database()).unwrap();
    resync(&mut socket).await;
    page_shows(&guest, &["Ada"], &["Later"]).await;
    assert_eq!(server.sql("pragma integrity_check"), "ok");
}

#[tokio::test]
async fn data_thrown_away_while_an_app_is_worked_on_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("app.yaml"),
        "
name: notes
tables:
  - name: notes
    fields: [{ name: words, type: single-line-text }]
    permissions: { read: all, create: all }
pages: [{ name: Home, path: /, access: all, components: [] }]
",
    )
    .unwrap();
    let mut dev = std::process::Command::new(env!("CARGO_BIN_EXE_pagetide"))
        .args(["dev", "--listen", "127.0.0.1:0"])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(dev.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().rsplit("http://").next().unwrap().parse().unwrap();
    let guest = Client::at(address).into_guest().await;
    let path = "/api/tables/notes/records";
    let add = async |words: &str| {
        let body = Some(json!({ "fields": { "words": words } }));
        guest.send(Method::POST, path, body).await.0
    };
    assert_eq!(add("old").await, 201);
    fs::remove_dir_all(folder.path().join(".pagetide")).unwrap();
    until("a write to be taken", async || (add("new").await == 201).then_some(())).await;
    let kept = std::process::Command::new("sqlite3")
        .arg(folder.path().join(".pagetide/data.db"))
        .arg("select distinct words from notes")
        .output();
    dev.kill().unwrap();
    dev.wait().unwrap();
    assert_eq!(String::from_utf8(kept.unwrap().stdout).unwrap().trim(), "new");
}

#[tokio::test]
async fn a_copy_of_the_file_alone_is_a_backup_a_moment_after_the_last_write() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    admin.add_order(json!({ "customer": "Ada" })).await;
    add(&server, &["Grace"]);
    let copy = aside(&server, "copy.db");
    let count = || {
        fs::copy(server.database(), &copy).unwrap();
        let sql = "select count(*) from orders";
        let count = std::process::Command::new("sqlite3").args([&copy, sql]).output().unwrap();
        String::from_utf8(count.stdout).unwrap().trim().to_owned()
    };
    within("the copy to hold both", async {
        while count() != "2" {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
