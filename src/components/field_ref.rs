//! Something about a field, as written: the field's name alone, or a mapping that says more.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use validator::{Validate, ValidationErrors};

use crate::model::problem::Place;

/// The field's name, or more about it.
#[derive(Serialize)]
pub(super) enum Named<T> {
    Name(String),
    Full(T),
}

/// What more can be said about a field.
pub(super) trait NamedItem: Default {
    /// The field it is about.
    fn name(&mut self) -> &mut Option<String>;
}

impl<T: NamedItem> Named<T> {
    /// What is said about the field, and where its name stands.
    pub(super) fn whole(self, place: &Place) -> (Place, T) {
        match self {
            Self::Full(about) => (place.key("field"), about),
            Self::Name(name) => {
                let mut about = T::default();
                *about.name() = Some(name);
                (place.clone(), about)
            }
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NamedVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for NamedVisitor<T> {
            type Value = Named<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a field or a mapping with `field`")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Named<T>, E> {
                Ok(Named::Name(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Named<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Named::Full)
            }
        }

        deserializer.deserialize_any(NamedVisitor(PhantomData))
    }
}

impl<T: Validate> Validate for Named<T> {
    fn validate(&self) -> Result<(), ValidationErrors> {
        match self {
            Self::Name(_) => Ok(()),
            Self::Full(about) => about.validate(),
        }
    }
}

impl<T: JsonSchema> JsonSchema for Named<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{}OrName", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let full = generator.subschema_for::<T>();
        let name = json_schema!({ "type": "string", "description": "The field." });
        json_schema!({ "anyOf": [name, full] })
    }
}
