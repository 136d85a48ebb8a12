//! Who opened a page first decides nothing about what others see of it: renderings are kept by all
//! that they depend on.

use reqwest::Method;

use crate::server::{Client, Server};

/// Every kind of component, for all, for some and for others, with all that a component itself shows
/// to some alone.
const APP: &str = "
name: desk
auth: { roles: [packer] }
tables:
  - name: makers
    fields: [{ name: name, type: single-line-text }]
    displayField: name
    permissions: { read: [packer, admin] }
  - name: orders
    fields:
      - { name: customer, type: single-line-text }
      - { name: body, type: long-text }
      - { name: secret, type: single-line-text }
      - { name: status, type: single-select, options: [open, done] }
      - { name: total, type: integer }
      - { name: maker, type: relationship, table: makers }
    permissions:
      read: all
      create: [packer, admin]
      update: [packer]
      delete: [admin]
      fields: [{ field: secret, read: [admin], write: [admin] }]
      rows: { update: [{ field: status, operator: eq, value: open }] }
  # Nothing but what a component itself shows to some tells its viewers apart.
  - name: posts
    fields: [{ name: title, type: single-line-text }, { name: body, type: long-text }]
    permissions: { read: all, create: all, update: all, delete: all }
pages:
  - name: Post
    path: /posts/:id
    components:
      - type: details
        id: post
        titleField: title
        fields: [{ field: body, visible: [admin] }, { field: title, visible: [packer] }]
        dataSource: { table: posts, filter: [{ field: id, operator: eq, value: $params.id }] }
      - type: dataTable
        id: posts
        columns: [title, { field: body, visible: [admin], editable: true }]
        dataSource: { table: posts }
  - name: Record
    path: /orders/:id
    components:
      - type: details
        id: details
        titleField: body
        fields:
          - { field: customer }
          - { field: body, visible: [admin] }
          - { field: total, visible: [packer] }
          - { field: maker, visible: [packer, admin] }
          - { field: secret }
        dataSource: { table: orders, filter: [{ field: id, operator: eq, value: $params.id }] }
      - type: form
        id: form
        visible: [packer, admin]
        dataSource: { table: orders, filter: [{ field: id, operator: eq, value: $params.id }] }
  - name: Orders
    path: /
    components:
      - { type: text, content: 'Hello {$currentUser.name}' }
      - { type: text, content: For packers, visible: [packer] }
      - { type: link, href: /orders/1, label: For admins, visible: [admin] }
      - { type: markdown, content: For admins, visible: [admin] }
      - { type: html, content: <p>For packers</p>, visible: [packer] }
      - type: container
        visible: [packer, admin]
        children: [{ type: text, content: Inner, visible: [admin] }]
      - type: dataTable
        id: table
        search: true
        filters: [status]
        columns:
          - { field: customer, editable: true }
          - { field: total, visible: [admin] }
          - { field: maker, visible: [packer] }
          - secret
        rowActions: [{ type: delete, label: Remove }]
        dataSource: { table: orders }
      - type: list
        id: list
        visible: [packer, admin]
        item: { title: customer, subtitle: body, meta: secret }
        dataSource: { table: orders }
      - { type: kpi, id: kpi, label: Sum, value: { aggregate: sum, field: total }, dataSource: { table: orders } }
      - type: chart
        id: chart
        kind: bar
        title: By maker
        x: { field: maker }
        value: { aggregate: count }
        dataSource: { table: orders }
      - type: button
        id: button
        label: Done
        action: { type: set, field: status, value: done }
        dataSource: { table: orders, filter: [{ field: id, operator: eq, value: 1 }] }
";

/// What comes before a value that is another each time.
const PASSING: [&str; 3] = ["nonce=\"", "data-position=\"", "name=\"_key\" value=\""];

const PATHS: [&str; 11] = [
    "/posts/1",
    "/api/fragments?url=/posts/1&component=post",
    "/api/fragments?url=/posts/1&component=posts",
    "/",
    "/orders/1",
    "/api/fragments?url=/orders/1&component=details",
    "/api/fragments?url=/orders/1&component=form",
    "/api/fragments?url=/&component=table",
    "/api/fragments?url=/&component=list",
    "/api/fragments?url=/&component=chart",
    "/api/fragments?url=/&component=button",
];

async fn start() -> (Server, [Client; 4]) {
    let server = Server::start(APP).await;
    server.sql(
        "insert into makers (name) values ('Maker of it');
         insert into orders (customer, body, secret, status, total, maker)
         values ('Ada', 'the body', 'xyzzy', 'open', 41, 1), ('Bob', 'other', 'plugh', 'done', 42, 1);
         insert into posts (title, body) values ('A post', 'xyzzy')",
    );
    let viewers = [
        server.guest().await,
        server.person("eve", "member"),
        server.person("pat", "packer"),
        server.person("ann", "admin"),
    ];
    (server, viewers)
}

/// What somebody is shown, without what differs from one answer and one database to the next.
async fn shown(viewer: &Client, path: &str) -> String {
    let answer = viewer.request(Method::GET, path).send().await.unwrap();
    let (status, body) = (answer.status(), answer.text().await.unwrap());
    let mut rest = body.as_str();
    let mut shown = status.to_string();
    while let Some((before, after)) = PASSING
        .iter()
        .filter_map(|mark| rest.split_once(mark))
        .min_by_key(|(before, _)| before.len())
    {
        shown.push_str(before);
        rest = after.split_once('"').map_or("", |(_, rest)| rest);
    }
    shown + rest
}

#[tokio::test]
async fn who_opens_a_page_first_decides_nothing_about_what_others_see() {
    let mut alone = Vec::new();
    for nth in 0..4 {
        let (_server, viewers) = start().await;
        let mut seen = Vec::new();
        for path in PATHS {
            seen.push(shown(&viewers[nth], path).await);
        }
        alone.push(seen);
    }
    for first in 0..4 {
        let (_server, viewers) = start().await;
        for step in 0..4 {
            let who = (first + step) % 4;
            for (path, expected) in PATHS.iter().zip(&alone[who]) {
                let seen = shown(&viewers[who], path).await;
                assert_eq!(&seen, expected, "{path} for viewer {who}, {first} was first");
            }
        }
    }
    // What they see is not the same, or this would show nothing.
    let [guest, member, packer, admin] = &alone[..] else { unreachable!() };
    for (nth, path) in PATHS.iter().enumerate() {
        assert!(guest[nth] != admin[nth] || packer[nth] != admin[nth], "{path}");
    }
    for path in 0..3 {
        assert!(admin[path].contains("xyzzy"));
        assert!([guest, member, packer].iter().all(|seen| !seen[path].contains("xyzzy")));
    }
}
