//! The release program with an app, and another program that writes to the same database.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;

/// The argument by which a bench starts itself as the other program.
const OUTSIDE: &str = "--outside-program";

/// The release program, in a process and a folder of its own.
pub struct Server {
    pub child: Child,
    pub address: String,
    pub folder: TempDir,
}

impl Server {
    pub fn start(app: &str) -> Self {
        let folder = tempfile::tempdir().expect("there is a temporary folder");
        std::fs::write(folder.path().join("app.yaml"), app).expect("it can be written to");
        let (child, address) = run(folder.path());
        Self { child, address, folder }
    }

    pub fn database(&self) -> PathBuf {
        self.folder.path().join("data.db")
    }

    pub fn resident_kb(&self) -> f64 {
        resident_kb(self.child.id())
    }

    /// User and system time so far, in milliseconds.
    pub fn cpu_ms(&self) -> f64 {
        cpu_ms(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Runs the program over the app in a folder, and says where it listens. Another build of it can be
/// named, to compare.
pub fn run(folder: &Path) -> (Child, String) {
    let program = std::env::var_os("PAGETIDE_PROGRAM");
    let program = program.unwrap_or_else(|| env!("CARGO_BIN_EXE_pagetide").into());
    let mut child = Command::new(program)
        .args(["serve", "--listen", "127.0.0.1:0", "--database", "data.db"])
        .current_dir(folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("it is piped");
    BufReader::new(stdout).read_line(&mut line).expect("it says where it is");
    let address = line.trim().rsplit("http://").next().unwrap_or_default().to_owned();
    (child, address)
}

/// Memory of a process, in kilobytes.
pub fn resident_kb(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("Linux tells");
    let line = status.lines().find(|line| line.starts_with("VmRSS")).expect("it does");
    let kilobytes = line.split_whitespace().nth(1).and_then(|text| text.parse().ok());
    kilobytes.expect("it is a number")
}

/// User and system time of a process so far, in milliseconds.
pub fn cpu_ms(process: u32) -> f64 {
    const MS_PER_TICK: f64 = 10.0;
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("Linux tells");
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() * MS_PER_TICK
}

/// A process that does what each line of its input says, and answers each with a line.
pub struct Told {
    pub child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Told {
    /// This very program, with other arguments.
    pub fn start(arguments: &[&str]) -> Self {
        let program = std::env::current_exe().expect("a program has a file");
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stdin = child.stdin.take().expect("it is piped");
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { child, stdin, stdout }
    }

    pub fn say(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").expect("it listens");
    }

    pub fn answer(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("it answers");
        assert!(!line.is_empty(), "a process of the bench has ended");
        line.trim().to_owned()
    }

    pub fn ask(&mut self, line: &str) -> String {
        self.say(line);
        self.answer()
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Another process that does to the database what it is told.
pub struct Outside(Told);

impl Outside {
    pub fn start(database: &Path) -> Self {
        let database = database.to_str().expect("the path is text");
        Self(Told::start(&[OUTSIDE, database]))
    }

    /// Runs one line of SQL and says when it was committed, in milliseconds.
    pub fn run(&mut self, sql: &str) -> f64 {
        self.0.ask(sql).parse().expect("it is a time")
    }
}

/// Is the other program, if this process was started as that.
pub async fn outside_program() -> bool {
    let Some(database) = std::env::args().skip_while(|arg| arg != OUTSIDE).nth(1) else {
        return false;
    };
    let mut connection =
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(database))
            .await
            .expect("it opens");
    for line in std::io::stdin().lines() {
        let sql = sqlx::AssertSqlSafe(line.expect("the bench is there"));
        sqlx::raw_sql(sql).execute(&mut connection).await.expect("it can be written");
        println!("{}", now_ms());
    }
    true
}

/// The time that all processes of a bench share, in milliseconds.
pub fn now_ms() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    since.as_secs_f64() * 1_000.0
}

pub fn end(child: &mut Child) {
    // It is ours, and this is the end of it either way.
    let _ = child.kill();
    let _ = child.wait();
}
