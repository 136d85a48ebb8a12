//! Pages that are open while the app is deployed anew: nobody is told what means something else on
//! their page.

use std::collections::BTreeSet;
use std::path::Path;

use pagetide::spec;
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::server::{Client, Server, Socket, shape_of};

/// An app with one live table, a form and buttons, where `columns` and all else may be otherwise.
fn app(columns: &str, rest: &str) -> String {
    format!(
        "
name: shop
auth: {{ roles: [packer] }}
tables:
  - name: orders
    fields:
      - {{ name: customer, type: single-line-text }}
      - {{ name: total, type: integer }}
      - {{ name: paid, type: integer }}
      - {{ name: region, type: single-line-text }}
      - {{ name: updatedAt, type: updated-at }}
    permissions: {{ read: all, create: all, update: all, delete: [admin] }}
  - name: stock
    fields: [{{ name: customer, type: single-line-text }}, {{ name: total, type: integer }}]
    permissions: {{ read: all, create: all }}
pages:
  - name: Shop
    path: /
    components:
      - type: dataTable
        columns: {columns}
{rest}
"
    )
}

const SOURCE: &str = "        dataSource: { table: orders, refreshMode: realtime }";
const FORM: &str = "      - { type: form, table: orders, fields: [customer, total] }";

fn first() -> String {
    app("[customer, total]", &format!("{SOURCE}\n{FORM}"))
}

async fn page(client: &Client) -> String {
    client.get("/").await.1.as_str().unwrap().to_owned()
}

