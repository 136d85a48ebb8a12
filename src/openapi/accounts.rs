//! The operations below `/api/auth`: signing in and out, the first account, a user's own password and API tokens.

use serde_json::{Value as Json, json};

use crate::auth::MAX_TOKEN_DAYS;
use crate::model::app::App;
use crate::model::viewer::Viewer;
use crate::openapi::schemas::object;
use crate::openapi::{Paths, answers, body};

/// The statuses of errors that most operations on accounts may answer with.
const REFUSED: [u16; 5] = [400, 403, 413, 429, 503];

/// Adds the operations on accounts that this viewer may use.
pub(super) fn describe(app: &App, viewer: &Viewer, paths: &mut Paths) {
    let mut add = |path: &str, operations| paths.insert(format!("/api/auth/{path}"), operations);
    add("sign-in/email", json!({ "post": sign_in() }));
    if app.sign_up.is_some() {
        add("sign-up/email", json!({ "post": sign_up() }));
    }
    add("sign-out", json!({ "post": sign_out() }));
    add("session", json!({ "get": session() }));
    add("guest", json!({ "get": guest() }));
    add("set-up", json!({ "post": set_up() }));
    if let Viewer::User(_) = viewer {
        add("sign-out-everywhere", json!({ "post": sign_out_everywhere() }));
        add("change-password", json!({ "post": change_password() }));
        add("tokens", json!({ "get": tokens(), "post": make_token() }));
        let id = json!({
            "name": "id", "in": "path", "required": true, "schema": { "type": "string" },
        });
        let revoke = |name: &str| revoke_token(name, &id);
        add("tokens/{id}", json!({ "delete": revoke("revokeToken") }));
        add("tokens/{id}/revoke", json!({ "post": revoke("revokeTokenByForm") }));
    }
}

fn sign_in() -> Json {
    let sent = json!({ "email": "ada@example.org", "password": "correct horse" });
    let mut responses = answers::of(200, begun(), &REFUSED);
    let wrong = "Nobody has this address and password.";
    responses["401"] = answers::refusal(wrong, &["WRONG_CREDENTIALS", "UNAUTHENTICATED"], None);
    let body = body(&texts(&["email", "password"]), &sent);
    operation("signIn", "Begins a session", &responses, Some(&body))
}

fn sign_up() -> Json {
    let sent =
        json!({ "name": "Grace", "email": "grace@example.org", "password": "battery staple" });
    let refused: Vec<_> = REFUSED.into_iter().chain([401, 422]).collect();
    let mut responses = answers::of(201, begun(), &refused);
    let taken = "There is an account with this address.";
    responses["409"] = answers::refusal(taken, &["CONFLICT"], None);
    let body = body(&texts(&["name", "email", "password"]), &sent);
    operation("signUp", "Makes an account and begins a session", &responses, Some(&body))
}

fn sign_out() -> Json {
    let over = answers::nothing("It has ended, if there was one.");
    let responses = answers::of(204, over, &[400, 401, 403, 503]);
    operation("signOut", "Ends the session", &responses, None)
}

fn session() -> Json {
    let responses = answers::of(200, user("Who is signed in; nobody is null."), &[401, 503]);
    operation("session", "Says whose session it is", &responses, None)
}

fn guest() -> Json {
    let shape = texts(&["token"]);
    let example = json!({ "token": "g.1767225600.c2lnbmVk" });
    let answer = answers::json_body("The token of a guest.", &shape, &example);
    let responses = answers::of(200, answer, &[503]);
    operation("guest", "Lets a page of another site in as a guest", &responses, None)
}

fn set_up() -> Json {
    let shape = texts(&["token", "name", "email", "password"]);
    let form = json!({
        "required": true,
        "content": { "application/x-www-form-urlencoded": { "schema": shape } },
    });
    let made = answers::nothing("It is made, and signed in.");
    let mut responses = answers::of(303, made, &[400, 401, 403, 413, 503]);
    for (status, about) in [
        ("404", "There is an account already, or this is not the token that was printed."),
        ("422", "This cannot be an account; the form says why."),
        ("429", "Too many attempts; `Retry-After` says when to come again."),
    ] {
        responses[status] = json!({
            "description": about,
            "content": { "text/html": { "schema": { "type": "string" } } },
        });
    }
    operation("setUp", "Makes the first account, by a form", &responses, Some(&form))
}

fn sign_out_everywhere() -> Json {
    let over = answers::nothing("Every session has ended, this one too.");
    let responses = answers::of(204, over, &[400, 401, 403, 503]);
    operation("signOutEverywhere", "Ends every session of yours", &responses, None)
}

