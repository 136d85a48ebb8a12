//! The programs of `docs/examples`, each against a server that stops, starts and forgets.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::server::{DESK, Server, within};

/// A program at work, and the lines it prints.
struct Listener {
    program: Child,
    lines: UnboundedReceiver<String>,
}

impl Listener {
    fn start(program: &str, arguments: &[PathBuf], server: &Server) -> Self {
        let mut program = Command::new(program)
            .args(arguments)
            .arg(format!("http://{}", server.address))
            .args(["orders", "fields=customer"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(program.stdout.take().unwrap());
        let (sender, lines) = unbounded_channel();
        thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { program, lines }
    }

    async fn prints(&mut self, expected: &str) {
        let line = within(expected, self.lines.recv()).await;
        assert_eq!(line.as_deref(), Some(expected));
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// What each of them must do.
async fn check(program: &str, arguments: &[PathBuf]) {
    let mut server = Server::start(DESK).await;
    server.sql("insert into orders (customer) values ('first')");
    let mut listener = Listener::start(program, arguments, &server);
    listener.prints("read: 1 in all").await;
    server.sql("insert into orders (customer) values ('Zoë \"<&>\"')");
    listener.prints(r#"insert 2 {"customer":"Zoë \"<&>\""}: 2 in all"#).await;
    server.sql("update orders set customer = 'Grace' where id = 2");
    listener.prints(r#"update 2 {"customer":"Grace"}: 2 in all"#).await;
    server.stop().await;
    server.sql("insert into orders (customer) values ('missed'); delete from orders where id = 1");
    server.restart().await;
    listener.prints(r#"insert 3 {"customer":"missed"}: 3 in all"#).await;
    listener.prints("delete 1: 2 in all").await;
    server.stop().await;
    // As if the data came from a backup: what a client knows means nothing any more.
    server
        .sql("update _pagetide_meta set value = 'another' where key = 'epoch'; delete from orders");
    server.restart().await;
    listener.prints("resync: the changes since then are no longer kept").await;
    listener.prints("read: 0 in all").await;
    server.sql("insert into orders (id, customer) values (9, 'Ada')");
    listener.prints(r#"insert 9 {"customer":"Ada"}: 1 in all"#).await;
}

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples").join(name)
}

#[tokio::test]
async fn the_shell_script_holds_what_the_table_holds() {
    check("bash", &[example("listen.sh")]).await;
}

#[tokio::test]
async fn the_javascript_holds_what_the_table_holds() {
    check("node", &[example("listen.mjs")]).await;
}

#[tokio::test]
async fn the_python_holds_what_the_table_holds() {
    check("python3", &[example("listen.py")]).await;
}

#[tokio::test]
async fn the_rust_holds_what_the_table_holds() {
    // Already built where the whole suite runs.
    let build = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--locked", "--example", "listen"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(build.unwrap().success());
    let built = std::env::current_exe().unwrap();
    let folder = built.ancestors().nth(2).unwrap();
    check(folder.join("examples/listen").to_str().unwrap(), &[]).await;
}
