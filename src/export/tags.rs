//! HTML as tokens with their places in the text. A change replaces only the bytes of one place, and all others stay as
//! they were written.

use std::ops::Range;

use html5gum::Tokenizer;
use html5gum::emitters::default::{DefaultEmitter, StartTag, Token};

/// The void elements, which have no end tag (HTML standard, 13.1.2).
const VOID: [&str; 13] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
    "wbr",
];

/// Splits HTML into tokens, each with the range of its bytes. Parse errors are skipped, as browsers do.
pub(super) fn tokens(html: &str) -> Vec<Token<usize>> {
    let mut emitter = DefaultEmitter::<usize>::new_with_span();
    emitter.naively_switch_states(true);
    let tokens = Tokenizer::new_with_emitter(html, emitter).map(|token| {
        let Ok(token) = token;
        token
    });
    tokens.filter(|token| !matches!(token, Token::Error(_))).collect()
}

/// Returns the token as a start tag. `None` if it is another kind of token.
pub(super) fn start_tag(token: &Token<usize>) -> Option<&StartTag<usize>> {
    if let Token::StartTag(tag) = token { Some(tag) } else { None }
}

/// Returns the index of the token that ends the element `name` which starts at `start`: its end tag, or the start tag
/// itself for a void element. It is the number of tokens if the element is never closed.
pub(super) fn end_of(tokens: &[Token<usize>], start: usize, name: &str) -> usize {
    if VOID.contains(&name) {
        return start;
    }
    // Only tags of this name count: within them others may be left open, as HTML allows.
    let mut open = 0;
    for (index, token) in tokens.iter().enumerate().skip(start) {
        match token {
            Token::StartTag(tag) if *tag.name == *name.as_bytes() => open += 1,
            Token::EndTag(tag) if *tag.name == *name.as_bytes() => open -= 1,
            _ => continue,
        }
        if open == 0 {
            return index;
        }
    }
    tokens.len()
}

/// The range of bytes of a token.
pub(super) fn span(token: &Token<usize>) -> Range<usize> {
    let span = match token {
        Token::StartTag(tag) => tag.span,
        Token::EndTag(tag) => tag.span,
        Token::String(words) | Token::Comment(words) => words.span,
        Token::Doctype(doctype) => doctype.span,
        Token::Error(error) => error.span,
    };
    span.start..span.end
}

/// Returns the name of the attribute that begins at the byte `start`, as it is written, and its range of bytes, from
/// the name to the end of the value with its quotes. `tag_end` is the end of its tag.
pub(super) fn attribute_at(html: &str, start: usize, tag_end: usize) -> (&str, Range<usize>) {
    let blank = |c: char| c.is_ascii_whitespace();
    let tag = &html[start..tag_end];
    // A name may begin with `=` (HTML standard, 13.2.5.32).
    let mut letters = tag.char_indices().skip(1);
    let name = letters.find(|(_, c)| blank(*c) || matches!(c, '/' | '>' | '='));
    let name = &tag[..name.map_or(tag.len(), |(end, _)| end)];
    let after = tag[name.len()..].trim_start_matches(blank);
    let Some(value) = after.strip_prefix('=').map(|value| value.trim_start_matches(blank)) else {
        return (name, start..start + name.len());
    };
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
    let length = match quote {
        Some(quote) => value[1..].find(quote).map_or(value.len(), |end| end + 2),
        None => value.find(|c| blank(c) || c == '>').unwrap_or(value.len()),
    };
    (name, start..tag_end - value.len() + length)
}

/// The value of an attribute. `None` if the tag does not have it.
pub(super) fn attribute_value(tag: &StartTag<usize>, key: &str) -> Option<String> {
    tag.attributes.get(key.as_bytes()).map(|value| text(&value.value))
}

/// Decodes bytes as UTF-8, with the replacement character for what is not.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
