//! Tokens of the API: whoever sends one is its owner, as long as it lasts.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::server::{Client, DESK, Server, within};
use crate::streams::Stream;

const TOKENS: &str = "/api/auth/tokens";
const NOTES: &str = "/api/tables/notes/records";

/// A new token of somebody: its id and what is sent.
async fn make(owner: &Client) -> (String, String) {
    let body = json!({ "name": "nightly", "expiresInDays": 30 });
    let (status, told) = owner.send(Method::POST, TOKENS, Some(body)).await;
    assert_eq!(status, 201, "{told}");
    let text = |name: &str| told[name].as_str().unwrap().to_owned();
    (text("id"), text("token"))
}

#[tokio::test]
async fn a_token_is_good_wherever_a_session_is() {
    let server = Server::start(DESK).await;
    let (_, token) = make(&server.admin().await).await;
    assert!(token.starts_with("pt_") && token.len() == 46);
    let program = server.nobody().with_bearer(&token);
    let (_, told) = program.get("/api/auth/session").await;
    assert_eq!(told["user"]["email"], "ada@example.org");
    assert_eq!(program.get(NOTES).await.0, 200);
    assert_eq!(program.get("/notes").await.0, 200);
    let mut socket = program.open("/api/tables/orders/subscribe").await.unwrap();
    assert!(socket.next().await["fields"].to_string().contains("secret"));
    // No `Origin`, and not even that of another site: a browser sends no such header by itself.
    program.add_order(json!({ "customer": "Bob" })).await;
    assert_eq!(socket.next().await["record"]["fields"]["customer"], "Bob");
    let request = program.request(Method::POST, "/api/tables/orders/records");
    let request = request.header("origin", "https://other.example");
    let answer = request.json(&json!({ "fields": { "customer": "Eve" } })).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let mut stream = Stream::open(&program, "/api/tables/orders/subscribe/sse", "").await;
    assert_eq!(stream.json().await["type"], "subscribed");
}

/// `pagetide token revoke` is given it, and would take what begins with a hyphen for an option.
#[tokio::test]
async fn the_id_of_a_token_can_be_typed_anywhere() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    for _ in 0..40 {
        let (id, _) = make(&admin).await;
        assert!(id.len() == 12 && id.chars().all(|c| c.is_ascii_alphanumeric()), "{id}");
    }
}

#[tokio::test]
async fn a_token_has_the_rights_that_its_owner_has_now() {
    let server = Server::start(DESK).await;
    let ada = server.person("ada", "packer");
    let (_, token) = make(&ada).await;
    let program = server.nobody().with_bearer(&token);
    let mut socket = program.open("/api/tables/salaries/subscribe").await.unwrap();
    socket.next().await;
    assert_eq!(program.get("/api/tables/salaries/records").await.0, 200);
    server.sql("update _pagetide_users set role = 'viewer' where id = 'ada'");
    assert_eq!(within("the stream to end", socket.close_code()).await, 4403);
    assert_eq!(program.get("/api/tables/salaries/records").await.0, 404);
    assert!(program.open("/api/tables/salaries/subscribe").await.is_err());
}

#[tokio::test]
async fn a_revoked_token_and_its_streams_are_over_within_a_second() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    for by_sql in [false, true] {
        let (id, token) = make(&admin).await;
        let program = server.nobody().with_bearer(&token);
        let mut socket = program.open("/api/tables/orders/subscribe").await.unwrap();
        socket.next().await;
        if by_sql {
            server.sql(&format!("delete from _pagetide_tokens where id = '{id}'"));
        } else {
            assert_eq!(admin.send(Method::DELETE, &format!("{TOKENS}/{id}"), None).await.0, 204);
            assert_eq!(program.get(NOTES).await.0, 401);
        }
        assert_eq!(within("the stream to end", socket.close_code()).await, 4401);
        assert_eq!(program.get(NOTES).await.0, 401);
        assert_eq!(admin.send(Method::DELETE, &format!("{TOKENS}/{id}"), None).await.0, 404);
    }
}

#[tokio::test]
async fn a_token_ends_by_itself() {
    let server = Server::start(DESK).await;
    let (_, token) = make(&server.admin().await).await;
    let program = server.nobody().with_bearer(&token);
    let mut socket = program.open("/api/tables/orders/subscribe").await.unwrap();
    socket.next().await;
    server.sql("update _pagetide_tokens set expires_at = unixepoch() - 1");
    assert_eq!(within("the stream to end", socket.close_code()).await, 4401);
    assert_eq!(program.get(NOTES).await.0, 401);
}

