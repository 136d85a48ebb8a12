//! The texts in the controls of a form: a value as text for its control, and an entered text as a value.
//!
//! A control that nobody touched sends the text that it showed. Such a text is no change of the value, even if
//! the text does not fit the field.

use serde_json::Value as Json;

use crate::fields::{Misfit, family, json, parse};
use crate::model::field::{Field, FieldKind};
use crate::model::input::Input;
use crate::model::value::{Value, list_text};

/// Returns a value as its text in JSON, without quotation marks. `None` if it is missing, or of a kind that
/// nobody enters.
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

/// Returns the texts that a control shows for a value: one, or one for each chosen option. Empty if the value
/// is missing.
pub fn shown(value: &Value) -> Vec<String> {
    match value {
        Value::List(chosen) => chosen.iter().map(|option| option.to_string()).collect(),
        _ => text(value).into_iter().collect(),
    }
}

/// Returns the texts of [`shown`] as JSON for the `_base` of a form: null, a text or a list of texts.
pub fn kept(value: &Value) -> Json {
    match value {
        Value::List(_) => shown(value).into_iter().collect(),
        _ => text(value).map_or(Json::Null, Json::from),
    }
}

/// Returns the texts of [`shown`] from the JSON that [`kept`] made of them.
pub fn texts(field: &Field, kept: &Json) -> Vec<String> {
    let one = |json: &Json| json.as_str().map_or_else(|| json.to_string(), str::to_owned);
    match kept {
        Json::Null => Vec::new(),
        Json::Array(chosen) if matches!(field.kind, FieldKind::MultiSelect(_)) => {
            chosen.iter().map(one).collect()
        }
        other => vec![one(other)],
    }
}

/// Returns an entered text as the API would receive it. An empty control is null.
///
/// # Errors
/// If several values were sent for a field that holds one, or the text is longer than the field can keep.
pub fn input(field: &Field, entered: &[String]) -> Result<Input, Misfit> {
    match (&field.kind, entered) {
        // As text, so that every digit that was typed is kept.
        (FieldKind::Json, [text]) if !text.is_empty() => json::from_text(text),
        _ => entered_json(field, entered).map(|json| Input::from(&json)),
    }
}

/// Returns the texts that were entered into a field of any type but JSON, as JSON.
fn entered_json(field: &Field, entered: &[String]) -> Result<Json, Misfit> {
    if let FieldKind::MultiSelect(_) = field.kind {
        return Ok(entered.iter().filter(|text| !text.is_empty()).map(String::as_str).collect());
    }
    let [text] = entered else {
        return match (&field.kind, entered) {
            // Browsers do not send a checkbox that is not ticked.
            (FieldKind::Checkbox, []) => Ok(Json::Bool(false)),
            (_, []) => Ok(Json::Null),
            _ => Err(Misfit::value("must be given once")),
        };
    };
    Ok(match text.is_empty() {
        true => Json::Null,
        false => family(&field.kind).typed(&field.kind, text),
    })
}

/// Whether a control that showed these texts was left untouched: it sends the same texts, or another way of
/// writing the same number, time or record.
pub fn is_untouched(field: &Field, entered: &[String], showed: &[String]) -> bool {
    let shown = untouched(field, showed);
    if normalized(entered.iter()) == normalized(shown.iter()) {
        return true;
    }
    let value = |texts: &[String]| {
        entered_json(field, texts)
            .and_then(|json| parse(field, &json))
            .ok()
            .filter(|value| !value.is_null())
    };
    let has_variants = match &field.kind {
        // Browsers do not send a checkbox that is not ticked.
        FieldKind::Checkbox => !entered.is_empty() && !shown.is_empty(),
        kind => family(kind).has_variants(kind),
    };
    has_variants && value(entered).is_some_and(|entered| value(&shown) == Some(entered))
}

/// Returns the texts that an untouched control sends if it showed these.
fn untouched(field: &Field, showed: &[String]) -> Vec<String> {
    let ticked = |text: &&String| field.kind != FieldKind::Checkbox || *text == "true";
    let clock = |text: &String| {
        family(&field.kind).shown(&field.kind, text).unwrap_or_else(|| text.clone())
    };
    showed.iter().filter(ticked).map(clock).collect()
}

