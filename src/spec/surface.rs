//! Finds the cause of a syntax error where the parser names another place. It scans the text from the top
//! to the place where the parser gave up.

use std::ops::Range;

use granit_parser::ErrorKind;

use crate::spec::fault::Fault;
use crate::spec::source::{FileId, Span, line_start};
use crate::spec::unseen::{self, Unseen};

/// How many lines above the parser's place are searched for the cause.
const LINES_BEFORE: usize = 2;
/// The longest text, in bytes, that an advice repeats with quotes around it.
const MAX_QUOTED: usize = 120;

/// The characters of a text outside quotes, comments and block scalars, with its comments and brackets.
#[derive(Default)]
struct Surface {
    /// Each character outside quotes, comments and block scalars, with its byte.
    plain: Vec<(usize, char)>,
    /// Each comment, and whether it is inside brackets.
    comments: Vec<(Range<usize>, bool)>,
    /// The brackets that are open at the end of the text.
    open: Vec<(usize, char)>,
    /// The last pair of brackets that was closed, `None` if no value began with it.
    last_value: Option<Range<usize>>,
}

/// Returns the faults that made the parser fail at this byte. Empty if the parser's own message is the
/// best.
pub(super) fn explain(text: &str, file: FileId, at: usize, kind: &ErrorKind) -> Vec<Fault> {
    let line_end = text[at..].find(['\n', '\r']).map_or(text.len(), |end| at + end);
    let whole = Surface::of(&text[..line_end]);
    let unseen = unseen_before(text, at, &whole);
    if !unseen.is_empty() {
        return unseen.into_iter().map(|unseen| unseen.fault(file)).collect();
    }
    let before = Surface::of(&text[..at]);
    let fault = begun_with_a_bracket(text, file, at, &before, kind)
        .or_else(|| hidden_by_a_comment(text, file, &whole))
        .or_else(|| never_closed(text, file, at, &before, kind));
    fault.into_iter().collect()
}

/// Finds invisible or look-alike characters near the place, where YAML expects a blank or a quote.
fn unseen_before(text: &str, at: usize, surface: &Surface) -> Vec<Unseen> {
    let mut first = line_start(text, at);
    for _ in 0..LINES_BEFORE {
        first = line_start(text, first.saturating_sub(1));
    }
    let near = surface.plain.partition_point(|(start, _)| *start < first);
    let near = &surface.plain[near..];
    let befores = neighbours(near.iter());
    let mut afters = neighbours(near.iter().rev());
    afters.reverse();
    let each = near.iter().zip(befores.into_iter().zip(afters));
    let counts = each.filter(|((_, character), (before, after))| {
        let begins = before.is_none_or(|other| "\n\r:-?,[{".contains(other));
        let ends = after.is_none_or(|other| "\n\r:,]}".contains(other));
        unseen::is_unseen(*character) && (begins || ends)
            || unseen::is_quote(*character) && begins
            || unseen::ends_a_line(*character)
    });
    unseen::runs(counts.map(|(found, _)| *found))
}

/// Returns for each character the last one before it that is neither a blank nor invisible.
fn neighbours<'a>(all: impl Iterator<Item = &'a (usize, char)>) -> Vec<Option<char>> {
    let mut last = None;
    let each = all.map(|(_, character)| {
        let before = last;
        if *character != ' ' && !unseen::is_unseen(*character) {
            last = Some(*character);
        }
        before
    });
    each.collect()
}

/// Finds a text without quotes that begins with a value in braces, or with a word in brackets.
fn begun_with_a_bracket(
    text: &str,
    file: FileId,
    at: usize,
    before: &Surface,
    kind: &ErrorKind,
) -> Option<Fault> {
    let value = before.last_value.clone()?;
    let inside = &text[value.clone()];
    let between = &text[value.end..at];
    let goes_on = between.chars().all(|character| character == ' ');
    let is_block =
        matches!(kind, ErrorKind::ExpectedBlockMappingKey | ErrorKind::ExpectedBlockSequenceEntry);
    let is_text = inside.starts_with('{') && !inside.contains(':') || is_block;
    if !goes_on || !is_text || inside.contains(['\n', '\r']) {
        return None;
    }
    let rest = text[at..].lines().next().unwrap_or_default();
    let whole = if is_block {
        text[value.start..at].to_owned() + rest.trim_end()
    } else {
        inside.to_owned() + " …"
    };
    let bracket = &inside[..1];
    let fault = Fault::new(
        Span { file, start: value.start, end: value.end },
        format!(
            "a text cannot begin with `{bracket}`: what is in it is read as a value of its own"
        ),
    );
    Some(fault.help(quoted(&whole)))
}

