//! Forms that are sent from a page that has changed since, and sent again as they come back: nothing
//! is written that nobody entered, and nothing into another record.

use reqwest::Method;
use serde_json::Value as Json;

use crate::server::{Client, Server};

/// One form over a table of two records.
fn app(form: &str) -> String {
    format!(
        "
name: notes
tables:
  - name: t
    fields:
      - {{ name: s, type: single-line-text }}
      - {{ name: note, type: single-line-text }}
      - {{ name: q, type: integer }}
      - {{ name: done, type: checkbox }}
    permissions: {{ read: all, create: all, update: all }}
  - name: u
    fields: [{{ name: s, type: single-line-text }}, {{ name: note, type: single-line-text }}]
    permissions: {{ read: all, create: all, update: all }}
pages:
  - name: Home
    path: /
    components:
      - {{ type: form, id: e, {form} }}
"
    )
}

/// A form that changes one record.
fn edit(of: &str, rest: &str) -> String {
    app(&format!("fields: [s, note], dataSource: {{ table: t, {of} }}{rest}"))
}

const ONE: &str = "filter: [{ field: id, operator: eq, value: 1 }]";
const TWO: &str = "filter: [{ field: id, operator: eq, value: 2 }]";
const CREATE: &str = "fields: [s, { field: note, default: begun }], table: t";

/// What a browser would send of a form as it stands in the HTML: text inputs only.
fn entries(html: &str) -> Vec<(String, String)> {
    let form = html.split_once("<form").unwrap().1.split_once("</form>").unwrap().0;
    let part = |input: &str, name: &str| {
        let value = input.split_once(&format!("{name}=\"")).map(|(_, rest)| rest);
        value.and_then(|rest| rest.split_once('"')).map(|(value, _)| value.to_owned())
    };
    let inputs = form.split("<input ").skip(1).map(|rest| rest.split_once('>').unwrap().0);
    let sent = inputs.filter(|input| {
        !["checkbox", "radio"].iter().any(|kind| input.contains(&format!("type=\"{kind}\"")))
            || input.ends_with(" checked")
    });
    let plain = |text: String| {
        text.replace("&quot;", "\"")
            .replace("&#34;", "\"")
            .replace("&#x27;", "'")
            .replace("&amp;", "&")
    };
    let entry = |input: &str| Some((part(input, "name")?, plain(part(input, "value")?)));
    sent.filter_map(entry).collect()
}

fn set(entries: &mut [(String, String)], name: &str, text: &str) {
    entries.iter_mut().find(|(known, _)| known == name).unwrap().1 = text.to_owned();
}

/// Sends a form as a page without JavaScript, or as its script, does; gives what comes back.
async fn send(guest: &Client, entries: &[(String, String)], by_script: bool) -> (u16, String) {
    let body = serde_urlencoded::to_string(entries).unwrap();
    let form = ("content-type", "application/x-www-form-urlencoded");
    let request = guest.request(Method::POST, "/").header(form.0, form.1);
    let accept = if by_script { "application/json" } else { "text/html" };
    let answer = request.header("accept", accept).body(body).send().await.unwrap();
    let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
    let told = serde_json::from_str::<Json>(&text).ok();
    let html = told.and_then(|told| told["html"].as_str().map(str::to_owned));
    (status, html.unwrap_or(text))
}

/// Opens the form of one app, enters something, and sends it to another as it comes back, twice.
/// Gives what came back first and what the tables hold in the end.
async fn twice(
    from: &str,
    typed: &[(&str, &str)],
    to: &str,
    meanwhile: &str,
    js: bool,
) -> (String, String) {
    let mut server = Server::start(from).await;
    server.sql("insert into t (id, s, note, q) values (1, 'Ada', 'n1', 1), (2, 'Bob', 'n2', 2)");
    server.sql("insert into u (id, s, note) values (1, 'Uma', 'n3')");
    let guest = server.guest().await;
    let (_, page) = guest.get("/").await;
    let mut sent = entries(page.as_str().unwrap());
    for (name, text) in typed {
        set(&mut sent, name, text);
    }
    server.restart_as(to).await;
    if !meanwhile.is_empty() {
        server.sql(meanwhile);
    }
    let (status, html) = send(&guest, &sent, js).await;
    assert_eq!(status, 409, "{html}");
    assert!(html.contains("has changed since it was opened"), "{html}");
    send(&guest, &entries(&html), js).await;
    let held = server.sql(
        "select id || ' ' || ifnull(s, '') || ' ' || ifnull(note, '') from t order by id; select 'u ' || s || ' ' || note from u",
    );
    (html, held.trim().replace('\n', ","))
}

