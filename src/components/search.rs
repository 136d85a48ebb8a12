//! `search`: the fields that the search box of a table looks in. As an author writes it, and its checks.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use validator::{Validate, ValidationErrors};

use crate::components::{CheckContext, visibility};
use crate::model::field::FieldAt;
use crate::model::problem::Place;
use crate::model::storage::Storage;
use crate::model::table::Table;

/// The value of `search` as written: `true`, `false` or a list of fields.
pub(super) enum RawSearch {
    /// `true` for every text field that the viewer may read, `false` for no search.
    All(bool),
    /// The fields to search.
    Fields(SearchFields),
}

/// The text fields that the search box looks in, as in `{fields: [customer, city]}`.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Search", deny_unknown_fields)]
pub(super) struct SearchFields {
    /// The names of text fields, as in `[customer, city]`.
    #[validate(required, length(min = 1, message = "must name at least one field"))]
    fields: Option<Vec<String>>,
}

impl RawSearch {
    /// Returns the fields to search. `None` if there is no search. `place` is that of the component.
    /// Reports fields without text, fields listed twice, and fields that no viewer may read.
    pub(super) fn check(
        self,
        table: &Table,
        place: &Place,
        around: &mut dyn CheckContext,
    ) -> Option<Vec<FieldAt>> {
        let names = match self {
            Self::All(false) => return None,
            Self::All(true) => return visible_text_fields(table, &place.key("search"), around),
            Self::Fields(given) => given.fields?,
        };
        let place = place.key("search").key("fields");
        let mut fields = Vec::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            let place = place.item(index);
            let Some(at) = visibility::field(table, name, place.clone(), around) else { continue };
            // Numbers and dates have no words. `filters` offers controls with ranges for them.
            if !is_text(table, at) {
                let message = format!("`{name}` holds no text to look for words in");
                around.problems().report(place, message).help("see `filters` for other fields");
            } else if fields.contains(&at) {
                around.problems().report(place, format!("`{name}` is listed already"));
            } else {
                fields.push(at);
            }
        }
        Some(fields)
    }
}

/// Returns each text field that at least one viewer of the page may read. Reports at `place` if there is
/// none.
fn visible_text_fields(
    table: &Table,
    place: &Place,
    around: &mut dyn CheckContext,
) -> Option<Vec<FieldAt>> {
    let audience = around.audience();
    let fields = table.all().map(|(at, _)| at).filter(|at| is_text(table, *at));
    let seen: Vec<_> = fields.filter(|at| visibility::is_seen(table, *at, &audience)).collect();
    if seen.is_empty() {
        let message = format!("`{}` has no text to look for words in", table.name);
        around.problems().report(place.clone(), message).help("remove `search`");
    }
    Some(seen)
}

fn is_text(table: &Table, at: FieldAt) -> bool {
    table.field(at).kind.storage() == Storage::Text
}

impl<'de> Deserialize<'de> for RawSearch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // An untagged enum would lose the path to a fault and the unknown keys.
        struct SearchVisitor;

        impl<'de> Visitor<'de> for SearchVisitor {
            type Value = RawSearch;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false or {fields: [...]}")
            }

            fn visit_bool<E: de::Error>(self, all: bool) -> Result<RawSearch, E> {
                Ok(RawSearch::All(all))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawSearch, A::Error> {
                SearchFields::deserialize(MapAccessDeserializer::new(map)).map(RawSearch::Fields)
            }
        }

        deserializer.deserialize_any(SearchVisitor)
    }
}

impl Validate for RawSearch {
    fn validate(&self) -> Result<(), ValidationErrors> {
        match self {
            Self::All(_) => Ok(()),
            Self::Fields(fields) => fields.validate(),
        }
    }
}

impl JsonSchema for RawSearch {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "SearchOrAll".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let fields = generator.subschema_for::<SearchFields>();
        let all = json_schema!({ "type": "boolean", "description": "Wherever there is text." });
        json_schema!({ "anyOf": [all, fields] })
    }
}
