//! `pagetide check`: reports everything that is wrong with an app.

use std::env;
use std::io::{IsTerminal, stdin, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;

use crate::cli::format::{self, FileNames};
use crate::spec::{self, Loaded};

/// The variable in which GitHub Actions gives the root of the repository.
const WORKSPACE: &str = "GITHUB_WORKSPACE";

/// Check an app and report everything that is wrong with it
///
/// The exit code is 0 if the app can be served, 1 if it has errors, and 2 if the check could not run.
#[derive(clap::Args)]
pub(super) struct CheckArgs {
    /// The app: a folder with app.yaml, or the file itself; `-` reads it from standard input
    #[arg(default_value = ".")]
    app: PathBuf,
    /// The format of the report
    #[arg(long, value_enum, default_value_t = ReportFormat::Human)]
    format: ReportFormat,
    /// Treat warnings as errors: the exit code is 1 for them too
    #[arg(long)]
    deny_warnings: bool,
}

/// The format of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    /// Excerpts for people to read
    Human,
    /// One JSON object with a list of `problems`
    Json,
    /// Commands from which GitHub Actions shows each problem at its line
    Github,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

pub(super) fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let is_given = args.app == Path::new("-");
    let loaded = match is_given {
        true => spec::load_given(stdin().lock(), Path::new("."))?,
        false => spec::load(&args.app)?,
    };
    let report = &loaded.report;
    let folder = folder(&args.app);
    let out = stdout().lock();
    let files = FileNames::new(folder, env::var_os(WORKSPACE).as_deref().map(Path::new));
    let told = match args.format {
        ReportFormat::Human => {
            format!("{}{}\n", super::printed(report, out.is_terminal()), closing_line(&loaded))
        }
        ReportFormat::Json => format!("{}\n", format::json(report)),
        ReportFormat::Github => format::github(report, &files),
        ReportFormat::Sarif => format!("{}\n", format::sarif(report, &files)),
    };
    super::say(out, &told)?;
    let is_fine = loaded.app.is_some() && !(args.deny_warnings && report.warnings() > 0);
    Ok(if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns the folder to which the report's file names are relative, as it was given.
fn folder(app: &Path) -> &Path {
    if app.is_dir() { app } else { app.parent().unwrap_or(Path::new("")) }
}

/// Returns the last line of the report: what was checked, and the number of problems.
fn closing_line(loaded: &Loaded) -> String {
    let summary = loaded.report.summary();
    let Some(app) = &loaded.app else { return summary };
    let pages = super::count(app.pages.len(), "page");
    let tables = super::count(app.tables.len(), "table");
    format!("{}: {pages}, {tables}, {summary}", app.name)
}
