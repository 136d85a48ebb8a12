//! `integer`, `decimal`, `currency`, `percentage` and `rating`.

use std::fmt::{Display, Write};
use std::num::IntErrorKind;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Number, Value as Json, json};

use crate::fields::control::Control;
use crate::fields::schema::Shapes;
use crate::fields::{Family, Misfit, Options, escape, whole_number};
use crate::model::decimal;
use crate::model::decimal::{DecimalFault, MAX_DIGITS, MAX_PLACES};
use crate::model::field::{Bounds, FieldKind, minor_units};
use crate::model::value::Value;

/// The number of stars if the author gives no `max`.
const DEFAULT_RATING_MAX: u8 = 5;

pub(super) struct NumberFamily;

impl Family for NumberFamily {
    fn types(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("integer", "A whole number of 64 bits."),
            ("decimal", "A number with up to 15 digits, each of them kept."),
            ("currency", "An amount of money with up to 15 digits, each of them kept."),
            ("percentage", "A share of a hundred: 12.5 is shown as 12.5%."),
            ("rating", "Stars, from none to `max`."),
        ]
    }

    fn options(&self, type_name: &str) -> &'static [&'static str] {
        match type_name {
            "currency" => &["currency", "min", "max"],
            "rating" => &["max"],
            _ => &["min", "max"],
        }
    }

    fn kind(&self, type_name: &str, options: &Options) -> Result<FieldKind, Misfit> {
        Ok(match type_name {
            "integer" => FieldKind::Integer(whole_bounds(options)?),
            "currency" => {
                let code = options.currency.clone().unwrap_or_else(|| "EUR".into());
                if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_uppercase()) {
                    let got = Json::from(code.as_ref());
                    let message =
                        format!("must be an ISO 4217 code of three capitals, like EUR, got {got}");
                    return Err(Misfit::option("currency", message));
                }
                FieldKind::Currency(code, decimal_bounds(options)?)
            }
            "percentage" => FieldKind::Percentage(decimal_bounds(options)?),
            "rating" => FieldKind::Rating(stars(options)?),
            _ => FieldKind::Decimal(decimal_bounds(options)?),
        })
    }

    fn has(&self, kind: &FieldKind) -> bool {
        use FieldKind::{Currency, Decimal, Integer, Percentage, Rating};
        matches!(kind, Integer(_) | Decimal(_) | Currency(..) | Percentage(_) | Rating(_))
    }

    fn parse(&self, kind: &FieldKind, json: &Json) -> Result<Value, Misfit> {
        match kind {
            FieldKind::Integer(bounds) => within(integer(json)?, bounds).map(Value::Integer),
            FieldKind::Rating(max) => {
                let bounds = Bounds { min: Some(0), max: Some(i64::from(*max)) };
                within(integer(json)?, &bounds).map(Value::Integer)
            }
            FieldKind::Currency(code, bounds) => money(code, within(decimal(json)?, bounds)?),
            FieldKind::Decimal(bounds) | FieldKind::Percentage(bounds) => {
                within(decimal(json)?, bounds).map(Value::Decimal)
            }
            _ => Err(Misfit::value("is not a number field")),
        }
    }

    fn write_cell(&self, kind: &FieldKind, value: &Value, html: &mut String) {
        match (kind, value) {
            (FieldKind::Rating(max), Value::Integer(stars)) => write_stars(*stars, *max, html),
            (FieldKind::Currency(code, _), Value::Decimal(amount)) => {
                write_money(code, *amount, html);
            }
            (FieldKind::Percentage(_), Value::Decimal(share)) => {
                write_grouped(share, html);
                html.push('%');
            }
            (_, Value::Integer(number)) => write_grouped(number, html),
            (_, Value::Decimal(number)) => write_grouped(number, html),
            _ => {}
        }
    }

    fn shapes(&self, kind: &FieldKind) -> Shapes {
        match kind {
            FieldKind::Rating(max) => Shapes::same(json!({
                "type": "integer", "minimum": 0, "maximum": max, "examples": [max],
            })),
            FieldKind::Currency(code, bounds) => {
                let mut example = within_bounds(Decimal::from(42), bounds);
                example.rescale(example.scale().max(2));
                decimal_shapes(bounds, example, &format!("An amount of {code}"))
            }
            FieldKind::Decimal(bounds) => {
                decimal_shapes(bounds, within_bounds(Decimal::from(42), bounds), "A number")
            }
            FieldKind::Percentage(bounds) => {
                let example = within_bounds(Decimal::from(42), bounds);
                decimal_shapes(bounds, example, "A share of a hundred")
            }
            FieldKind::Integer(bounds) => whole_shapes(json!({
                "type": "integer",
                "format": "int64",
                "minimum": bounds.min.unwrap_or(i64::MIN),
                "maximum": bounds.max.unwrap_or(i64::MAX),
                "examples": [within_bounds(42, bounds)],
            })),
            _ => Shapes::same(json!({ "type": "number" })),
        }
    }

    fn right_aligned(&self) -> bool {
        true
    }

    fn control(&self, kind: &FieldKind) -> Option<Control> {
        Some(match kind {
            FieldKind::Integer(_) | FieldKind::Rating(_) => Control::Integer,
            _ => Control::Decimal,
        })
    }

    fn example(&self, _: &FieldKind) -> &'static str {
        "a number like 12.50, with a point"
    }

    fn typed(&self, kind: &FieldKind, text: &str) -> Json {
        match kind {
            FieldKind::Integer(_) | FieldKind::Rating(_) => json_or_text(text),
            FieldKind::Percentage(_) => Json::from(without_percent(text.trim())),
            _ => Json::from(text.trim()),
        }
    }

    fn untyped(&self, kind: &FieldKind, text: &str) -> Json {
        match kind {
            FieldKind::Integer(_) | FieldKind::Rating(_) => whole_number(text),
            FieldKind::Percentage(_) => Json::from(without_percent(text)),
            _ => Json::from(text),
        }
    }

    fn has_variants(&self, _: &FieldKind) -> bool {
        true
    }
}

