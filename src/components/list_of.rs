//! The type of a list whose items are read one by one.

use std::borrow::Cow;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize};

/// Stands in a `Raw…` type for a list of `T`. It accepts any value and keeps none: `spec` reads the items one
/// by one, so that a faulty item does not spoil the others, and each is read by the type that it names. The
/// JSON Schema is that of a list of `T`.
#[derive(Clone, Debug, Serialize)]
pub struct Each<T>(PhantomData<T>);

impl<'de, T> Deserialize<'de> for Each<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The value is read and dropped. If it were skipped, the list would be reported as an unknown key.
        serde_json::Value::deserialize(deserializer).map(|_| Self(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Each<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Each_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<T>::json_schema(generator)
    }
}
