//! Whoever comes back and says how far they know is told what they missed only where that is the truth:
//! where other eyes see other records, or the database was changed while nobody looked, they read again.

use std::process::Command;

use crate::server::{Client, Server};

const APP: &str = "
name: continued
auth: { roles: [packer] }
pages: [{ name: Docs, path: /, access: all, components: [{ type: dataTable, dataSource: { table: docs } }] }]
tables:
  - name: docs
    fields:
      - { name: title, type: single-line-text }
      - { name: level, type: single-line-text }
    permissions:
      read: all
";
const RECORDS: &str = "/api/tables/docs/records";

async fn position(client: &Client) -> String {
    let (status, told) = client.get(RECORDS).await;
    assert_eq!(status, 200, "{told}");
    told["position"].as_str().unwrap().to_owned()
}

/// What one who was away is told first.
async fn told_first(server: &Server, since: &str) -> String {
    let guest = server.guest().await;
    let mut socket =
        guest.open(&format!("/api/tables/docs/subscribe?since={since}")).await.unwrap();
    loop {
        let message = socket.next().await;
        match message["type"].as_str() {
            Some("subscribed" | "heartbeat") => {}
            Some("resync") => return "resync".to_owned(),
            _ => {
                assert!(message["record"].is_object(), "{message}");
                return "change".to_owned();
            }
        }
    }
}

/// Adds what is told in any case, so that nobody waits for nothing.
fn add(server: &Server) {
    server.sql("insert into docs (title, level) values ('more', 'open')");
}

#[tokio::test]
async fn a_deploy_that_changes_who_reads_what_begins_a_new_history() {
    let narrowed =
        format!("{APP}      rows: {{ read: [{{ field: level, operator: neq, value: x }}] }}\n");
    let other = narrowed.replace("value: x", "value: y");
    let closed = format!("{APP}      fields: [{{ field: level, read: [packer] }}]\n");
    let fewer_eyes = APP.replace("read: all", "read: all\n      update: authenticated");
    let labelled = APP.replace("name: continued", "name: another");
    let mut server = Server::start(APP).await;
    add(&server);
    for (app, expected) in [
        (APP, "change"),
        (&labelled, "change"),
        (&narrowed, "resync"),
        (&narrowed, "change"),
        (&other, "resync"),
        (APP, "resync"),
        (&closed, "resync"),
        (APP, "resync"),
        (&fewer_eyes, "resync"),
    ] {
        let since = position(&server.guest().await).await;
        server.restart_as(app).await;
        add(&server);
        assert_eq!(told_first(&server, &since).await, expected, "{app}");
    }
}

#[tokio::test]
async fn what_was_done_to_the_tables_while_nobody_served_them_begins_a_new_history() {
    let mut server = Server::start(APP).await;
    add(&server);
    let made = "select group_concat(sql, '; ') from sqlite_master
                where type = 'trigger' and tbl_name = 'docs' and sql is not null";
    let drops = "select group_concat('drop trigger \"' || name || '\";', ' ') from sqlite_master
                 where type = 'trigger' and tbl_name = 'docs'";
    let (triggers, drops) = (server.sql(made), server.sql(drops));
    for done in [
        "drop table docs".to_owned(),
        format!("{drops} update docs set title = 'unlogged'; {triggers}"),
        "reload".to_owned(),
    ] {
        let since = position(&server.guest().await).await;
        server.stop().await;
        if done == "reload" {
            reload(&server);
        } else {
            server.sql(&done);
        }
        server.restart().await;
        add(&server);
        assert_eq!(told_first(&server, &since).await, "resync", "{done}");
    }
}

/// Writes the database out as text, changes that, and reads it in again.
fn reload(server: &Server) {
    let text = server.sql(".dump").replace("'more'", "'less'");
    let database = server.database();
    std::fs::remove_file(&database).unwrap();
    let loaded = Command::new("sqlite3").arg(&database).arg(text).status().unwrap();
    assert!(loaded.success());
}

#[tokio::test]
async fn a_line_that_is_missing_from_the_log_begins_a_new_history() {
    let server = Server::start(APP).await;
    let since = position(&server.guest().await).await;
    server.sql(
        "begin; insert into docs (title) values ('a'), ('b'), ('c');
         delete from _pagetide_changes where seq = 2; commit",
    );
    assert_eq!(told_first(&server, &since).await, "resync");
    let since = position(&server.guest().await).await;
    server.sql(
        "begin; insert into docs (title) values ('undone'); rollback;
         insert or ignore into docs (id, title) values (1, 'ignored'), (9, 'd')",
    );
    assert_eq!(told_first(&server, &since).await, "change");
}