/// Returns the schemas of whole numbers. A number that JavaScript cannot hold exactly may be sent as text too.
fn whole_shapes(read: Json) -> Shapes {
    let mut sent = read.clone();
    sent["type"] = json!(["integer", "string"]);
    sent["pattern"] = json!("^-?[1-9][0-9]{15,18}$");
    Shapes { read, sent }
}

/// Returns the schemas of decimals. They are read as text, so that no digit is lost, and may be sent as text or
/// numbers.
fn decimal_shapes(bounds: &Bounds<Decimal>, example: Decimal, what: &str) -> Shapes {
    let range = match (&bounds.min, &bounds.max) {
        (Some(min), Some(max)) => format!(", from {min} to {max}"),
        (Some(min), None) => format!(", at least {min}"),
        (None, Some(max)) => format!(", at most {max}"),
        (None, None) => String::new(),
    };
    let description = format!(
        "{what}{range}, of at most {MAX_DIGITS} significant digits, and {MAX_PLACES} after the point."
    );
    let example = example.to_string();
    let read = json!({
        "type": "string",
        "pattern": r"^-?[0-9]+(\.[0-9]+)?$",
        "description": description,
        "examples": [example],
    });
    let mut sent = json!({
        "type": ["string", "number"],
        "pattern": r"^-?[0-9.]+([eE][-+]?[0-9]+)?$",
        "description": description,
        "examples": [example],
    });
    for (key, bound) in [("minimum", &bounds.min), ("maximum", &bounds.max)] {
        if let Some(bound) = bound.and_then(|bound| bound.to_f64()) {
            sent[key] = json!(bound);
        }
    }
    Shapes { read, sent }
}

/// Returns the number, or the nearest one within the bounds.
fn within_bounds<T: PartialOrd + Copy>(number: T, bounds: &Bounds<T>) -> T {
    match (bounds.min, bounds.max) {
        (Some(min), _) if number < min => min,
        (_, Some(max)) if number > max => max,
        _ => number,
    }
}

/// The greatest whole number that JavaScript holds exactly (ECMA-262, `Number.MAX_SAFE_INTEGER`).
const MAX_SAFE: u64 = (1 << 53) - 1;

