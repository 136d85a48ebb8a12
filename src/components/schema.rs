//! The JSON Schema of components, for editors: the keys of every component, with those of each type.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use validator::Validate;

use crate::components::grant::RawGrant;
use crate::components::{TYPES, schemas};

/// The keys that every component may have, whatever its type.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
pub struct RawCommon {
    /// The type of the component, as in `dataTable`.
    #[validate(required)]
    pub r#type: Option<String>,
    /// The id of the component's element, unique on its page, for links and styles; the type and a number,
    /// like `dataTable-1`, if you do not say.
    #[schemars(with = "Option<String>", regex(pattern = r"^[A-Za-z][A-Za-z0-9_-]{0,62}$"))]
    pub id: Option<crate::model::ids::ComponentId>,
    /// The viewers who see the component and the components in it, as in `[admin]`; everyone who may open the
    /// page if you do not say.
    pub visible: Option<RawGrant>,
    /// Classes and CSS for the component's element, as in `{className: wide}`.
    pub props: Option<RawProps>,
}

/// Classes and CSS declarations for the element of a component.
#[derive(Default, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct RawProps {
    /// Classes for the component's element, separated by spaces, as in `wide quiet`.
    pub class_name: Option<String>,
    /// CSS declarations for the component's element, separated by semicolons, as in `max-width: 40rem`.
    pub style: Option<String>,
}

/// The keys of [`RawCommon`], which each type's own keys are added to.
pub const COMMON_KEYS: &[&str] = &["type", "id", "visible", "props"];

/// A component of any type. It is never read itself: it only stands for the schema of all types.
pub struct AnyComponent;

impl JsonSchema for AnyComponent {
    fn schema_name() -> Cow<'static, str> {
        "Component".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let common = RawCommon::json_schema(generator).to_value();
        let each = schemas(generator).into_iter().zip(TYPES);
        let each: Vec<Json> = each
            .map(|(schema, type_name)| one_type(schema.to_value(), &common, type_name))
            .collect();
        // Editors skip a branch of `oneOf` whose required keys are still missing. So the types are also listed
        // outside the branches, or an editor could not complete `type` in a new component.
        json_schema!({
            "description": "One component of a page.",
            "properties": { "type": types(&each) },
            "oneOf": each,
        })
    }
}

/// Returns the schema of `type`: the names of all types with their descriptions, as plain text and as
/// Markdown (`enumDescriptions` and `markdownEnumDescriptions` are extensions of VS Code).
fn types(each: &[Json]) -> Json {
    let line = |one: &Json| -> String {
        let about = one["description"].as_str().unwrap_or_default();
        about.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let marked: Vec<_> = each.iter().map(line).collect();
    let plain: Vec<_> = marked.iter().map(|words| words.replace('`', "")).collect();
    json!({
        "description": "What the component is.",
        "enum": TYPES,
        "enumDescriptions": plain,
        "markdownEnumDescriptions": marked,
    })
}

/// Returns the schema of one type: its own keys, those of every component, and no others.
fn one_type(mut schema: Json, common: &Json, type_name: &str) -> Json {
    let own = schema["properties"].as_object().cloned().unwrap_or_default();
    let mut properties = common["properties"].as_object().cloned().unwrap_or_default();
    // Own keys are added last, so that a type may describe a common key in its own words.
    properties["type"] = json!({ "const": type_name, "description": schema["description"] });
    properties.extend(own);
    let mut required = vec![json!("type")];
    required.extend(schema["required"].as_array().cloned().unwrap_or_default());
    schema["properties"] = properties.into();
    schema["required"] = required.into();
    schema["additionalProperties"] = false.into();
    schema["title"] = type_name.into();
    schema
}
