//! Controls of forms as browsers without JavaScript get and send them: they show exactly the value, and
//! what nobody touched is not written.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;

use crate::server::{Client, Server};

const APP: &str = "
name: desk
tables:
  - name: visits
    fields:
      - { name: who, type: single-line-text }
      - { name: at, type: datetime }
      - { name: day, type: date }
      - { name: price, type: decimal }
      - { name: number, type: integer }
      - { name: agreed, type: checkbox }
      - { name: mail, type: email }
      - { name: state, type: status, options: [open, 'a  b'] }
      - { name: more, type: json }
      - { name: changedAt, type: updated-at }
    permissions: { read: all, create: all, update: all }
pages:
  - name: New
    path: /
    components:
      - type: form
        id: new
        table: visits
        fields: [who, { field: at, default: '2026-12-03T09:00:00Z' }, price, number]
  - name: Edit
    path: /edit/:id
    components:
      - type: form
        id: edit
        dataSource: { table: visits, filter: [{ field: id, operator: eq, value: $params.id }] }
        fields: [who, at, day, price, number, agreed, mail, state, more]
  - name: Agree
    path: /agree
    components:
      - { type: form, id: agree, table: visits, fields: [who, { field: agreed, mustBeTrue: true }] }
";

async fn page(client: &Client, path: &str) -> String {
    let (status, page) = client.get(path).await;
    assert_eq!(status, 200, "{page}");
    page.as_str().unwrap().to_owned()
}

