//! What is wrong with the YAML itself, before anything in it has a meaning; and the words for it.

use granit_parser::{ErrorKind, ScanError};

use crate::model::ids::TableName;
use crate::model::problem::Severity;
use crate::spec::source::{BadFile, NotUtf8, Span};

/// One thing wrong at one place of a file.
pub(super) struct Fault {
    pub(super) severity: Severity,
    pub(super) at: Span,
    pub(super) message: String,
    pub(super) help: Option<String>,
    /// Whose seed it is about, where it is about one.
    pub(super) seed_of: Option<TableName>,
}

impl Fault {
    pub(super) fn new(at: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, at, message: message.into(), help: None, seed_of: None }
    }

    /// What is probably not meant.
    pub(super) fn warning(at: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::new(at, message) }
    }

    pub(super) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// A file that cannot be used, named here.
    pub(super) fn file(at: Span, error: &BadFile) -> Self {
        Self { help: error.help(), ..Self::new(at, error.to_string()) }
    }

    /// A backslash in double quotes that nothing can be made of.
    pub(super) fn unknown_escape(at: Span) -> Self {
        let (message, help) = words(&ErrorKind::UnknownQuotedScalarEscape);
        Self::new(at, message.unwrap_or_default()).help(help)
    }

    /// Text that is not YAML, in the words of an author.
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

/// What is wrong, where the parser's own words would puzzle an author; and what to do.
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

/// How deep values may nest, `$ref` included.
pub(super) const MAX_DEPTH: usize = 64;