/// The least number that is too large for 64 bits.
const TOO_LARGE: f64 = 9_223_372_036_854_775_808.0;

/// Reads a whole number from JSON. A number beyond [`MAX_SAFE`] may also be a text.
fn integer(json: &Json) -> Result<i64, Misfit> {
    let digits = |text: &str| {
        let number: i64 = text.parse().ok()?;
        (number.unsigned_abs() > MAX_SAFE && number.to_string() == text).then_some(number)
    };
    let number = json.as_i64().or_else(|| json.as_str().and_then(digits));
    number.ok_or_else(|| {
        Misfit::value(match is_too_large(json) {
            true => {
                format!("must be a whole number from {} to {}, got {json}", i64::MIN, i64::MAX)
            }
            false => format!("must be a whole number, got {json}"),
        })
    })
}

/// Whether JSON is a whole number that is only too large for 64 bits.
fn is_too_large(json: &Json) -> bool {
    use IntErrorKind::{NegOverflow, PosOverflow};
    match json {
        Json::String(text) => text
            .parse::<i64>()
            .is_err_and(|error| matches!(error.kind(), NegOverflow | PosOverflow)),
        Json::Number(number) => number.as_f64().is_some_and(|number| number.abs() >= TOO_LARGE),
        _ => false,
    }
}

/// Returns the number in the text of a percentage, with `%` after it or without.
pub fn without_percent(text: &str) -> &str {
    text.strip_suffix('%').unwrap_or(text).trim_end()
}

fn decimal(json: &Json) -> Result<Decimal, Misfit> {
    let text = match json {
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        _ => return Err(Misfit::value(format!("must be a number, got {json}"))),
    };
    decimal::parse(&text).map_err(|fault| match fault {
        DecimalFault::NoNumber => no_number(&text, json),
        _ => Misfit::value(fault.to_string()),
    })
}

/// Returns the misfit for a text that is no number. A comma is never interpreted: it may be a decimal point or
/// separate thousands, and only the person who typed it knows which.
fn no_number(text: &str, json: &Json) -> Misfit {
    Misfit::value(match text.contains(',') {
        true => format!("must be a number like 12.50, with a point and no comma, got {json}"),
        false => format!("must be a number, got {json}"),
    })
}

/// Returns an amount with as many decimal places as its currency has. A misfit if it has more.
fn money(code: &str, mut amount: Decimal) -> Result<Value, Misfit> {
    let digits = minor_units(code);
    if amount.scale() > digits {
        let most = match digits {
            0 => format!("{code} has no digits after the point"),
            _ => format!("{code} has {digits} digits after the point"),
        };
        return Err(Misfit::value(format!("must be an amount of money: {most}, got {amount}")));
    }
    amount.rescale(digits);
    Ok(Value::Decimal(amount))
}

