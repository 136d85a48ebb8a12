//! Parses YAML text into a tree. It refuses what YAML allows and a spec must not have: duplicate keys,
//! tags, merge keys, several documents, and unlimited nesting and aliases.

use std::collections::HashMap;
use std::ops::Range;

use granit_parser::{ErrorKind, Event, ScalarStyle, ScanError, Span as Marks, StrInput, options};

use crate::spec::fault::{Fault, MAX_DEPTH};
use crate::spec::source::{FileId, Span, line_number, line_start};
use crate::spec::tree::{Entry, Node, NodeKind};
use crate::spec::unseen::{self, Unseen};
use crate::spec::{scalar, surface};
/// The most values of one app.
pub(super) const MAX_NODES: usize = 200_000;
/// The most values that the aliases of one file may repeat.
const MAX_ALIASED: usize = 10_000;
/// The characters that may follow a backslash in double quotes (YAML 1.2, 5.7).
const KNOWN_ESCAPES: &[u8] = b"0abt\tnvfe \"/\\N_LPxuU\n\r";

/// Parses a YAML text that holds one value. `None` if the text is empty, or if it cannot be read to its
/// end; in that case the last of `faults` says why.
pub(super) fn parse(text: &str, file: FileId, faults: &mut Vec<Fault>) -> Option<Node> {
    let options = options! { emit_comments: false };
    let events = granit_parser::Parser::new_from_str_with_options(text, options);
    let anchors = HashMap::new();
    let mut reader =
        YamlReader { events, text, file, faults, anchors, nodes: 0, aliased: 0, is_spoiled: false };
    let tree = reader.document();
    match tree {
        // Where an invisible character stands in for a blank, all later faults may follow from it. They
        // are dropped.
        _ if reader.is_spoiled => None,
        Ok(tree) => tree,
        Err(ParseAbort(faults)) => {
            let is_told_better = |old: &Fault| {
                faults
                    .iter()
                    .any(|fault| fault.at.file == old.at.file && fault.at.start == old.at.start)
            };
            reader.faults.retain(|old| !is_told_better(old));
            reader.faults.extend(faults);
            None
        }
    }
}

/// The faults that keep a text from being read to its end.
struct ParseAbort(Vec<Fault>);

impl From<Fault> for ParseAbort {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

struct YamlReader<'a, 'f> {
    events: granit_parser::Parser<'a, StrInput<'a>>,
    text: &'a str,
    file: FileId,
    faults: &'f mut Vec<Fault>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    aliased: usize,
    /// Whether an invisible character was found where it cannot stand.
    is_spoiled: bool,
}

impl<'a> YamlReader<'a, '_> {
    fn document(&mut self) -> Result<Option<Node>, ParseAbort> {
        let mut root = None;
        while let Some((event, span)) = self.next()? {
            match event {
                Event::StreamStart | Event::DocumentEnd | Event::StreamEnd => {}
                Event::DocumentStart(..) if root.is_some() => {
                    let fault =
                        Fault::new(span, "a file holds one YAML document, this is a second")
                            .help("remove this line, or move what follows into a file of its own");
                    return Err(fault.into());
                }
                Event::DocumentStart(..) => {}
                event => root = Some(self.node(event, span, 0)?),
            }
        }
        // Three dashes with nothing after them are an empty file too.
        Ok(root.filter(|node| !matches!(node.kind, NodeKind::Null)))
    }

    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, ParseAbort> {
        match self.events.next() {
            None => Ok(None),
            Some(Err(error)) => Err(self.syntax(&error)),
            Some(Ok((event, marks))) => {
                self.refuse_tag(&event, &marks);
                let span = self.span(&marks);
                Ok(Some((event, span)))
            }
        }
    }

