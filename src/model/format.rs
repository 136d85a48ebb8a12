//! The formats that an author may choose for the values of a column or of a field in `details`.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::field::{Field, FieldKind};
use crate::model::storage::Storage;

/// The format of the values of a column or field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ValueFormat {
    /// A date as `5 Apr 2026`, a datetime as `5 Apr 2026, 14:30` (in UTC).
    Short,
    /// A date as `Sunday, 5 April 2026`, a datetime as `Sunday, 5 April 2026, 14:30` (in UTC).
    Long,
    /// A date as `2026-04-05`, a datetime as `2026-04-05 14:30` (in UTC).
    Iso,
    /// A date or datetime as its distance from now, such as `3 minutes ago`. The browser keeps it current;
    /// without JavaScript it is written as `short`.
    Relative,
    /// A number in short form: `12.3k` for 12,345.
    Compact,
    /// A decimal number rounded to a whole one: `€1,235` for 1234.56.
    Whole,
    /// A whole number without commas, as for years: `1998` instead of `1,998`.
    Plain,
    /// A text on one line, cut off with an ellipsis where the column ends.
    Truncate,
}

impl ValueFormat {
    /// Every format, in the order of the reference documentation.
    pub const ALL: [Self; 8] = [
        Self::Short,
        Self::Long,
        Self::Iso,
        Self::Relative,
        Self::Compact,
        Self::Whole,
        Self::Plain,
        Self::Truncate,
    ];

    /// Whether the format suits the values of this field.
    pub fn suits(self, field: &Field) -> bool {
        let storage = field.kind.storage();
        match self {
            Self::Short | Self::Long | Self::Iso | Self::Relative => storage.is_calendar(),
            Self::Compact => {
                let is_number = matches!(storage, Storage::Integer | Storage::Decimal(_));
                is_number && !matches!(field.kind, FieldKind::Id | FieldKind::Rating(_))
            }
            Self::Whole => matches!(storage, Storage::Decimal(_)),
            Self::Plain => matches!(field.kind, FieldKind::Integer(_)),
            Self::Truncate => is_free_text(field),
        }
    }
}

/// The name of the format in YAML.
impl fmt::Display for ValueFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

pub(super) fn is_free_text(field: &Field) -> bool {
    field.kind.storage() == Storage::Text && field.kind.options().is_empty()
}