#[tokio::test]
async fn what_nobody_entered_is_not_written_over_what_others_have_set() {
    let (from, to) = (edit(ONE, ""), edit(ONE, ", submitLabel: Keep"));
    for js in [false, true] {
        let zoe = "update t set s = 'Zoe' where id = 1";
        let (_, held) = twice(&from, &[("note", "typed")], &to, zoe, js).await;
        assert_eq!(held, "1 Zoe typed,2 Bob n2,u Uma n3");
        // Who entered the same field is asked.
        let (html, _) = twice(&from, &[("s", "Eve")], &to, zoe, js).await;
        assert!(html.contains("Somebody else set this to <b>Zoe</b>"), "{html}");
        // A box that was not on the form is not taken for one that was left empty.
        let with_box = to.replace("fields: [s, note]", "fields: [s, note, done]");
        let ticked = "update t set done = 1, s = 'Zoe' where id = 1";
        let (html, held) = twice(&from, &[("note", "typed")], &with_box, ticked, js).await;
        assert!(html.contains("name=\"done\" checked"), "{html}");
        assert_eq!(held, "1 Zoe typed,2 Bob n2,u Uma n3");
    }
}

#[tokio::test]
async fn what_was_entered_for_one_record_is_not_put_into_another() {
    let from = edit(ONE, "");
    let all = "sort: [{ field: s, direction: asc }]";
    let cases = [
        (from.clone(), edit(TWO, "")),
        (edit(all, ""), edit(&all.replace("asc", "desc"), "")),
        (app(CREATE), edit(TWO, "")),
        (from.clone(), from.replace("table: t, filter", "table: u, filter")),
    ];
    for (from, to) in &cases {
        for js in [false, true] {
            let (html, held) = twice(from, &[("note", "typed")], to, "", js).await;
            assert_eq!(held, "1 Ada n1,2 Bob n2,u Uma n3", "{to}");
            assert!(html.contains("You had entered note: typed"), "{html}");
            assert!(!html.contains("s: Ada") && !html.contains("value=\"typed\""), "{html}");
        }
    }
    // A form that adds now begins with its own defaults.
    let (html, held) = twice(&from, &[("note", "typed")], &app(CREATE), "", false).await;
    assert!(html.contains("You had entered note: typed"), "{html}");
    assert_eq!(held, "1 Ada n1,2 Bob n2,3  begun,u Uma n3");
}

#[tokio::test]
async fn a_new_record_has_the_defaults_of_now_and_what_was_entered() {
    let to = app(&CREATE.replace("begun", "fresh"));
    let (_, held) = twice(&app(CREATE), &[("s", "Eve")], &to, "", false).await;
    assert_eq!(held, "1 Ada n1,2 Bob n2,3 Eve fresh,u Uma n3");
    let (_, held) = twice(&app(CREATE), &[("note", "typed")], &to, "", true).await;
    assert_eq!(held, "1 Ada n1,2 Bob n2,3  typed,u Uma n3");
}

#[tokio::test]
async fn a_form_comes_back_with_the_record_that_was_sent_though_another_is_first_now() {
    let form = edit("sort: [{ field: q, direction: asc }]", "")
        .replace("fields: [s, note]", "fields: [s, q]");
    let server = Server::start(&form).await;
    server.sql("insert into t (id, s, note, q) values (1, 'Ada', 'n1', 1), (2, 'Bob', 'n2', 2)");
    let guest = server.guest().await;
    let (_, page) = guest.get("/").await;
    let mut sent = entries(page.as_str().unwrap());
    set(&mut sent, "s", "Eve");
    set(&mut sent, "q", "many");
    server.sql("update t set q = 0 where id = 2");
    let (status, html) = send(&guest, &sent, false).await;
    assert_eq!(status, 422, "{html}");
    let mut again = entries(&html);
    set(&mut again, "q", "7");
    send(&guest, &again, false).await;
    assert_eq!(server.sql("select s, q from t order by id").trim(), "Eve|7\nBob|0");
}
