//! What a value is edited with.

use std::sync::Arc;

use serde::Serialize;

use crate::model::table::{Field, FieldKind};

/// What a browser needs to know to let somebody edit a field.
#[derive(Debug, Serialize)]
pub struct Editor<'a> {
    /// The field, by its name in the API.
    pub field: &'a str,
    /// What people call it.
    pub label: &'a str,
    /// Whether it must have a value.
    pub required: bool,
    /// The kind of control.
    pub control: Control,
    /// What may be chosen, for a select.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub options: &'a [Arc<str>],
    /// The smallest number allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<String>,
    /// The greatest number allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<String>,
}

/// The kinds of control; what they give is checked by the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Control {
    /// A line of text.
    Text,
    /// Several lines of text.
    LongText,
    /// An e-mail address.
    Email,
    /// A web address.
    Url,
    /// A telephone number.
    Tel,
    /// A whole number: a number in JSON.
    Integer,
    /// A number of which no digit may be lost: text in JSON.
    Decimal,
    /// Yes or no: a boolean in JSON.
    Checkbox,
    /// A day.
    Date,
    /// An instant, as `2026-04-05T12:00:00Z`.
    Datetime,
    /// One of the options.
    Select,
    /// Some of the options: a list in JSON.
    MultiSelect,
    /// JSON itself.
    Json,
    /// A record of another table: its id in JSON.
    Relationship,
}

/// How a field is edited; nothing for one that the system sets.
pub fn editor(field: &Field) -> Option<Editor<'_>> {
    let control = match &field.kind {
        FieldKind::SingleLineText => Control::Text,
        FieldKind::LongText => Control::LongText,
        FieldKind::Email => Control::Email,
        FieldKind::Url => Control::Url,
        FieldKind::PhoneNumber => Control::Tel,
        FieldKind::Integer(_) | FieldKind::Rating(_) => Control::Integer,
        FieldKind::Decimal(_) | FieldKind::Currency(..) | FieldKind::Percentage(_) => {
            Control::Decimal
        }
        FieldKind::Checkbox => Control::Checkbox,
        FieldKind::Date => Control::Date,
        FieldKind::Datetime => Control::Datetime,
        FieldKind::SingleSelect(_) | FieldKind::Status(_) => Control::Select,
        FieldKind::MultiSelect(_) => Control::MultiSelect,
        FieldKind::Json => Control::Json,
        FieldKind::Relationship(..) => Control::Relationship,
        FieldKind::Id
        | FieldKind::Autonumber(_)
        | FieldKind::CreatedAt
        | FieldKind::UpdatedAt
        | FieldKind::CreatedBy
        | FieldKind::UpdatedBy => return None,
    };
    let Field { name, label, kind, required, .. } = field;
    let (options, (min, max)) = (kind.options(), bounds(kind));
    Some(Editor { field: name.as_str(), label, required: *required, control, options, min, max })
}

/// The smallest and the greatest number that a field takes.
fn bounds(kind: &FieldKind) -> (Option<String>, Option<String>) {
    match kind {
        FieldKind::Integer(bounds) => (text(&bounds.min), text(&bounds.max)),
        FieldKind::Rating(max) => (Some("0".to_owned()), Some(max.to_string())),
        FieldKind::Decimal(bounds)
        | FieldKind::Currency(_, bounds)
        | FieldKind::Percentage(bounds) => (text(&bounds.min), text(&bounds.max)),
        _ => (None, None),
    }
}

fn text(bound: &Option<impl ToString>) -> Option<String> {
    bound.as_ref().map(ToString::to_string)
}
