//! `pagetide build`: exports an app as files.

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::cli::{seed_time, serve};
use crate::export::{Export, ExportSummary, SetAside, Size};
use crate::model::app::App;
use crate::model::refresh::TRANSPORT;
use crate::runtime::Runtime;
use crate::store::{Losses, Store};

/// Export an app as files that any web server can serve
///
/// The files show what a guest sees. A page with parameters in its path becomes one page for each record:
/// a filter of the page compares a field with each parameter by `eq`, as in `{field: id, operator: eq,
/// value: $params.id}`. The records come from the app's database. If it does not exist yet, or with
/// --seeds, they come from the seeds.
#[derive(clap::Args)]
pub(super) struct BuildArgs {
    /// The app: a folder with app.yaml, or the file itself
    #[arg(default_value = ".")]
    app: PathBuf,
    /// The folder for the files: a new one, or one that an earlier build wrote
    #[arg(long, default_value = "dist", value_name = "FOLDER")]
    out: PathBuf,
    /// The prefix of every path, as in /site; the default is the path of --site-url
    #[arg(long, value_name = "PATH")]
    base_path: Option<String>,
    /// The address of the finished site, as in https://example.org/site; the sitemap needs it
    #[arg(long, value_name = "URL")]
    site_url: Option<String>,
    /// Keep the pages current from this server, as in https://live.example.org. Start the server with
    /// --allow-origin and the address of the site
    #[arg(long, value_name = "URL")]
    live: Option<String>,
    /// Leave out pages that only people who have signed in may open
    #[arg(long)]
    skip_private: bool,
    /// The database, as in sqlite:data.db; the default is the app's own database, as for `serve`
    #[arg(long, env = "PAGETIDE_DATABASE_URL", value_name = "URL")]
    database: Option<String>,
    /// Take the records from the seeds; the app's database is not used
    #[arg(long, conflicts_with = "database")]
    seeds: bool,
}

pub(super) fn run(args: BuildArgs) -> anyhow::Result<ExitCode> {
    let Some(app) = super::load(&args.app, "nothing is written")? else {
        return Ok(ExitCode::FAILURE);
    };
    let export = export(&args, &app)?;
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (written, from) = threads.block_on(async {
        let stop = CancellationToken::new();
        tokio::spawn(serve::wait_for_signal(stop.clone())?);
        let built = stop.run_until_cancelled(build(app, &args, &export)).await;
        built.unwrap_or_else(|| bail!("the build was stopped; nothing is written"))
    })?;
    // A closed standard output is no reason to fail: the files are written.
    let _ = stdout().write_all(told(&written, &export, &from).as_bytes());
    Ok(ExitCode::SUCCESS)
}

async fn build(
    app: Arc<App>,
    args: &BuildArgs,
    export: &Export,
) -> anyhow::Result<(ExportSummary, String)> {
    let source = RecordSource::of(&app, args)?;
    let url = source.url();
    let mut set_aside = SetAside::of(&app);
    let mut note = None;
    match source {
        RecordSource::Own(_) => {
            let planned = Store::plan(&url, &app.tables, Losses::Refused).await;
            let planned = planned.with_context(|| format!("cannot use the database {url}"))?;
            if !planned.sql.is_empty() {
                bail!(
                    "the tables in the database {url} do not match the app; run `pagetide migrate` first"
                );
            }
        }
        RecordSource::Seeds(_) => note = seed_time::give(Arc::make_mut(&mut set_aside.app))?,
    }
    let (runtime, _) = Runtime::start(set_aside.app.clone(), &url, TRANSPORT, Losses::Refused)
        .await
        .with_context(|| format!("cannot use the database {url}"))?;
    let written = export.run(&runtime, &set_aside).await;
    runtime.stop().await;
    let mut written = written?;
    written.notes.extend(note);
    Ok((written, source.summary()))
}

/// The database that the records come from.
enum RecordSource {
    /// An existing database, by its URL.
    Own(String),
    /// A temporary database that is filled from the seeds, in a folder that is removed afterwards.
    Seeds(TempDir),
}

impl RecordSource {
    fn of(app: &App, args: &BuildArgs) -> anyhow::Result<Self> {
        let url = args.database.clone().unwrap_or_else(|| serve::database_url(app));
        let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"));
        let is_there = Path::new(path.unwrap_or(&url)).is_file();
        if args.database.is_some() && !is_there {
            bail!("there is no database {url}");
        }
        match is_there && !args.seeds {
            true => Ok(Self::Own(url)),
            false => Ok(Self::Seeds(TempDir::with_prefix("pagetide-build-")?)),
        }
    }

