//! Characters that nobody sees, in every place where YAML is spoilt by them: each is pointed at and
//! named by its number.

use pagetide::spec::{self, Loaded};

/// One of each sort; `@` in a place stands for it.
const CHARACTERS: [char; 21] = [
    '\u{a0}', '\u{ad}', '\u{61c}', '\u{1680}', '\u{180e}', '\u{2003}', '\u{200a}', '\u{200b}',
    '\u{200c}', '\u{200d}', '\u{200e}', '\u{200f}', '\u{2028}', '\u{202e}', '\u{202f}', '\u{205f}',
    '\u{2060}', '\u{2066}', '\u{2069}', '\u{3000}', '\u{feff}',
];

const QUOTES: [char; 6] = ['“', '„', '”', '‘', '’', '«'];

fn load(yaml: &str) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    spec::load_given(yaml.as_bytes(), folder.path()).unwrap()
}

/// Whether the first thing said of the text is about the character, and at its place.
#[track_caller]
fn check(place: &str, character: char) {
    let yaml = place.replace('@', &character.to_string());
    let before = &place[..place.find('@').unwrap()];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
    let loaded = load(&yaml);
    let number = format!("(U+{:04X})", u32::from(character));
    let first = loaded.report.findings.first();
    let first = first.unwrap_or_else(|| panic!("nothing is said of {number} in {place:?}"));
    let words = format!("{} {}", first.message, first.help.as_deref().unwrap_or_default());
    assert!(words.contains(&number), "{number} in {place:?}: {words}");
    assert_eq!((first.line, first.column), (line, column), "{number} in {place:?}: {words}");
}

#[test]
fn what_nobody_sees_is_named_wherever_it_spoils_yaml() {
    for place in [
        "name:@desk\n",
        "name:@desk\npages: []\n",
        "name:@desk\ndatabase:\n  url: x\n",
        "name: @desk\npages: []\n",
        "name: desk@\npages: []\n",
        "na@me: desk\npages: []\n",
        "name@: desk\npages: []\n",
        "name: desk\n@pages: []\n",
        "name: desk\npages:\n  - name: A\n    path: /a\n@presence: true\n",
        "name: desk\npages:\n  - name: A\n    path:@/a\n    presence: true\n",
        "name: desk\npages:\n  - {@name: A, path: /a }\n",
        "name: desk\npages:\n  - { name: A,@path: /a }\n",
        "name: desk\npages:\n  - { name: A, pa@th: /a }\n",
        "name: desk\npages:\n  - { name: A, path:@/a }\n",
        "name: desk\npages: [{ name: A, path: /a, components: [{ type: te@xt, content: A }] }]\n",
        "name: desk\npages: [{ name: A, path: /a, components: [{ type: \"te@xt\" }] }]\n",
        "name: desk\npages: [{ name: A, path: /a, access: a@ll }]\n",
        "name: desk\npages: [{ name: A, path: /a, \"access@\": all }]\n",
        "name: desk\ntables: [{ name: or@ders, fields: [{ name: a, type: url }] }]\n",
    ] {
        for character in CHARACTERS {
            check(place, character);
            let printed = load(&place.replace('@', &character.to_string())).report.to_string();
            assert!(!printed.contains(character), "U+{:04X} is printed", u32::from(character));
        }
    }
}

#[test]
fn quotes_of_a_typesetter_are_named_where_yaml_is_spoilt_by_them() {
    for place in [
        "name: @desk: open@\npages: []\n",
        "name: desk\npages:\n  - name: A\n    path: /a\n    meta: { title: @A: b@, description: x: y }\n",
        "name: desk\npages: [{ name: A, path: /a, components: [{ type: @text@, content: A }] }]\n",
    ] {
        for quote in QUOTES {
            check(place, quote);
        }
    }
}

#[test]
fn inside_texts_they_may_stand() {
    for text in ["\"a@b\"", "'@a@'", "a@b", "a @ b", "|\n          @a\n          b@\n", "a # @b: c"]
    {
        for character in CHARACTERS.into_iter().chain(QUOTES) {
            let text = text.replace('@', &character.to_string());
            let yaml = format!(
                "name: desk\npages:\n  - name: A\n    path: /a\n    components:\n      - type: text\n        \
                 content: {text}\n"
            );
            let told = load(&yaml).report.to_string();
            assert_eq!(told, "", "U+{:04X} in {text:?}", u32::from(character));
        }
    }
}
