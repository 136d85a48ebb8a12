//! Forms as browsers without JavaScript send them, and as nobody should.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Method, Response};
use serde_json::Value as Json;

use crate::server::{Client, Server, cookie};

const APP: &str = "
name: desk
auth: { roles: [packer] }
tables:
  - name: orders
    fields:
      - { name: customer, type: single-line-text, required: true }
      - { name: status, type: status, options: [open, done], default: open }
      - { name: total, type: currency, currency: EUR, min: 0 }
      - { name: paid, type: checkbox }
      - { name: code, type: single-line-text, unique: true }
      - { name: source, type: single-line-text }
      - { name: notes, type: long-text }
      - { name: secret, type: single-line-text }
      - { name: updatedAt, type: updated-at }
    permissions:
      read: all
      create: all
      update: [member, admin]
      fields:
        - { field: secret, read: [admin], write: [admin] }
        - { field: total, write: [packer, admin] }
  - name: notes
    fields: [{ name: words, type: long-text }]
    permissions: { read: all, create: [member, admin] }
pages:
  - name: New
    path: /
    components:
      - type: form
        id: new
        title: A new order
        table: orders
        fields:
          - customer
          - status
          - total
          - paid
          - code
          - notes
          - secret
          - { field: source, hidden: true, default: page }
        onSuccess: { toast: The order is in. }
      - { type: form, id: note, title: A note, table: notes, submitLabel: Jot it down }
  - name: Led
    path: /led
    components:
      - { type: form, id: led, table: orders, fields: [customer, status], onSuccess: { navigate: '/?order={id}&of={customer}' } }
  - name: Edit
    path: /edit
    access: all
    components:
      - type: form
        id: edit
        dataSource: { table: orders, filter: [{ field: status, operator: eq, value: open }] }
        fields: [customer, status, paid, code, notes]
  - name: Private
    path: /private
    access: [admin]
    components: [{ type: form, id: private, table: orders, fields: [customer] }]
";

/// Sends a form as a browser would; `pairs` is its body.
async fn post(client: &Client, path: &str, pairs: &str) -> Response {
    let form = "application/x-www-form-urlencoded";
    let request = client.request(Method::POST, path).header("content-type", form);
    request.body(pairs.to_owned()).send().await.unwrap()
}

/// The status of the answer, and where it leads or what it says.
async fn sent(client: &Client, path: &str, pairs: &str) -> (u16, String) {
    let answer = post(client, path, pairs).await;
    let status = answer.status().as_u16();
    let location = answer.headers().get("location").map(|path| path.to_str().unwrap().to_owned());
    (status, location.unwrap_or(answer.text().await.unwrap()))
}