    fn url(&self) -> String {
        match self {
            Self::Own(url) => url.clone(),
            Self::Seeds(folder) => format!("sqlite:{}", folder.path().join("data.db").display()),
        }
    }

    fn summary(&self) -> String {
        match self {
            Self::Own(url) => url.trim_start_matches("sqlite:").to_owned(),
            Self::Seeds(_) => "the seeds".to_owned(),
        }
    }
}

/// Returns the export that the command line describes. Fails with a message if an option is not valid.
fn export(args: &BuildArgs, app: &App) -> anyhow::Result<Export> {
    let (site_url, path) = match &args.site_url {
        Some(url) => {
            let (origin, path) = origin("--site-url", url)?;
            (Some(origin), path)
        }
        None => (None, String::new()),
    };
    let base_path = match &args.base_path {
        Some(given) => base_path(given)?,
        None => base_path(&path)?,
    };
    let live = args.live.as_deref().map(|url| match origin("--live", url)? {
        (origin, path) if path.is_empty() => Ok(origin),
        _ => bail!(
            "--live is the address of a server, without a path, as in https://live.example.org"
        ),
    });
    let out = std::path::absolute(&args.out)?;
    // Files of an export in one of these folders would be read as the author's sources, and the author's
    // files as those of an earlier build.
    let own = ["", "public", "templates", "pages", "tables"].map(|name| app.folder.join(name));
    let real = out.canonicalize().unwrap_or_else(|_| out.clone());
    if app.folder.starts_with(&real) || own[1..].iter().any(|own| real.starts_with(own)) {
        bail!("--out must be a folder of its own, not {}", args.out.display());
    }
    Ok(Export {
        out,
        base_path,
        site_url,
        live: live.transpose()?,
        skip_private: args.skip_private,
    })
}

/// Splits a URL into its origin (`https://example.org`) and its path, without a slash at the end.
fn origin(option: &str, url: &str) -> anyhow::Result<(String, String)> {
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = host.map(|rest| rest.split('/').next().unwrap_or_default()).unwrap_or_default();
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    if host.is_empty() || !host.chars().all(allowed) || url.contains(['?', '#']) {
        bail!("{option} is an address, as in https://example.org, got {url}");
    }
    let end = url.find(host).unwrap_or_default() + host.len();
    Ok((url[..end].to_owned(), url[end..].trim_end_matches('/').to_owned()))
}

/// Returns the base path as `/site`, or an empty text for the root of the host.
fn base_path(given: &str) -> anyhow::Result<String> {
    let path = given.trim_matches('/');
    let allowed =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~' | '/' | '%');
    let is_plain =
        path.chars().all(allowed) && !path.split('/').any(|part| matches!(part, "." | ".."));
    if !is_plain || path.contains("//") {
        bail!("--base-path is a path, as in /site, got {given}");
    }
    Ok(if path.is_empty() { String::new() } else { format!("/{path}") })
}

/// Returns the text for people: each file that was written with its size, then the total and the notes.
fn told(written: &ExportSummary, export: &Export, from: &str) -> String {
    let all: Vec<_> = written.pages.iter().chain(&written.others).collect();
    let width = all.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let line = |(name, size): &(&String, &Size)| {
        let files = if size.files == 1 { String::new() } else { format!("  {} files", size.files) };
        format!("  {name:width$}  {:>9}{files}\n", bytes(size.bytes))
    };
    let lines: String = all.iter().map(line).collect();
    let files = all.iter().map(|(_, size)| size.files).sum();
    let total = all.iter().map(|(_, size)| size.bytes).sum();
    let notes: String = written.notes.iter().map(|note| format!("note: {note}\n")).collect();
    let live = export.live.as_ref().map(|server| format!(", live from {server}"));
    format!(
        "{lines}{} in {}: {} from {from}{}\n{notes}",
        super::count(files, "file"),
        export.out.display(),
        bytes(total),
        live.unwrap_or_default(),
    )
}

/// Formats a number of bytes for people: `512 B`, `28.9 kB`, `1.2 MB`.
fn bytes(bytes: usize) -> String {
    match bytes as f64 {
        few if few < 1_000.0 => format!("{bytes} B"),
        some if some < 1_000_000.0 => format!("{:.1} kB", some / 1_000.0),
        many => format!("{:.1} MB", many / 1_000_000.0),
    }
}
