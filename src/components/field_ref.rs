//! An item of a list of fields, as in `columns`: the name of the field alone, or a mapping with settings.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use validator::{Validate, ValidationErrors};

use crate::model::problem::Place;

/// The name of a field, or a mapping `T` that has its name under `field`.
#[derive(Serialize)]
pub(super) enum Named<T> {
    Name(String),
    Full(T),
}

/// A mapping with settings of one field. Its default has no name and no settings.
pub(super) trait NamedItem: Default {
    /// The name of the field, to be set where the author gives the name alone.
    fn name(&mut self) -> &mut Option<String>;
}

impl<T: NamedItem> Named<T> {
    /// Returns the mapping, made of the name alone if need be, and the place of the name. `place` is that
    /// of the item.
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
        // An untagged enum would lose the path to a fault and the unknown keys, so text and mapping are read here.
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
