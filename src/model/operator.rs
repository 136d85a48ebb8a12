//! How conditions compare the value of a field.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::storage::Storage;

macro_rules! operators {
    ($($(#[$doc:meta])* $name:literal => $operator:ident, $operands:ident;)*) => {
        /// How a field's value is held against another: letters of either case are the same to texts.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
        pub enum Operator {
            $($(#[$doc])* #[serde(rename = $name)] $operator,)*
        }

        impl Operator {
            /// Every operator, in the order of the reference.
            pub const ALL: &[Self] = &[$(Self::$operator),*];

            /// The name in YAML and in the API.
            pub fn name(self) -> &'static str {
                match self { $(Self::$operator => $name,)* }
            }

            /// The operands that it takes.
            pub fn operands(self) -> Operands {
                match self { $(Self::$operator => Operands::$operands,)* }
            }
        }

        impl FromStr for Operator {
            type Err = UnknownOperator;

            fn from_str(name: &str) -> Result<Self, UnknownOperator> {
                match name {
                    $($name => Ok(Self::$operator),)*
                    _ => Err(UnknownOperator),
                }
            }
        }
    };
}

operators! {
    /// The field's value equals `value`.
    "eq" => Eq, Value;
    /// It does not equal `value`, or is missing.
    "neq" => Neq, Value;
    /// It is greater than `value`.
    "gt" => Gt, Value;
    /// It is greater than `value`, or equals it.
    "gte" => Gte, Value;
    /// It is less than `value`.
    "lt" => Lt, Value;
    /// It is less than `value`, or equals it.
    "lte" => Lte, Value;
    /// `value` stands in it.
    "contains" => Contains, Part;
    /// It starts with `value`.
    "startsWith" => StartsWith, Part;
    /// It ends with `value`.
    "endsWith" => EndsWith, Part;
    /// It equals one of the list `value`.
    "in" => In, List;
    /// It equals none of the list `value`, or is missing.
    "notIn" => NotIn, List;
    /// It is missing, or a text without a character. It takes no `value`.
    "isEmpty" => IsEmpty, None;
    /// It is neither missing nor a text without a character. It takes no `value`.
    "isNotEmpty" => IsNotEmpty, None;
}

/// What an operator compares a field's value with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operands {
    /// A value of the field.
    Value,
    /// A part of the field's value: of a text, or one of the options chosen.
    Part,
    /// A list of values of the field.
    List,
    /// Nothing: the operator takes no value.
    None,
}

/// No operator has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such operator")]
pub struct UnknownOperator;

impl Operator {
    /// Whether the operator makes sense for values kept this way.
    pub fn suits(self, storage: Storage) -> bool {
        match self {
            Self::IsEmpty | Self::IsNotEmpty => true,
            Self::Eq | Self::Neq => storage != Storage::Json,
            Self::In | Self::NotIn => !matches!(storage, Storage::Json | Storage::List),
            Self::Gt | Self::Gte | Self::Lt | Self::Lte => storage.is_ordered(),
            Self::Contains => matches!(storage, Storage::Text | Storage::List),
            Self::StartsWith | Self::EndsWith => storage == Storage::Text,
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
