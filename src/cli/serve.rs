//! `pagetide serve`: serves an app.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::auth::NewPerson;
use crate::http::{self, Proxies, Site};
use crate::limits::Limits;
use crate::model::app::App;
use crate::model::origin::Origin;
use crate::model::refresh::TRANSPORT;
use crate::runtime::{Runtime, Start, StartReport};
use crate::system::StopRequests;

/// The database file if neither an option nor the app names one, relative to the app's folder.
const DEFAULT_DATABASE: &str = ".pagetide/data.db";

const ADMIN_EMAIL: &str = "PAGETIDE_ADMIN_EMAIL";
const ADMIN_PASSWORD: &str = "PAGETIDE_ADMIN_PASSWORD";

/// Serve an app
///
/// PAGETIDE_ADMIN_EMAIL and PAGETIDE_ADMIN_PASSWORD create the first account. Without them, the server
/// prints a link to create it. PAGETIDE_LOG sets how detailed the log is, as in `info` or
/// `pagetide=debug`.
#[derive(clap::Args)]
pub(super) struct ServeArgs {
    /// The app: a folder with app.yaml, or the file itself
    #[arg(default_value = ".")]
    pub(super) app: PathBuf,
    /// The address to listen on, as in 127.0.0.1:3000, [::]:80 or localhost:3000
    #[arg(long, env = "PAGETIDE_LISTEN", default_value = "127.0.0.1:3000", value_name = "ADDRESS")]
    pub(super) listen: String,
    /// The proxies in front of this server, as in 10.0.0.7 or 10.0.0.0/8, separated by commas. The server
    /// uses their X-Forwarded-For, -Proto and -Host headers
    #[arg(long, env = "PAGETIDE_TRUSTED_PROXIES", value_name = "NETWORKS")]
    pub(super) trusted_proxies: Option<Proxies>,
    /// The database, as in sqlite:data.db; the default is `database.url` of the app, or else
    /// .pagetide/data.db in the app's folder
    #[arg(long, env = "PAGETIDE_DATABASE_URL", value_name = "URL")]
    pub(super) database: Option<String>,
    /// Remove values that no longer fit the tables
    #[arg(long)]
    pub(super) allow_destructive: bool,
    /// Keep the exported pages of this site live, as in https://example.org, in addition to
    /// `live.origins` of the app; may be given several times
    #[arg(long, value_name = "ORIGIN")]
    pub(super) allow_origin: Vec<Origin>,
    /// Set the size of a limit, as in statement-time=2s; may be given several times. docs/limits.md lists
    /// all limits
    #[arg(
        long = "limit",
        env = "PAGETIDE_LIMITS",
        value_name = "NAME=SIZE",
        value_delimiter = ','
    )]
    limits: Vec<String>,
}

impl ServeArgs {
    /// Returns the limits of the server, with the sizes that the options set.
    pub(super) fn limits(&self) -> anyhow::Result<Limits> {
        let written = self.limits.iter().map(String::as_str);
        Limits::default().with_written(written).context("cannot set the limits")
    }
}

pub(super) fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let losses = super::losses(args.allow_destructive);
    let database = args.database.as_deref();
    let Some(app) = super::load_beside(database, &args.app, losses, "nothing is served")? else {
        return Ok(ExitCode::FAILURE);
    };
    start_log();
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    threads.block_on(serve(app, args))?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(app: Arc<App>, args: ServeArgs) -> anyhow::Result<()> {
    let limits = Arc::new(args.limits()?);
    let database = args.database.unwrap_or_else(|| database_url(&app));
    let losses = super::losses(args.allow_destructive);
    let listener = TcpListener::bind(&args.listen).await.with_context(|| {
        format!("cannot listen on {}; `--listen` takes another address", args.listen)
    })?;
    let address = listener.local_addr()?;
    let database_url = database.clone();
    let start = Start { database_url, transport: TRANSPORT, losses, limits, edition: None };
    let (runtime, mut started) = Runtime::begin(app, start)
        .await
        .with_context(|| format!("cannot use the database {database}"))?;
    if started.setup_token.is_some() && add_admin(&runtime).await? {
        started.setup_token = None;
    }
    let stop = CancellationToken::new();
    tokio::spawn(wait_for_signal(stop.clone())?);
    // A closed standard output is no reason to stop.
    let _ = stdout().write_all(banner(&runtime.app, &started, address, &database).as_bytes());
    let runtime = Arc::new(runtime);
    let site = Site::from(runtime.clone()).shared_with(args.allow_origin);
    let site = site.behind(args.trusted_proxies.unwrap_or_default());
    http::serve(site, listener, stop).await;
    runtime.stop().await;
    Ok(())
}

