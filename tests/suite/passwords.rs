//! Passwords: who may try them, how often, and what ends with a change of one.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::server::{Client, DESK, Server, cookie, within};

const SIGN_IN: &str = "/api/auth/sign-in/email";
const CHANGE: &str = "/api/auth/change-password";

async fn try_with(client: &Client, email: &str, password: &str) -> (u16, Option<u64>, String) {
    let body = json!({ "email": email, "password": password });
    let answer = client.request(Method::POST, SIGN_IN).json(&body).send().await.unwrap();
    let wait =
        answer.headers().get("retry-after").map(|wait| wait.to_str().unwrap().parse().unwrap());
    (answer.status().as_u16(), wait, answer.text().await.unwrap())
}

#[tokio::test]
async fn guessing_is_slowed_for_known_and_unknown_alike() {
    let server = Server::start(DESK).await;
    let client = server.nobody();
    for email in ["ada@example.org", "eve@example.org"] {
        for _ in 0..10 {
            assert_eq!(try_with(&client, email, "wrong horse").await.0, 401);
        }
        // Not even the right password is looked at now.
        let (status, wait, told) = try_with(&client, email, "correct horse").await;
        assert_eq!(status, 429);
        assert!((1..=30).contains(&wait.unwrap()), "{wait:?}");
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert_eq!(told["code"], "TOO_MANY_ATTEMPTS");
    }
    let other = try_with(&client, "bob@example.org", "wrong horse").await;
    assert_eq!(other.0, 401);
}

#[tokio::test]
async fn a_made_up_address_does_not_help_a_guesser() {
    let server = Server::start(DESK).await;
    let statuses = join_all((0..30).map(async |i| {
        let body = json!({ "email": "ada@example.org", "password": "wrong horse" });
        let request = server.nobody().request(Method::POST, SIGN_IN).json(&body);
        let request = request.header("x-forwarded-for", format!("198.51.100.{i}"));
        request.header("forwarded", format!("for=198.51.100.{i}")).send().await.unwrap().status()
    }));
    let refused = statuses.await.into_iter().filter(|status| *status == 429).count();
    assert_eq!(refused, 20);
}

#[tokio::test]
async fn a_flood_of_guesses_keeps_nobody_else_waiting() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    let client = server.nobody();
    let flood = join_all((0..1_000).map(async |i: usize| {
        try_with(&client, &format!("{i}@example.org"), "wrong horse").await.0
    }));
    let others = async {
        for _ in 0..50 {
            assert_eq!(admin.get("/api/tables/notes/records").await.0, 200);
        }
    };
    let (statuses, ()) = tokio::join!(flood, others);
    let tried = statuses.iter().filter(|status| **status == 401).count();
    assert!((30..70).contains(&tried), "{tried}");
    assert!(statuses.iter().all(|status| [401, 429].contains(status)));
}

#[tokio::test]
async fn a_new_password_ends_every_other_session_and_their_streams() {
    let server = Server::start(DESK).await;
    let (here, there) = (server.admin().await, server.admin().await);
    let mut stream = there.open("/api/tables/orders/subscribe").await.unwrap();
    stream.next().await;
    let body = json!({ "currentPassword": "correct horse", "newPassword": "battery staple" });
    let answer = here.request(Method::POST, CHANGE).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 204);
    let fresh = server.nobody().with_cookie(cookie(&answer).unwrap());
    assert_eq!(fresh.get("/api/tables/notes/records").await.0, 200);
    for ended in [&here, &there] {
        assert_eq!(ended.get("/api/tables/notes/records").await.0, 401);
    }
    assert_eq!(within("the stream to end", stream.close_code()).await, 4401);
    assert_eq!(try_with(&server.nobody(), "ada@example.org", "correct horse").await.0, 401);
    server.nobody().into_person("ada@example.org", "battery staple").await;
}

#[tokio::test]
async fn only_who_knows_the_password_may_change_it() {
    let server = Server::start(DESK).await;
    let change = async |client: &Client, current: &str, new: &str| {
        let body = json!({ "currentPassword": current, "newPassword": new });
        client.send(Method::POST, CHANGE, Some(body)).await
    };
    assert_eq!(change(&server.nobody(), "correct horse", "battery staple").await.0, 401);
    assert_eq!(change(&server.guest().await, "correct horse", "battery staple").await.0, 401);
    let admin = server.admin().await;
    let (status, told) = change(&admin, "correct horse", "short").await;
    assert_eq!((status, &told["details"][0]["field"]), (422, &json!("newPassword")));
    assert_eq!(change(&admin, "correct horse", &"x".repeat(2_000)).await.0, 422);
    for _ in 0..9 {
        let (status, told) = change(&admin, "wrong horse", "battery staple").await;
        assert_eq!((status, &told["code"]), (403, &json!("WRONG_CREDENTIALS")));
    }
    assert_eq!(change(&admin, "correct horse", "battery staple").await.0, 429);
    assert_eq!(admin.get("/api/tables/notes/records").await.0, 200);
}

