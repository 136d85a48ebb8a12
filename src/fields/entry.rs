//! What stands in the controls of a form, as text: a value that is shown, and one that was entered.

use serde_json::Value as Json;

use crate::fields::{Misfit, json, parse, read};
use crate::model::input::Input;
use crate::model::related;
use crate::model::table::{Field, FieldKind};
use crate::model::value::{Value, list_text};

/// A value as the API has it, without its quotes; nothing if it is missing, or nobody can enter it.
pub fn text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null | Value::Person(_) => return None,
        Value::Boolean(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Decimal(value) => value.to_string(),
        Value::Text(text) | Value::Json(text) => text.as_ref().to_owned(),
        Value::List(chosen) => list_text(chosen),
        Value::Link(link) => link.id.to_string(),
    })
}

/// A value as its control holds it: nothing for a missing one.
pub fn shown(value: &Value) -> Vec<String> {
    match value {
        Value::List(chosen) => chosen.iter().map(|option| option.to_string()).collect(),
        _ => text(value).into_iter().collect(),
    }
}

/// What was entered, as the API would have it. A control left empty gives null.
///
/// # Errors
/// When a field that holds one value was sent several, or JSON that is none.
pub fn input(field: &Field, entered: &[String]) -> Result<Input, Misfit> {
    match (&field.kind, entered) {
        // With every digit that was typed.
        (FieldKind::Json, [text]) if !text.is_empty() => json::from_text(text),
        _ => json(field, entered).map(|json| Input::from(&json)),
    }
}

/// What was entered in a field that holds no JSON.
fn json(field: &Field, entered: &[String]) -> Result<Json, Misfit> {
    if let FieldKind::MultiSelect(_) = field.kind {
        return Ok(entered.iter().filter(|text| !text.is_empty()).map(String::as_str).collect());
    }
    let [text] = entered else {
        return match (&field.kind, entered) {
            // A box that is not ticked is not sent.
            (FieldKind::Checkbox, []) => Ok(Json::Bool(false)),
            (_, []) => Ok(Json::Null),
            _ => Err(Misfit::value("must be given once")),
        };
    };
    Ok(match &field.kind {
        _ if text.is_empty() => Json::Null,
        FieldKind::Checkbox if matches!(text.as_str(), "true" | "on") => Json::Bool(true),
        FieldKind::Integer(_) | FieldKind::Rating(_) => whole(text),
        FieldKind::Datetime => Json::from(instant(text)),
        FieldKind::Relationship(..) => match related::entered(text) {
            Some(id) => Json::from(id.to_string()),
            None => Json::from(text.as_str()),
        },
        // Browsers end the lines of a form as mail does.
        FieldKind::LongText => Json::from(text.replace("\r\n", "\n")),
        FieldKind::Email | FieldKind::Url | FieldKind::PhoneNumber => Json::from(text.trim()),
        _ => Json::from(text.as_str()),
    })
}

/// Whether what was entered is this value of the API: what nobody touched is as it was, fit or not.
pub fn is(field: &Field, entered: &[String], held: &Input) -> bool {
    let Ok(input) = input(field, entered) else { return false };
    if field.kind == FieldKind::Json {
        return are_same(field, &input, held);
    }
    let (Ok(entered), Ok(held)) = (input.json(), held.json()) else { return false };
    let held = match &held {
        Json::String(text) if text.is_empty() => Json::Null,
        // A box has no third state to show.
        Json::Null if field.kind == FieldKind::Checkbox => Json::Bool(false),
        Json::String(text) => Json::from(text.replace("\r\n", "\n")),
        other => other.clone(),
    };
    entered == held
        || matches!((parse(field, &entered), parse(field, &held)), (Ok(one), Ok(other)) if one == other)
}

/// Whether two inputs are the same value of a field, or the same JSON that does not fit it.
pub fn are_same(field: &Field, one: &Input, other: &Input) -> bool {
    one.text() == other.text()
        || matches!((read(field, one), read(field, other)), (Ok(one), Ok(other)) if one == other)
}

/// Whether browsers send nothing for the field where nothing is chosen.
pub fn is_silent(field: &Field) -> bool {
    matches!(field.kind, FieldKind::Checkbox | FieldKind::MultiSelect(_))
}