async fn post(client: &Client, path: &str, pairs: &[(&str, &str)]) -> (u16, String) {
    let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    let pairs = pairs.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    let request = client
        .request(Method::POST, path)
        .header("content-type", "application/x-www-form-urlencoded");
    let answer = request.body(pairs.collect::<Vec<_>>().join("&")).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// What stands in the control of a field.
#[track_caller]
fn shown<'a>(page: &'a str, name: &str) -> &'a str {
    let at = page.find(&format!(r#" name="{name}""#)).unwrap();
    let tag = &page[page[..at].rfind('<').unwrap()..at];
    tag.split_once("value=\"").unwrap().1.split('"').next().unwrap()
}

#[tokio::test]
async fn a_time_is_shown_to_the_minute_or_as_finely_as_it_is() {
    let server = Server::start(APP).await;
    let guest = server.guest().await;
    for (kept, held) in [
        ("2026-04-05T12:00:00.000Z", "2026-04-05T12:00"),
        ("2026-04-05T00:00:00.000Z", "2026-04-05T00:00"),
        ("2026-04-05T12:10:00.000Z", "2026-04-05T12:10"),
        ("2026-04-05T12:00:30.000Z", "2026-04-05T12:00:30"),
        ("2026-04-05T12:00:00.120Z", "2026-04-05T12:00:00.120"),
        ("0001-01-01T00:00:00.000Z", "0001-01-01T00:00"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999"),
    ] {
        server.sql(&format!(
            "delete from visits; insert into visits (id, who, at) values (1, 'a', '{kept}')"
        ));
        let form = page(&guest, "/edit/1").await;
        assert_eq!(shown(&form, "at"), held);
        assert!(form.contains(r#"<input type="datetime-local" "#) && form.contains("in UTC"));
        let base = format!(r#"{{"who":"a","at":"{kept}"}}"#);
        let pairs = [
            ("_component", "edit"),
            ("_record", "1"),
            ("_base", base.as_str()),
            ("who", "b"),
            ("at", held),
        ];
        assert_eq!(post(&guest, "/edit/1", &pairs).await.0, 303);
        assert_eq!(server.sql("select who, at from visits"), format!("b|{kept}"));
    }
    assert_eq!(shown(&page(&guest, "/").await, "at"), "2026-12-03T09:00");
}

#[tokio::test]
async fn what_a_control_cannot_hold_comes_back_as_it_was_typed() {
    let server = Server::start(APP).await;
    let guest = server.guest().await;
    for (name, typed, told) in [
        ("at", "202616-05-01T16:00", "Must be a time like 2026-04-05T12:00:00Z."),
        ("at", "2026-05-01T16", "Must be a time like 2026-04-05T12:00:00Z."),
        ("at", "2026-05-01T16:00:00.1234Z", "Must have at most three digits after the seconds."),
        ("price", "12,50", "Must be a number like 12.50, with a point and no comma."),
        ("price", "1.234,50", "Must be a number like 12.50, with a point and no comma."),
        ("price", "0x10", "Must be a number."),
        ("price", "  ", "Must be a number."),
        ("number", "1,5", "Must be a whole number."),
        ("number", "1.5", "Must be a whole number."),
        ("number", "0x10", "Must be a whole number."),
        ("number", "1e3", "Must be a whole number."),
        ("number", " ", "Must be a whole number."),
    ] {
        let pairs = [("_component", "new"), ("who", "a"), (name, typed)];
        let (status, form) = post(&guest, "/", &pairs).await;
        assert_eq!(status, 422, "{typed}");
        assert_eq!(shown(&form, name), typed);
        assert!(form.contains(told), "{typed}: {form}");
        assert!(!form.contains(r#"type="number""#));
    }
    assert_eq!(server.sql("select count(*) from visits"), "0");
    // What is right comes back as well, to the minute.
    let pairs = [("_component", "new"), ("who", "a"), ("at", "2026-05-01T16:00"), ("number", "x")];
    let (_, form) = post(&guest, "/", &pairs).await;
    assert_eq!(shown(&form, "at"), "2026-05-01T16:00");
}

#[tokio::test]
async fn what_nobody_touched_is_not_written() {
    let server = Server::start(APP).await;
    let guest = server.guest().await;
    server.sql(
        r#"insert into visits (who, mail, more, agreed) values ('', ' ada@example.org ', '{"id":123456789012345678901, "x": 1.10}', null)"#,
    );
    let before = server.sql("select quote(who), mail, more, quote(agreed), changedAt from visits");
    let form = page(&guest, "/edit/1").await;
    // A control for e-mail addresses would cut the blanks.
    assert!(
        form.contains(r#"<input type="text" value=" ada@example.org " id="edit.mail""#),
        "{form}"
    );
    let base = form.split_once(r#"name="_base" value=""#).unwrap().1.split('"').next().unwrap();
    let base = base.replace("&quot;", "\"");
    let more = r#"{"id":123456789012345678901, "x": 1.10}"#;
    let pairs = |who, day| {
        [
            ("_component", "edit"),
            ("_record", "1"),
            ("_base", base.as_str()),
            ("who", who),
            ("at", ""),
            ("day", day),
            ("price", ""),
            ("number", ""),
            ("mail", " ada@example.org "),
            ("state", ""),
            ("more", more),
        ]
    };
    assert_eq!(post(&guest, "/edit/1", &pairs("", "")).await.0, 303);
    let after = server.sql("select quote(who), mail, more, quote(agreed), changedAt from visits");
    assert_eq!(after, before);
    assert_eq!(post(&guest, "/edit/1", &pairs("", "2026-04-05")).await.0, 303);
    let after = server.sql("select quote(who), mail, more, quote(agreed), day from visits");
    assert_eq!(after, format!("''| ada@example.org |{more}|NULL|2026-04-05"));
}

#[tokio::test]
async fn an_option_is_sent_as_it_is_written() {
    let server = Server::start(APP).await;
    let guest = server.guest().await;
    server.sql("insert into visits (who, state) values ('a', 'a  b')");
    assert!(
        page(&guest, "/edit/1").await.contains(r#"<option value="a  b" selected>a  b</option>"#)
    );
}

#[tokio::test]
async fn a_box_that_must_be_ticked_is() {
    let server = Server::start(APP).await;
    let guest = server.guest().await;
    let form = page(&guest, "/agree").await;
    assert!(form.contains(
        r#"<input type="checkbox" value="true" id="agree.agreed" name="agreed" required>"#
    ));
    let (status, form) = post(&guest, "/agree", &[("_component", "agree"), ("who", "a")]).await;
    assert_eq!((status, shown(&form, "who")), (422, "a"));
    assert!(form.contains("Must be ticked."), "{form}");
    let unticked = [("_component", "agree"), ("who", "a"), ("agreed", "false")];
    assert_eq!(post(&guest, "/agree", &unticked).await.0, 422);
    assert_eq!(server.sql("select count(*) from visits"), "0");
    let ticked = [("_component", "agree"), ("who", "a"), ("agreed", "true")];
    assert_eq!(post(&guest, "/agree", &ticked).await.0, 303);
    assert_eq!(server.sql("select who, agreed from visits"), "a|1");
}
