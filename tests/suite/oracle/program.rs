//! The program as people run it, and another one that writes to its database.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// The program in a process of its own.
pub struct Program {
    child: Child,
    pub address: SocketAddr,
    folder: TempDir,
}

impl Program {
    pub fn start(app: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("app.yaml"), app).unwrap();
        let (child, address) = Self::spawn(&folder, "127.0.0.1:0");
        Self { child, address, folder }
    }

    fn spawn(folder: &TempDir, listen: &str) -> (Child, SocketAddr) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_pagetide"))
            .args(["serve", "--listen", listen, "--database", "data.db"])
            .env("PAGETIDE_ADMIN_EMAIL", "ada@example.org")
            .env("PAGETIDE_ADMIN_PASSWORD", "correct horse")
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit("http://").next().unwrap().parse().unwrap();
        (child, address)
    }

    /// Ends it as `kill -9` does, and starts it again at the same address.
    pub fn kill_and_restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        (self.child, _) = Self::spawn(&self.folder, &self.address.to_string());
    }

    /// Makes an account and signs it in, behind the program's back; the cookie.
    pub fn sign_in(&self, id: &str, role: &str) -> String {
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(id));
        self.sql(&format!(
            "insert into _pagetide_users (id, email, name, role, password_hash)
               values ('{id}', '{id}@people.example', '{id}', '{role}', '-');
             insert into _pagetide_sessions (token_hash, user_id, expires_at)
               values ('{hash}', '{id}', unixepoch() + 36000)"
        ));
        format!("pagetide_session={id}")
    }

    pub fn sql(&self, statement: &str) -> String {
        let database = self.folder.path().join("data.db");
        let mut sqlite3 = Command::new("sqlite3");
        let output = sqlite3
            .arg("-cmd")
            .arg(".timeout 10000")
            .arg(database)
            .arg(statement)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
