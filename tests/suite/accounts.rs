//! Signing in and out, sessions, and who a request is believed to come from.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::server::{DESK, Server, cookie, until};

const SIGN_IN: &str = "/api/auth/sign-in/email";

#[tokio::test]
async fn a_session_begins_and_ends() {
    let server = Server::start(DESK).await;
    let admin = server.admin().await;
    let (status, session) = admin.get("/api/auth/session").await;
    assert_eq!((status, &session["user"]["email"]), (200, &json!("ada@example.org")));
    assert_eq!(session["user"]["role"], "admin");
    assert_eq!(admin.send(Method::POST, "/api/auth/sign-out", None).await.0, 204);
    assert_eq!(admin.get("/api/auth/session").await, (200, json!({ "user": null })));
    assert_eq!(admin.get("/api/tables/notes/records").await.0, 401);
}

#[tokio::test]
async fn a_session_survives_a_restart() {
    let mut server = Server::start(DESK).await;
    let (admin, guest) = (server.admin().await, server.guest().await);
    server.restart().await;
    assert_eq!(admin.get("/api/tables/notes/records").await.0, 200);
    assert!(guest.open("/api/tables/orders/subscribe").await.is_ok());
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_answer_alike() {
    let server = Server::start(DESK).await;
    let try_with = async |email: &str, password: &str| {
        let body = Some(json!({ "email": email, "password": password }));
        server.nobody().send(Method::POST, SIGN_IN, body).await
    };
    let wrong = try_with("ada@example.org", "wrong horse").await;
    assert_eq!((wrong.0, &wrong.1["code"]), (401, &json!("WRONG_CREDENTIALS")));
    assert_eq!(try_with("eve@example.org", "wrong horse").await, wrong);
    assert_eq!(try_with("", "").await, wrong);
    assert_eq!(try_with("ada@example.org", &"x".repeat(100_000)).await, wrong);
}

#[tokio::test]
async fn the_cookie_is_kept_from_scripts_and_other_sites() {
    let server = Server::start(DESK).await;
    let answer = server.nobody().request(Method::GET, "/").send().await.unwrap();
    let header = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(header.contains("HttpOnly") && header.contains("SameSite=Lax"), "{header}");
    assert!(!header.contains("Secure"), "{header}");
    let request = server.nobody().request(Method::GET, "/").header("host", "desk.example");
    let answer = request.send().await.unwrap();
    assert!(answer.headers()["set-cookie"].to_str().unwrap().contains("Secure"));
}

#[tokio::test]
async fn a_forged_token_is_nobodys() {
    let server = Server::start(DESK).await;
    for forged in ["x", "guest.9999999999.AAAA", "guest.", "guest.1.1.1", "%00", ""] {
        let request = server.nobody().request(Method::GET, "/api/tables/notes/records");
        let answer = request.header("cookie", format!("pagetide_session={forged}"));
        assert_eq!(answer.send().await.unwrap().status(), StatusCode::UNAUTHORIZED, "{forged}");
    }
}

#[tokio::test]
async fn another_site_cannot_act_with_the_cookie() {
    let server = Server::start(DESK).await;
    let answer = server.nobody().request(Method::POST, SIGN_IN);
    let body = json!({ "email": "ada@example.org", "password": "correct horse" });
    let session = cookie(&answer.json(&body).send().await.unwrap()).unwrap();
    let post = |header: Option<(&'static str, String)>| {
        let request = server.nobody().request(Method::POST, "/api/tables/orders/records");
        let request =
            request.header("cookie", &session).json(&json!({ "fields": { "customer": "Ada" } }));
        match header {
            Some((name, value)) => request.header(name, value),
            None => request,
        }
    };
    let status = async |header| post(header).send().await.unwrap().status().as_u16();
    assert_eq!(status(None).await, 403);
    assert_eq!(status(Some(("origin", "https://evil.example".to_owned()))).await, 403);
    assert_eq!(status(Some(("origin", "null".to_owned()))).await, 403);
    assert_eq!(status(Some(("sec-fetch-site", "cross-site".to_owned()))).await, 403);
    assert_eq!(server.sql("select count(*) from orders"), "0");
    assert_eq!(status(Some(("origin", format!("http://{}", server.address)))).await, 201);
}

#[tokio::test]
async fn the_form_signs_in_and_goes_on_to_a_path_of_ours() {
    let server = Server::start(DESK).await;
    let send = async |body: String| {
        let request = server.nobody().request(Method::POST, SIGN_IN);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        request.body(body).send().await.unwrap()
    };
    let sign_in = "email=ada%40example.org&password=correct+horse";
    for (next, location) in [("%2Fnotes", "/notes"), ("%2F%2Fevil.example", "/"), ("", "/")] {
        let answer = send(format!("{sign_in}&next={next}")).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        assert_eq!(answer.headers()["location"], location);
        assert!(cookie(&answer).is_some());
    }
    let answer = send("email=%3Cada%3E&password=x&next=%2Fnotes".to_owned()).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert!(cookie(&answer).is_none());
    let page = answer.text().await.unwrap();
    assert!(page.contains("the e-mail address or the password is wrong"));
    assert!(page.contains("&lt;ada&gt;") && !page.contains("<ada>"));
}

#[tokio::test]
async fn a_used_setup_link_is_no_more() {
    let server = Server::start(DESK).await;
    let (status, page) = server.nobody().get("/setup?token=x").await;
    assert_eq!(status, 404);
    assert!(page.as_str().unwrap().contains("There is no such page"));
}

#[tokio::test]
async fn a_session_that_another_program_ends_is_over_within_a_second() {
    let server = Server::start(DESK).await;
    let ada = server.person("ada", "packer");
    assert_eq!(ada.get("/api/tables/salaries/records").await.0, 200);
    server.sql("update _pagetide_users set role = 'viewer' where id = 'ada'");
    let answer = async || ada.get("/api/tables/salaries/records").await.0;
    until("the role to be another", async || (answer().await == 404).then_some(())).await;
    server.sql("delete from _pagetide_sessions");
    until("the session to be over", async || (answer().await == 401).then_some(())).await;
}

#[tokio::test]
async fn people_have_the_names_that_another_program_gives_them() {
    let server = Server::start(DESK).await;
    let (ada, admin) = (server.person("ada", "admin"), server.admin().await);
    let id = ada.add_order(json!({ "customer": "Bob" })).await;
    let path = format!("/api/tables/orders/records/{id}");
    let (_, read) = admin.get(&path).await;
    let body = json!({ "fields": { "customer": "Eve" } });
    assert_eq!(ada.send(Method::PATCH, &path, Some(body)).await.0, 200);
    let name = async || {
        let mut socket = admin.open("/api/tables/orders/subscribe").await.unwrap();
        socket.next().await;
        let stale = json!({
            "fields": { "customer": "Mine" }, "updatedAt": read["fields"]["updatedAt"],
        });
        assert_eq!(admin.send(Method::PATCH, &path, Some(stale)).await.0, 409);
        socket.next().await["overwrittenBy"]["name"].clone()
    };
    until("the name", async || (name().await == "ada").then_some(())).await;
    server.sql("update _pagetide_users set name = 'Countess' where id = 'ada'");
    until("the new name", async || (name().await == "Countess").then_some(())).await;
}
