//! The report of everything that is wrong with a spec, by file and line, and how it is printed.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::model::problem::{Place, Problem, Problems, Severity};
use crate::spec::fault::Fault;
use crate::spec::source::{Sources, Span, line_number, line_start};
use crate::spec::tree::Node;
use crate::spec::unseen::{self, spelt, visible};

/// The most findings that a report lists; it only counts the others.
const MAX_FINDINGS: usize = 200;
/// The most characters of a line that an excerpt shows.
const MAX_EXCERPT: usize = 240;
/// How many characters of a longer line an excerpt shows before the finding.
const EXCERPT_LEAD: usize = 80;
/// The most characters of a message or a help; the rest is cut.
const MAX_WORDS: usize = 400;

/// Everything wrong with a spec, by file and line.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The first 200 findings, by file and line.
    pub findings: Vec<Finding>,
    errors: usize,
    warnings: usize,
}

/// One problem with its place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether the finding is an error or a warning.
    pub severity: Severity,
    /// The file, relative to the app's folder.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The character of the line where the finding begins, from 1.
    pub column: usize,
    /// How many characters of the line the finding covers, at least 1.
    pub length: usize,
    /// The line, or the part of a very long line around the finding.
    pub excerpt: String,
    /// The character of the line that the excerpt begins with, from 1.
    pub excerpt_column: usize,
    /// The message: what is wrong, as a sentence.
    pub message: String,
    /// The help: what to write instead. `None` if that is not known.
    pub help: Option<String>,
}

/// A fault or a problem with its place in a file.
struct LocatedFinding {
    severity: Severity,
    at: Span,
    message: String,
    help: Option<String>,
}

impl Report {
    pub(super) fn new(
        sources: &Sources,
        faults: Vec<Fault>,
        problems: &Problems,
        tree: Option<&Node>,
    ) -> Self {
        let faults = faults.into_iter().map(|fault| LocatedFinding {
            severity: fault.severity,
            at: fault.at,
            message: fault.message,
            help: fault.help,
        });
        let kept = problems.iter().filter_map(|problem| {
            Some(LocatedFinding {
                severity: problem.severity,
                at: span(tree?, problem),
                message: problem.message.clone(),
                help: problem.help.clone(),
            })
        });
        let mut found: Vec<LocatedFinding> = faults.chain(kept).collect();
        found.iter_mut().for_each(|found| found.point_at_unseen(sources));
        found.sort_by_key(|found| (sources.get(found.at.file).name.as_str(), found.at.start));
        // A file that several others refer to is checked once for each, and would be reported as often.
        let mut seen = HashSet::new();
        found.retain(|found| seen.insert((found.at, found.message.clone())));
        let count = |severity| {
            let kept = found.iter().filter(|found| found.severity == severity).count();
            kept + problems.unkept(severity)
        };
        let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
        let findings = found.into_iter().take(MAX_FINDINGS).map(|found| finding(sources, found));
        Self { findings: findings.collect(), errors, warnings }
    }

    /// Returns the report with every error as a warning, for commands that go on in spite of the errors.
    pub fn as_warnings(&self) -> Self {
        let warning =
            |finding: &Finding| Finding { severity: Severity::Warning, ..finding.clone() };
        Self {
            findings: self.findings.iter().map(warning).collect(),
            errors: 0,
            warnings: self.errors + self.warnings,
        }
    }

    /// Returns the number of errors, each of which makes it impossible to serve the app.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// Returns the number of warnings.
    pub fn warnings(&self) -> usize {
        self.warnings
    }

    /// Returns a summary: `2 errors, 1 warning`, or `no problems`.
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

    /// Formats the report for a terminal, in colours.
    pub fn coloured(&self) -> String {
        self.render(&Renderer::styled())
    }

    fn render(&self, renderer: &Renderer) -> String {
        let mut text = String::new();
        for finding in &self.findings {
            text.push_str(&finding.render(renderer));
            text.push_str("\n\n");
        }
        let hidden = self.errors + self.warnings - self.findings.len();
        if hidden > 0 {
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
        let start = self.column - self.excerpt_column;
        let span = byte(start)..byte(start + self.length);
        let annotation = AnnotationKind::Primary.span(span).label(self.help.as_deref());
        let snippet = Snippet::source(&self.excerpt)
            .line_start(self.line)
            .path(visible(&self.file))
            .annotation(annotation);
        renderer.render(&[level.primary_title(&self.message).element(snippet)])
    }
}

impl LocatedFinding {
    /// Moves the finding to an invisible character if that is why a name is unknown.
    fn point_at_unseen(&mut self, sources: &Sources) {
        if self.message.is_ascii() {
            return;
        }
        let Span { file, start, end } = self.at;
        let written = sources.get(file).text.get(start..end).unwrap_or_default();
        let written = written.lines().next().unwrap_or_default();
        if let Some(unseen) = unseen::repeated(written, start, &self.message) {
            self.at = unseen.span(file);
            self.help = Some(unseen.help());
        }
    }
}

/// Returns the place of a problem: its key, its value, or the mapping in which a missing key should be.
fn span(tree: &Node, problem: &Problem) -> Span {
    let place: &Place = &problem.place;
    let found = tree.nearest(place);
    match found.key_at {
        Some(key_at) if problem.at_key => key_at,
        // A value that is not written has no width, so the finding is at its key.
        Some(key_at) if found.node.at.start == found.node.at.end => key_at,
        _ => found.node.at,
    }
}

fn finding(sources: &Sources, found: LocatedFinding) -> Finding {
    let source = sources.get(found.at.file);
    let text: &str = &source.text;
    let start = floor(text, found.at.start);
    let line_start = line_start(text, start);
    let line_end = text[start..].find(['\n', '\r']).map_or(text.len(), |end| start + end);
    let line = &text[line_start..line_end];
    let column = text[line_start..start].chars().count() + 1;
    let fits = line.chars().nth(MAX_EXCERPT).is_none();
    let excerpt_column = if fits { 1 } else { column.saturating_sub(EXCERPT_LEAD).max(1) };
    let excerpt: String = line.chars().skip(excerpt_column - 1).take(MAX_EXCERPT).collect();
    // Only the first of several lines is marked.
    let shown = &text[start..floor(text, found.at.end).clamp(start, line_end)];
    Finding {
        severity: found.severity,
        file: source.name.clone(),
        line: line_number(text, start),
        column,
        length: shown.trim_end().chars().count().max(1),
        excerpt: visible(&excerpt),
        excerpt_column,
        message: spelt(&short(&found.message)),
        help: found.help.map(|help| spelt(&short(&help))),
    }
}

fn short(words: &str) -> Cow<'_, str> {
    match words.char_indices().nth(MAX_WORDS) {
        Some((end, _)) => format!("{}…", &words[..end]).into(),
        None => words.into(),
    }
}

/// Returns the nearest character boundary at or before a byte.
fn floor(text: &str, byte: usize) -> usize {
    text.floor_char_boundary(byte.min(text.len()))
}