/// Returns the advice to put a text in quotes.
pub(super) fn quoted(text: &str) -> String {
    if text.len() > MAX_QUOTED || text.contains(['"', '\\', '\n', '\r']) {
        return "put the whole text in quotes".to_owned();
    }
    format!("put the text in quotes: \"{text}\"")
}

/// Finds a comment inside brackets that contains a closing bracket, so that they are never closed.
fn hidden_by_a_comment(text: &str, file: FileId, whole: &Surface) -> Option<Fault> {
    let hides = |(comment, within): &&(Range<usize>, bool)| {
        *within && text[comment.clone()].contains(['}', ']'])
    };
    let (comment, _) = whole.comments.iter().find(hides)?;
    let words = &text[comment.clone()];
    let end = words.find([',', '}', ']', ' ']).unwrap_or(words.len());
    let at = Span { file, start: comment.start, end: comment.start + end };
    let message = "a `#` after a blank begins a comment, so what follows is not read";
    Some(Fault::new(at, message).help(quoted(&words[..end])))
}

/// Finds a bracket of an earlier line that is still open after its indented lines.
fn never_closed(
    text: &str,
    file: FileId,
    at: usize,
    before: &Surface,
    kind: &ErrorKind,
) -> Option<Fault> {
    let expected = matches!(
        kind,
        ErrorKind::ExpectedFlowMappingSeparator
            | ErrorKind::ExpectedFlowSequenceSeparator
            | ErrorKind::InvalidColonPlacement
            | ErrorKind::InvalidFlowScalarIndent
    );
    let (start, bracket) = *before.open.last()?;
    let (line, own) = (line_start(text, at), line_start(text, start));
    let indent = |line: usize| text[line..].chars().take_while(|c| *c == ' ').count();
    if !expected || line == own || indent(line) > indent(own) {
        return None;
    }
    let at = Span { file, start, end: start + bracket.len_utf8() };
    Some(Fault::new(at, format!("this `{bracket}` is never closed")))
}

impl Surface {
    fn of(text: &str) -> Self {
        let mut surface = Self::default();
        let (mut quote, mut block) = (None, None);
        let mut start = 0;
        for line in text.split_inclusive(['\n', '\r']) {
            let indent = line.chars().take_while(|c| *c == ' ').count();
            let is_blank = line.trim().is_empty();
            match block {
                Some(above) if is_blank || indent > above => {}
                _ => {
                    let read = surface.plain.len();
                    surface.read(line, start, &mut quote);
                    let is_header = quote.is_none() && surface.open.is_empty();
                    let read: String = surface.plain[read..].iter().map(|(_, c)| *c).collect();
                    block = (is_header && begins_a_block(&read)).then_some(indent);
                }
            }
            start += line.len();
        }
        surface
    }

    /// Reads one line, which may begin inside quotes.
    fn read(&mut self, line: &str, start: usize, quote: &mut Option<char>) {
        let mut signs = line.char_indices().peekable();
        let mut previous = '\n';
        while let Some((at, sign)) = signs.next() {
            let at = start + at;
            if let Some(open) = *quote {
                let next = signs.peek().map(|(_, next)| *next);
                if sign == '\\' && open == '"' || sign == '\'' && open == sign && next == Some(sign)
                {
                    signs.next();
                } else if sign == open {
                    *quote = None;
                }
                previous = sign;
                continue;
            }
            match sign {
                '#' if previous.is_whitespace() => {
                    let end = start + line.trim_end_matches(['\n', '\r']).len();
                    self.comments.push((at..end, !self.open.is_empty()));
                    return;
                }
                '"' | '\'' if self.begins_a_value() => *quote = Some(sign),
                '{' | '[' if self.begins_a_value() => self.open.push((at, sign)),
                '}' | ']' => {
                    let opened = self.open.pop();
                    self.last_value = opened.map(|(opened, _)| opened..at + 1);
                }
                _ => {}
            }
            self.plain.push((at, sign));
            previous = sign;
        }
    }

    /// Whether a value may begin after the characters read so far.
    fn begins_a_value(&self) -> bool {
        let mut before = self.plain.iter().rev().map(|(_, sign)| *sign);
        let last = before.find(|sign| *sign != ' ' && !unseen::is_unseen(*sign));
        last.is_none_or(|sign| ":-?,[{\n\r".contains(sign))
    }
}

/// Whether a line ends with the header of a block scalar (`|` or `>`).
fn begins_a_block(line: &str) -> bool {
    let word = line.split_whitespace().next_back().unwrap_or_default();
    let is_more = |rest: &str| rest.chars().all(|c| c == '-' || c == '+' || c.is_ascii_digit());
    word.strip_prefix(['|', '>']).is_some_and(is_more)
}