    /// Returns the next event within a value. A value ends before its file does; the parser reports one
    /// that does not.
    fn inside(&mut self, start: Span) -> Result<(Event<'a>, Span), ParseAbort> {
        let unended = || Fault::new(start, "what begins here does not end").into();
        self.next()?.ok_or_else(unended)
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, ParseAbort> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(
                Fault::new(span, format!("an app may have {MAX_NODES} values in all")).into()
            );
        }
        if depth > MAX_DEPTH {
            return Err(Fault::new(span, format!("values may nest {MAX_DEPTH} deep")).into());
        }
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => {
                if style == ScalarStyle::Plain && !text.is_ascii() {
                    self.refuse_unseen(&unseen::around(self.written(span), span.start));
                }
                (scalar_node(&text, style, span), anchor)
            }
            Event::SequenceStart(_, anchor, _) => (self.list(span, depth)?, anchor),
            Event::MappingStart(_, anchor, _) => (self.mapping(span, depth)?, anchor),
            Event::Alias(anchor) => (self.alias(anchor, span, depth)?, 0),
            _ => return Err(Fault::new(span, "a value should stand here").into()),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, start: Span, depth: usize) -> Result<Node, ParseAbort> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.inside(start)?;
            if event == Event::SequenceEnd {
                return Ok(Node { at: start.to(span), kind: NodeKind::List(items), number: None });
            }
            items.push(self.node(event, span, depth + 1)?);
        }
    }

    fn mapping(&mut self, start: Span, depth: usize) -> Result<Node, ParseAbort> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut first: HashMap<String, Span> = HashMap::new();
        let mut is_broken = false;
        loop {
            let (event, key_at) = self.inside(start)?;
            if event == Event::MappingEnd {
                let kind = if is_broken { NodeKind::Broken } else { NodeKind::Mapping(entries) };
                return Ok(Node { at: start.to(key_at), kind, number: None });
            }
            let key = self.key(event, key_at, depth)?;
            let (event, span) = self.inside(start)?;
            let value = self.node(event, span, depth + 1)?;
            let Some(key) = key else { continue };
            if matches!(value.kind, NodeKind::Null) && self.is_bare(key_at) && !self.is_spoiled {
                self.refuse_bare(&key, key_at, start, entries.last());
                is_broken = true;
            }
            if let Some(first) = first.get(&key) {
                let line = line_number(self.text, first.start);
                let fault = Fault::new(key_at, format!("the key `{key}` stands here twice"));
                self.faults.push(fault.help(format!("it is given on line {line} already")));
            } else {
                first.insert(key.clone(), key_at);
                entries.push(Entry { key, key_at, value });
            }
        }
    }

    /// Whether a key in braces has no `:` after it.
    fn is_bare(&self, key_at: Span) -> bool {
        let rest = self.text.get(key_at.end..).unwrap_or_default().trim_start();
        rest.starts_with([',', '}'])
    }

    /// Reports a key in braces that has no value: the author has put braces around a text, or a comma
    /// into one.
    fn refuse_bare(&mut self, key: &str, key_at: Span, start: Span, before: Option<&Entry>) {
        let text = before.filter(|entry| matches!(entry.value.kind, NodeKind::Text(_)));
        let text = text.map(|entry| entry.value.at);
        let text = text.filter(|at| !self.written(*at).starts_with(['"', '\'']));
        let fault = match (before, text) {
            (_, Some(text)) if key.contains(' ') => {
                let whole = self.written(text.to(key_at));
                Fault::new(
                    key_at,
                    "a comma ends the text before it, so this is read as a key of its own",
                )
                .help(surface::quoted(whole))
            }
            (None, _) => {
                let at = start.to(key_at);
                let message =
                    "a text cannot begin with `{`: what is in it is read as a value of its own";
                let end = self.text[at.end..].find('}').map_or(at.end, |end| at.end + end + 1);
                let at = Span { end, ..at };
                Fault::new(at, message).help(surface::quoted(self.written(at)))
            }
            (Some(_), _) => Fault::new(key_at, format!("`{key}` has no value"))
                .help(format!("write `{key}: …`, or put a text that contains a comma in quotes")),
        };
        self.faults.push(fault);
    }

    /// Returns the text of a key. A key of another kind is skipped and reported, and the result is
    /// `None`.
    fn key(
        &mut self,
        event: Event<'a>,
        span: Span,
        depth: usize,
    ) -> Result<Option<String>, ParseAbort> {
        match event {
            Event::Scalar(text, ScalarStyle::Plain, ..) if text == "<<" => {
                let fault = Fault::new(span, "merge keys (`<<`) are not supported");
                self.faults.push(fault.help("write the keys out, or share a file by `$ref`"));
                Ok(None)
            }
            Event::Scalar(text, style, ..) => {
                if style == ScalarStyle::Plain && !text.is_ascii() {
                    self.refuse_unseen(&unseen::in_key(self.written(span), span.start));
                }
                Ok(Some(text.into_owned()))
            }
            event => {
                self.node(event, span, depth + 1)?;
                self.faults.push(Fault::new(span, "a key must be text"));
                Ok(None)
            }
        }
    }

    fn alias(&mut self, anchor: usize, span: Span, depth: usize) -> Result<Node, ParseAbort> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(Fault::new(span, "this alias stands inside the value it repeats").into());
        };
        self.aliased += node.count();
        if self.aliased > MAX_ALIASED {
            let message = format!("aliases may repeat {MAX_ALIASED} values in one file");
            return Err(Fault::new(span, message).into());
        }
        if depth + node.depth() > MAX_DEPTH {
            return Err(Fault::new(span, format!("values may nest {MAX_DEPTH} deep")).into());
        }
        Ok(node.clone())
    }

    fn refuse_tag(&mut self, event: &Event<'a>, marks: &Marks) {
        if event.tag().is_none() {
            return;
        }
        let span = match marks.tag_span() {
            Some(tag) => self.span(&tag),
            None => self.span(marks),
        };
        let fault = Fault::new(span, "YAML tags (`!…`) are not supported");
        self.faults.push(fault.help("remove the tag; put a text that begins with ! in quotes"));
    }

    fn span(&self, marks: &Marks) -> Span {
        let range = marks.byte_range().unwrap_or(0..0);
        Span { file: self.file, start: range.start, end: range.end.max(range.start) }
    }

    /// Returns the text of the file in this range.
    fn written(&self, span: Span) -> &'a str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    fn refuse_unseen(&mut self, unseen: &[Unseen]) {
        self.is_spoiled |= !unseen.is_empty();
        self.faults.extend(unseen.iter().map(|unseen| unseen.fault(self.file)));
    }

    /// Returns the place of the tab that indents the line of this byte, or else the first later line that
    /// has one.
    fn tab_near(&self, byte: usize) -> Option<Span> {
        let from = line_start(self.text, byte);
        let mut lines = self.text[from..].split_inclusive(['\n', '\r']);
        let mut passed = from;
        let tab = lines.find_map(|line| {
            let blank = line.len() - line.trim_start().len();
            let tab = line[..blank].find('\t').map(|at| passed + at);
            passed += line.len();
            tab
        });
        tab.map(|start| Span { file: self.file, start, end: start + 1 })
    }

    fn syntax(&self, error: &ScanError) -> ParseAbort {
        let start = error.marker().byte_offset().unwrap_or(0).min(self.text.len());
        let start = self.text.floor_char_boundary(start);
        let seen = surface::explain(self.text, self.file, start, error.kind());
        if !seen.is_empty() {
            return ParseAbort(seen);
        }
        let end = self.text[start..].chars().next().map_or(start, |c| start + c.len_utf8());
        let at = Span { file: self.file, start, end };
        let at = match error.kind() {
            ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabInPlainScalar
            | ErrorKind::TabAtBlockScalarStart
            | ErrorKind::TabNotAllowed => self.tab_near(start).unwrap_or(at),
            _ => at,
        };
        match bad_escape(self.text, start, error.kind()) {
            Some(escape) => {
                let at = Span { start: escape.start, end: escape.end, ..at };
                Fault::unknown_escape(at).into()
            }
            None => Fault::syntax(at, error).into(),
        }
    }
}

