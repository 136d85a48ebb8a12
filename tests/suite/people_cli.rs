//! `pagetide user` and `pagetide token`, while a server runs on the same database.

use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::{Value as Json, json};

use crate::cli::{Process, app, pagetide, run, text};
use crate::server::{Client, DESK, within};

/// Runs a command that is given a password.
fn given(password: &str, args: &[&str], folder: &Path) -> Output {
    let mut command = pagetide();
    command.args(args).arg("--password-stdin").current_dir(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // The program may refuse before it has read all.
    let _ = child.stdin.take().unwrap().write_all(password.as_bytes());
    child.wait_with_output().unwrap()
}

fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[tokio::test]
async fn people_are_looked_after_while_a_server_runs() {
    let folder = app(DESK);
    let at = folder.path();
    let mut serve = pagetide();
    serve.args(["serve", "--listen", "127.0.0.1:0"]).current_dir(at);
    let server = Process::start(&mut serve);
    let nobody = Client::at(server.address.parse().unwrap());

    let added =
        given("battery staple\n", &["user", "add", "bob@example.org", "--role", "packer"], at);
    assert_eq!(done(&added), "bob@example.org may sign in now, with the role packer\n");
    let bob = nobody.clone().into_person("bob@example.org", "battery staple").await;
    assert_eq!(bob.get("/api/tables/salaries/records").await.0, 200);
    let mut socket = bob.open("/api/tables/salaries/subscribe").await.unwrap();
    socket.next().await;

    done(&run(&["user", "role", "bob@example.org", "member"], at));
    assert_eq!(within("the stream to end", socket.close_code()).await, 4403);
    assert_eq!(bob.get("/api/tables/salaries/records").await.0, 404);

    let token = done(&run(&["token", "create", "bob@example.org", "--name", "nightly"], at));
    let program = nobody.clone().with_bearer(token.trim());
    let mut streams = [
        bob.open("/api/tables/orders/subscribe").await.unwrap(),
        program.open("/api/tables/orders/subscribe").await.unwrap(),
    ];
    done(&run(&["user", "disable", "BOB@example.org"], at));
    for stream in &mut streams {
        assert_eq!(within("the stream to end", stream.close_code()).await, 4401);
    }
    assert_eq!(bob.get("/api/tables/notes/records").await.0, 401);
    assert_eq!(program.get("/api/tables/notes/records").await.0, 401);
    let again = json!({ "email": "bob@example.org", "password": "battery staple" });
    let again = nobody.send(reqwest::Method::POST, "/api/auth/sign-in/email", Some(again)).await;
    assert_eq!((again.0, &again.1["code"]), (401, &json!("WRONG_CREDENTIALS")));

    let list = done(&run(&["user", "list"], at));
    assert!(list.contains("bob@example.org") && list.contains("shut out"), "{list}");
    done(&run(&["user", "enable", "bob@example.org"], at));
    assert_eq!(program.get("/api/tables/notes/records").await.0, 200);
    assert_eq!(bob.get("/api/tables/notes/records").await.0, 401, "its sessions are over for good");

    let list: Json =
        serde_json::from_str(&done(&run(&["token", "list", "--format", "json"], at))).unwrap();
    assert_eq!(list["tokens"][0]["name"], "nightly");
    assert!(!list.to_string().contains(token.trim()));
    let id = list["tokens"][0]["id"].as_str().unwrap();
    let mut stream = program.open("/api/tables/orders/subscribe").await.unwrap();
    done(&run(&["token", "revoke", id], at));
    assert_eq!(within("the stream to end", stream.close_code()).await, 4401);

    done(&given("horse battery", &["user", "password", "bob@example.org"], at));
    nobody.into_person("bob@example.org", "horse battery").await;
    let list: Json =
        serde_json::from_str(&done(&run(&["user", "list", "--format", "json"], at))).unwrap();
    let (user, sessions) = (&list["users"][0], json!(1));
    assert_eq!((&user["email"], &user["sessions"]), (&json!("bob@example.org"), &sessions));
    assert!(!list.to_string().contains("argon2"));
}

#[test]
fn the_first_account_can_be_made_before_the_first_start() {
    let folder = app(DESK);
    let args = ["user", "add", "ada@example.org", "--role", "admin", "--app"];
    let path = folder.path().to_str().unwrap();
    done(&given("correct horse\r\n", &[&args[..], &[path]].concat(), Path::new("/")));
    let told = done(&run(&["user", "disable", "ada@example.org"], folder.path()));
    assert!(told.ends_with("nobody is an admin any more\n"), "{told}");
    let told = done(&run(&["user", "enable", "ada@example.org"], folder.path()));
    assert!(!told.contains("nobody"), "{told}");
    let mut serve = pagetide();
    serve.args(["serve", "--listen", "localhost:0"]).current_dir(folder.path());
    let server = Process::start(&mut serve);
    assert!(server.printed.contains("orders (created"), "{}", server.printed);
}

#[test]
fn what_is_wrong_with_a_command_is_said() {
    let folder = app(DESK);
    let refused = |output: Output, words: &str| {
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(words), "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "");
    };
    let at = folder.path();
    let add = |email: &str, password: &str| given(password, &["user", "add", email], at);
    assert!(add("bob@example.org", "battery staple").status.success());
    refused(add("BOB@example.org", "battery staple"), "there is an account");
    refused(add("eve", "battery staple"), "not an e-mail address");
    refused(add("eve@example.org", "short"), "at least 8 characters");
    refused(add("eve@example.org", &"x".repeat(100_000)), "at most 1,024 bytes");
    refused(run(&["user", "add", "eve@example.org"], at), "--password-stdin");
    refused(
        run(&["user", "role", "bob@example.org", "pakcer"], at),
        "admin, member, viewer, packer",
    );
    refused(run(&["user", "disable", "eve@example.org"], at), "no such account");
    refused(run(&["token", "create", "eve@example.org", "--name", "x"], at), "no such account");
    refused(run(&["token", "create", "bob@example.org", "--name", "x", "--days", "0"], at), "0");
    refused(run(&["token", "revoke", "x"], at), "no such token");
    refused(run(&["serve", "--trusted-proxies", "10.0.0.0/99"], at), "10.0.0.0/99");
    refused(run(&["user", "list", "--database", "mysql://x"], at), "mysql://x");
    let bad = app("name: desk\npagse: []\n");
    assert_eq!(run(&["user", "list"], bad.path()).status.code(), Some(1));
}
