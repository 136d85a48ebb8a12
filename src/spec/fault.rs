//! Faults in the text of a file, such as YAML syntax, with the messages for authors.

use granit_parser::{ErrorKind, ScanError};

use crate::model::ids::TableName;
use crate::model::problem::Severity;
use crate::spec::source::{BadFile, NotUtf8, Span};

/// A fault at one place of a file.
pub(super) struct Fault {
    pub(super) severity: Severity,
    pub(super) at: Span,
    pub(super) message: String,
    pub(super) help: Option<String>,
    /// The table whose seed has the fault. `None` if it is not in a seed.
    pub(super) seed_of: Option<TableName>,
}

impl Fault {
    pub(super) fn new(at: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, at, message: message.into(), help: None, seed_of: None }
    }

    /// Creates a warning at a place of a file.
    pub(super) fn warning(at: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::new(at, message) }
    }

    /// Whether the app can be served in spite of it.
    pub(super) fn is_warning(&self) -> bool {
        self.severity == Severity::Warning
    }

    pub(super) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// Creates a fault at the place that names a file which cannot be used.
    pub(super) fn file(at: Span, error: &BadFile) -> Self {
        Self { help: error.help(), ..Self::new(at, error.to_string()) }
    }

    /// Creates the fault of an unknown escape in double quotes.
    pub(super) fn unknown_escape(at: Span) -> Self {
        let (message, help) = words(&ErrorKind::UnknownQuotedScalarEscape);
        Self::new(at, message.unwrap_or_default()).help(help)
    }

    /// Creates the fault of a syntax error, in words for authors.
    pub(super) fn syntax(at: Span, error: &ScanError) -> Self {
        let (message, help) = words(error.kind());
        let fault = match message {
            Some(message) => Self::new(at, message),
            None => Self::new(at, format!("this is not YAML: {}", error.info())),
        };
        match help {
            "" => fault,
            help => fault.help(help),
        }
    }
}

impl From<NotUtf8> for Fault {
    fn from(bad: NotUtf8) -> Self {
        Self::new(bad.at, "this file is not UTF-8 text from here on")
    }
}

/// Returns a message for authors, `None` if the parser's own is plain enough; and what to do, empty if
/// that is clear.
fn words(kind: &ErrorKind) -> (Option<String>, &'static str) {
    let (message, help) = match kind {
        ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabNotAllowed
        | ErrorKind::TabInPlainScalar
        | ErrorKind::TabAtBlockScalarStart => ("a tab cannot indent YAML", "use spaces"),
        ErrorKind::BomInsideDocument => {
            ("a byte order mark (U+FEFF) cannot stand here", "remove it")
        }
        ErrorKind::UnclosedQuotedScalar => ("this quote is never closed", ""),
        ErrorKind::UnclosedFlowCollection { open } => {
            return (Some(format!("this `{open}` is never closed")), "");
        }
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            return (Some(format!("this `{close}` closes what `{open}` opened")), "");
        }
        ErrorKind::MisplacedFlowCollectionEnd => ("this closes what was never opened", ""),
        ErrorKind::UnexpectedCharacter { character } if character.is_control() => {
            let code = u32::from(*character);
            return (Some(format!("YAML cannot hold the character U+{code:04X}")), "remove it");
        }
        ErrorKind::UnexpectedCharacter { character } => {
            let message = format!("a value cannot begin with `{}`", character.escape_debug());
            return (Some(message), "put the text in quotes");
        }
        ErrorKind::MappingValueNotAllowed => (
            "a `:` cannot stand here",
            "put a text that holds `: ` in quotes, or check the indentation",
        ),
        ErrorKind::InvalidColonPlacement
        | ErrorKind::ExpectedFlowMappingSeparator
        | ErrorKind::ExpectedFlowSequenceSeparator => {
            ("a comma or a closing bracket is missing before this", "")
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            ("a key needs a `:` after it", "write `key: value`, or check the indentation")
        }
        ErrorKind::ExpectedBlockMappingKey => {
            ("a key should stand here", "check that this line is indented like the keys above it")
        }
        ErrorKind::ExpectedBlockSequenceEntry => (
            "an item should stand here",
            "check that this line is indented like the items above it",
        ),
        ErrorKind::BlockSequenceEntryNotAllowed => {
            ("a list item cannot stand here", "put the list on lines of its own")
        }
        ErrorKind::InvalidIndentation => {
            ("this line is indented wrongly", "use the indentation of its neighbours")
        }
        ErrorKind::InvalidTrailingSingleQuotedScalar
        | ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            ("the text goes on after its closing quote", "inside '…' write '' for a quote")
        }
        ErrorKind::UnknownQuotedScalarEscape => {
            ("this is not an escape YAML knows", r"write \\ for a backslash, or use single quotes")
        }
        ErrorKind::UnknownAnchor => {
            ("there is no anchor of this name above", "put a text that begins with * in quotes")
        }
        ErrorKind::RecursionLimitExceeded => {
            return (Some(format!("values may nest {MAX_DEPTH} deep")), "");
        }
        _ => return (None, ""),
    };
    (Some(message.to_owned()), help)
}

/// The deepest nesting of values, across `$ref`.
pub(super) const MAX_DEPTH: usize = 64;
