//! What the database itself refuses: told in its words, and in nobody's way.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::server::{Client, Server};

const APP: &str = "
name: Workshops
tables:
  - name: places
    fields:
      - { name: who, type: single-line-text }
      - { name: code, type: single-line-text, unique: true }
      - { name: up, type: relationship, table: places, onDelete: cascade }
      - { name: at, type: updated-at }
    permissions: { read: all, create: all, update: all, delete: all }
pages:
  - name: Places
    path: /
    access: all
    components:
      - type: form
        id: add
        table: places
        fields: [who]
      - type: dataTable
        id: list
        dataSource: { table: places }
        columns: [{ field: who, editable: true }]
        rowActions: [{ type: delete }, { type: set, field: who, value: Eve, label: Give }]
        bulkActions: [{ type: delete }, { type: set, field: who, value: Eve, label: Give }]
";
const RECORDS: &str = "/api/tables/places/records";
const FULL: &str = "This workshop is full.";

async fn places() -> (Server, Client) {
    let server = Server::start(APP).await;
    let admin = server.admin().await;
    (server, admin)
}

/// A trigger that says this where somebody is called Eve, before something.
fn trigger(name: &str, of: &str, row: &str, does: &str) -> String {
    format!(
        "create trigger {name} before {of} on places when {row}.who = 'Eve' begin
           select raise({does}); end"
    )
}

async fn add(client: &Client, who: &str) -> (u16, Json) {
    let body = json!({ "fields": { "who": who } });
    client.send(Method::POST, RECORDS, Some(body)).await
}

