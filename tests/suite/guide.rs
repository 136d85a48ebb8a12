//! `docs/guide.md` is held to its word: its YAML is written, its commands are run, and what they print
//! is what it says.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use pagetide::spec;
use tempfile::TempDir;

const GUIDE: &str = include_str!("../../docs/guide.md");
const PAGETIDE: &str = env!("CARGO_BIN_EXE_pagetide");

/// Somebody who does what the guide says.
struct Reader {
    folder: TempDir,
    /// `pagetide dev`, and where it is.
    dev: Option<(Child, String)>,
}

impl Reader {
    fn write(&self, yaml: &str) {
        fs::write(self.folder.path().join("app.yaml"), yaml).unwrap();
        let loaded = spec::load(self.folder.path()).unwrap();
        assert_eq!(loaded.report.to_string(), "", "{yaml}");
    }

    fn run(&mut self, command: &str, expected: &[&str]) {
        if command == "pagetide dev" {
            return self.start();
        }
        let address = self.dev.as_ref().map_or("127.0.0.1:3000", |(_, address)| address);
        let command = command.replace("127.0.0.1:3000", address);
        // Both programs write to one database; a reader of the guide is not that quick.
        let command = command.replace("sqlite3 ", "sqlite3 -cmd '.timeout 5000' ");
        let folder_of_program = Path::new(PAGETIDE).parent().unwrap();
        let paths = std::env::var("PATH").unwrap();
        let done = Command::new("sh")
            .args(["-c", &format!("{command} 2>&1")])
            .env("PATH", format!("{}:{paths}", folder_of_program.display()))
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let printed = String::from_utf8(done.stdout).unwrap();
        if expected.is_empty() {
            assert!(done.status.success() && printed.is_empty(), "{command}: {printed}");
        }
        for line in expected {
            let parts = line.split('…').filter(|part| !part.is_empty());
            for part in parts {
                assert!(printed.contains(part), "{command}: `{part}` is not in {printed}");
            }
        }
    }

    fn start(&mut self) {
        let mut dev = Command::new(PAGETIDE)
            .args(["dev", "--listen", "127.0.0.1:0"])
            .current_dir(self.folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(dev.stdout.take().unwrap()).lines();
        let line = lines.find_map(|line| Some(line.ok()?.split_once("http://")?.1.to_owned()));
        let line = line.unwrap();
        let address = line.split(['/', ' ']).next().unwrap().to_owned();
        // Whoever prints to a pipe that nobody reads would wait.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        self.dev = Some((dev, address));
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some((dev, _)) = &mut self.dev {
            // It may have ended by itself.
            let _ = dev.kill();
            let _ = dev.wait();
        }
    }
}

/// The blocks of the guide: what each is, and what is in it.
fn blocks() -> Vec<(&'static str, &'static str)> {
    let fenced = GUIDE.split("```").skip(1).step_by(2);
    fenced.map(|block| block.split_once('\n').unwrap()).collect()
}

#[test]
fn the_guide_leads_to_a_live_page() {
    let mut reader = Reader { folder: tempfile::tempdir().unwrap(), dev: None };
    for (kind, inside) in blocks() {
        match kind {
            "yaml" => reader.write(inside),
            "console" => {
                for run in inside.split("$ ").skip(1) {
                    let mut lines = run.lines();
                    let command = lines.next().unwrap();
                    reader.run(command, &lines.collect::<Vec<_>>());
                }
            }
            kind => assert_eq!(kind, "text"),
        }
    }
    assert!(reader.dev.is_some());
}

#[test]
fn the_mistake_of_the_guide_is_told_in_its_words() {
    let blocks = blocks();
    let whole = blocks.iter().rfind(|(kind, _)| *kind == "yaml").unwrap().1;
    let words = blocks.iter().rfind(|(kind, _)| *kind == "text").unwrap().1.trim();
    let faulty = whole.replace("kind: donut", "kind: doughnut");
    let loaded = spec::load_given(faulty.as_bytes(), Path::new(".")).unwrap();
    assert!(loaded.report.to_string().starts_with(words), "{}", loaded.report);
}
