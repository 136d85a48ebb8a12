//! `/metrics`: figures that move with every write are for admins, and for programs on this machine.

use reqwest::Method;

use crate::server::{Client, DESK, Server};

async fn asked(client: &Client, headers: &[(&'static str, &str)]) -> u16 {
    let request = client.request(Method::GET, "/metrics");
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn figures_are_for_admins_and_for_programs_on_this_machine() {
    let server = Server::start(DESK).await;
    let (guest, member) = (server.guest().await, server.person("m", "member"));
    let admin = server.admin().await;
    assert_eq!(asked(&server.nobody(), &[]).await, 200, "a program here");
    // On the way of a proxy, or by a name that the world knows, it may be anybody.
    for header in [
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "desk.example"),
        ("forwarded", "for=192.0.2.7"),
        ("via", "1.1 proxy"),
        ("host", "desk.example"),
    ] {
        assert_eq!(asked(&server.nobody(), &[header]).await, 401, "{header:?}");
        assert_eq!(asked(&guest, &[header]).await, 401, "{header:?}");
        assert_eq!(asked(&member, &[header]).await, 403, "{header:?}");
        assert_eq!(asked(&admin, &[header]).await, 200, "{header:?}");
    }
}
