//! Environment variables: an empty one is as good as none.

use crate::cli::{Process, app, pagetide, run, text};

const APP: &str = "name: one\npages: [{ name: A, path: /, access: all }]\n";

/// Every variable that the program heeds.
const ALL: [&str; 8] = [
    "PAGETIDE_LISTEN",
    "PAGETIDE_DATABASE_URL",
    "PAGETIDE_TRUSTED_PROXIES",
    "PAGETIDE_ADMIN_EMAIL",
    "PAGETIDE_ADMIN_PASSWORD",
    "PAGETIDE_LOG",
    "SOURCE_DATE_EPOCH",
    "NO_COLOR",
];

#[test]
fn an_empty_variable_is_as_good_as_none() {
    let folder = app(APP);
    for value in ["", " "] {
        let mut command = pagetide();
        command.arg("serve").arg(folder.path()).args(["--listen", "127.0.0.1:0"]);
        let server = Process::start(command.envs(ALL.map(|name| (name, value))));
        assert!(server.printed.contains("/.pagetide/data.db"), "{}", server.printed);
        for args in [
            &["build", "--seeds"][..],
            &["build"],
            &["migrate", "--dry-run"],
            &["user", "list"],
            &["check"],
            &["serve", "--help"],
        ] {
            let mut command = pagetide();
            command.args(args).envs(ALL.map(|name| (name, value))).current_dir(folder.path());
            let output = command.output().unwrap();
            let told = text(&[output.stdout, output.stderr].concat());
            assert!(output.status.success(), "{args:?} {value:?}: {told}");
        }
    }
}

#[test]
fn a_variable_that_says_something_is_heeded() {
    let folder = app(APP);
    let help = text(&run(&["serve", "--help"], folder.path()).stdout);
    for name in ["PAGETIDE_LISTEN", "PAGETIDE_DATABASE_URL", "PAGETIDE_TRUSTED_PROXIES"] {
        assert!(help.contains(name), "{help}");
    }
    let mut command = pagetide();
    command.args(["serve"]).env("PAGETIDE_LISTEN", "nowhere").current_dir(folder.path());
    let output = command.output().unwrap();
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("cannot listen on nowhere"));
}
