//! What was found wrong, resolved to files and lines, and how it prints.

use std::fmt;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::model::problem::{Place, Problem, Problems, Severity};
use crate::spec::fault::Fault;
use crate::spec::source::{Sources, Span};
use crate::spec::tree::Node;

/// How many problems are printed before the rest is only counted.
const MAX_SHOWN: usize = 200;

/// Everything wrong with a spec, by file and line.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What was found.
    pub findings: Vec<Finding>,
}

/// One problem with its place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The file, relative to the app's folder.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The character of the line where it begins, from 1.
    pub column: usize,
    /// How many characters of the line it takes, at least 1.
    pub length: usize,
    /// The line itself.
    pub excerpt: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl Report {
    pub(super) fn new(
        sources: &Sources,
        faults: Vec<Fault>,
        problems: &Problems,
        tree: Option<&Node>,
    ) -> Self {
        let faults = faults.into_iter().map(|fault| {
            let found = (Severity::Error, fault.message, fault.help);
            finding(sources, fault.at, found)
        });
        let problems = problems.iter().filter_map(|problem| {
            let found = (problem.severity, problem.message.clone(), problem.help.clone());
            Some(finding(sources, span(tree?, problem), found))
        });
        let mut findings: Vec<Finding> = faults.chain(problems).collect();
        findings.sort_by(|left, right| {
            let key = |finding: &Finding| (finding.file.clone(), finding.line, finding.column);
            key(left).cmp(&key(right))
        });
        // A file that several others refer to is read once for each.
        findings.dedup();
        Self { findings }
    }

    /// How many findings make it impossible to serve the app.
    pub fn errors(&self) -> usize {
        self.count(Severity::Error)
    }

    /// How many findings are probably not meant.
    pub fn warnings(&self) -> usize {
        self.count(Severity::Warning)
    }

    fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// `2 errors, 1 warning`, or `no problems`.
    pub fn summary(&self) -> String {
        let count = |number: usize, what: &str| match number {
            0 => None,
            1 => Some(format!("1 {what}")),
            _ => Some(format!("{number} {what}s")),
        };
        let counts = [count(self.errors(), "error"), count(self.warnings(), "warning")];
        let counts: Vec<String> = counts.into_iter().flatten().collect();
        if counts.is_empty() { "no problems".to_owned() } else { counts.join(", ") }
    }

    /// The report as a terminal shows it, in colours.
    pub fn coloured(&self) -> String {
        self.render(&Renderer::styled())
    }

    fn render(&self, renderer: &Renderer) -> String {
        let mut text = String::new();
        for finding in self.findings.iter().take(MAX_SHOWN) {
            text.push_str(&finding.render(renderer));
            text.push_str("\n\n");
        }
        if let Some(hidden) = self.findings.len().checked_sub(MAX_SHOWN).filter(|rest| *rest > 0) {
            text.push_str(&format!("… and {hidden} more\n\n"));
        }
        text
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(&Renderer::plain()))
    }
}

impl Finding {
    fn render(&self, renderer: &Renderer) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let byte = |column: usize| {
            let mut starts = self.excerpt.char_indices().map(|(start, _)| start);
            starts.nth(column).unwrap_or(self.excerpt.len())
        };
        let span = byte(self.column - 1)..byte(self.column - 1 + self.length);
        let annotation = AnnotationKind::Primary.span(span).label(self.help.as_deref());
        let snippet = Snippet::source(&self.excerpt)
            .line_start(self.line)
            .path(&self.file)
            .annotation(annotation);
        renderer.render(&[level.primary_title(&self.message).element(snippet)])
    }
}

/// Where a problem stands: its key, its value, or where a missing one should be.
fn span(tree: &Node, problem: &Problem) -> Span {
    let place: &Place = &problem.place;
    let found = tree.nearest(place);
    match found.key_at {
        Some(key_at) if problem.at_key => key_at,
        // A value that is not written at all has no width.
        Some(key_at) if found.node.at.start == found.node.at.end => key_at,
        _ => found.node.at,
    }
}

fn finding(
    sources: &Sources,
    at: Span,
    (severity, message, help): (Severity, String, Option<String>),
) -> Finding {
    let source = sources.get(at.file);
    let text: &str = &source.text;
    let start = floor(text, at.start);
    let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
    let excerpt = text[line_start..line_end].trim_end_matches('\r');
    // Of what goes over several lines, the first is shown.
    let shown = &text[start..floor(text, at.end).clamp(start, line_end)];
    Finding {
        severity,
        file: source.name.clone(),
        line: text[..line_start].matches('\n').count() + 1,
        column: text[line_start..start].chars().count() + 1,
        length: shown.trim_end().chars().count().max(1),
        excerpt: printable(excerpt),
        message: printable(&message),
        help: help.map(|help| printable(&help)),
    }
}

/// The nearest character boundary at or before a byte.
fn floor(text: &str, byte: usize) -> usize {
    text.floor_char_boundary(byte.min(text.len()))
}

/// The text with control characters, which could garble a terminal, made visible. Each stays one
/// character, so that columns keep their meaning.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}
