//! Whom an author lets do something: `all`, `authenticated`, or a list of roles.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::model::access::Grant;
use crate::model::ids::Role;
use crate::model::problem::{Place, Problems};

/// Whom an author lets do something.
#[derive(Clone, Debug, Serialize)]
pub(super) enum RawGrant {
    All,
    Authenticated,
    Roles(Vec<String>),
}

impl RawGrant {
    /// The word alone, where it is one.
    pub(super) fn from_word<E: de::Error>(
        word: &str,
        expected: &dyn de::Expected,
    ) -> Result<Self, E> {
        match word {
            "all" => Ok(Self::All),
            "authenticated" => Ok(Self::Authenticated),
            _ => Err(E::invalid_value(Unexpected::Str(word), expected)),
        }
    }

    /// The list of roles, where it is one.
    pub(super) fn from_list<'de, A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Self::Roles)
    }

    /// Checks that the roles exist. What comes back is open to all if they do not, so that nothing
    /// else is blamed for it.
    pub(super) fn check(self, roles: &[Role], place: &Place, problems: &mut Problems) -> Grant {
        let names = match self {
            Self::All => return Grant::All,
            Self::Authenticated => return Grant::Authenticated,
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

impl<'de> Deserialize<'de> for RawGrant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct GrantVisitor;

        impl<'de> Visitor<'de> for GrantVisitor {
            type Value = RawGrant;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("all, authenticated or a list of roles like [admin, member]")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<RawGrant, E> {
                RawGrant::from_word(word, &self)
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