/// Returns the URL of the app's own database: its `database.url`, relative to its folder.
pub(super) fn database_url(app: &App) -> String {
    let url = app.database_url.as_deref().unwrap_or(DEFAULT_DATABASE);
    let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"));
    match path.unwrap_or(url) {
        path if path.contains("://") || path.is_empty() => url.to_owned(),
        path => format!("sqlite:{}", app.folder.join(path).display()),
    }
}

/// Creates the first admin account from the environment variables. Returns whether they are set. A
/// password is never an argument, because other users of the machine can read the arguments.
pub(super) async fn add_admin(runtime: &Runtime) -> anyhow::Result<bool> {
    let (email, password) = match (super::variable(ADMIN_EMAIL), super::variable(ADMIN_PASSWORD)) {
        (Some(email), Some(password)) => (email, password),
        (None, None) => return Ok(false),
        _ => bail!("set both {ADMIN_EMAIL} and {ADMIN_PASSWORD}, or none of them"),
    };
    let name = email.split('@').next().unwrap_or_default().to_owned();
    let admin = NewPerson { name, email, password };
    runtime.auth.add_first_admin(admin).await.context("cannot create the first admin account")?;
    Ok(true)
}

/// Returns the text that the server prints at its start: address, database, pages, tables, changes of the
/// database, and the link to create the first account.
pub(super) fn banner(
    app: &App,
    started: &StartReport,
    address: SocketAddr,
    database: &str,
) -> String {
    let pages: Vec<_> = app.pages.iter().map(|page| page.path.to_string()).collect();
    let tables =
        app.tables.iter().map(|table| match started.migrated.created.contains(&table.name) {
            true => {
                format!("{} (created, {})", table.name, super::count(table.seed.len(), "record"))
            }
            false => table.name.to_string(),
        });
    let tables: Vec<_> = tables.collect();
    let mut banner = format!(
        "{} is at http://{address}\n  database  {}\n  pages     {}\n  tables    {}\n",
        app.name,
        database.trim_start_matches("sqlite:"),
        listed(&pages),
        listed(&tables),
    );
    for change in &started.migrated.changes {
        banner.push_str(&format!("  changed   {change}\n"));
    }
    if let Some(token) = &started.setup_token {
        banner.push_str(&format!("  admin     none yet: http://{address}/setup?token={token}\n"));
    }
    banner
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Returns a future that cancels `stop` at the first SIGTERM or Ctrl-C, and ends the process at the
/// second.
pub(super) fn wait_for_signal(
    stop: CancellationToken,
) -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let mut requests = StopRequests::listen()?;
    Ok(async move {
        requests.first().await;
        stop.cancel();
        requests.interrupt().await;
        std::process::exit(130);
    })
}

pub(super) fn start_log() {
    let given = super::variable("PAGETIDE_LOG").and_then(|told| EnvFilter::try_new(told).ok());
    let filter = given.unwrap_or_else(|| EnvFilter::new("warn,pagetide=info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        // A log on a full disk is no reason to stop: reporting the error on the same stream would panic.
        .log_internal_errors(false)
        .with_ansi(stderr().is_terminal())
        .init();
}