async fn import(client: &Client, file: &'static str) -> (u16, Json) {
    let path = format!("{RECORDS}/import");
    let request = client.request(Method::POST, &path).header("content-type", "text/csv");
    let answer = request.body(file).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[track_caller]
fn is_refused((status, told): (u16, Json), words: &str) {
    assert_eq!((status, &told["code"]), (409, &json!("REFUSED")), "{told}");
    assert!(told["message"].as_str().unwrap().contains(words), "{told}");
}

#[tokio::test]
async fn a_trigger_of_others_refuses_in_its_own_words_whatever_it_raises() {
    for raised in ["abort", "fail", "rollback"] {
        let (server, admin) = places().await;
        let does = format!("{raised}, '{FULL}'");
        for (name, of, row) in
            [("a", "insert", "new"), ("b", "update", "new"), ("c", "delete", "old")]
        {
            server.sql(&trigger(name, of, row, &does));
        }
        server.sql("insert into places (id, who) values (1, 'Ada'), (2, 'Grace')");
        is_refused(add(&admin, "Eve").await, FULL);
        let eve = json!({ "fields": { "who": "Eve" } });
        let path = format!("{RECORDS}/1");
        is_refused(admin.send(Method::PATCH, &path, Some(eve.clone())).await, FULL);
        let batch = format!("{RECORDS}/batch");
        let two = json!({ "records": [{ "fields": { "who": "Alan" } }, eve.clone()] });
        let told = admin.send(Method::POST, &batch, Some(two)).await;
        assert_eq!(told.1["details"], json!([{ "record": 1, "message": FULL }]), "{raised}");
        is_refused(told, FULL);
        let records = json!([{ "id": "2", "fields": { "who": "G" } }, { "id": "1", "fields": { "who": "Eve" } }]);
        let two = json!({ "records": records });
        is_refused(admin.send(Method::PATCH, &batch, Some(two)).await, FULL);
        let told = import(&admin, "who,code\nAlan,1\nEve,2\nEdith,3\n").await;
        assert_eq!(told.1["details"], json!([{ "line": 3, "message": FULL }]), "{raised}");
        assert_eq!((told.0, &told.1["code"]), (409, &json!("REFUSED")));
        assert_eq!(server.sql("select group_concat(who) from places"), "Ada,Grace", "{raised}");
        server.sql("drop trigger a; insert into places (id, who) values (9, 'Eve')");
        is_refused(admin.send(Method::DELETE, &format!("{RECORDS}/9"), None).await, FULL);
        let ids = json!({ "ids": ["1", "9"] });
        is_refused(admin.send(Method::DELETE, &batch, Some(ids)).await, FULL);
        assert_eq!(server.sql("select group_concat(who) from places"), "Ada,Grace,Eve");
        // And everything goes on.
        assert_eq!(add(&admin, "Alan").await.0, 201);
        assert_eq!(admin.send(Method::DELETE, &path, None).await.0, 200);
    }
}

/// What a page says to whoever sends it a form, as a page or to a script.
async fn sent(client: &Client, accept: &str, form: &str) -> (u16, String) {
    let request = client.request(Method::POST, "/").header("accept", accept.to_owned());
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let answer = request.body(form.to_owned()).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn forms_and_buttons_say_what_the_database_says() {
    let (server, admin) = places().await;
    for (name, of, row) in [("a", "insert", "new"), ("b", "update", "new"), ("c", "delete", "old")]
    {
        server.sql(&trigger(name, of, row, &format!("abort, '{FULL}'")));
    }
    server.sql(
        "insert into places (id, who) values (1, 'Ada'), (2, 'Grace'); drop trigger a;
         insert into places (id, who) values (9, 'Eve')",
    );
    server.sql(&trigger("a", "insert", "new", &format!("abort, '{FULL}'")));
    for form in [
        "_component=add&who=Eve",
        "_component=list&_action=row.1:1",
        "_component=list&_action=row.0:9&_confirmed=yes",
        "_component=list&_action=bulk.1&_record=1&_record=2",
        "_component=list&_action=bulk.0&_record=1&_record=9&_confirmed=yes",
    ] {
        for accept in ["text/html", "application/json"] {
            let (status, told) = sent(&admin, accept, form).await;
            assert!(status == 409 && told.contains(FULL), "{form}: {status} {told}");
            assert!(!told.contains("full.."), "{form}: {told}");
        }
    }
    let path = "/api/admin/tables/places/records/9/delete";
    let answer = admin.request(Method::POST, path).send().await.unwrap();
    assert_eq!(answer.status(), 409);
    let page = answer.text().await.unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains(FULL), "{page}");
    assert_eq!(server.sql("select group_concat(who) from places"), "Ada,Grace,Eve");
}

#[tokio::test]
async fn what_the_database_leaves_out_is_not_told_as_done() {
    let (server, admin) = places().await;
    for (name, of, row) in [("a", "insert", "new"), ("b", "update", "new"), ("c", "delete", "old")]
    {
        server.sql(&trigger(name, of, row, "ignore"));
    }
    let (status, ada) = add(&admin, "Ada").await;
    assert_eq!(status, 201, "{ada}");
    let words = "the database left this out";
    // Not the record that was made last, either.
    is_refused(add(&admin, "Eve").await, words);
    let all = futures_util::future::join_all((0..40).map(|number| {
        let who = if number % 3 == 0 { "Eve" } else { "Alan" };
        let admin = &admin;
        async move { (who, add(admin, who).await) }
    }));
    for (who, told) in all.await {
        match who {
            "Eve" => is_refused(told, words),
            _ => assert_eq!((told.0, &told.1["fields"]["who"]), (201, &json!("Alan"))),
        }
    }
    let path = format!("{RECORDS}/{}", ada["id"].as_str().unwrap());
    let eve = json!({ "fields": { "who": "Eve" } });
    is_refused(admin.send(Method::PATCH, &path, Some(eve.clone())).await, words);
    let token = json!({ "fields": { "who": "Eve" }, "updatedAt": ada["fields"]["at"] });
    is_refused(admin.send(Method::PATCH, &path, Some(token)).await, words);
    assert_eq!(server.sql("select count(*) from places where who = 'Eve'"), "0");
    server.sql("drop trigger a; insert into places (id, who) values (900, 'Eve'), (901, 'Bob')");
    is_refused(admin.send(Method::DELETE, &format!("{RECORDS}/900"), None).await, words);
    let ids = json!({ "ids": ["900", "901"] });
    let told = admin.send(Method::DELETE, &format!("{RECORDS}/batch"), Some(ids)).await;
    assert_eq!(told.1["details"][0]["record"], 0, "{}", told.1);
    is_refused(told, words);
    assert_eq!(server.sql("select count(*) from places where id >= 900"), "2");
}

#[tokio::test]
async fn nobody_is_hurt_by_a_write_that_undoes_its_whole_transaction() {
    let (server, admin) = places().await;
    server.sql(&trigger("a", "insert", "new", &format!("rollback, '{FULL}'")));
    for _ in 0..3 {
        let all = futures_util::future::join_all((0..60).map(|number| {
            let who = if number % 11 == 5 { "Eve" } else { "Ada" };
            let admin = &admin;
            async move { (who, add(admin, who).await) }
        }));
        for (who, told) in all.await {
            match who {
                "Eve" => is_refused(told, FULL),
                _ => assert_eq!(told.0, 201, "{}", told.1),
            }
        }
    }
    assert_eq!(server.sql("select count(*), count(distinct id) from places"), "165|165");
    assert_eq!(server.sql("select count(*) from _pagetide_changes"), "165");
    let again = server.person("bob", "member");
    assert_eq!(add(&again, "Bob").await.0, 201);
}

#[tokio::test]
async fn rules_that_others_made_by_sql_are_told_in_words() {
    let (server, admin) = places().await;
    server.sql(
        "create table seats (n integer constraint \"no seats are left\" check (n >= 0));
         insert into seats values (1);
         create trigger a after insert on places begin update seats set n = n - 1; end",
    );
    assert_eq!(add(&admin, "Ada").await.0, 201);
    is_refused(add(&admin, "Grace").await, "no seats are left");
    server.sql("drop trigger a; create unique index pairs on places (who, up)");
    server.sql("create unique index short on places (substr(who, 1, 2)) where who > 'M'");
    let pair = json!({ "fields": { "who": "Alan", "up": "1" } });
    assert_eq!(admin.send(Method::POST, RECORDS, Some(pair.clone())).await.0, 201);
    is_refused(admin.send(Method::POST, RECORDS, Some(pair)).await, "the same who and up");
    assert_eq!(add(&admin, "Mary").await.0, 201);
    is_refused(add(&admin, "Max").await, "by the index short");
    // What cannot be mended by trying again is no 503.
    server.sql("create trigger b before insert on places begin insert into nosuch values (1); end");
    let (status, told) = add(&admin, "Eve").await;
    assert_eq!((status, &told["code"]), (500, &json!("INTERNAL")), "{told}");
}

#[tokio::test]
async fn long_and_strange_words_of_a_trigger_are_cut_and_shown_as_text() {
    let (server, admin) = places().await;
    let words = format!("<b>no</b>\n\u{202e}{}", "x".repeat(5_000));
    server.sql(&trigger("a", "insert", "new", &format!("abort, '{words}'")));
    let (status, told) = add(&admin, "Eve").await;
    let message = told["message"].as_str().unwrap();
    assert_eq!(status, 409);
    assert!(message.starts_with("<b>no</b>  xxx") && message.chars().count() == 301, "{message}");
    let (status, page) = sent(&admin, "text/html", "_component=add&who=Eve").await;
    assert_eq!(status, 409);
    assert!(page.contains("&lt;b&gt;no") && !page.contains("<b>no"), "{page}");
    assert!(page.contains(r#"value="Eve""#), "what was typed stays");
}

#[tokio::test]
async fn a_chain_of_any_length_is_removed_with_its_beginning() {
    let (server, admin) = places().await;
    server.sql(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000)
         insert into places (id, who, up) select i, 'w', nullif(i - 1, 0) from n",
    );
    let mut socket = admin.open("/api/tables/places/subscribe").await.unwrap();
    socket.next().await;
    let (status, told) = admin.send(Method::DELETE, &format!("{RECORDS}/1"), None).await;
    assert_eq!((status, &told["id"]), (200, &json!("1")), "{told}");
    assert_eq!(server.sql("select count(*) from places"), "0");
    assert_eq!(server.sql("select count(*) from _pagetide_changes where new is null"), "3000");
    assert_eq!(socket.next().await["event"], "delete");
}

#[tokio::test]
async fn a_chain_that_something_holds_stays_whole() {
    let (server, admin) = places().await;
    server.sql(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 2000)
         insert into places (id, who, up) select i, iif(i = 1900, 'Eve', 'w'), nullif(i - 1, 0) from n",
    );
    server.sql(&trigger("a", "delete", "old", &format!("abort, '{FULL}'")));
    is_refused(admin.send(Method::DELETE, &format!("{RECORDS}/1"), None).await, FULL);
    assert_eq!(server.sql("select count(*) from places"), "2000");
    server.sql(
        "drop trigger a; create table held (place integer references places (id));
         insert into held values (1950)",
    );
    let (status, told) = admin.send(Method::DELETE, &format!("{RECORDS}/1"), None).await;
    assert_eq!((status, &told["code"]), (409, &json!("REFERRED")), "{told}");
    assert_eq!(server.sql("select count(*) from places"), "2000");
    assert_eq!(add(&admin, "Ada").await.0, 201);
}

#[tokio::test]
async fn a_table_without_an_id_left_says_so() {
    let (server, admin) = places().await;
    server.sql("insert into places (id, who) values (9223372036854775807, 'last')");
    is_refused(add(&admin, "Ada").await, "no id is left");
    server.sql("delete from places");
    let told = add(&admin, "Ada").await;
    assert!(told.1["message"].as_str().unwrap().contains("sqlite_sequence"), "{}", told.1);
    is_refused(told, "no id is left");
    server.sql("update sqlite_sequence set seq = 0 where name = 'places'");
    assert_eq!(add(&admin, "Ada").await.0, 201);
}

#[tokio::test]
async fn a_record_that_a_trigger_takes_away_as_it_changes_stays_as_it_was() {
    for when in ["after", "before"] {
        let (server, admin) = places().await;
        server.sql(&format!(
            "create trigger g {when} update on places when new.who = 'Eve' begin
               delete from places where id = new.id; end;
             insert into places (id, who, code) values (1, 'Ada', 'x'), (2, 'Alan', 'y')"
        ));
        let words = "the database left this out";
        let eve = json!({ "fields": { "who": "Eve" } });
        is_refused(admin.send(Method::PATCH, &format!("{RECORDS}/1"), Some(eve)).await, words);
        let both = json!({ "records": [{ "id": "1", "fields": { "who": "Bob" } },
                                       { "id": "2", "fields": { "who": "Eve" } }] });
        let told = admin.send(Method::PATCH, &format!("{RECORDS}/batch"), Some(both)).await;
        assert_eq!(told.0, 409, "{}", told.1);
        let merge = admin.request(Method::POST, &format!("{RECORDS}/import?mergeOn=code"));
        let merge = merge.header("content-type", "text/csv").body("who,code\nEve,x\n");
        let answer = merge.send().await.unwrap();
        assert!(answer.status().is_client_error(), "{}", answer.text().await.unwrap());
        let missing = json!({ "fields": { "who": "Eve" } });
        let told = admin.send(Method::PATCH, &format!("{RECORDS}/77"), Some(missing)).await;
        assert_eq!(told.0, 404, "{}", told.1);
        assert_eq!(server.sql("select group_concat(id || who) from places"), "1Ada,2Alan");
    }
}
