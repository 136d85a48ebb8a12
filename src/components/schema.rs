//! The JSON Schema of any component: what all may have, and what each type takes beside it.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use validator::Validate;

use crate::components::grant::RawGrant;
use crate::components::{TYPES, schemas};

/// What any component may have, whatever its type.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
pub struct RawCommon {
    /// What the component is, as in `dataTable`.
    #[validate(required)]
    pub r#type: Option<String>,
    /// A name for the component, unique on its page. Links and styles may refer to it; without one
    /// it is called after its type and position, like `dataTable-1`.
    #[schemars(with = "Option<String>", regex(pattern = r"^[A-Za-z][A-Za-z0-9_-]{0,62}$"))]
    pub id: Option<crate::model::ids::ComponentId>,
    /// Who sees the component and what it holds, as in `[admin]`; everyone who may open the page if
    /// you do not say.
    pub visible: Option<RawGrant>,
    /// How the component's element is marked up.
    pub props: Option<RawProps>,
}

/// How a component's element is marked up.
#[derive(Default, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct RawProps {
    /// Classes for the component's element, separated by spaces.
    pub class_name: Option<String>,
    /// CSS declarations for the component's element, as in `max-width: 40rem`.
    pub style: Option<String>,
}

/// The keys of [`RawCommon`].
pub const COMMON_KEYS: &[&str] = &["type", "id", "visible", "props"];

/// One component of a page.
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
        // Editors leave out the branches whose keys are still missing, so the types are listed too.
        json_schema!({
            "description": "One component of a page.",
            "properties": { "type": types(&each) },
            "oneOf": each,
        })
    }
}

/// The types to choose from, each with what it is.
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

fn one_type(mut schema: Json, common: &Json, type_name: &str) -> Json {
    let own = schema["properties"].as_object().cloned().unwrap_or_default();
    let mut properties = common["properties"].as_object().cloned().unwrap_or_default();
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
