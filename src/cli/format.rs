//! Reports of `pagetide check` for programs: JSON, GitHub Actions and SARIF.

use std::fmt::Write;
use std::path::{Component, Path, PathBuf};

use serde_json::{Value as Json, json};

use crate::model::problem::Severity;
use crate::spec::{Finding, Report};

/// The names of an app's files in reports for programs.
pub(super) struct FileNames<'a> {
    /// The app's folder, as it was given on the command line.
    folder: &'a Path,
    /// The app's folder as an absolute path, without symbolic links.
    whole: PathBuf,
    /// The app's folder relative to the root of the repository. `None` if the root is not known or does
    /// not contain the folder.
    in_repository: Option<PathBuf>,
}

impl<'a> FileNames<'a> {
    /// Creates the names for an app's folder, which may be in the repository with this root.
    pub(super) fn new(folder: &'a Path, repository: Option<&Path>) -> Self {
        let here = if folder == Path::new("") { Path::new(".") } else { folder };
        let whole = here.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let root = repository.filter(|root| root.is_absolute());
        let root = root.and_then(|root| root.canonicalize().ok());
        let in_repository = root.and_then(|root| Some(whole.strip_prefix(root).ok()?.to_owned()));
        Self { folder, whole, in_repository }
    }

    /// The path of a finding's file, relative to the root of the repository. If that is not known, it is
    /// relative to the current folder.
    fn path(&self, finding: &Finding) -> String {
        let folder = self.in_repository.as_deref().unwrap_or(self.folder);
        slashed(&folder.join(&finding.file))
    }

    /// The path of a finding's file as a URI reference (RFC 3986, 4.2). A file that is neither in the
    /// repository nor below the current folder has an absolute URI (RFC 8089).
    fn uri(&self, finding: &Finding) -> String {
        let path = self.path(finding);
        let is_below =
            Path::new(&path).components().all(|part| matches!(part, Component::Normal(_)));
        match is_below {
            true => encoded(&path),
            false => format!("file://{}", encoded(&slashed(&self.whole.join(&finding.file)))),
        }
    }
}

/// Returns `{"problems": [{severity, file, line, column, message, help?}]}`. Files are relative to the
/// app's folder; lines and characters count from 1.
pub(super) fn json(report: &Report) -> String {
    let problem = |finding: &Finding| {
        let mut problem = json!({
            "severity": severity(finding),
            "file": finding.file,
            "line": finding.line,
            "column": finding.column,
            "message": finding.message,
        });
        if let Some(help) = &finding.help {
            problem["help"] = help.as_str().into();
        }
        problem
    };
    let problems: Vec<_> = report.findings.iter().map(problem).collect();
    pretty(&json!({ "problems": problems }))
}

/// Returns a workflow command for each finding
/// (<https://docs.github.com/actions/reference/workflow-commands-for-github-actions>).
pub(super) fn github(report: &Report, files: &FileNames) -> String {
    let mut commands = String::new();
    for finding in &report.findings {
        let Finding { line, column, length, .. } = finding;
        let file = property(&files.path(finding));
        let end = column + length;
        let severity = severity(finding);
        let words = data(&words(finding));
        writeln!(
            commands,
            "::{severity} file={file},line={line},endLine={line},col={column},endColumn={end}::{words}"
        )
        .expect("writing to a string cannot fail");
    }
    commands
}

/// Returns a SARIF log (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>).
pub(super) fn sarif(report: &Report, files: &FileNames) -> String {
    let result = |finding: &Finding| {
        let Finding { line, column, length, .. } = finding;
        json!({
            "level": severity(finding),
            "message": { "text": words(finding) },
            "locations": [{ "physicalLocation": {
                "artifactLocation": { "uri": files.uri(finding) },
                "region": {
                    "startLine": line,
                    "startColumn": column,
                    "endLine": line,
                    "endColumn": column + length,
                },
            } }],
        })
    };
    let results: Vec<_> = report.findings.iter().map(result).collect();
    let driver = json!({ "name": "pagetide", "version": env!("CARGO_PKG_VERSION") });
    pretty(&json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": driver },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    }))
}

fn severity(finding: &Finding) -> &'static str {
    match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn words(finding: &Finding) -> String {
    match &finding.help {
        Some(help) => format!("{}\n{help}", finding.message),
        None => finding.message.clone(),
    }
}

/// Returns the path with slashes, also on systems that separate folders otherwise.
fn slashed(path: &Path) -> String {
    let parts = path.components().filter(|part| *part != Component::CurDir);
    let parts: Vec<_> = parts.map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/").replacen("//", "/", 1)
}

/// Percent-encodes a path for a URI (RFC 3986, 2.3 and 3.3).
fn encoded(path: &str) -> String {
    const KEPT: percent_encoding::AsciiSet = percent_encoding::NON_ALPHANUMERIC
        .remove(b'/')
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    percent_encoding::utf8_percent_encode(path, &KEPT).to_string()
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

fn pretty(json: &Json) -> String {
    format!("{json:#}")
}
