//! The program as people and machines run it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::server::{DESK, within};

pub fn pagetide() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pagetide"));
    for name in ["PAGETIDE_DATABASE_URL", "PAGETIDE_ADMIN_EMAIL", "PAGETIDE_ADMIN_PASSWORD"] {
        command.env_remove(name);
    }
    command
}

pub fn app(yaml: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("app.yaml"), yaml).unwrap();
    folder
}

pub fn run(args: &[&str], folder: &Path) -> Output {
    pagetide().args(args).current_dir(folder).output().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A server in a process of its own.
pub struct Process {
    child: Child,
    pub address: String,
    pub printed: String,
}

impl Process {
    pub fn start(command: &mut Command) -> Self {
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

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, name: &str) {
        let id = self.id().to_string();
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

/// Runs `check` over what is given on standard input.
fn check_given(yaml: &[u8], args: &[&str], folder: &Path) -> Output {
    let mut child = pagetide()
        .arg("check")
        .args(args)
        .arg("-")
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The program may refuse before it has read all.
    let _ = child.stdin.take().unwrap().write_all(yaml);
    child.wait_with_output().unwrap()
}

const FAULTY: &str = "name: desk\npagse: [a, 'b: 100%']\n";

#[test]
fn check_tells_machines_as_they_like_it() {
    let bad = app(FAULTY);
    let told = |args: &[&str]| {
        let output = run(args, bad.path().parent().unwrap());
        assert_eq!(output.status.code(), Some(1));
        text(&output.stdout)
    };
    let folder = bad.path().file_name().unwrap().to_str().unwrap();
    let json: Json = serde_json::from_str(&told(&["check", folder, "--format", "json"])).unwrap();
    let problem = json!({
        "severity": "error", "file": "app.yaml", "line": 2, "column": 1,
        "message": "unknown key `pagse`", "help": "did you mean `pages`?",
    });
    assert_eq!(json, json!({ "problems": [problem] }));
    let github = told(&["check", folder, "--format", "github"]);
    let place = format!("file={folder}/app.yaml,line=2,endLine=2,col=1,endColumn=6");
    let words = "unknown key `pagse`%0Adid you mean `pages`?";
    assert_eq!(github, format!("::error {place}::{words}\n"));
    let sarif: Json = serde_json::from_str(&told(&["check", folder, "--format", "sarif"])).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(result["level"], "error");
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], format!("{folder}/app.yaml"));
    assert_eq!(
        (&place["region"]["startLine"], &place["region"]["endColumn"]),
        (&json!(2), &json!(6))
    );
}

#[test]
fn check_reads_what_is_given_on_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let output = check_given(DESK.as_bytes(), &[], folder.path());
    assert_eq!(text(&output.stdout), "desk: 2 pages, 3 tables, no problems\n");
    let output = check_given(FAULTY.as_bytes(), &[], folder.path());
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("--> <stdin>:2:1"), "{}", text(&output.stdout));
    std::fs::write(folder.path().join("notes.yaml"), "name: notes\nfields: 5\n").unwrap();
    let output = check_given(b"name: x\ntables: [{ $ref: ./notes.yaml }]\n", &[], folder.path());
    assert!(text(&output.stdout).contains("--> notes.yaml:2:9"), "{}", text(&output.stdout));
    for (yaml, words) in [
        (&b""[..], "this file is empty"),
        (b"name: \xff\n", "not UTF-8"),
        (&vec![b'#'; 3_000_000], "larger than 2 MB"),
        (b"name: x\ntables: [{ $ref: ./<stdin> }]\n", "no file"),
    ] {
        let output = check_given(yaml, &[], folder.path());
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stdout).contains(words), "{}", text(&output.stdout));
    }
}

#[test]
fn warnings_are_denied_where_asked() {
    let yaml = "name: x\ntables: [{ name: t, fields: [{ name: f, type: date }] }]\npages: [{ name: P, path: /, components: [{ type: dataTable, dataSource: { table: t, pollIntervalMs: 2000 } }] }]\n";
    let folder = app(yaml);
    assert_eq!(run(&["check"], folder.path()).status.code(), Some(0));
    let denied = run(&["check", "--deny-warnings", "--format", "github"], folder.path());
    assert_eq!(denied.status.code(), Some(1));
    assert!(text(&denied.stdout).starts_with("::warning file=app.yaml,line=3"));
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
