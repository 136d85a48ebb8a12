//! Another program renames a column under the running server. What is read and written by the declared
//! name is refused in words: nothing is shown that a rule hides.

use reqwest::Method;
use serde_json::json;

use crate::server::{Server, until, within};

const APP: &str = "
name: renamed
tables:
  - name: docs
    fields:
      - { name: title, type: single-line-text }
      - { name: level, type: single-line-text }
    permissions:
      read: all
      create: all
      update: all
      delete: all
      rows: { read: [{ field: level, operator: neq, value: secret }] }
pages:
  - name: Docs
    path: /
    access: all
    components: [{ type: dataTable, dataSource: { table: docs, refreshMode: realtime } }]
";
const RECORDS: &str = "/api/tables/docs/records";

#[tokio::test]
async fn a_renamed_column_shows_nobody_what_its_rule_hides() {
    let server = Server::start(APP).await;
    let guest = server.guest().await;
    server
        .sql("insert into docs (title, level) values ('hidden plan', 'secret'), ('menu', 'open')");
    let fragment = "/api/fragments?url=/&component=dataTable-1";
    let one = format!("{RECORDS}/1");
    let sorted = format!("{RECORDS}?sort=level");
    let filtered = format!(
        "{RECORDS}?filter=%5B%7B%22field%22%3A%22level%22%2C%22operator%22%3A%22neq%22%2C%22value%22%3A%22x%22%7D%5D"
    );
    let reads = [RECORDS, &one, &sorted, "/api/tables/docs/records.csv", "/", fragment];
    for path in reads {
        let (status, told) = guest.get(path).await;
        assert!(!told.to_string().contains("hidden plan"), "{path}: {status} {told}");
    }
    server.sql(
        "alter table docs rename column level to lvl;
         insert into docs (title, lvl) values ('hidden plan', 'secret')",
    );
    let other = format!("{RECORDS}/2");
    for path in reads.into_iter().chain([filtered.as_str(), other.as_str()]) {
        // A page stays as it was read before until it is known that something has happened.
        within("it to be refused", async {
            loop {
                let (status, told) = guest.get(path).await;
                let text = told.to_string();
                assert!(!text.contains("hidden plan"), "{path}: {status} {text}");
                assert!(!text.contains("\"level\":\"level\""), "{path}: {status} {text}");
                if status == 503 {
                    break;
                }
                assert!(path == "/" || path == fragment, "{path}: {text}");
            }
        })
        .await;
    }
    let fields = json!({ "fields": { "title": "mine" } });
    for (method, path, body) in [
        (Method::PATCH, one.as_str(), Some(fields.clone())),
        (Method::PATCH, &other, Some(fields.clone())),
        (Method::DELETE, &one, None),
        (Method::POST, RECORDS, Some(fields)),
    ] {
        let (status, told) = guest.send(method.clone(), path, body).await;
        assert_eq!(status, 503, "{method} {path}: {told}");
        assert_eq!(told["code"], "UNAVAILABLE", "{method} {path}: {told}");
    }
    assert_eq!(server.sql("select group_concat(title) from docs"), "hidden plan,menu,hidden plan");
    server.sql("alter table docs rename column lvl to level");
    let ready = async || (guest.get("/readyz").await.0 == 200).then_some(());
    until("the server to be ready", ready).await;
    let (_, told) = guest.get(RECORDS).await;
    assert_eq!(told["records"].as_array().map(Vec::len), Some(1), "{told}");
}
