//! `pagetide check`: tells everything that is wrong with an app.

use std::env;
use std::io::{IsTerminal, stdin, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;

use crate::cli::format::{self, FileNames};
use crate::spec::{self, Loaded};

/// Where GitHub Actions says what the root of the repository is.
const WORKSPACE: &str = "GITHUB_WORKSPACE";

/// Check an app and tell everything that is wrong with it
///
/// Ends with 0 if the app can be served, 1 if it has errors, 2 if there was nothing to check.
#[derive(clap::Args)]
pub(super) struct CheckArgs {
    /// The app: a folder with app.yaml, or the file itself; `-` reads it from standard input
    #[arg(default_value = ".")]
    app: PathBuf,
    /// How to tell it
    #[arg(long, value_enum, default_value_t = ReportFormat::Human)]
    format: ReportFormat,
    /// End with 1 for warnings too
    #[arg(long)]
    deny_warnings: bool,
}

/// How problems are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    /// Excerpts for people to read
    Human,
    /// One JSON object with a list of `problems`
    Json,
    /// Commands that GitHub Actions shows beside the lines
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
    let (report, folder) = (&loaded.report, folder(&args.app));
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

/// The folder that files of the app are named from, as it was given.
fn folder(app: &Path) -> &Path {
    if app.is_dir() { app } else { app.parent().unwrap_or(Path::new("")) }
}

/// What was checked, or how much is wrong with it.
fn closing_line(loaded: &Loaded) -> String {
    let summary = loaded.report.summary();
    let Some(app) = &loaded.app else { return summary };
    let pages = super::count(app.pages.len(), "page");
    let tables = super::count(app.tables.len(), "table");
    format!("{}: {pages}, {tables}, {summary}", app.name)
}
