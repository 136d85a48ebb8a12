//! The commands of `pagetide`: one file for each.
//!
//! To add a command: one file here with its `…Args` and `run`, one line in `Command` and one in `run`.

use std::io::{self, ErrorKind, IsTerminal, Write, stderr};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::model::app::App;
use crate::spec::{self, Loaded, Report, Unseeded};
use crate::store::{Losses, Store};

mod build;
mod check;
mod dev;
mod format;
mod migrate;
mod new;
mod people;
mod schema;
mod seed_time;
mod serve;
mod token;
mod user;

/// The exit code of a command that could not run.
const COULD_NOT_RUN: u8 = 2;

/// A live page server: YAML pages, served as complete HTML and kept current.
#[derive(Parser)]
#[command(name = "pagetide", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    New(new::NewArgs),
    Serve(serve::ServeArgs),
    Dev(dev::DevArgs),
    Build(build::BuildArgs),
    Check(check::CheckArgs),
    Schema(schema::SchemaArgs),
    Migrate(migrate::MigrateArgs),
    User(user::UserArgs),
    Token(token::TokenArgs),
}

/// Runs the command that the command line names, and returns its exit code.
pub fn run() -> ExitCode {
    let matches = without_empty_variables(Cli::command()).get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let done = match cli.command {
        Command::New(args) => new::run(&args),
        Command::Serve(args) => serve::run(args),
        Command::Dev(args) => dev::run(args),
        Command::Build(args) => build::run(args),
        Command::Check(args) => check::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Migrate(args) => migrate::run(args),
        Command::User(args) => user::run(args),
        Command::Token(args) => token::run(args),
    };
    done.unwrap_or_else(|error| {
        // If standard error is closed, the message cannot be shown at all.
        let _ = say(stderr(), &format!("error: {error:#}\n"));
        COULD_NOT_RUN.into()
    })
}

/// Returns the value of an environment variable. An empty variable counts as not set: Compose and `.env`
/// files set variables like that.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// Whether colours are unwanted (<https://no-color.org>).
fn is_without_colour() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// Returns the command, which then ignores environment variables that are empty.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let read = |arg: clap::Arg| {
        let value = arg.get_env().and_then(std::env::var_os);
        let is_empty = value.is_some_and(|value| value.to_string_lossy().trim().is_empty());
        if is_empty { arg.env(None::<&'static str>) } else { arg }
    };
    command.mut_args(read).mut_subcommands(without_empty_variables)
}

/// Loads an app and prints its problems. If there are errors, also prints `follows` (what the command
/// does not do then), and returns `None`.
fn load(path: &Path, follows: &str) -> anyhow::Result<Option<Arc<App>>> {
    report(spec::load(path)?, follows)
}

/// Loads an app for a command that uses its database. Unlike [`load`], a faulty seed is only a warning if
/// its table exists already, since the seed is not used then.
fn load_beside(
    database: Option<&str>,
    path: &Path,
    losses: Losses,
    follows: &str,
) -> anyhow::Result<Option<Arc<App>>> {
    let mut loaded = spec::load(path)?;
    if let Some(unseeded) = loaded.unseeded.take()
        && is_filled(&unseeded, database, losses)?
    {
        loaded.app = Some(unseeded.app);
        loaded.report = loaded.report.as_warnings();
    }
    report(loaded, follows)
}

fn report(loaded: Loaded, follows: &str) -> anyhow::Result<Option<Arc<App>>> {
    let err = stderr().lock();
    let mut words = printed(&loaded.report, err.is_terminal());
    if loaded.app.is_none() {
        words.push_str(&format!("{}: {follows}\n", loaded.report.summary()));
    }
    say(err, &words)?;
    Ok(loaded.app)
}

/// Writes a text. A closed pipe, as after `| head`, is no error.
fn say(mut to: impl Write, text: &str) -> io::Result<()> {
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        said => said,
    }
}

/// Whether all these tables exist in the database, so that their seeds are not used.
fn is_filled(unseeded: &Unseeded, database: Option<&str>, losses: Losses) -> anyhow::Result<bool> {
    let Unseeded { app, tables } = unseeded;
    let database = database.map_or_else(|| serve::database_url(app), str::to_owned);
    let threads = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let planned = threads.block_on(Store::plan(&database, &app.tables, losses));
    Ok(planned.is_ok_and(|planned| planned.created.iter().all(|new| !tables.contains(new))))
}

/// Converts the option `--allow-destructive`.
fn losses(allow_destructive: bool) -> Losses {
    if allow_destructive { Losses::Allowed } else { Losses::Refused }
}

/// Formats a report, with colours for a terminal.
fn printed(report: &Report, is_terminal: bool) -> String {
    let in_colour = is_terminal && !is_without_colour();
    if in_colour { report.coloured() } else { report.to_string() }
}

/// Formats a number with its noun: `1 page`, `3 pages`.
fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}
