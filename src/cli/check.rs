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
    write!(out, "{}", super::printed(&loaded.report, out.is_terminal()))?;
    writeln!(out, "{}", closing_line(&loaded))?;
    Ok(if loaded.app.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What was checked, or how much is wrong with it.
fn closing_line(loaded: &Loaded) -> String {
    let summary = loaded.report.summary();
    let Some(app) = &loaded.app else { return summary };
    let pages = super::count(app.pages.len(), "page");
    let tables = super::count(app.tables.len(), "table");
    format!("{}: {pages}, {tables}, {summary}", app.name)
}
