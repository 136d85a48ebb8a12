//! How values are written for people, where an author says so.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::field::{Field, FieldKind};
use crate::model::storage::Storage;

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ValueFormat {
    /// A day or an instant, as `5 Apr 2026`.
    Short,
    /// A day or an instant, as `Sunday, 5 April 2026`.
    Long,
    /// A day or an instant, as `2026-04-05`.
    Iso,
    /// A day or an instant, as `3 minutes ago`, kept current by the browser; without JavaScript as
    /// `short`.
    Relative,
    /// A number, as `12.3k`.
    Compact,
    /// A number without what is after the point.
    Whole,
    /// A whole number without commas, as for years: `1998`.
    Plain,
    /// A text on one line, cut where the column ends.
    Truncate,
}

impl ValueFormat {
    /// Every format, in the order of the reference.
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

    /// Whether it makes sense for the values of this field.
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

/// The name in YAML.
impl fmt::Display for ValueFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

pub(super) fn is_free_text(field: &Field) -> bool {
    field.kind.storage() == Storage::Text && field.kind.options().is_empty()
}
