//! The program as people and machines run it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use reqwest::Method;

use crate::server::{DESK, within};

fn pagetide() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pagetide"));
    for name in ["PAGETIDE_DATABASE_URL", "PAGETIDE_ADMIN_EMAIL", "PAGETIDE_ADMIN_PASSWORD"] {
        command.env_remove(name);
    }
    command
}

fn app(yaml: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("app.yaml"), yaml).unwrap();
    folder
}

fn run(args: &[&str], folder: &Path) -> Output {
    pagetide().args(args).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A server in a process of its own.
struct Process {
    child: Child,
    address: String,
    printed: String,
}

impl Process {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().expect("the server says where it is").unwrap();
        let address = first.rsplit("http://").next().unwrap().to_owned();
        let mut printed = first;
        for line in lines {
            let line = line.unwrap();
            printed.push_str(&format!("\n{line}"));
            if line.contains("  tables ") {
                break;
            }
        }
        Self { child, address, printed }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Ended already, in most tests.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn check_ends_with_what_it_found() {
    let good = app(DESK);
    let output = run(&["check"], good.path());
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), "desk: 2 pages, 3 tables, no problems\n");
    let bad = app("name: desk\npagse: []\n");
    let output = run(&["check", "app.yaml"], bad.path());
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("did you mean `pages`?"));
    let output = run(&["check", "nowhere"], bad.path());
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("there is no file or folder `nowhere`"));
}

#[test]
fn serve_refuses_a_faulty_app_as_check_does() {
    let bad = app("name: desk\npagse: []\n");
    let (served, checked) = (run(&["serve"], bad.path()), run(&["check"], bad.path()));
    assert_eq!(served.status.code(), Some(1));
    let report = text(&checked.stdout);
    let report = report.rsplit_once("\n\n").unwrap().0;
    assert!(text(&served.stderr).starts_with(report));
    assert!(!bad.path().join(".pagetide").exists());
}

#[test]
fn serve_says_what_is_wrong_with_its_arguments() {
    let good = app(DESK);
    let check = |args: &[&str], words: &str| {
        let output = run(args, good.path());
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(words), "{}", text(&output.stderr));
    };
    check(&["serve", "--listen", "nonsense"], "nonsense");
    check(&["serve", "--listen", "127.0.0.1:0", "--database", "mysql://x"], "mysql://x");
    check(
        &["serve", "--listen", "127.0.0.1:0", "--database", "sqlite:/dev/null/x.db"],
        "/dev/null",
    );
    std::fs::write(good.path().join("garbage.db"), "this is no database, but it is long enough")
        .unwrap();
    check(&["serve", "--listen", "127.0.0.1:0", "--database", "garbage.db"], "garbage.db");
}

#[tokio::test]
async fn serve_tells_what_is_useful_and_ends_on_sigterm() {
    let folder = app(DESK);
    let mut command = pagetide();
    command.args(["serve", "--listen", "127.0.0.1:0"]).current_dir(folder.path());
    let mut process = Process::start(&mut command);
    assert!(process.printed.starts_with("desk is at http://127.0.0.1:"));
    assert!(process.printed.contains("orders (created, 0 records)"), "{}", process.printed);
    let answer = reqwest::get(format!("http://{}/", process.address)).await.unwrap();
    assert_eq!(answer.status(), 200);
    process.signal("-TERM");
    let ended = tokio::task::spawn_blocking(move || process.child.wait().unwrap());
    assert!(within("the process to end", ended).await.unwrap().success());
    assert!(folder.path().join(".pagetide/data.db").exists());
}

#[tokio::test]
async fn a_kill_loses_no_acknowledged_write() {
    let folder = app(DESK);
    let serve = || {
        let mut command = pagetide();
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--database", "data.db"])
            .env("PAGETIDE_ADMIN_EMAIL", "ada@example.org")
            .env("PAGETIDE_ADMIN_PASSWORD", "correct horse")
            .current_dir(folder.path());
        Process::start(&mut command)
    };
    let mut acknowledged = 0;
    for _ in 0..5 {
        let process = serve();
        let client = reqwest::Client::builder().cookie_store(true).build().unwrap();
        let request = |path: &str, body: serde_json::Value| {
            let url = format!("http://{}{path}", process.address);
            client.request(Method::POST, url).header("sec-fetch-site", "same-origin").json(&body)
        };
        let account =
            serde_json::json!({ "email": "ada@example.org", "password": "correct horse" });
        assert!(
            request("/api/auth/sign-in/email", account).send().await.unwrap().status().is_success()
        );
        for _ in 0..20 {
            let body = serde_json::json!({ "fields": { "customer": "Ada" } });
            let answer = request("/api/tables/orders/records", body).send().await.unwrap();
            assert_eq!(answer.status(), 201);
            acknowledged += 1;
        }
        process.signal("-KILL");
        drop(process);
        let output = Command::new("sqlite3")
            .arg(folder.path().join("data.db"))
            .arg("select count(*) from orders; select count(*) from _pagetide_changes")
            .output()
            .unwrap();
        assert_eq!(text(&output.stdout), format!("{acknowledged}\n{acknowledged}\n"));
    }
}

#[test]
fn the_published_schemas_are_those_of_the_program() {
    for kind in ["app", "messages"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let published = folder.join(format!("schemas/{kind}.schema.json"));
        let printed = text(&run(&["schema", kind], folder).stdout);
        assert_eq!(std::fs::read_to_string(published).unwrap(), printed);
    }
}
