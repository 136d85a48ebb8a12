//! People who make themselves an account.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::server::{Client, DESK, Server, cookie};

const SIGN_UP: &str = "/api/auth/sign-up/email";

async fn start() -> Server {
    Server::start(&DESK.replace("auth: {", "auth: { signUp: true,")).await
}

fn bob() -> Json {
    json!({ "name": " Bob ", "email": " bob@example.org ", "password": "battery staple" })
}

async fn sign_up(client: &Client, body: Json) -> (u16, Json) {
    client.send(Method::POST, SIGN_UP, Some(body)).await
}

#[tokio::test]
async fn whoever_signs_up_is_in_with_the_default_role() {
    let server = start().await;
    let answer = server.nobody().request(Method::POST, SIGN_UP).json(&bob()).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let session = cookie(&answer).unwrap();
    let told: Json = answer.json().await.unwrap();
    assert_eq!(
        (&told["user"]["email"], &told["user"]["name"], &told["user"]["role"]),
        (&json!("bob@example.org"), &json!("Bob"), &json!("member"))
    );
    let bob = server.nobody().with_cookie(session);
    assert_eq!(bob.get("/api/auth/session").await.1["user"], told["user"]);
    assert_eq!(bob.get("/api/tables/salaries/records").await.0, 404);
    server.nobody().into_person("BOB@example.org", "battery staple").await;
    assert!(!server.sql("select * from _pagetide_users").contains("battery"));
}

#[tokio::test]
async fn the_author_says_which_role_that_is() {
    let yaml = DESK.replace("auth: {", "auth: { signUp: true, defaultRole: packer,");
    let server = Server::start(&yaml).await;
    let (_, told) = sign_up(&server.nobody(), bob()).await;
    assert_eq!(told["user"]["role"], "packer");
}

#[tokio::test]
async fn where_nobody_may_there_is_nothing() {
    let server = Server::start(DESK).await;
    let nobody = server.nobody();
    let nothing = nobody.send(Method::POST, "/api/auth/nothing", Some(bob())).await;
    assert_eq!(nothing.0, 404);
    assert_eq!(sign_up(&nobody, bob()).await, nothing);
    assert_eq!(nobody.get("/sign-up").await.0, 404);
    let (_, page) = nobody.get("/sign-in").await;
    assert!(!page.as_str().unwrap().contains("/sign-up"));
    assert_eq!(server.sql("select count(*) from _pagetide_users"), "1");
}

#[tokio::test]
async fn an_address_has_one_account_however_many_ask_at_once() {
    let server = start().await;
    let client = server.nobody();
    let all = join_all((0..15).map(|_| sign_up(&client, bob()))).await;
    let made = all.iter().filter(|(status, _)| *status == 201).count();
    let taken = all.iter().filter(|(status, told)| *status == 409 && told["code"] == "CONFLICT");
    assert_eq!((made, taken.count()), (1, 14));
    let mut ada = bob();
    ada["email"] = json!("ADA@EXAMPLE.ORG");
    assert_eq!(sign_up(&client, ada).await.0, 409);
    assert_eq!(server.sql("select count(*) from _pagetide_users"), "2");
}

#[tokio::test]
async fn what_can_be_no_account_is_told_by_field() {
    let server = start().await;
    let nobody = server.nobody();
    let body = json!({ "name": " ", "email": "bob", "password": "short" });
    let (status, told) = sign_up(&nobody, body).await;
    assert_eq!((status, &told["code"]), (422, &json!("VALIDATION_FAILED")));
    let fields: Vec<_> =
        told["details"].as_array().unwrap().iter().map(|fault| &fault["field"]).collect();
    assert_eq!(fields, ["email", "name", "password"]);
    for (field, value, status) in [
        ("email", json!("bob@example.org\0"), 422),
        ("email", json!("<b>@example.org"), 422),
        ("email", json!("a".repeat(300) + "@example.org"), 422),
        ("email", json!(null), 400),
        ("name", json!("Bob\nAdmin"), 422),
        ("name", json!("é".repeat(200)), 422),
        ("password", json!("x".repeat(1_025)), 422),
        ("password", json!("x".repeat(2_000_000)), 413),
        ("password", json!(12_345_678), 400),
        ("role", json!("admin"), 400),
    ] {
        let mut body = bob();
        body[field] = value.clone();
        assert_eq!(sign_up(&nobody, body).await.0, status, "{field}");
    }
    assert_eq!(server.sql("select count(*) from _pagetide_users"), "1");
    let mut body = bob();
    (body["name"], body["password"]) = (json!("Bøb 🦊"), json!("🦊\0🦊🦊🦊🦊🦊🦊"));
    assert_eq!(sign_up(&nobody, body).await.0, 201);
    nobody.into_person("bob@example.org", "🦊\0🦊🦊🦊🦊🦊🦊").await;
}

#[tokio::test]
async fn one_place_cannot_make_accounts_without_end() {
    let server = start().await;
    let client = server.nobody();
    let try_as = |i: usize| {
        let mut body = bob();
        body["email"] = json!(format!("bob{i}@example.org"));
        let request = client.request(Method::POST, SIGN_UP).json(&body);
        request.header("x-forwarded-for", format!("192.0.2.{i}")).send()
    };
    let all = join_all((0..40).map(try_as)).await;
    let refused = all.into_iter().map(Result::unwrap).filter(|answer| answer.status() == 429);
    let refused: Vec<_> = refused.collect();
    assert_eq!(refused.len(), 20);
    let wait: u64 = refused[0].headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
}

#[tokio::test]
async fn the_form_signs_up_and_goes_on() {
    let server = start().await;
    let (status, page) = server.nobody().get("/sign-up?next=%2Fnotes").await;
    let page = page.as_str().unwrap();
    assert_eq!(status, 200);
    assert!(
        page.contains(r#"name="next" value="&#x2f;notes""#) && page.contains("minlength=\"8\"")
    );
    assert!(server.nobody().get("/sign-in").await.1.as_str().unwrap().contains("sign-up"));
    let send = async |body: &str| {
        let request = server.nobody().request(Method::POST, SIGN_UP);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        request.body(body.to_owned()).send().await.unwrap()
    };
    let answer = send("name=%3Cb%3E&email=bob%40example.org&password=short&next=%2Fnotes").await;
    assert_eq!(answer.status(), 422);
    let page = answer.text().await.unwrap();
    assert!(page.contains("at least 8 characters") && page.contains("&lt;b&gt;"));
    let person = "name=Bob&email=bob%40example.org&password=battery+staple";
    let answer = send(&format!("{person}&next=%2F%2Fevil.example")).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["location"]),
        (303, &"/".parse().unwrap())
    );
    assert!(cookie(&answer).is_some());
    let answer = send(&format!("{person}&next=%2Fnotes")).await;
    assert_eq!(answer.status(), 409);
    assert!(cookie(&answer).is_none());
}
