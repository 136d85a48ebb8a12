//! Many who look at the same thing: what is done once for all of them.

use serde_json::json;

use crate::server::{DESK, Server, Socket};

/// More than one user may open, so that they are of several.
const VIEWERS: usize = 36;
const VIEWERS_OF_ONE_GUEST: usize = 9;

/// Open sockets that hear what the orders' component shows.
async fn viewers(server: &Server) -> Vec<Socket> {
    let mut sockets = Vec::new();
    for _ in 0..VIEWERS / VIEWERS_OF_ONE_GUEST {
        let guest = server.guest().await;
        for _ in 0..VIEWERS_OF_ONE_GUEST {
            let mut socket = guest.open("/api/realtime/subscribe").await.unwrap();
            socket.send(json!({ "component": "dataTable-1", "url": "/" })).await;
            assert_eq!(socket.next().await["type"], "subscribed");
            sockets.push(socket);
        }
    }
    sockets
}

#[tokio::test]
async fn a_change_is_rendered_and_encoded_once_for_all_its_viewers() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    let mut viewers = viewers(&server).await;
    assert_eq!(server.metric("pagetide_groups").await, 1.0);
    let id = admin.add_order(json!({ "customer": "Ada" })).await;
    let body = json!({ "fields": { "customer": "Grace" } });
    let path = format!("/api/tables/orders/records/{id}");
    let (status, _) = admin.send(reqwest::Method::PATCH, &path, Some(body)).await;
    assert_eq!(status, 200);
    let mut heard = Vec::new();
    for viewer in &mut viewers {
        heard.push((viewer.next().await, viewer.next().await));
    }
    assert_eq!((&heard[0].0["event"], &heard[0].1["event"]), (&json!("insert"), &json!("update")));
    assert!(heard[0].1["html"].as_str().unwrap().contains("Grace"));
    assert!(heard.iter().all(|one| *one == heard[0]));
    assert_eq!(server.metric("pagetide_encodings_total").await, 2.0);
}

#[tokio::test]
async fn a_transaction_of_many_changes_reaches_every_viewer_whole_and_in_order() {
    let server = Server::start(DESK).await;
    let mut viewers = viewers(&server).await;
    server.sql(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 40)
         insert into orders (customer) select 'Ada ' || i from n",
    );
    for viewer in &mut viewers {
        for nth in 1..=40 {
            assert_eq!(viewer.next().await["record"]["id"], nth.to_string());
        }
    }
    assert_eq!(server.metric("pagetide_encodings_total").await, 40.0);
}
