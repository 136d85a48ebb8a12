//! Operators of filters: the ways in which a condition compares the value of a field.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::storage::Storage;

macro_rules! operators {
    ($($(#[$doc:meta])* $name:literal => $operator:ident, $operands:ident;)*) => {
        /// The way in which a condition compares the value of a field. `contains`, `startsWith` and `endsWith`
        /// ignore the case of ASCII letters; `eq`, `neq`, `in` and `notIn` do not. `gt`, `gte`, `lt` and `lte`
        /// order texts without case first.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
        pub enum Operator {
            $($(#[$doc])* #[serde(rename = $name)] $operator,)*
        }

        impl Operator {
            /// Every operator, in the order of the reference documentation.
            pub const ALL: &[Self] = &[$(Self::$operator),*];

            /// The name in YAML and in the API.
            pub fn name(self) -> &'static str {
                match self { $(Self::$operator => $name,)* }
            }

            /// The kind of operand that the operator takes.
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
    /// The field's value does not equal `value`, or is missing.
    "neq" => Neq, Value;
    /// The field's value is greater than `value`.
    "gt" => Gt, Value;
    /// The field's value is greater than `value`, or equals it.
    "gte" => Gte, Value;
    /// The field's value is less than `value`.
    "lt" => Lt, Value;
    /// The field's value is less than `value`, or equals it.
    "lte" => Lte, Value;
    /// The field's text contains `value` anywhere, upper and lower case alike. In a multi-select, the option
    /// `value` is chosen.
    "contains" => Contains, Part;
    /// The field's text starts with `value`, upper and lower case alike.
    "startsWith" => StartsWith, Part;
    /// The field's text ends with `value`, upper and lower case alike.
    "endsWith" => EndsWith, Part;
    /// The field's value equals one of the values in the list `value`.
    "in" => In, List;
    /// The field's value equals none of the values in the list `value`, or is missing.
    "notIn" => NotIn, List;
    /// The field's value is missing, or is an empty text. The operator takes no `value`.
    "isEmpty" => IsEmpty, None;
    /// The field's value is neither missing nor an empty text. The operator takes no `value`.
    "isNotEmpty" => IsNotEmpty, None;
}

/// The kind of operand that an operator compares a field's value with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operands {
    /// One value that the field could have.
    Value,
    /// A part of the field's value: some of its text, or one chosen option.
    Part,
    /// A list of values that the field could have.
    List,
    /// The operator takes no operand.
    None,
}

/// The error for a name that no operator has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such operator")]
pub struct UnknownOperator;

impl Operator {
    /// Whether the operator can be used with values of this storage class.
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