/// Returns texts as a browser sends them: without U+0000 and with line feeds as line ends. Empty texts are left
/// out, since an empty control means a missing value.
fn normalized<'a>(texts: impl Iterator<Item = &'a String>) -> Vec<String> {
    let plain =
        |text: &String| text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "\u{fffd}");
    texts.filter(|text| !text.is_empty()).map(plain).collect()
}

/// Whether browsers send nothing for the field when nothing is chosen, as for checkboxes.
pub fn is_silent(field: &Field) -> bool {
    matches!(field.kind, FieldKind::Checkbox | FieldKind::MultiSelect(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::read;
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
        let told = "must have at most three digits after the seconds, got ";
        for text in ["2026-04-05T12:00:00.1239Z", "2026-04-05T12:00:00.1239"] {
            let json = format!("\"{}Z\"", text.trim_end_matches('Z'));
            check("datetime", &[text], &format!("{told}{json}"));
        }
        check("datetime", &["9999-12-31T23:59:59.999"], r#""9999-12-31T23:59:59.999Z""#);
        check("percentage", &["12.5%"], r#""12.5""#);
        check("percentage", &[" 12.5 % "], r#""12.5""#);
        check("decimal", &[" 12.50 "], r#""12.5""#);
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

    #[track_caller]
    fn check_untouched(type_name: &str, entered: &[&str], showed: &[&str], is_untouched: bool) {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let (entered, showed): (Vec<_>, Vec<_>) = (texts(entered), texts(showed));
        let told = super::is_untouched(&field(type_name), &entered, &showed);
        assert_eq!(told, is_untouched, "{type_name} {entered:?} {showed:?}");
    }

    #[test]
    fn what_a_control_showed_is_untouched() {
        check_untouched("currency", &["24.5"], &["24.50"], true);
        check_untouched("long-text", &["a\r\nb"], &["a\nb"], true);
        check_untouched("long-text", &["a\r\nb"], &["a\rb"], true);
        check_untouched("single-line-text", &[""], &[], true);
        check_untouched("single-line-text", &[""], &[""], true);
        check_untouched("single-line-text", &[" a "], &[" a "], true);
        check_untouched("checkbox", &[], &[], true);
        check_untouched("checkbox", &[], &["false"], true);
        check_untouched("checkbox", &["on"], &["true"], true);
        check_untouched("datetime", &["2026-04-05T12:00"], &["2026-04-05T12:00:00.000Z"], true);
        check_untouched(
            "datetime",
            &["2026-04-05T12:00:30.5"],
            &["2026-04-05T12:00:30.500Z"],
            true,
        );
        check_untouched("json", &[r#"{"a": 1e400}"#], &[r#"{"a": 1e400}"#], true);
        check_untouched("relationship", &["Ada #7"], &["7"], true);
        // Another program wrote what does not fit.
        check_untouched("url", &["javascript:x"], &["javascript:x"], true);
        check_untouched("email", &[" a@b.example"], &[" a@b.example"], true);
    }

    #[test]
    fn what_somebody_changed_is_touched() {
        check_untouched("integer", &["7"], &["8"], false);
        check_untouched("integer", &["7"], &[], false);
        check_untouched("integer", &[""], &["8"], false);
        check_untouched("checkbox", &["true"], &[], false);
        check_untouched("checkbox", &["true"], &["false"], false);
        check_untouched("checkbox", &[], &["true"], false);
        check_untouched("email", &["a@b.example"], &[" a@b.example"], false);
        check_untouched("single-line-text", &["a"], &["a "], false);
        check_untouched("datetime", &[""], &["2026-04-05T12:00:00.000Z"], false);
    }

    #[test]
    fn an_instant_that_is_none_breaks_nothing() {
        for text in ["ä", "ääääääää", "2026-04-05T12:00:3ä", "ääääääääää", "x".repeat(19).as_str()]
        {
            let got = serde_json::to_string(text).unwrap();
            assert!(
                matches!(entered_json(&field("datetime"), &[text.to_owned()]), Ok(Json::String(_))),
                "{got}"
            );
        }
    }
}
