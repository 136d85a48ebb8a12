//! A grant as an author writes it, in permissions and in `visible`: `all`, `authenticated`, or a list of roles.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;

use crate::model::ids::Role;
use crate::model::permissions::Grant;
use crate::model::problem::{Place, Problems, nearest};

/// The forms of a grant, for messages after "must be".
const EXPECTED: &str = "all, authenticated or a list of roles like [admin, member]";

/// A grant as written, before its roles are checked.
#[derive(Clone, Debug, Serialize)]
pub enum RawGrant {
    /// A single word: `all`, `authenticated`, or a mistake, which [`check`](Self::check) reports.
    Word(String),
    /// The names of roles, of which a viewer needs one.
    Roles(Vec<String>),
}

impl RawGrant {
    /// Reads a grant from a list of roles.
    ///
    /// # Errors
    /// If an item of the list is not text.
    pub fn from_list<'de, A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Self::Roles)
    }

    /// Checks that the roles exist and returns the grant. After a fault, which is reported, it returns
    /// [`Grant::All`]: with a narrower grant, other checks would report that no viewer may see the unit.
    pub fn check(self, roles: &[Role], place: &Place, problems: &mut Problems) -> Grant {
        let names = match self {
            Self::Word(word) if word == "all" => return Grant::All,
            Self::Word(word) if word == "authenticated" => return Grant::Authenticated,
            Self::Word(word) => {
                report_word(&word, roles, place, problems);
                return Grant::All;
            }
            Self::Roles(names) => names,
        };
        let find = |name: &str| roles.iter().find(|role| role.as_str() == name).cloned();
        let mut granted = Vec::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            match find(name) {
                Some(role) => granted.push(role),
                None => {
                    let message = format!("there is no role `{name}`");
                    let known = roles.iter().map(Role::as_str);
                    problems.report(place.item(index), message).suggest(name, known);
                }
            }
        }
        if granted.len() == names.len() { Grant::Roles(granted) } else { Grant::All }
    }
}

/// Reports a word that is no grant. Suggests the nearest grant or, for the bare name of a role, the list.
fn report_word(word: &str, roles: &[Role], place: &Place, problems: &mut Problems) {
    let subject = place.subject();
    let got = Json::from(word);
    let message = format!("{subject} must be {EXPECTED}, got {got}");
    let problem = problems.report(place.clone(), message);
    let roles = roles.iter().map(Role::as_str);
    // Roles are suggested too: a bare `admin` is the usual mistake, and means `[admin]`.
    let known: Vec<_> = ["all", "authenticated"].into_iter().chain(roles).collect();
    match nearest(word, &known) {
        Some(role) if role == word => problem.help(format!("write `[{role}]`")),
        Some(known @ ("all" | "authenticated")) => problem.help(format!("did you mean `{known}`?")),
        Some(role) => problem.help(format!("did you mean `[{role}]`?")),
        None => problem.help("for everyone, guests included, write `all`"),
    };
}

impl<'de> Deserialize<'de> for RawGrant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // An untagged enum would lose the path to a faulty item.
        struct GrantVisitor;

        impl<'de> Visitor<'de> for GrantVisitor {
            type Value = RawGrant;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<RawGrant, E> {
                Ok(RawGrant::Word(word.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<RawGrant, A::Error> {
                RawGrant::from_list(list)
            }
        }

        deserializer.deserialize_any(GrantVisitor)
    }
}

impl JsonSchema for RawGrant {
    fn schema_name() -> Cow<'static, str> {
        "Grant".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Whom you let do something.",
            "anyOf": [
                { "const": "all", "description": "Everyone, guests included." },
                { "const": "authenticated", "description": "Everyone signed in." },
                {
                    "type": "array",
                    "items": { "type": "string" },
                    "description": "Signed-in people with one of these roles.",
                },
            ],
        })
    }
}
