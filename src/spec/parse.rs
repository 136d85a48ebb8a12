//! YAML text → tree. Everything YAML allows and a spec must not have is refused here: keys that
//! stand twice, tags, merge keys, several documents, nesting and aliases without end.

use std::collections::HashMap;

use granit_parser::{Event, ScalarStyle, ScanError, Span as Marks, StrInput, options};

use crate::spec::fault::Fault;
use crate::spec::scalar;
use crate::spec::source::{FileId, Span};
use crate::spec::tree::{Entry, Kind, Node};

/// How deep values may nest, `$ref` included.
pub(super) const MAX_DEPTH: usize = 64;
/// How many values an app may have in all.
pub(super) const MAX_NODES: usize = 200_000;
/// How many values aliases may stand for in one file.
const MAX_ALIASED: usize = 10_000;

/// The only value of a YAML text, nothing if it is empty. Nothing as well if it cannot be read to
/// its end, and then the last of `faults` says why.
pub(super) fn parse(text: &str, file: FileId, faults: &mut Vec<Fault>) -> Option<Node> {
    let options = options! { emit_comments: false };
    let events = granit_parser::Parser::new_from_str_with_options(text, options);
    let mut reader =
        Reader { events, text, file, faults, anchors: HashMap::new(), nodes: 0, aliased: 0 };
    reader.document().unwrap_or_else(|fault| {
        reader.faults.push(fault);
        None
    })
}

struct Reader<'a, 'f> {
    events: granit_parser::Parser<'a, StrInput<'a>>,
    text: &'a str,
    file: FileId,
    faults: &'f mut Vec<Fault>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    aliased: usize,
}

impl<'a> Reader<'a, '_> {
    fn document(&mut self) -> Result<Option<Node>, Fault> {
        let mut root = None;
        while let Some((event, span)) = self.next()? {
            match event {
                Event::StreamStart | Event::DocumentEnd | Event::StreamEnd => {}
                Event::DocumentStart(..) if root.is_some() => {
                    let fault =
                        Fault::new(span, "a file holds one YAML document, this is a second")
                            .help("remove this line, or move what follows into a file of its own");
                    return Err(fault);
                }
                Event::DocumentStart(..) => {}
                event => root = Some(self.node(event, span, 0)?),
            }
        }
        // Three dashes and nothing after them are as empty as no dashes.
        Ok(root.filter(|node| !matches!(node.kind, Kind::Null)))
    }

    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Fault> {
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

    /// The next event within a value. Values end before their file does, or the parser says so.
    fn inside(&mut self, start: Span) -> Result<(Event<'a>, Span), Fault> {
        let unended = || Fault::new(start, "what begins here does not end");
        self.next()?.ok_or_else(unended)
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Fault> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(Fault::new(span, format!("an app may have {MAX_NODES} values in all")));
        }
        if depth > MAX_DEPTH {
            return Err(Fault::new(span, format!("values may nest {MAX_DEPTH} deep")));
        }
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, _) => (scalar_node(&text, style, span), anchor),
            Event::SequenceStart(_, anchor, _) => (self.list(span, depth)?, anchor),
            Event::MappingStart(_, anchor, _) => (self.mapping(span, depth)?, anchor),
            Event::Alias(anchor) => (self.alias(anchor, span, depth)?, 0),
            _ => return Err(Fault::new(span, "a value should stand here")),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, start: Span, depth: usize) -> Result<Node, Fault> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.inside(start)?;
            if event == Event::SequenceEnd {
                return Ok(Node { at: start.to(span), kind: Kind::List(items) });
            }
            items.push(self.node(event, span, depth + 1)?);
        }
    }

    fn mapping(&mut self, start: Span, depth: usize) -> Result<Node, Fault> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut first: HashMap<String, Span> = HashMap::new();
        loop {
            let (event, key_at) = self.inside(start)?;
            if event == Event::MappingEnd {
                return Ok(Node { at: start.to(key_at), kind: Kind::Mapping(entries) });
            }
            let key = self.key(event, key_at, depth)?;
            let (event, span) = self.inside(start)?;
            let value = self.node(event, span, depth + 1)?;
            let Some(key) = key else { continue };
            if let Some(first) = first.get(&key) {
                let line = self.text[..first.start].matches('\n').count() + 1;
                let fault = Fault::new(key_at, format!("the key `{key}` stands here twice"));
                self.faults.push(fault.help(format!("it is given on line {line} already")));
            } else {
                first.insert(key.clone(), key_at);
                entries.push(Entry { key, key_at, value });
            }
        }
    }

    /// A key's text. Anything but text is read past, reported, and nothing.
    fn key(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Option<String>, Fault> {
        match event {
            Event::Scalar(text, ScalarStyle::Plain, ..) if text == "<<" => {
                let fault = Fault::new(span, "merge keys (`<<`) are not supported");
                self.faults.push(fault.help("write the keys out, or share a file by `$ref`"));
                Ok(None)
            }
            Event::Scalar(text, ..) => Ok(Some(text.into_owned())),
            event => {
                self.node(event, span, depth + 1)?;
                self.faults.push(Fault::new(span, "a key must be text"));
                Ok(None)
            }
        }
    }

    fn alias(&mut self, anchor: usize, span: Span, depth: usize) -> Result<Node, Fault> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(Fault::new(span, "this alias stands inside the value it repeats"));
        };
        self.aliased += node.count();
        if self.aliased > MAX_ALIASED {
            let message = format!("aliases may repeat {MAX_ALIASED} values in one file");
            return Err(Fault::new(span, message));
        }
        if depth + node.depth() > MAX_DEPTH {
            return Err(Fault::new(span, format!("values may nest {MAX_DEPTH} deep")));
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

    fn syntax(&self, error: &ScanError) -> Fault {
        let start = error.marker().byte_offset().unwrap_or(0).min(self.text.len());
        let end = self.text[start..].chars().next().map_or(start, |c| start + c.len_utf8());
        Fault::syntax(Span { file: self.file, start, end }, error)
    }
}

fn scalar_node(text: &str, style: ScalarStyle, at: Span) -> Node {
    let kind = match style {
        ScalarStyle::Plain => scalar::resolve(text),
        _ => Kind::Text(text.to_owned()),
    };
    Node { at, kind }
}