fn position(page: &str) -> String {
    page.split("data-position=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// What a component hears that goes on from what its page shows.
async fn goes_on(client: &Client, since: &str, shape: Option<&str>) -> (Json, Socket) {
    let mut socket = client.open("/api/realtime/subscribe").await.unwrap();
    let mut handshake = json!({ "component": "dataTable-1", "url": "/", "since": since });
    if let Some(shape) = shape {
        handshake["shape"] = json!(shape);
    }
    socket.send(handshake).await;
    let answer = socket.next().await;
    (answer, socket)
}

#[tokio::test]
async fn a_page_of_another_app_is_told_to_load_itself_anew_and_nothing_else() {
    let of = |columns: &str| app(columns, &format!("{SOURCE}\n{FORM}"));
    let others = [
        of("[customer, paid]"),
        of("[paid, customer, total]"),
        of("[customer, { field: total, label: Sum }]"),
        of("[customer, { field: total, editable: true }]"),
        of("[customer, { field: total, width: 90px }]"),
        app("[customer, total]", &format!("{SOURCE}\n        pageSize: 5\n{FORM}")),
        app("[customer, total]", &format!("{SOURCE}\n        search: true\n{FORM}")),
        first().replace("refreshMode: realtime", "refreshMode: poll"),
        first().replace("table: orders, ref", "table: orders, filter: [{ field: paid, operator: gt, value: 5 }], ref"),
        first().replace("table: orders, ref", "table: orders, sort: [{ field: total, direction: desc }], ref"),
        // Another table in its place, and one that stands before it.
        first().replace("table: orders, ref", "table: stock, ref"),
        first().replace(
            "    components:\n",
            "    components:\n      - { type: dataTable, dataSource: { table: stock, refreshMode: realtime } }\n",
        ),
        first().replace("total, type: integer", "total, type: decimal"),
        first().replace("total, type: integer", "total, type: integer, label: Sum"),
        first().replace("      - { name: customer", "      - { name: before, type: integer }\n      - { name: customer"),
        first().replace("update: all,", "update: all, rows: { read: [{ field: total, operator: gt, value: 1 }] },"),
        first().replace("update: all,", "update: all, fields: [{ field: total, read: [admin] }],"),
        first().replace("dataTable", "list").replace("columns: [customer, total]", "item: { title: customer }"),
        // It is gone.
        first().replace("path: /\n", "path: /elsewhere\n"),
        first().replace("      - type: dataTable", "      - id: another\n        type: dataTable"),
    ];
    let mut server = Server::start(&first()).await;
    let guest = server.guest().await;
    let shown = page(&guest).await;
    let (since, shape) = (position(&shown), shape_of(&shown, "dataTable-1"));
    let fragment = format!("/api/fragments?url=/&component=dataTable-1&shape={shape}");
    for other in others {
        server.restart_as(&other).await;
        let (answer, mut socket) = goes_on(&guest, &since, Some(&shape)).await;
        assert_eq!(
            (&answer["type"], &answer["code"]),
            (&json!("error"), &json!("PAGE_CHANGED")),
            "{other}"
        );
        server.sql("insert into orders (customer, total, paid) values ('Ada', 10, 77)");
        socket
            .send(json!({ "table": "orders", "subscriptionId": "raw", "fields": ["paid"] }))
            .await;
        assert_eq!(socket.next().await["type"], "subscribed", "{other}");
        let (status, body) = guest.get(&fragment).await;
        assert_eq!((status, &body["code"]), (409, &json!("PAGE_CHANGED")), "{other}");
    }
    server.restart_as(&first()).await;
    assert_eq!(shape_of(&page(&guest).await, "dataTable-1"), shape);
    let (answer, _socket) = goes_on(&guest, &since, Some(&shape)).await;
    assert_eq!((&answer["type"], &answer["shape"]), (&json!("subscribed"), &json!(shape)));
    assert_eq!(guest.get(&fragment).await.0, 200);
}

#[tokio::test]
async fn every_component_says_what_its_server_means_by_it() {
    let gallery = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/specs/valid/gallery");
    let server = Server::start_app(&gallery).await;
    let pages = spec::load(&gallery).unwrap().app.unwrap().pages.clone();
    let (guest, admin) = (server.nobody(), server.admin().await);
    let mut known = BTreeSet::new();
    for (client, page) in pages.iter().flat_map(|page| [(&guest, page), (&admin, page)]) {
        let (status, html) = client.get(&page.path).await;
        let html = html.as_str().unwrap_or_default();
        for element in html.split("data-component=\"").skip(1).filter(|_| status == 200) {
            let id = element.split('"').next().unwrap();
            let query = [("url", &*page.path), ("component", id), ("shape", &shape_of(html, id))];
            let query = serde_urlencoded::to_string(query).unwrap();
            let (status, body) = client.get(&format!("/api/fragments?{query}")).await;
            assert_eq!(status, 200, "{} {id}: {body}", page.path);
            known.insert((page.path.clone(), id.to_owned()));
        }
    }
    assert!(known.len() > 10, "{known:?}");
}

#[tokio::test]
async fn a_program_may_go_on_without_saying_what_it_shows() {
    let server = Server::start(&first()).await;
    let guest = server.guest().await;
    let shown = page(&guest).await;
    let (answer, _socket) = goes_on(&guest, &position(&shown), None).await;
    assert_eq!(answer["type"], "subscribed");
    // It is told what the component means.
    let mut socket = guest.open("/api/realtime/subscribe").await.unwrap();
    socket.send(json!({ "component": "dataTable-1", "url": "/", "subscriptionId": "a" })).await;
    assert_eq!(socket.next().await["shape"], json!(shape_of(&shown, "dataTable-1")));
    // What never was there is not found; what was there by somebody's word has changed.
    let never = json!({ "component": "nothing", "url": "/", "subscriptionId": "b" });
    socket.send(never.clone()).await;
    assert_eq!(socket.next().await["code"], "NOT_FOUND");
    let mut was = never;
    was["shape"] = json!("x");
    socket.send(was).await;
    let told = socket.next().await;
    assert_eq!((&told["code"], &told["subscriptionId"]), (&json!("PAGE_CHANGED"), &json!("b")));
}

#[tokio::test]
async fn viewers_with_the_same_rights_see_the_same_and_others_not() {
    let editable = app("[customer, { field: total, editable: true }]", SOURCE)
        .replace("update: all", "update: [packer]");
    let server = Server::start(&editable).await;
    let shape = async |client: &Client| shape_of(&page(client).await, "dataTable-1");
    let (one, other) = (server.person("paul", "packer"), server.person("petra", "packer"));
    let of_packers = shape(&one).await;
    assert_eq!(of_packers, shape(&other).await);
    let of_guests = shape(&server.guest().await).await;
    assert_eq!(of_guests, shape(&server.guest().await).await);
    assert_ne!(of_packers, of_guests);
    // What somebody chose about a table in the address is no other table.
    let (_, sorted) = one.get("/?sort=total:desc").await;
    assert_eq!(shape_of(sorted.as_str().unwrap(), "dataTable-1"), of_packers);
}

#[tokio::test]
async fn a_form_of_another_app_saves_nothing_and_gives_back_what_was_entered() {
    let mut server = Server::start(&first()).await;
    let guest = server.guest().await;
    let shown = page(&guest).await;
    let shape = hidden_shape(&shown);
    let send = async |body: &str| {
        let form = ("content-type", "application/x-www-form-urlencoded");
        let request = guest.request(Method::POST, "/").header(form.0, form.1);
        let request = request.header("accept", "application/json").body(body.to_owned());
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Json>().await.unwrap())
    };
    let body = format!("_component=form-1&_shape={shape}&customer=Ada+%3Cb%3E&total=5");
    assert_eq!(send(&body).await.0, 200);
    // The form of this id now adds to another table, and asks for less.
    let other = first()
        .replace("table: orders, fields: [customer, total]", "table: stock, fields: [customer]");
    server.restart_as(&other).await;
    let (status, told) = send(&body).await;
    assert_eq!(status, 409);
    let html = told["html"].as_str().unwrap();
    assert!(html.contains("Ada &lt;b&gt;") && html.contains("total: 5"), "{html}");
    assert!(html.contains("has changed since it was opened"), "{html}");
    assert_eq!(
        server.sql("select (select count(*) from orders), (select count(*) from stock)"),
        "1|0"
    );
    // What came back is of the app as it is.
    let now = format!("_component=form-1&_shape={}&customer=Ada&_key=2", hidden_shape(html));
    assert_eq!(send(&now).await.0, 200);
    assert_eq!(server.sql("select customer from stock"), "Ada");
}

fn hidden_shape(html: &str) -> String {
    let (_, form) = html.split_once("data-form").unwrap();
    let (_, shape) = form.split_once("name=\"_shape\" value=\"").unwrap();
    shape.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_button_of_another_app_does_nothing() {
    let with =
        |actions: &str| app("[customer]", &format!("        rowActions: {actions}\n{SOURCE}"));
    let mut server =
        Server::start(&with("[{ type: set, label: Free, field: total, value: 0 }]")).await;
    let admin = server.admin().await;
    server.sql("insert into orders (customer, total) values ('Ada', 10)");
    let shown = page(&admin).await;
    let shape = shape_of(&shown, "dataTable-1");
    let press = async |shape: &str| {
        let body = format!("_component=dataTable-1&_shape={shape}&_action=row.0:1&_confirmed=yes");
        let form = ("content-type", "application/x-www-form-urlencoded");
        let request = admin.request(Method::POST, "/").header(form.0, form.1);
        let answer = request.header("accept", "application/json").body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Json>().await.unwrap()["code"].clone())
    };
    server
        .restart_as(&with("[{ type: delete }, { type: set, label: Free, field: total, value: 0 }]"))
        .await;
    assert_eq!(press(&shape).await, (409, json!("PAGE_CHANGED")));
    assert_eq!(server.sql("select total from orders"), "10");
    let now = shape_of(&page(&admin).await, "dataTable-1");
    assert_eq!(press(&now).await.0, 200);
    assert_eq!(server.sql("select count(*) from orders"), "0");
}