/// What a script gets.
async fn sent_by_script(client: &Client, path: &str, pairs: &str) -> (u16, Json) {
    let form = "application/x-www-form-urlencoded";
    let request = client.request(Method::POST, path).header("content-type", form);
    let answer = request.header("accept", "application/json").body(pairs.to_owned()).send().await;
    let answer = answer.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn page(client: &Client, path: &str) -> String {
    let (status, page) = client.get(path).await;
    assert_eq!(status, 200, "{page}");
    page.as_str().unwrap().to_owned()
}

fn orders(server: &Server) -> String {
    server.sql("select group_concat(customer || ' ' || ifnull(status, '-'), ', ') from orders")
}

/// What the form of the page `/edit` sends of a record that nobody touched.
fn untouched(base: &str) -> String {
    let encoded: String = base.bytes().map(|byte| format!("%{byte:02x}")).collect();
    format!("_component=edit&_record=1&_base={encoded}")
}

const ADA: &str = r#"{"code":null,"customer":"Ada","notes":null,"paid":null,"status":"open"}"#;

async fn with_ada() -> Server {
    let server = Server::start(APP).await;
    server.sql("insert into orders (customer, status) values ('Ada', 'open')");
    server
}

#[tokio::test]
async fn a_form_asks_for_what_its_viewer_may_set() {
    let server = Server::start(APP).await;
    let (guest, admin) = (server.guest().await, server.admin().await);
    let (of_guest, of_admin) = (page(&guest, "/").await, page(&admin, "/").await);
    assert!(of_guest.contains(r#"<form id="new" class="pt-form""#));
    assert!(
        of_guest
            .contains(r#"<input type="text" value="" id="new.customer" name="customer" required>"#)
    );
    assert!(of_guest.contains(r#"<option value="open" selected>open</option>"#));
    for word in ["secret", "total", r#"name="source""#, "Jot it down"] {
        assert!(!of_guest.contains(word), "{word}");
    }
    let total = r#"<input type="text" value="" inputmode="decimal" id="new.total" name="total">"#;
    assert!(of_admin.contains(total) && of_admin.contains(r#"name="secret""#));
    assert!(of_admin.contains("Jot it down"));
    assert!(!of_admin.contains(r#"name="source""#));
}

#[tokio::test]
async fn a_guest_adds_a_record_and_is_told_once() {
    let server = Server::start(APP).await;
    let guest = server.guest().await;
    let answer = post(
        &guest,
        "/?x=1",
        "_component=new&customer=Ada+L.%20%26&status=done&code=&notes=a%0D%0Ab",
    )
    .await;
    assert_eq!(answer.status(), 303);
    assert_eq!(answer.headers()["location"], "/?x=1");
    let row = server.sql("select customer, status, code, notes, source, paid from orders");
    assert_eq!(row, "Ada L. &|done||a\nb|page|0");
    let toast = cookie(&answer).unwrap();
    let told = server.nobody().with_cookie(format!("{toast}; {}", "a=b"));
    let answer = told.request(Method::GET, "/").send().await.unwrap();
    assert!(answer.headers().get("etag").is_none());
    let cookies: Vec<_> = answer.headers().get_all("set-cookie").iter().collect();
    assert!(cookies.iter().any(|cookie| cookie.to_str().unwrap().starts_with("pagetide_toast=;")));
    assert!(
        answer
            .text()
            .await
            .unwrap()
            .contains(r#"<div class="pt-toast"><p>The order is in.</p></div>"#)
    );
    assert!(!page(&guest, "/").await.contains("The order is in."));
}

#[tokio::test]
async fn a_cookie_shows_no_text_of_its_own() {
    let server = Server::start(APP).await;
    let forged = [
        "<b>evil</b>",
        "new~:evil",
        "evil~:/",
        "note~:/",
        "private~:/private",
        "new",
        "new:/",
        ":",
        "",
    ];
    let forged = forged.map(|text| URL_SAFE_NO_PAD.encode(text));
    let bytes = ["evil".to_owned(), "%%%".to_owned(), URL_SAFE_NO_PAD.encode(b"\xff:\xfe")];
    for value in forged.into_iter().chain(bytes) {
        let visitor = server.nobody().with_cookie(format!("pagetide_toast={value}"));
        let page = page(&visitor, "/").await;
        assert!(!page.contains(r#"class="pt-toast""#) && !page.contains("evil"), "{value}");
    }
}

#[tokio::test]
async fn it_leads_where_the_author_says() {
    let server = Server::start(APP).await;
    let guest = server.guest().await;
    let (status, path) =
        sent(&guest, "/led", "_component=led&customer=A/b%20%C3%A4&status=open").await;
    assert_eq!((status, path.as_str()), (303, "/?order=1&of=A%2Fb%20%C3%A4"));
    let (status, told) = sent_by_script(&guest, "/led", "_component=led&customer=B&status=").await;
    assert_eq!((status, told), (200, serde_json::json!({ "navigate": "/?order=2&of=B" })));
    assert_eq!(orders(&server), "A/b ä open, B -");
}

#[tokio::test]
async fn all_faults_come_back_at_their_fields() {
    let server = with_ada().await;
    server.sql("update orders set code = 'a1'");
    let admin = server.admin().await;
    let pairs =
        "_component=new&customer=+&status=sent&total=-1&paid=true&code=%22%3E%3Cb%3E&notes=a";
    let (status, page) = sent(&admin, "/", pairs).await;
    assert_eq!(status, 422);
    for told in ["Must have a value.", "Must be one of open, done.", "Must be at least 0."] {
        assert!(page.contains(told), "{told}: {page}");
    }
    let kept = r#"value="&quot;&gt;&lt;b&gt;" id="new.code""#;
    let kept = kept.replace("&quot;", "&#34;").replace("&#34;", "&quot;");
    assert!(page.contains(&kept), "{page}");
    assert!(page.contains(r#"name="paid" checked>"#) && page.contains(">\na</textarea>"));
    assert!(
        page.contains(r#"aria-describedby="new.customer.fault " aria-invalid="true" autofocus"#)
    );
    assert_eq!(page.matches("autofocus").count(), 1);
    let (status, told) = sent_by_script(&admin, "/", "_component=new&customer=B&code=a1").await;
    assert_eq!(status, 422 - 13);
    let html = told["html"].as_str().unwrap();
    assert!(html.starts_with("<form") && html.contains("must differ"), "{html}");
    assert_eq!(orders(&server), "Ada open");
}

#[tokio::test]
async fn a_form_that_is_sent_twice_is_done_once() {
    let server = Server::start(APP).await;
    let (guest, other) = (server.guest().await, server.guest().await);
    let pairs = "_component=new&customer=Ada";
    let (first, second) = tokio::join!(sent(&guest, "/", pairs), sent(&guest, "/", pairs));
    assert_eq!((first.0, second.0), (303, 303));
    assert_eq!(server.sql("select count(*) from orders"), "1");
    sent(&other, "/", pairs).await;
    sent(&guest, "/", "_component=new&customer=Ada&_key=2").await;
    assert_eq!(server.sql("select count(*) from orders"), "3");
}

#[tokio::test]
async fn editing_writes_what_was_changed_only() {
    let server = with_ada().await;
    let admin = server.admin().await;
    let of_admin = page(&admin, "/edit").await.replace("&quot;", "\"");
    assert!(of_admin.contains(&format!(r#"name="_base" value="{ADA}""#)), "{of_admin}");
    server.sql("update orders set customer = 'Ada L.', notes = 'by phone'");
    let pairs = format!("{}&customer=Ada&status=open&code=7&notes=", untouched(ADA));
    let (status, path) = sent(&admin, "/edit", &pairs).await;
    assert_eq!((status, path.as_str()), (303, "/edit"));
    assert_eq!(server.sql("select customer, code, notes, paid from orders"), "Ada L.|7|by phone|");
}

#[tokio::test]
async fn whoever_was_faster_is_shown_beside_ones_own() {
    let server = with_ada().await;
    let admin = server.admin().await;
    server.sql("update orders set customer = 'Theirs', notes = 'new'");
    let mine = "customer=Mine&status=open&code=&notes=";
    let pairs = format!("{}&{mine}", untouched(ADA));
    let (status, page) = sent(&admin, "/edit", &pairs).await;
    assert_eq!(status, 409);
    assert!(page.contains(r#"value="Mine" id="edit.customer""#), "{page}");
    assert!(page.contains("Somebody else set this to <b>Theirs</b>"));
    assert_eq!(page.matches(r#"value="theirs""#).count(), 1);
    // What they wrote where nothing was typed simply stands.
    assert!(page.contains(">\nnew</textarea>"));
    assert_eq!(orders(&server), "Theirs open");
    let base = ADA.replace("\"Ada\"", "\"Theirs\"").replace("\"notes\":null", "\"notes\":\"new\"");
    let again = format!("{}&customer=Mine&status=open&code=&notes=new", untouched(&base));
    let (status, _) =
        sent(&admin, "/edit", &format!("{again}&_keep.customer=theirs&paid=true")).await;
    assert_eq!(status, 303);
    assert_eq!(server.sql("select customer, paid from orders"), "Theirs|1");
    let mine = format!("{again}&_keep.customer=mine&paid=true");
    let (status, _) = sent(&admin, "/edit", &mine).await;
    assert_eq!((status, orders(&server).as_str()), (303, "Mine open"));
}

#[tokio::test]
async fn a_record_that_the_form_is_not_about_cannot_be_changed_by_it() {
    let server = with_ada().await;
    server.sql("insert into orders (customer, status) values ('Bob', 'done')");
    let admin = server.admin().await;
    for id in ["2", "99", "-1", "abc", "", "01x", "9223372036854775808", "1%20or%201"] {
        let pairs = untouched(ADA).replace("_record=1", &format!("_record={id}"));
        let (status, page) = sent(&admin, "/edit", &format!("{pairs}&customer=Eve")).await;
        assert_eq!(status, 404, "{id}");
        assert!(!page.contains("Bob"));
    }
    assert_eq!(orders(&server), "Ada open, Bob done");
}

#[tokio::test]
async fn a_form_takes_what_it_asks_for_and_nothing_else() {
    let server = with_ada().await;
    let (guest, admin) = (server.guest().await, server.admin().await);
    let check = async |client: &Client, path: &str, pairs: &str, status: u16| {
        let (got, page) = sent(client, path, pairs).await;
        assert_eq!(got, status, "{pairs}: {page}");
        assert!(!page.contains("salar") && !page.contains("secret"), "{pairs}");
    };
    // Hidden, of the system, not for this viewer, and not on this form though the API would take it.
    for name in [
        "source",
        "updatedAt",
        "id",
        "secret",
        "total",
        "nonsense",
        "_record",
        "_base",
        "_keep.status",
    ] {
        check(&guest, "/", &format!("_component=new&customer=Eve&{name}=1"), 400).await;
    }
    check(&admin, "/led", "_component=led&customer=Eve&total=1", 400).await;
    check(&admin, "/edit", &format!("{}&_keep.total=mine", untouched(ADA)), 400).await;
    check(&admin, "/edit", "_component=edit&_record=1&_base=no", 400).await;
    check(&admin, "/edit", "_component=edit&_record=1&_base=[]", 400).await;
    check(&guest, "/", "_component=new&customer=Eve&customer=Mallory", 422).await;
    // Forms that are not there, not on this page, not for this viewer, or no forms.
    for component in ["", "unknown", "led", "note", "%00", "new%20"] {
        check(&guest, "/", &format!("_component={component}&customer=Eve"), 404).await;
    }
    check(&guest, "/", "customer=Eve", 404).await;
    check(&guest, "/nowhere", "_component=new&customer=Eve", 404).await;
    check(&guest, "/edit", &format!("{}&customer=Eve", untouched(ADA)), 404).await;
    let (status, path) = sent(&guest, "/private", "_component=private&customer=Eve").await;
    assert_eq!((status, path.as_str()), (303, "/sign-in?next=%2Fprivate"));
    let (status, told) =
        sent_by_script(&guest, "/private", "_component=private&customer=Eve").await;
    assert_eq!((status, told["code"].as_str()), (401, Some("UNAUTHENTICATED")));
    let packer = server.person("packer", "packer");
    check(&packer, "/private", "_component=private&customer=Eve", 404).await;
    assert_eq!(orders(&server), "Ada open");
}

#[tokio::test]
async fn a_body_that_is_no_form_is_refused() {
    let server = Server::start(APP).await;
    let guest = server.guest().await;
    let check = async |content_type: &str, body: Vec<u8>, status: u16| {
        let request = guest.request(Method::POST, "/").header("content-type", content_type);
        let answer = request.body(body).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{content_type}");
    };
    let form = "application/x-www-form-urlencoded";
    check("application/json", b"{}".to_vec(), 415).await;
    check("multipart/form-data; boundary=x", b"--x--".to_vec(), 415).await;
    check("text/plain", b"_component=new&customer=Eve".to_vec(), 415).await;
    for broken in ["%", "%4", "%zz", "%ff%fe", "a%"] {
        check(form, format!("_component=new&customer={broken}").into_bytes(), 400).await;
        check(form, format!("_component=new&{broken}=x").into_bytes(), 400).await;
    }
    check(form, b"_component=new&customer=\xff".to_vec(), 400).await;
    check(form, format!("_component=new&{}", "customer=a&".repeat(10_000)).into_bytes(), 400).await;
    check(form, format!("_component=new&customer={}", "a".repeat(1 << 20)).into_bytes(), 413).await;
    let huge = format!("_component=new&customer={}", "a".repeat(10 << 20));
    let request = guest.request(Method::POST, "/").header("content-type", form).body(huge);
    // The server may hang up before all of it is sent.
    assert!(
        request.send().await.is_ok_and(|answer| answer.status() == 413)
            || orders(&server).is_empty()
    );
    check(form, b"&&&===&_component=new".to_vec(), 400).await;
    let long = format!("_component=new&customer={}", "a".repeat(200_000));
    check(&format!("{form}; charset=utf-8"), long.into_bytes(), 422).await;
    assert_eq!(server.sql("select count(*) from orders"), "0");
}

#[tokio::test]
async fn another_site_cannot_send_a_form_in_a_visitors_name() {
    let server = Server::start(APP).await;
    let guest = server.guest().await;
    let check = async |headers: &[(&str, &str)], status: u16| {
        let mut request = guest.bare(Method::POST, "/");
        request = request.header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.body("_component=new&customer=Eve").send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{headers:?}");
    };
    check(&[], 403).await;
    check(&[("origin", "https://evil.example")], 403).await;
    check(&[("origin", "null")], 403).await;
    check(&[("sec-fetch-site", "cross-site")], 403).await;
    check(&[("sec-fetch-site", "same-site")], 403).await;
    assert_eq!(server.sql("select count(*) from orders"), "0");
    check(&[("sec-fetch-site", "same-origin")], 303).await;
}

const BUTTONS: &str = "
name: desk
tables:
  - name: orders
    fields:
      - { name: customer, type: single-line-text, required: true }
      - { name: status, type: status, options: [open, done, filed], default: open }
    permissions:
      read: all
      update: [member, admin]
      delete: [admin]
      rows: { update: [{ field: status, operator: neq, value: filed }] }
pages:
  - name: Order
    path: /orders/:id
    components:
      - type: button
        id: finish
        label: Finish
        action: { type: set, field: status, value: done }
        dataSource: { table: orders, filter: [{ field: id, operator: eq, value: $params.id }] }
        onSuccess: { toast: Finished. }
      - type: button
        id: remove
        label: Remove it
        action: { type: delete, confirm: Remove <b>it</b>? }
        dataSource: { table: orders, filter: [{ field: id, operator: eq, value: $params.id }] }
        onSuccess: { navigate: '/?gone={customer}' }
  - name: Home
    path: /
    components: [{ type: button, label: Away, href: 'https://example.org', variant: quiet }]
";

async fn with_buttons() -> Server {
    let server = Server::start(BUTTONS).await;
    server.sql("insert into orders (customer) values ('Ada'), ('Bob')");
    server
}

#[tokio::test]
async fn a_button_is_for_those_who_may() {
    let server = with_buttons().await;
    let (guest, member, admin) =
        (server.guest().await, server.person("m", "member"), server.admin().await);
    let shown = async |client: &Client, path: &str| {
        let page = page(client, path).await;
        let hidden = page.matches("hidden>\n<input type=\"hidden\" name=\"_component\"").count();
        (page.matches("data-act").count(), hidden)
    };
    assert_eq!(shown(&guest, "/orders/1").await, (0, 0));
    assert_eq!(shown(&member, "/orders/1").await, (1, 0));
    assert_eq!(shown(&admin, "/orders/1").await, (2, 0));
    server.sql("update orders set status = 'done' where id = 1");
    server.sql("update orders set status = 'filed' where id = 2");
    // What is so already, what may not be changed and what is not there leaves nothing to do.
    assert_eq!(shown(&admin, "/orders/1").await, (2, 1));
    assert_eq!(shown(&member, "/orders/2").await, (1, 1));
    assert_eq!(shown(&admin, "/orders/99").await, (2, 2));
    let away = r#"class="pt-button pt-quiet" href="https://example.org">Away</a>"#;
    assert!(page(&guest, "/").await.replace("&#x2f;", "/").contains(away));
}

#[tokio::test]
async fn a_button_does_what_it_says() {
    let server = with_buttons().await;
    let member = server.person("m", "member");
    let answer = post(&member, "/orders/2", "_component=finish&_record=2&_action=0").await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["location"]),
        (303, &"/orders/2".parse().unwrap())
    );
    assert_eq!(orders(&server), "Ada open, Bob done");
    let told = server.nobody().with_cookie(format!("a=b; {}", cookie(&answer).unwrap()));
    assert!(!page(&told, "/").await.contains("Finished."), "a guest may not finish anything");
}

#[tokio::test]
async fn what_deletes_asks_first() {
    let server = with_buttons().await;
    let admin = server.admin().await;
    let pairs = "_component=remove&_record=1&_action=0";
    let (status, asked) = sent(&admin, "/orders/1", pairs).await;
    assert_eq!(status, 200);
    assert!(asked.contains("Remove &lt;b&gt;it&lt;&#x2f;b&gt;?"), "{asked}");
    assert!(asked.contains(r#"<input type="hidden" name="_confirmed" value="yes">"#));
    assert!(
        asked.contains(r#"<a class="pt-button" href="&#x2f;orders&#x2f;1">Cancel</a>"#),
        "{asked}"
    );
    let (status, told) = sent_by_script(&admin, "/orders/1", pairs).await;
    assert_eq!((status, told["confirm"]["label"].as_str()), (200, Some("Remove it")));
    assert_eq!(orders(&server), "Ada open, Bob open");
    let (status, path) = sent(&admin, "/orders/1", &format!("{pairs}&_confirmed=yes")).await;
    assert_eq!((status, path.as_str()), (303, "/?gone=Ada"));
    // A second click means the first.
    let (status, _) = sent(&admin, "/orders/1", &format!("{pairs}&_confirmed=yes")).await;
    assert!(status == 303 || status == 404, "{status}");
    assert_eq!(orders(&server), "Bob open");
}

#[tokio::test]
async fn a_button_is_pressed_for_its_own_record_by_those_who_may() {
    let server = with_buttons().await;
    let (guest, member, admin) =
        (server.guest().await, server.person("m", "member"), server.admin().await);
    let check = async |client: &Client, pairs: &str, status: u16| {
        let (got, page) = sent(client, "/orders/1", pairs).await;
        assert_eq!(got, status, "{pairs}: {page}");
    };
    check(&guest, "_component=finish&_record=1&_action=0", 404).await;
    check(&member, "_component=remove&_record=1&_action=0&_confirmed=yes", 404).await;
    for id in ["2", "99", "-1", "", "x", "1&_record=2", "9223372036854775808"] {
        check(&admin, &format!("_component=finish&_record={id}&_action=0"), 404).await;
    }
    for action in ["", "1", "-1", "row.0", "bulk.0", "0.0", "0:2", "99999999999999999999"] {
        check(&admin, &format!("_component=finish&_record=1&_action={action}"), 404).await;
    }
    check(&admin, "_component=finish&_record=1&_action=0&status=filed", 400).await;
    check(&admin, "_component=finish&_action=0", 404).await;
    server.sql("update orders set status = 'filed'");
    check(&member, "_component=finish&_record=1&_action=0", 404).await;
    assert_eq!(orders(&server), "Ada filed, Bob filed");
}

const ROWS: &str = "
name: desk
auth: { roles: [packer] }
tables:
  - name: orders
    fields:
      - { name: customer, type: single-line-text, required: true }
      - { name: status, type: status, options: [open, done, filed], default: open }
      - { name: secret, type: single-line-text }
    permissions:
      read: all
      update: [packer, admin]
      delete: [admin]
      fields: [{ field: secret, read: [admin] }]
      rows: { delete: [{ field: status, operator: neq, value: filed }] }
pages:
  - name: Desk
    path: /
    components:
      - type: dataTable
        id: open
        columns: [customer]
        dataSource:
          table: orders
          filter: [{ field: status, operator: neq, value: done }]
          refreshMode: realtime
        rowActions:
          - { type: set, label: Finish, field: status, value: done }
          - { type: delete, label: Remove }
          - { type: link, label: Look, href: '/?look={secret}' }
        bulkActions:
          - { type: delete, label: Remove all }
          - { type: set, label: Finish all, field: status, value: done }
";

async fn with_rows() -> Server {
    let server = Server::start(ROWS).await;
    server.sql("insert into orders (customer) values ('Ada'), ('Bob'), ('Cy')");
    server
}

#[tokio::test]
async fn actions_of_rows_are_for_those_who_may() {
    let server = with_rows().await;
    server.sql("update orders set secret = 'x'");
    let (guest, packer, admin) =
        (server.guest().await, server.person("p", "packer"), server.admin().await);
    let (of_guest, of_packer, of_admin) =
        (page(&guest, "/").await, page(&packer, "/").await, page(&admin, "/").await);
    for word in ["data-act", "Finish", "Remove", "Look", "_record"] {
        assert!(!of_guest.contains(word), "{word}");
    }
    assert!(of_packer.contains(r#"name="_action" value="row.0:1">Finish</button>"#));
    assert!(of_packer.contains(r#"name="_action" value="bulk.1">Finish all</button>"#));
    for word in ["Remove", "Look"] {
        assert!(!of_packer.contains(word), "{word}");
    }
    assert!(of_admin.contains(r#"value="row.1:3">Remove</button>"#));
    assert!(of_admin.contains(r#"href="/?look=x">Look</a>"#) && of_admin.contains("Remove all"));
}

#[tokio::test]
async fn a_row_that_is_pushed_has_the_actions_of_its_reader() {
    let server = with_rows().await;
    let packer = server.person("p", "packer");
    let mut sockets = Vec::new();
    for client in [&server.guest().await, &packer, &server.admin().await] {
        let mut socket = client.open("/api/realtime/subscribe").await.unwrap();
        socket.send(serde_json::json!({ "component": "open", "url": "/" })).await;
        socket.next().await;
        sockets.push(socket);
    }
    server.sql("insert into orders (customer) values ('Di')");
    let mut told = Vec::new();
    for socket in &mut sockets {
        let html = socket.next().await["html"].as_str().unwrap().to_owned();
        told.push((html.contains("Finish"), html.contains("Remove"), html.contains("_record")));
    }
    assert_eq!(told, [(false, false, false), (true, false, true), (true, true, true)]);
}

#[tokio::test]
async fn rows_are_acted_on_all_or_none() {
    let server = with_rows().await;
    let (packer, admin) = (server.person("p", "packer"), server.admin().await);
    let check = async |client: &Client, pairs: &str, status: u16, left: &str| {
        let (got, page) = sent(client, "/", &format!("_component=open&{pairs}")).await;
        assert_eq!((got, orders(&server).as_str()), (status, left), "{pairs}: {page}");
    };
    let all = "Ada open, Bob open, Cy open";
    // The button of a row is for that row, whatever else is chosen.
    check(&packer, "_action=row.1:1&_confirmed=yes", 404, all).await;
    check(&packer, "_action=bulk.0&_record=1&_confirmed=yes", 404, all).await;
    check(&admin, "_action=row.2:1", 404, all).await;
    check(&admin, "_action=bulk.0", 400, all).await;
    check(&admin, "_action=bulk.0&_record=1&_record=2", 200, all).await;
    check(&admin, "_action=bulk.0&_record=1&_record=99&_confirmed=yes", 404, all).await;
    check(&admin, "_action=bulk.0&_record=1&_record=x&_confirmed=yes", 404, all).await;
    check(&admin, "_action=bulk.7&_record=1&_confirmed=yes", 404, all).await;
    let many: String = (0..1_001).map(|id| format!("&_record={id}")).collect();
    check(&admin, &format!("_action=bulk.0&_confirmed=yes{many}"), 400, all).await;
    check(&admin, "_action=row.0:1&_record=2&_record=3", 303, "Ada done, Bob open, Cy open").await;
    // It is no longer in the table that the button stands in.
    check(&admin, "_action=row.1:1&_confirmed=yes", 404, "Ada done, Bob open, Cy open").await;
    server.sql("update orders set status = 'filed' where customer = 'Cy'");
    let filed = "Ada done, Bob open, Cy filed";
    check(&admin, "_action=bulk.0&_record=2&_record=3&_confirmed=yes", 404, filed).await;
    let (status, told) = sent_by_script(
        &admin,
        "/",
        "_component=open&_action=bulk.0&_record=2&_record=3&_confirmed=yes",
    )
    .await;
    assert_eq!(status, 404);
    assert!(told["message"].as_str().unwrap().contains("so none was"), "{told}");
    check(
        &admin,
        "_action=bulk.1&_record=2&_record=3&_record=2",
        303,
        "Ada done, Bob done, Cy done",
    )
    .await;
}