#[tokio::test]
async fn what_is_not_quite_a_token_is_refused_whatever_the_cookie_says() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    let (_, token) = make(&admin).await;
    let status = async |values: &[String]| {
        let mut request = admin.request(Method::GET, NOTES);
        for value in values {
            request = request.header("authorization", value);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(status(&[format!("Bearer {token}")]).await.0, 200);
    assert_eq!(status(&[format!("bearer {token}")]).await.0, 200);
    // Other ways to say who one is are for whatever stands before this server.
    assert_eq!(status(&["Basic eDp5".to_owned()]).await.0, 200);
    let good = format!("Bearer {token}");
    let other_case = token.to_uppercase();
    for values in [
        vec![good.clone(), good.clone()],
        vec![good.clone(), "Basic eDp5".to_owned()],
        vec![format!("Bearer {other_case}")],
        vec![format!("Bearer {}", token.replace("pt_", "PT_"))],
        vec![format!("Bearer {}", &token[3..])],
        vec![format!("Bearer  {token}")],
        vec![format!("Bearer\t{token}")],
        vec![format!("Bearer {token} {token}")],
        vec![format!("Bearer {}", &token[..45])],
        vec![format!("Bearer {token}x")],
        vec!["Bearer".to_owned()],
        vec![format!("Bearer pt_{}", "é".repeat(43))],
        vec![format!("Bearer {}", "x".repeat(10_000))],
    ] {
        let (status, told) = status(&values).await;
        assert_eq!(status, 401, "{values:?}");
        assert!(told.contains("UNAUTHENTICATED") && !told.contains(&token));
    }
}

#[tokio::test]
async fn the_token_goes_before_the_cookie() {
    let server = Server::start(DESK).await;
    let (packer, admin) = (server.person("pam", "packer"), server.admin().await);
    let (_, token) = make(&packer).await;
    let both = admin.with_bearer(&token);
    assert_eq!(both.get("/api/auth/session").await.1["user"]["id"], "pam");
}

#[tokio::test]
async fn a_token_is_no_cookie_and_a_cookie_no_token() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    let (_, token) = make(&admin).await;
    let as_cookie = server.nobody().with_cookie(format!("pagetide_session={token}"));
    assert_eq!(as_cookie.get(NOTES).await.0, 401);
    server.person("pam", "packer");
    assert_eq!(server.nobody().with_bearer("token-of-pam").get(NOTES).await.0, 401);
    let guest = server.guest().await;
    assert_eq!(guest.send(Method::POST, TOKENS, Some(json!({ "name": "x" }))).await.0, 401);
}

#[tokio::test]
async fn a_token_cannot_make_itself_at_home() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    let (id, token) = make(&admin).await;
    let program = server.nobody().with_bearer(&token);
    let passwords = json!({ "currentPassword": "correct horse", "newPassword": "battery staple" });
    for (method, path, body) in [
        (Method::POST, TOKENS, json!({ "name": "another" })),
        (Method::GET, TOKENS, Json::Null),
        (Method::DELETE, &format!("{TOKENS}/{id}"), Json::Null),
        (Method::POST, "/api/auth/change-password", passwords),
        (Method::POST, "/api/auth/sign-out-everywhere", Json::Null),
    ] {
        assert_eq!(program.send(method, path, Some(body)).await.0, 403, "{path}");
    }
    // Said plainly, rather than "done" and still good.
    let (status, told) = program.send(Method::POST, "/api/auth/sign-out", None).await;
    assert_eq!(status, 400, "{told}");
    assert!(told["message"].as_str().unwrap().contains("revoke it"), "{told}");
    assert_eq!(program.get(NOTES).await.0, 200);
    assert_eq!(admin.get(NOTES).await.0, 200);
}

#[tokio::test]
async fn nobody_sees_or_ends_the_tokens_of_others() {
    let server = Server::start(DESK).await;
    let (admin, pam) = (server.admin().await, server.person("pam", "packer"));
    let (id, token) = make(&admin).await;
    let (_, own) = admin.get(TOKENS).await;
    assert_eq!(own["tokens"][0]["id"], json!(id));
    assert!(!own.to_string().contains(&token));
    assert!(!server.sql("select * from _pagetide_tokens").contains(&token));
    assert_eq!(pam.get(TOKENS).await.1, json!({ "tokens": [] }));
    assert_eq!(pam.send(Method::DELETE, &format!("{TOKENS}/{id}"), None).await.0, 404);
    assert_eq!(server.nobody().with_bearer(&token).get(NOTES).await.0, 200);
}

#[tokio::test]
async fn what_can_be_no_token_is_refused() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    for (body, status) in [
        (json!({}), 400),
        (json!({ "name": "" }), 422),
        (json!({ "name": "a\nb" }), 422),
        (json!({ "name": "x".repeat(1_000) }), 422),
        (json!({ "name": "x", "expiresInDays": 0 }), 422),
        (json!({ "name": "x", "expiresInDays": 3_651 }), 422),
        (json!({ "name": "x", "expiresInDays": -1 }), 400),
        (json!({ "name": "x", "role": "admin" }), 400),
    ] {
        assert_eq!(admin.send(Method::POST, TOKENS, Some(body.clone())).await.0, status, "{body}");
    }
    for _ in 0..100 {
        make(&admin).await;
    }
    let (status, told) = admin.send(Method::POST, TOKENS, Some(json!({ "name": "x" }))).await;
    assert_eq!(status, 422, "{told}");
}

#[tokio::test]
async fn the_use_of_a_token_is_noted_without_ending_a_session() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    let (_, token) = make(&admin).await;
    assert_eq!(admin.get(TOKENS).await.1["tokens"][0]["lastUsedAt"], Json::Null);
    let version = "select value from _pagetide_meta where key = 'accounts'";
    let before = server.sql(version);
    let program = server.nobody().with_bearer(&token);
    for _ in 0..3 {
        assert_eq!(program.get(NOTES).await.0, 200);
    }
    assert!(admin.get(TOKENS).await.1["tokens"][0]["lastUsedAt"].is_i64());
    assert_eq!(server.sql(version), before);
}
