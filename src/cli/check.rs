//! `pagetide check`: tells everything that is wrong with an app.

use std::io::{IsTerminal, Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use crate::spec::{self, Loaded};

/// Check an app and tell everything that is wrong with it
///
/// Ends with 0 if the app can be served, 1 if it has errors, 2 if there was nothing to check.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The app: a folder with app.yaml, or the file itself
    #[arg(default_value = ".")]
    app: PathBuf,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let loaded = spec::load(&args.app)?;
    let mut out = stdout().lock();
    let in_colour = out.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let report = if in_colour { loaded.report.coloured() } else { loaded.report.to_string() };
    write!(out, "{report}")?;
    writeln!(out, "{}", closing_line(&loaded))?;
    Ok(if loaded.app.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What was checked, or how much is wrong with it.
fn closing_line(loaded: &Loaded) -> String {
    let summary = loaded.report.summary();
    let Some(app) = &loaded.app else { return summary };
    let pages = count(app.pages.len(), "page");
    let tables = count(app.tables.len(), "table");
    format!("{}: {pages}, {tables}, {summary}", app.name)
}

fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}
