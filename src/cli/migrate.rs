//! `pagetide migrate`: changes the database so that it matches the app, as `serve` does at its start.

use std::io::stdout;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

use crate::cli::serve::database_url;
use crate::store::{FRESH, Migrated, Store};

/// Change the database so that it matches the app
///
/// `serve` does the same at its start. A change that would lose values is refused, unless you allow it.
#[derive(clap::Args)]
pub(super) struct MigrateArgs {
    /// The app: a folder with app.yaml, or the file itself
    #[arg(default_value = ".")]
    app: PathBuf,
    /// The database, as for `serve`
    #[arg(long, env = "PAGETIDE_DATABASE_URL", value_name = "URL")]
    database: Option<String>,
    /// Print the SQL without changing anything
    #[arg(long)]
    dry_run: bool,
    /// Remove values that no longer fit the tables
    #[arg(long)]
    allow_destructive: bool,
}

pub(super) fn run(args: MigrateArgs) -> anyhow::Result<ExitCode> {
    let losses = super::losses(args.allow_destructive);
    let given = args.database.as_deref();
    let Some(app) = super::load_beside(given, &args.app, losses, "nothing is migrated")? else {
        return Ok(ExitCode::FAILURE);
    };
    let database = args.database.unwrap_or_else(|| database_url(&app));
    let threads = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let migrated = threads.block_on(async {
        if args.dry_run {
            return Store::plan(&database, &app.tables, losses).await;
        }
        let (store, migrated) = Store::open(&database, &app.tables, losses).await?;
        store.close().await;
        Ok(migrated)
    });
    let migrated = migrated.with_context(|| format!("cannot migrate {database}"))?;
    super::say(stdout(), &summary(&migrated, args.dry_run))?;
    Ok(ExitCode::SUCCESS)
}

/// Returns a line for each change; for a dry run as SQL comments, followed by the statements.
fn summary(migrated: &Migrated, dry_run: bool) -> String {
    let created = migrated.created.iter().map(|table| format!("table {table} is new"));
    let lines: Vec<_> = created.chain(migrated.changes.iter().cloned()).collect();
    let comment = if dry_run { "-- " } else { "" };
    let mut text: String = lines.iter().map(|line| format!("{comment}{line}\n")).collect();
    if lines.is_empty() {
        text.push_str(&format!("{comment}the tables are as declared\n"));
    }
    if dry_run {
        text.extend(migrated.sql.iter().map(|statement| explained(statement)));
    }
    text
}

/// Returns a statement that can be run. If it creates a table again to change a column, a comment
/// explains why.
fn explained(statement: &str) -> String {
    let why = match statement.starts_with(&format!("create table \"{FRESH}\"")) {
        true => {
            "-- SQLite cannot change a column in place: the table is made anew, from its own rows\n"
        }
        false => "",
    };
    format!("{why}{statement};\n")
}
