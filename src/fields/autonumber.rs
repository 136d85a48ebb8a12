//! `autonumber`: numbers that the database gives its records, as on orders and tickets.

use serde_json::{Value as Json, json};

use crate::fields::control::Control;
use crate::fields::schema::Shapes;
use crate::fields::{Family, Misfit, Options, escape};
use crate::model::field::{FieldKind, Numbering};
use crate::model::value::Value;

/// The greatest `start` that an author may give, so that there is room for the numbers that follow.
const MAX_START: i64 = 1_000_000_000_000;
/// The maximal length of `prefix`, in characters.
const MAX_PREFIX: usize = 20;

pub(super) struct AutonumberFamily;

impl Family for AutonumberFamily {
    fn types(&self) -> &'static [(&'static str, &'static str)] {
        &[(
            "autonumber",
            "A number that the database counts up for each new record, and never gives out twice.",
        )]
    }

    fn options(&self, _: &str) -> &'static [&'static str] {
        &["start", "prefix"]
    }

    fn kind(&self, _: &str, options: &Options) -> Result<FieldKind, Misfit> {
        let start = options.start.as_ref().map_or(Ok(1), |start| {
            let fits = start.as_i64().filter(|start| (0..=MAX_START).contains(start));
            let unfit = || format!("must be a whole number from 0 to {MAX_START}, got {start}");
            fits.ok_or_else(|| Misfit::option("start", unfit()))
        })?;
        let prefix = options.prefix.clone().unwrap_or_else(|| "".into());
        if prefix.chars().count() > MAX_PREFIX || prefix.contains(char::is_control) {
            let got = Json::from(prefix.as_ref());
            let message = format!("must be a line of at most {MAX_PREFIX} characters, got {got}");
            return Err(Misfit::option("prefix", message));
        }
        Ok(FieldKind::Autonumber(Numbering { start, prefix }))
    }

    fn has(&self, kind: &FieldKind) -> bool {
        matches!(kind, FieldKind::Autonumber(_))
    }

    /// Reads a number to filter by, with its prefix or without. A record's own number is never sent.
    fn parse(&self, kind: &FieldKind, json: &Json) -> Result<Value, Misfit> {
        let prefix = match kind {
            FieldKind::Autonumber(numbering) => numbering.prefix.as_ref(),
            _ => "",
        };
        let text = json.as_str();
        let digits = text.map(|text| text.strip_prefix(prefix).unwrap_or(text));
        let read = |text: Option<&str>| text.and_then(|text| text.parse().ok());
        let number = json.as_i64().or_else(|| read(text)).or_else(|| read(digits));
        let misfit = || Misfit::value(format!("must be a whole number, got {json}"));
        number.map(Value::Integer).ok_or_else(misfit)
    }

    fn write_cell(&self, kind: &FieldKind, value: &Value, html: &mut String) {
        if let (FieldKind::Autonumber(numbering), Value::Integer(number)) = (kind, value) {
            escape(&numbering.prefix, html);
            html.push_str(&number.to_string());
        }
    }

    fn shapes(&self, _: &FieldKind) -> Shapes {
        Shapes::same(json!({ "type": "integer", "examples": [1001] }))
    }

    fn right_aligned(&self) -> bool {
        true
    }

    fn control(&self, _: &FieldKind) -> Option<Control> {
        None
    }

    fn example(&self, _: &FieldKind) -> &'static str {
        "a number like 12.50, with a point"
    }
}
