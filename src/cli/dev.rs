//! `pagetide dev`: serves an app while its author works on it.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::net::SocketAddr;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::cli::serve;
use crate::dev::{Dev, Outcome, ReloadOutcome, Setting};
use crate::http;
use crate::limits::Limits;

/// The most changed files that a message names.
const MAX_NAMED: usize = 3;

/// Serve an app and show each change of its files at once
///
/// Watches the app's YAML, seeds, templates and public files. When you save one, the browser shows the
/// change at once. If the files have an error, the browser shows the error over the last good page.
#[derive(clap::Args)]
#[group(id = "dev")]
pub(super) struct DevArgs {
    #[command(flatten)]
    serve: serve::ServeArgs,
    /// Also answer requests to this host name, for example behind a proxy; may be given several times
    #[arg(long, value_name = "HOST")]
    allow_host: Vec<String>,
    /// Open the app in the browser
    #[arg(long)]
    open: bool,
}

pub(super) fn run(args: DevArgs) -> anyhow::Result<ExitCode> {
    serve::start_log();
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    threads.block_on(dev(args))?;
    Ok(ExitCode::SUCCESS)
}

async fn dev(args: DevArgs) -> anyhow::Result<()> {
    let listener = TcpListener::bind(&args.serve.listen).await.with_context(|| {
        format!("cannot listen on {}; `--listen` takes another address", args.serve.listen)
    })?;
    let address = listener.local_addr()?;
    let proxies = args.serve.trusted_proxies.clone().unwrap_or_default();
    let limits = Arc::new(args.serve.limits()?);
    let (mut dev, site) = Dev::open(setting(args.serve, args.allow_host, address, limits));
    let stop = CancellationToken::new();
    tokio::spawn(serve::wait_for_signal(stop.clone())?);
    let first = dev.load().await;
    if let ReloadOutcome::Served(begun, _) = &first.kind {
        serve::add_admin(&begun.0).await?;
    }
    tell(&first, address);
    if args.open {
        open(&format!("http://{address}/"));
    }
    let serving = http::serve(site.behind(proxies), listener, stop.clone());
    let watching = async {
        loop {
            let outcome = dev.next().await;
            tell(&outcome, address);
        }
    };
    tokio::select! {
        () = serving => {}
        () = watching => {}
    }
    dev.stop().await;
    Ok(())
}

fn setting(
    args: serve::ServeArgs,
    allowed: Vec<String>,
    address: SocketAddr,
    limits: Arc<Limits>,
) -> Setting {
    let database = args.database;
    let losses = super::losses(args.allow_destructive);
    let listening = match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    };
    let database_url =
        Box::new(move |app: &_| database.clone().unwrap_or_else(|| serve::database_url(app)));
    let hosts = allowed.into_iter().chain([listening]).collect();
    Setting { app: args.app, database_url, losses, limits, hosts }
}

/// Prints the outcome of a load or a change.
fn tell(outcome: &Outcome, address: SocketAddr) {
    let changed = named(&outcome.changed);
    let took = outcome.took.as_millis();
    let told = match &outcome.kind {
        ReloadOutcome::Served(begun, report) => {
            let warnings = super::printed(report, stdout().is_terminal());
            let (runtime, started) = &**begun;
            match outcome.changed.is_empty() {
                true => {
                    let database = runtime.database_url();
                    let banner = serve::banner(&runtime.app, started, address, database);
                    format!("{warnings}{banner}  watching  {}\n", runtime.app.folder.display())
                }
                false => {
                    let lines = started.migrated.changes.iter();
                    let lines: String = lines.map(|line| format!("  changed   {line}\n")).collect();
                    format!("{warnings}{changed}: shown after {took} ms\n{lines}")
                }
            }
        }
        ReloadOutcome::Refused(fault) if outcome.changed.is_empty() => {
            format!("{}http://{address} shows this until you correct it\n", in_colour(fault))
        }
        ReloadOutcome::Refused(fault) => format!("{changed}: not shown\n{}", in_colour(fault)),
        ReloadOutcome::Styled => format!("{changed}: only styles, shown after {took} ms\n"),
        ReloadOutcome::Copied => format!("{changed}: shown after {took} ms\n"),
    };
    // A closed standard output is no reason to stop.
    let _ = stdout().write_all(told.as_bytes());
}

fn named(changed: &[String]) -> String {
    match changed.len().saturating_sub(MAX_NAMED) {
        0 => changed.join(", "),
        more => format!("{} and {more} more", changed[..MAX_NAMED].join(", ")),
    }
}

/// Returns the text of a fault, without its colour codes where the terminal shows none.
fn in_colour(fault: &str) -> String {
    if stdout().is_terminal() && !super::is_without_colour() {
        return fault.to_owned();
    }
    let mut parts = fault.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    let after =
        |part: &str| part.split_once('m').map_or(String::new(), |(_, rest)| rest.to_owned());
    first + &parts.map(after).collect::<String>()
}

/// Opens an address in the browser. If that fails, a message says so and the server goes on.
fn open(address: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let started = Command::new(program)
        .arg(address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Err(error) = started {
        let _ = writeln!(stderr(), "cannot open a browser with {program}: {error}");
    }
}