fn change_password() -> Json {
    let sent = json!({ "currentPassword": "correct horse", "newPassword": "battery staple" });
    let changed = answers::nothing("It is changed. Every session has ended; this is a new one.");
    let refused: Vec<_> = REFUSED.into_iter().chain([401, 422]).collect();
    let mut responses = answers::of(204, changed, &refused);
    let codes = ["WRONG_CREDENTIALS", "FORBIDDEN", "FOREIGN_ORIGIN"];
    let wrong = "The current password is another one, or a program may not do this.";
    responses["403"] = answers::refusal(wrong, &codes, None);
    let body = body(&texts(&["currentPassword", "newPassword"]), &sent);
    operation("changePassword", "Changes your password", &responses, Some(&body))
}

fn tokens() -> Json {
    let time = || json!({ "type": ["integer", "null"], "description": "Unix seconds." });
    let text = json!({ "type": "string" });
    let members = json!({
        "id": text, "name": text,
        "createdAt": { "type": "integer" }, "expiresAt": time(), "lastUsedAt": time(),
    });
    let names = ["id", "name", "createdAt", "expiresAt", "lastUsedAt"];
    let list = json!({ "type": "array", "items": object(&members, &names) });
    let shape = object(&json!({ "tokens": list }), &["tokens"]);
    let example = json!({ "tokens": [{
        "id": "7Gk2", "name": "nightly import",
        "createdAt": 1_767_225_600, "expiresAt": null, "lastUsedAt": null,
    }] });
    let answer =
        answers::json_body("What is known of each, not the tokens themselves.", &shape, &example);
    let responses = answers::of(200, answer, &[400, 401, 403, 503]);
    operation("tokens", "Lists your tokens of the API", &responses, None)
}

fn make_token() -> Json {
    let members = json!({
        "name": { "type": "string" },
        "expiresInDays": {
            "type": ["integer", "null"],
            "minimum": 1,
            "maximum": MAX_TOKEN_DAYS,
            "description": "Without it, the token does not end.",
        },
    });
    let sent = json!({ "name": "nightly import", "expiresInDays": 30 });
    let text = json!({ "type": "string" });
    let told = json!({
        "id": text, "name": text, "token": text, "expiresAt": { "type": ["integer", "null"] },
    });
    let shape = object(&told, &["id", "name", "token", "expiresAt"]);
    let example = json!({
        "id": "7Gk2", "name": "nightly import", "token": "pt_…", "expiresAt": 1_769_817_600,
    });
    let made = answers::json_body("The token, told this once.", &shape, &example);
    let refused: Vec<_> = REFUSED.into_iter().chain([401, 422]).collect();
    let responses = answers::of(201, made, &refused);
    let body = body(&object(&members, &["name"]), &sent);
    operation("makeToken", "Makes a token of the API", &responses, Some(&body))
}

fn revoke_token(name: &str, id: &Json) -> Json {
    let gone = answers::nothing("It is no longer good.");
    let responses = answers::of(204, gone, &[400, 401, 403, 404, 503]);
    let mut operation = operation(name, "Ends a token of yours", &responses, None);
    operation["parameters"] = json!([id]);
    operation
}

/// Returns the schema of an object whose members are all required texts.
fn texts(names: &[&str]) -> Json {
    let text = |name: &&str| ((*name).to_owned(), json!({ "type": "string" }));
    object(&names.iter().map(text).collect::<serde_json::Map<_, _>>().into(), names)
}

/// Returns the answer that begins a session: the user, and the session's cookie.
fn begun() -> Json {
    let mut answer = user("The session has begun; its cookie comes along.");
    answer["headers"] = json!({ "Set-Cookie": { "schema": { "type": "string" } } });
    answer
}

/// Returns an answer with a user, or with `null` for a guest. `about` is its description.
fn user(about: &str) -> Json {
    let mut person = texts(&["id", "email", "name", "role"]);
    person["type"] = json!(["object", "null"]);
    let shape = object(&json!({ "user": person }), &["user"]);
    let example = json!({ "user": {
        "id": "8tUfRzDq", "email": "ada@example.org", "name": "Ada", "role": "member",
    } });
    answers::json_body(about, &shape, &example)
}

/// Returns an operation. `id` is its `operationId`, `about` its summary.
fn operation(id: &str, about: &str, responses: &Json, body: Option<&Json>) -> Json {
    let mut operation = json!({
        "tags": ["Accounts"], "summary": about, "operationId": id, "responses": responses,
    });
    if let Some(body) = body {
        operation["requestBody"] = body.clone();
    }
    operation
}