fn within<T: PartialOrd + Display>(number: T, bounds: &Bounds<T>) -> Result<T, Misfit> {
    let low = bounds.min.as_ref().is_some_and(|min| number < *min);
    let high = bounds.max.as_ref().is_some_and(|max| number > *max);
    if !low && !high {
        return Ok(number);
    }
    let range = match (&bounds.min, &bounds.max) {
        (Some(min), Some(max)) => format!("from {min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => return Ok(number),
    };
    Err(Misfit::value(format!("must be {range}, got {number}")))
}

fn whole_bounds(options: &Options) -> Result<Bounds<i64>, Misfit> {
    bounds(options, integer)
}

fn decimal_bounds(options: &Options) -> Result<Bounds<Decimal>, Misfit> {
    bounds(options, decimal)
}

fn bounds<T: PartialOrd + Display>(
    options: &Options,
    read: impl Fn(&Json) -> Result<T, Misfit>,
) -> Result<Bounds<T>, Misfit> {
    let bound = |name, given: &Option<Number>| {
        let number = given.as_ref().map(|number| read(&Json::Number(number.clone())));
        number.transpose().map_err(|misfit| Misfit::option(name, misfit.message))
    };
    let bounds = Bounds { min: bound("min", &options.min)?, max: bound("max", &options.max)? };
    if let (Some(min), Some(max)) = (&bounds.min, &bounds.max)
        && min > max
    {
        return Err(Misfit::option(
            "max",
            format!("must not be less than `min`, which is {min}, got {max}"),
        ));
    }
    Ok(bounds)
}

fn stars(options: &Options) -> Result<u8, Misfit> {
    let Some(max) = &options.max else { return Ok(DEFAULT_RATING_MAX) };
    max.as_u64()
        .and_then(|max| u8::try_from(max).ok())
        .filter(|max| (1..=10).contains(max))
        .ok_or_else(|| Misfit::option("max", format!("must be from 1 to 10 stars, got {max}")))
}

fn write_stars(stars: i64, max: u8, html: &mut String) {
    let full = stars.clamp(0, i64::from(max)).to_usize().unwrap_or_default();
    write!(html, r#"<span class="pt-stars" role="img" aria-label="{full} of {max}">"#)
        .expect("writing to a string cannot fail");
    html.push_str(&"★".repeat(full));
    html.push_str(&"☆".repeat(usize::from(max) - full));
    html.push_str("</span>");
}

fn write_money(code: &str, amount: Decimal, html: &mut String) {
    write_unit(code, amount, html);
    let mut amount = amount.abs();
    amount.rescale(amount.scale().max(minor_units(code)));
    write_grouped(amount, html);
}

/// Writes a number rounded to a whole number, in its unit.
pub(super) fn write_whole(kind: &FieldKind, number: Decimal, html: &mut String) {
    let mut whole = number.round();
    if let FieldKind::Currency(code, _) = kind {
        write_unit(code, whole, html);
        whole = whole.abs();
    }
    write_grouped(whole.normalize(), html);
    if let FieldKind::Percentage(_) = kind {
        html.push('%');
    }
}

/// Writes the sign and the currency before an amount.
fn write_unit(code: &str, amount: Decimal, html: &mut String) {
    let symbol = match code {
        "EUR" => "€",
        "USD" => "$",
        "GBP" => "£",
        "JPY" | "CNY" => "¥",
        _ => code,
    };
    if amount.is_sign_negative() && !amount.is_zero() {
        html.push('-');
    }
    escape(symbol, html);
    if symbol == code {
        html.push('\u{a0}');
    }
}

/// Writes a round number, in thousands or millions if it is great.
pub(super) fn write_tick(kind: Option<&FieldKind>, number: Decimal, html: &mut String) {
    let mut amount = number;
    if let Some(FieldKind::Currency(code, _)) = kind {
        write_unit(code, number, html);
        amount = number.abs();
    }
    let (short, suffix) = in_thousands(amount);
    write_grouped(short.normalize(), html);
    html.push_str(suffix);
    if let Some(FieldKind::Percentage(_)) = kind {
        html.push('%');
    }
}

/// Returns a great number as a number of thousands, millions and so on, and the letter for these.
fn in_thousands(number: Decimal) -> (Decimal, &'static str) {
    const UNITS: [(i64, &str); 3] = [(1_000_000_000, "bn"), (1_000_000, "M"), (10_000, "k")];
    for (least, suffix) in UNITS {
        if number.abs() >= Decimal::from(least) {
            let unit = if suffix == "k" { 1_000 } else { least };
            let short = number / Decimal::from(unit);
            let digits = if short.abs() >= Decimal::from(100) { 0 } else { 1 };
            return (short.round_dp(digits), suffix);
        }
    }
    (number, "")
}

/// Writes a number with commas between groups of three digits before the point.
pub(super) fn write_grouped(number: impl Display, html: &mut String) {
    let text = number.to_string();
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |rest| ("-", rest));
    let whole = digits.find('.').unwrap_or(digits.len());
    html.push_str(sign);
    for (index, digit) in digits[..whole].char_indices() {
        if index > 0 && (whole - index) % 3 == 0 {
            html.push(',');
        }
        html.push(digit);
    }
    html.push_str(&digits[whole..]);
}

fn json_or_text(text: &str) -> Json {
    text.trim().parse::<i64>().map_or_else(|_| Json::from(text), Json::from)
}
