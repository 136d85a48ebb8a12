//! What the commands about people share: whose app it is, its accounts, and passwords that no other
//! user of the machine can read.

use std::io::{BufRead, IsTerminal, Read, stdin, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::ValueEnum;
use jiff::Timestamp;

use crate::auth::Auth;
use crate::cli::serve::database_url;
use crate::model::app::App;
use crate::model::ids::Role;
use crate::store::Store;

/// The most that is read of what should be a password.
const MAX_READ: u64 = 4_096;

/// Which app, and where its data is.
#[derive(clap::Args)]
pub(super) struct Of {
    /// The app: a folder with app.yaml, or the file itself
    #[arg(long, default_value = ".", global = true)]
    app: PathBuf,
    /// The database, as for `serve`
    #[arg(long, env = "PAGETIDE_DATABASE_URL", value_name = "URL", global = true)]
    database: Option<String>,
}

/// How a list is printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ListFormat {
    /// A line for each, for people to read
    Human,
    /// JSON, for programs to read
    Json,
}

/// Where a password comes from. It is never an argument: other users of a machine can read those.
#[derive(clap::Args)]
pub(super) struct PasswordSource {
    /// Read the password from standard input, instead of asking for it
    #[arg(long)]
    password_stdin: bool,
}

/// An app and its accounts, over a database that a server may be at work on.
pub(super) struct AccountAdmin {
    pub(super) app: Arc<App>,
    pub(super) auth: Auth,
    store: Store,
}

impl Of {
    /// Does something with the accounts of the app and prints what was done. Nothing is done if the
    /// app has faults, which are told.
    pub(super) fn run(
        &self,
        work: impl AsyncFnOnce(&AccountAdmin) -> anyhow::Result<String>,
    ) -> anyhow::Result<ExitCode> {
        let Some(app) = super::load(&self.app, "nothing is done")? else {
            return Ok(ExitCode::FAILURE);
        };
        let database = self.database.clone().unwrap_or_else(|| database_url(&app));
        let threads = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let told = threads.block_on(async {
            let unusable = || format!("cannot use the database {database}");
            let store = Store::open_accounts(&database).await.with_context(unusable)?;
            let (auth, _) = Auth::open(store.clone()).await.with_context(unusable)?;
            let people = AccountAdmin { app, auth, store };
            let done = work(&people).await;
            people.store.close().await;
            done
        })?;
        super::say(stdout(), &told)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl AccountAdmin {
    /// A role that the app knows.
    pub(super) fn role(&self, name: &str) -> anyhow::Result<Role> {
        let known = self.app.all_roles();
        let found = known.iter().find(|role| role.as_str() == name);
        found.cloned().with_context(|| {
            let known: Vec<_> = known.iter().map(Role::as_str).collect();
            format!("there is no role `{name}`; this app has {}", known.join(", "))
        })
    }
}

impl PasswordSource {
    /// Reads it, or asks for it twice without showing it.
    pub(super) fn get(&self) -> anyhow::Result<String> {
        if self.password_stdin {
            let mut line = String::new();
            stdin().lock().take(MAX_READ).read_line(&mut line).context("cannot read it")?;
            return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
        }
        if !stdin().is_terminal() {
            bail!("there is nobody to ask for a password; give it with --password-stdin");
        }
        let password = rpassword::prompt_password("Password: ").context("cannot ask for it")?;
        if rpassword::prompt_password("Once more: ").context("cannot ask for it")? != password {
            bail!("these are two different passwords");
        }
        Ok(password)
    }
}

/// The day of a time in Unix seconds.
pub(super) fn day(seconds: i64) -> String {
    let time = time(seconds);
    time.split('T').next().unwrap_or_default().to_owned()
}

/// A time in Unix seconds as people and programs write it.
pub(super) fn time(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap_or_default().to_string()
}

/// Lines whose columns stand below each other.
pub(super) fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        format!("{}\n", line.trim_end())
    };
    rows.iter().map(line).collect()
}