fn whole(text: &str) -> Json {
    text.trim().parse::<i64>().map_or_else(|_| Json::from(text), Json::from)
}

/// `2026-04-05T12:00` and `2026-04-05T12:00:30`, as browsers have them, are in UTC.
fn instant(text: &str) -> String {
    let has_offset = text.get(19..).is_none_or(|rest| rest.contains(['Z', 'z', '+', '-']));
    match text.len() {
        16 => format!("{text}:00Z"),
        _ if has_offset => text.to_owned(),
        _ => format!("{text}Z"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::tests::field;

    /// What is entered, and what the field then holds.
    #[track_caller]
    fn check(type_name: &str, entered: &[&str], held: &str) {
        let field = field(type_name);
        let entered: Vec<_> = entered.iter().map(|text| (*text).to_owned()).collect();
        let value = input(&field, &entered).and_then(|input| read(&field, &input));
        let told = match value {
            Ok(value) => serde_json::to_string(&value).unwrap(),
            Err(misfit) => misfit.message,
        };
        assert_eq!(told, held, "{type_name} {entered:?}");
    }

    #[test]
    fn what_is_left_empty_is_missing() {
        for type_name in ["single-line-text", "integer", "currency", "date", "datetime", "status"] {
            check(type_name, &[""], "null");
            check(type_name, &[], "null");
        }
    }

    #[test]
    fn a_box_that_is_not_ticked_is_not_sent() {
        check("checkbox", &[], "false");
        check("checkbox", &["true"], "true");
        check("checkbox", &["on"], "true");
        check("checkbox", &["maybe"], r#"must be true or false, got "maybe""#);
    }

    #[test]
    fn text_becomes_what_its_field_holds() {
        check("integer", &[" 7 "], "7");
        check("integer", &["7.5"], r#"must be a whole number, got "7.5""#);
        check("currency", &["24.5"], r#""24.50""#);
        check("long-text", &["a\r\nb"], r#""a\nb""#);
        check("email", &[" ada@example.org"], r#""ada@example.org""#);
        check("datetime", &["2026-04-05T12:00"], r#""2026-04-05T12:00:00.000Z""#);
        check("datetime", &["2026-04-05T12:00:30"], r#""2026-04-05T12:00:30.000Z""#);
        check("datetime", &["2026-04-05T14:00:00.000+02:00"], r#""2026-04-05T12:00:00.000Z""#);
        check("single-line-text", &["a", "b"], "must be given once");
    }

    #[test]
    fn as_many_are_chosen_as_are_sent() {
        check("multi-select", &[], "null");
        check("multi-select", &["new"], r#"["new"]"#);
        check("multi-select", &["new", "old"], r#"must be a list of new, done, got "old""#);
        check("json", &[r#"{"a": 1}"#], r#"{"a":1}"#);
        check("json", &["{a}"], r#"must be JSON, got "{a}""#);
        check("json", &[""], "null");
    }

    #[test]
    fn what_nobody_touched_is_as_it_was() {
        let is = |type_name: &str, entered: &str, held: Json| {
            super::is(&field(type_name), &[entered.to_owned()], &Input::from(&held))
        };
        assert!(is("currency", "24.5", "24.50".into()));
        assert!(is("long-text", "a\r\nb", "a\nb".into()));
        assert!(is("long-text", "a\r\nb", "a\r\nb".into()));
        assert!(is("single-line-text", "", Json::Null));
        assert!(is("single-line-text", "", "".into()));
        assert!(super::is(&field("checkbox"), &[], &Input::from(&Json::Null)));
        assert!(is("datetime", "2026-04-05T12:00", "2026-04-05T12:00:00.000Z".into()));
        // Another program wrote what does not fit.
        assert!(is("url", "javascript:x", "javascript:x".into()));
        assert!(!is("integer", "7", 8.into()));
        assert!(!is("integer", "7", Json::Null));
    }

    #[test]
    fn an_instant_that_is_none_breaks_nothing() {
        for text in ["ä", "ääääääää", "2026-04-05T12:00:3ä", "ääääääääää", "x".repeat(19).as_str()]
        {
            let got = serde_json::to_string(text).unwrap();
            assert!(
                matches!(json(&field("datetime"), &[text.to_owned()]), Ok(Json::String(_))),
                "{got}"
            );
        }
    }
}
