//! The parts that the commands about people share: the options that select the app, its accounts, and
//! passwords that no other user of the machine can read.

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

/// The most bytes that are read from standard input for a password.
const MAX_READ: u64 = 4_096;

/// The options that select an app and its database.
#[derive(clap::Args)]
pub(super) struct Of {
    /// The app: a folder with app.yaml, or the file itself
    #[arg(long, default_value = ".", global = true)]
    app: PathBuf,
    /// The database, as for `serve`
    #[arg(long, env = "PAGETIDE_DATABASE_URL", value_name = "URL", global = true)]
    database: Option<String>,
}

/// The format of a list.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ListFormat {
    /// A table for people
    Human,
    /// JSON, to be read by programs
    Json,
}

/// The option that says where a password comes from. A password is never an argument, because other users
/// of the machine can read the arguments.
#[derive(clap::Args)]
pub(super) struct PasswordSource {
    /// Read the password from standard input instead of asking for it
    #[arg(long)]
    password_stdin: bool,
}

/// An app and its accounts, for commands that may run while a server uses the same database.
pub(super) struct AccountAdmin {
    pub(super) app: Arc<App>,
    pub(super) auth: Auth,
    store: Store,
}

impl Of {
    /// Runs `work` with the accounts of the app and prints its text. If the app has errors, it prints
    /// them and does not run `work`.
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
    /// Returns the role with this name. Fails with the known roles if the app has none.
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
    /// Reads the password from standard input, or asks for it twice without showing it.
    pub(super) fn get(&self) -> anyhow::Result<String> {
        if self.password_stdin {
            let mut line = String::new();
            stdin()
                .lock()
                .take(MAX_READ)
                .read_line(&mut line)
                .context("cannot read the password")?;
            return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
        }
        if !stdin().is_terminal() {
            bail!("there is no terminal to ask for the password; use --password-stdin");
        }
        let password =
            rpassword::prompt_password("Password: ").context("cannot ask for the password")?;
        if rpassword::prompt_password("Once more: ").context("cannot ask for the password")?
            != password
        {
            bail!("the two passwords are different; run the command again");
        }
        Ok(password)
    }
}

/// Formats the day of a time in Unix seconds, as in `2026-04-05`.
pub(super) fn day(seconds: i64) -> String {
    let time = time(seconds);
    time.split('T').next().unwrap_or_default().to_owned()
}

/// Formats a time in Unix seconds, as in `2026-04-05T12:00:00Z`.
pub(super) fn time(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap_or_default().to_string()
}

/// Formats rows as lines with aligned columns.
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
