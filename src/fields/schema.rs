//! The JSON Schemas of fields' values: as a program reads them, and as it may send them.

use serde_json::{Value as Json, json};

use crate::fields::family;
use crate::model::field::Field;

/// The JSON Schemas of a field type's values, without null. Each has `examples`.
pub(super) struct Shapes {
    /// The schema of a value as it is read.
    pub(super) read: Json,
    /// The schema of a value as it may be sent.
    pub(super) sent: Json,
}

impl Shapes {
    /// Makes one schema serve for both.
    pub(super) fn same(shape: Json) -> Self {
        Self { read: shape.clone(), sent: shape }
    }
}

/// Returns the schema of a field's value as it is read.
pub fn read(field: &Field) -> Json {
    let mut schema = family(&field.kind).shapes(&field.kind).read;
    schema["title"] = Json::from(field.label.as_ref());
    if field.kind.is_system() {
        schema["readOnly"] = Json::Bool(true);
    }
    if field.required { schema } else { or_null(schema) }
}

/// Returns the schema of the values that may be sent for the field of an existing record.
pub fn sent(field: &Field) -> Json {
    let mut schema = family(&field.kind).shapes(&field.kind).sent;
    schema["title"] = Json::from(field.label.as_ref());
    if !field.required {
        return or_null(schema);
    }
    if schema["type"] == "string" && schema.get("enum").is_none() {
        schema["minLength"] = Json::from(1);
    }
    schema
}

/// Returns the schema of the values that may be sent for the field of a new record.
pub fn given(field: &Field) -> Json {
    let mut schema = sent(field);
    if !field.default.is_null() {
        schema["default"] = json!(field.default);
    }
    schema
}

/// Returns an example of the field's value as it is read.
pub fn example(field: &Field) -> Json {
    family(&field.kind).shapes(&field.kind).read["examples"][0].take()
}

/// Returns a schema that also allows null.
fn or_null(mut schema: Json) -> Json {
    match &mut schema["type"] {
        Json::String(one) => schema["type"] = json!([one, "null"]),
        Json::Array(several) => several.push(Json::from("null")),
        // A schema without a type allows anything, null included.
        _ => {
            if let Some(map) = schema.as_object_mut() {
                map.remove("type");
            }
        }
    }
    if let Some(Json::Array(options)) = schema.get_mut("enum") {
        options.push(Json::Null);
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::{Options, kind, parse, type_names};
    use crate::model::value::Value;

    fn field(type_name: &str, required: bool) -> Field {
        let options = Options {
            options: Some(vec!["new".into()]),
            table: Some("things".parse().unwrap()),
            ..Options::default()
        };
        Field {
            name: "field".parse().unwrap(),
            label: "Field".into(),
            kind: kind(type_name, &options).unwrap().unwrap(),
            required,
            unique: false,
            default: Value::Null,
            renamed_from: None,
        }
    }

    #[test]
    fn every_type_has_an_example_that_can_be_sent_and_is_read_so() {
        for type_name in type_names() {
            let field = field(type_name, true);
            let example = example(&field);
            assert!(jsonschema::is_valid(&read(&field), &example), "{type_name}: {example}");
            if field.kind.is_system() {
                continue;
            }
            assert!(jsonschema::is_valid(&sent(&field), &example), "{type_name}: {example}");
            let value = parse(&field, &example).unwrap();
            assert_eq!(serde_json::to_value(&value).unwrap(), example, "{type_name}");
        }
    }

    #[test]
    fn what_need_not_be_there_may_be_null() {
        for type_name in type_names() {
            assert!(jsonschema::is_valid(&read(&field(type_name, false)), &Json::Null));
            assert!(jsonschema::is_valid(&sent(&field(type_name, false)), &Json::Null));
        }
    }
}
