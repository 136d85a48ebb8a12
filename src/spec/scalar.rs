//! The values of plain (unquoted) YAML scalars, by the core schema of YAML 1.2: `yes`, `on` and `12:30`
//! are text.

use std::sync::Arc;

use serde_json::Number;
use serde_json::value::RawValue;

use crate::spec::tree::NodeKind;

/// The most significant digits of a number that a 64-bit float keeps exactly.
const EXACT_DIGITS: usize = 15;

/// Returns the value of a plain scalar. A number that a 64-bit number would change stays text, for its
/// field to judge.
pub(super) fn resolve(text: &str) -> NodeKind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return NodeKind::Null,
        "true" | "True" | "TRUE" => return NodeKind::Boolean(true),
        "false" | "False" | "FALSE" => return NodeKind::Boolean(false),
        _ => {}
    }
    match number(text) {
        Some(number) => NodeKind::Number(number),
        None => NodeKind::Text(text.to_owned()),
    }
}

/// Returns a number in JSON notation, with every digit. `None` for a number in another base and for
/// anything else. YAML allows a leading plus, leading zeros, and a point at either end.
pub(super) fn json_number(text: &str) -> Option<Arc<str>> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let end = |from: &str| from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len());
    let (whole, rest) = unsigned.split_at(end(unsigned));
    let (places, rest) = match rest.strip_prefix('.') {
        Some(rest) => {
            let (places, rest) = rest.split_at(end(rest));
            (Some(places), rest)
        }
        None => (None, rest),
    };
    let has_digits = !whole.is_empty() || places.is_some_and(|places| !places.is_empty());
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let places = places.filter(|places| !places.is_empty());
    let places = places.map_or_else(String::new, |places| format!(".{places}"));
    let number = format!("{sign}{whole}{places}{rest}");
    let is_number = has_digits && serde_json::from_str::<&RawValue>(&number).is_ok();
    is_number.then(|| number.into())
}

fn number(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return plain(digits).then(|| i64::from_str_radix(digits, 16).ok())?.map(Number::from);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return plain(digits).then(|| i64::from_str_radix(digits, 8).ok())?.map(Number::from);
    }
    if unsigned.bytes().all(|b| b.is_ascii_digit()) {
        let whole = text.parse::<i64>().map(Number::from);
        return whole.or_else(|_| text.parse::<u64>().map(Number::from)).ok();
    }
    let allowed = |b: u8| b.is_ascii_digit() || b".eE+-".contains(&b);
    let mantissa = unsigned.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    if !unsigned.bytes().all(allowed) || digits.trim_start_matches('0').len() > EXACT_DIGITS {
        return None;
    }
    text.parse::<f64>().ok().and_then(Number::from_f64)
}

fn plain(digits: &str) -> bool {
    digits.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, told: &str) {
        let told_now = match resolve(text) {
            NodeKind::Null => "null".to_owned(),
            NodeKind::Boolean(value) => format!("boolean {value}"),
            NodeKind::Number(number) => format!("number {number}"),
            NodeKind::Text(text) => format!("text {text}"),
            _ => unreachable!(),
        };
        assert_eq!(told_now, told);
    }

    #[test]
    fn plain_scalars_are_read_as_yaml_1_2_says() {
        check("", "null");
        check("~", "null");
        check("True", "boolean true");
        check("yes", "text yes");
        check("off", "text off");
        check("12", "number 12");
        check("-12", "number -12");
        check("+12", "number 12");
        check("012", "number 12");
        check("0x1F", "number 31");
        check("0o17", "number 15");
        check("1.5", "number 1.5");
        check("1e3", "number 1000.0");
        check("12:30:00", "text 12:30:00");
        check("2026-04-05", "text 2026-04-05");
        check("1_000", "text 1_000");
        check("-", "text -");
        check(".", "text .");
        check("1.2.3", "text 1.2.3");
        check("0x-5", "text 0x-5");
    }

    #[test]
    fn a_number_is_json_with_every_digit() {
        for (text, json) in [
            ("1.10", "1.10"),
            ("-0", "-0"),
            ("1E+5", "1E+5"),
            ("12345678901234567890123", "12345678901234567890123"),
            ("1e999", "1e999"),
            ("+007.50", "7.50"),
            (".5", "0.5"),
            ("-1.", "-1"),
            ("00", "0"),
        ] {
            assert_eq!(json_number(text).as_deref(), Some(json), "{text}");
        }
        for text in
            ["", ".", "-", "+", "1_0", "0x1F", "1.2.3", "1e", "2026-04-05", "true", ".inf", "1 2"]
        {
            assert_eq!(json_number(text), None, "{text}");
        }
    }

    #[test]
    fn a_number_too_long_to_be_exact_stays_text() {
        check("99999999999999999999", "text 99999999999999999999");
        check("1.00000000000000001", "text 1.00000000000000001");
        check("1e999", "text 1e999");
        check(".inf", "text .inf");
    }
}