/// Returns the range of the first escape after this byte that is unknown or lacks digits. `None` if the
/// error is not about an escape.
fn bad_escape(text: &str, start: usize, kind: &ErrorKind) -> Option<Range<usize>> {
    let is_escape = matches!(
        kind,
        ErrorKind::UnknownQuotedScalarEscape
            | ErrorKind::InvalidQuotedScalarHexEscape
            | ErrorKind::InvalidUnicodeEscape
    );
    if !is_escape {
        return None;
    }
    let bytes = text.as_bytes();
    let mut at = start;
    while at + 1 < bytes.len() {
        if bytes[at] != b'\\' {
            at += 1;
            continue;
        }
        let digits = match bytes[at + 1] {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            _ => 0,
        };
        let given = bytes[at + 2..].iter().take(digits);
        let given = given.take_while(|byte| byte.is_ascii_hexdigit()).count();
        let code = text.get(at + 2..at + 2 + given);
        let number = code.and_then(|code| u32::from_str_radix(code, 16).ok()).unwrap_or(0);
        let is_known = KNOWN_ESCAPES.contains(&bytes[at + 1]);
        if !is_known || given < digits || char::from_u32(number).is_none() {
            let end = text.ceil_char_boundary(at + 2);
            return Some(at..end);
        }
        at += 2 + digits;
    }
    None
}

fn scalar_node(text: &str, style: ScalarStyle, at: Span) -> Node {
    match style {
        ScalarStyle::Plain => {
            Node { at, kind: scalar::resolve(text), number: scalar::json_number(text) }
        }
        _ => Node { at, kind: NodeKind::Text(text.to_owned()), number: None },
    }
}
