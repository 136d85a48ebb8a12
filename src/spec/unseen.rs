//! Finds characters that are invisible or look like others. Text that is copied from a page or a chat has
//! them. They may be meant in a text, but never in a key or where YAML needs a blank.

use crate::spec::fault::Fault;
use crate::spec::source::{FileId, Span};

/// The most runs of such characters that are reported in one file.
const MAX_TOLD: usize = 20;

/// A run of one invisible or look-alike character in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unseen {
    /// The byte where the run begins.
    pub(super) at: usize,
    pub(super) character: char,
    /// How often the character is repeated.
    pub(super) times: usize,
}

/// The effect of an invisible or look-alike character on a reader.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CharacterEffect {
    /// The character looks like a blank.
    Blank,
    /// The character looks like the end of a line.
    LineEnd,
    /// The character is invisible.
    Nothing,
    /// The character modifies another one, such as an emoji, and is invisible without it.
    PartOfASign,
    /// The character looks like a quote.
    Quote,
}

/// Returns the name of such a character and its effect. `None` for all other characters.
fn known(character: char) -> Option<(&'static str, CharacterEffect)> {
    Some(match character {
        '\u{a0}' => ("a no-break space", CharacterEffect::Blank),
        '\u{202f}' => ("a narrow no-break space", CharacterEffect::Blank),
        '\u{3000}' => ("a wide space", CharacterEffect::Blank),
        '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{205f}' => {
            ("a space of another width", CharacterEffect::Blank)
        }
        '\u{85}' | '\u{2028}' | '\u{2029}' => {
            ("a line end of another kind", CharacterEffect::LineEnd)
        }
        '\u{feff}' => ("a byte order mark", CharacterEffect::Nothing),
        '\u{200b}' => ("a zero-width space", CharacterEffect::Nothing),
        '\u{200c}' => ("a zero-width non-joiner", CharacterEffect::Nothing),
        '\u{200d}' => ("a zero-width joiner", CharacterEffect::Nothing),
        '\u{2060}' => ("a word joiner", CharacterEffect::Nothing),
        '\u{ad}' => ("a soft hyphen", CharacterEffect::Nothing),
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            ("a mark that turns the direction of writing", CharacterEffect::Nothing)
        }
        '\u{34f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180e}'
        | '\u{2061}'..='\u{2064}'
        | '\u{206a}'..='\u{206f}'
        | '\u{2800}'
        | '\u{3164}'
        | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}' => ("an invisible character", CharacterEffect::Nothing),
        '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e01ef}' => {
            ("an invisible character", CharacterEffect::PartOfASign)
        }
        '\u{2018}'..='\u{201f}' => ("a curly quote", CharacterEffect::Quote),
        '\u{2039}' | '\u{203a}' | '\u{ab}' | '\u{bb}' => ("an angle quote", CharacterEffect::Quote),
        _ => return None,
    })
}

/// Whether the character is invisible, or looks like a blank or a line end.
pub(super) fn is_unseen(character: char) -> bool {
    known(character).is_some_and(|(_, effect)| effect != CharacterEffect::Quote)
}

/// Whether the character looks like the end of a line.
pub(super) fn ends_a_line(character: char) -> bool {
    known(character).is_some_and(|(_, effect)| effect == CharacterEffect::LineEnd)
}

/// Whether the character looks like a quote of YAML but is none.
pub(super) fn is_quote(character: char) -> bool {
    known(character).is_some_and(|(_, effect)| effect == CharacterEffect::Quote)
}

/// Returns the invisible characters in a key that begins at the byte `start`.
pub(super) fn in_key(key: &str, start: usize) -> Vec<Unseen> {
    let all = key.char_indices().filter(|(_, character)| is_unseen(*character));
    runs(all.map(|(at, character)| (start + at, character)))
}

/// Returns the invisible characters at both ends of a plain scalar that begins at the byte `start`.
pub(super) fn around(value: &str, start: usize) -> Vec<Unseen> {
    let is_part = |character| matches!(known(character), Some((_, CharacterEffect::PartOfASign)));
    let stands = |(_, character): &(usize, char)| is_unseen(*character) && !is_part(*character);
    let before = value.char_indices().take_while(stands);
    let after = value.char_indices().rev().take_while(stands);
    let mut all: Vec<_> =
        before.chain(after).map(|(at, character)| (start + at, character)).collect();
    all.sort_unstable();
    all.dedup();
    runs(all)
}

/// Joins equal neighbouring characters into runs.
pub(super) fn runs(all: impl IntoIterator<Item = (usize, char)>) -> Vec<Unseen> {
    let mut runs: Vec<Unseen> = Vec::new();
    for (at, character) in all {
        let is_full = runs.len() == MAX_TOLD;
        match runs.last_mut() {
            Some(last) if last.character == character && last.end() == at => last.times += 1,
            _ if is_full => break,
            _ => runs.push(Unseen { at, character, times: 1 }),
        }
    }
    runs
}

/// Returns the first such character in a text of a file that the message contains too: it is then why a
/// name is unknown.
pub(super) fn repeated(written: &str, start: usize, message: &str) -> Option<Unseen> {
    let mut all = written.char_indices().filter(|(_, character)| known(*character).is_some());
    let found = all.find(|(_, character)| message.contains(*character));
    found.map(|(at, character)| Unseen { at: start + at, character, times: 1 })
}

impl Unseen {
    /// Returns a fault that refuses the characters.
    pub(super) fn fault(self, file: FileId) -> Fault {
        Fault::new(self.span(file), format!("{} cannot stand here", self.name()))
            .help(self.advice())
    }

    /// Returns the bytes of the run.
    pub(super) fn span(self, file: FileId) -> Span {
        Span { file, start: self.at, end: self.end() }
    }

    fn end(self) -> usize {
        self.at + self.times * self.character.len_utf8()
    }

    /// Returns a help that names the character and says what to write instead.
    pub(super) fn help(self) -> String {
        format!("{} stands here; {}", self.name(), self.advice())
    }

    fn name(self) -> String {
        let name = known(self.character).map_or("a character", |(name, _)| name);
        format!("{name} (U+{:04X})", u32::from(self.character))
    }

    fn advice(self) -> &'static str {
        match known(self.character) {
            Some((_, CharacterEffect::Blank)) => "write a plain one",
            Some((_, CharacterEffect::LineEnd)) => "begin a new line",
            Some((_, CharacterEffect::Quote)) => "write a straight one: \" or '",
            _ => "remove it",
        }
    }
}

/// Returns the text for an excerpt, with a visible character in place of each invisible one, so that
/// columns keep their meaning.
pub(super) fn visible(text: &str) -> String {
    let shown = |character: char| match known(character) {
        Some((_, CharacterEffect::Blank)) => '\u{237d}',
        Some((_, CharacterEffect::Nothing | CharacterEffect::LineEnd)) => '\u{fffd}',
        _ if character.is_control() && character != '\t' => '\u{fffd}',
        _ => character,
    };
    text.chars().map(shown).collect()
}

/// Returns the text for a message, with the code point of each invisible character, as in `<U+200B>`.
pub(super) fn spelt(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    for character in text.chars() {
        match known(character) {
            Some((
                _,
                CharacterEffect::Blank | CharacterEffect::Nothing | CharacterEffect::LineEnd,
            )) => {
                words.push_str(&format!("<U+{:04X}>", u32::from(character)));
            }
            _ if character.is_control() && character != '\t' => words.push('\u{fffd}'),
            _ => words.push(character),
        }
    }
    words
}