#[tokio::test]
async fn signing_out_everywhere_is_for_every_browser() {
    let server = Server::start(DESK).await;
    let (here, there) = (server.admin().await, server.admin().await);
    let mut stream = there.open("/api/tables/orders/subscribe").await.unwrap();
    stream.next().await;
    let everywhere = "/api/auth/sign-out-everywhere";
    assert_eq!(server.nobody().send(Method::POST, everywhere, None).await.0, 401);
    assert_eq!(here.bare(Method::POST, everywhere).send().await.unwrap().status(), 403);
    assert_eq!(here.send(Method::POST, everywhere, None).await.0, 204);
    for ended in [&here, &there] {
        assert_eq!(ended.get("/api/tables/notes/records").await.0, 401);
    }
    assert_eq!(within("the stream to end", stream.close_code()).await, 4401);
}

#[tokio::test]
async fn signing_in_begins_a_session_that_nobody_could_have_planted() {
    let server = Server::start(DESK).await;
    let planted = server.guest().await;
    let body = json!({ "email": "ada@example.org", "password": "correct horse" });
    let answer = planted.request(Method::POST, SIGN_IN).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let header = answer.headers()["set-cookie"].to_str().unwrap();
    assert!(header.contains("HttpOnly") && header.contains("SameSite=Lax"), "{header}");
    assert_eq!(planted.get("/api/auth/session").await.1, json!({ "user": null }));
}

#[tokio::test]
async fn the_account_page_works_by_forms_alone() {
    let server = Server::start(DESK).await;
    let (status, _) = server.nobody().get("/account").await;
    assert_eq!(status, 303);
    let admin = server.admin().await;
    let (_, page) = admin.get("/").await;
    assert!(page.as_str().unwrap().contains(r#"href="/account""#));
    let form = async |client: &Client, path: &str, body: &str| {
        let request = client.request(Method::POST, path);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        request.body(body.to_owned()).send().await.unwrap()
    };
    let (_, page) = admin.get("/account").await;
    let page = page.as_str().unwrap();
    assert!(page.contains("ada@example.org") && page.contains("this one"));
    let answer = form(&admin, CHANGE, "currentPassword=x&newPassword=battery+staple").await;
    assert_eq!(answer.status(), 403);
    assert!(answer.text().await.unwrap().contains("the current password is wrong"));
    let answer = form(&admin, "/api/auth/tokens", "name=%3Cnightly%3E&expiresInDays=30").await;
    assert_eq!(answer.status(), 201);
    let page = answer.text().await.unwrap();
    let secret = page.split("pt_").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let program = server.nobody().with_bearer(&format!("pt_{secret}"));
    assert_eq!(program.get("/api/tables/notes/records").await.0, 200);
    let (_, page) = admin.get("/account").await;
    let page = page.as_str().unwrap();
    assert!(page.contains("&lt;nightly&gt;") && !page.contains(&secret));
    let revoke =
        page.split(r#"action="/api/auth/tokens/"#).nth(1).unwrap().split('"').next().unwrap();
    let answer = form(&admin, &format!("/api/auth/tokens/{revoke}"), "").await;
    assert_eq!(answer.headers()["location"], "/account?done=token");
    assert_eq!(program.get("/api/tables/notes/records").await.0, 401);
    let answer = form(&admin, "/api/auth/tokens", "name=&expiresInDays=x").await;
    assert_eq!(answer.status(), 400);
    let answer = form(&admin, "/api/auth/tokens", "name=&expiresInDays=").await;
    assert_eq!(answer.status(), 422);
    let answer = form(&admin, CHANGE, "currentPassword=correct+horse&newPassword=battery+staple");
    let answer = answer.await;
    assert_eq!(answer.headers()["location"], "/account?done=password");
    let admin = server.nobody().with_cookie(cookie(&answer).unwrap());
    let answer = form(&admin, "/api/auth/sign-out-everywhere", "").await;
    assert_eq!(answer.headers()["location"], "/sign-in");
    assert_eq!(admin.get("/account").await.0, 303);
}
