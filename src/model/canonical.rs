//! Canonical forms of dates, times and JSON: texts that mean the same are stored as the same text.

use std::ops::RangeInclusive;

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::temporal::Pieces;
use serde_json::Value as Json;
use serde_json::value::RawValue;

/// Returns a date of the form `2026-04-05`. `None` if the text has another form, or is no day of the calendar.
pub fn date(text: &str) -> Option<String> {
    let date: Date = text.parse().ok()?;
    // The parser also takes other forms of a date, such as `20260405`.
    (text.len() == 10 && date.to_string() == text).then(|| text.to_owned())
}

/// Returns a time of day in the form `14:30`, or `14:30:15` if it has seconds other than zero. `None` if the
/// text is no time of day. The hour may have one digit, and the seconds a fraction of zeros, as browsers
/// write them.
pub fn time_of_day(text: &str) -> Option<String> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let parts: Vec<_> = clock.split(':').collect();
    let has_form = matches!(parts[..], [hour, minute] if !text.contains('.') && is_digits(hour, 1..=2) && is_digits(minute, 2..=2))
        || matches!(parts[..], [hour, minute, second] if [minute, second].iter().all(|part| is_digits(part, 2..=2)) && is_digits(hour, 1..=2));
    if !has_form || fraction.is_empty() || fraction.bytes().any(|digit| digit != b'0') {
        return None;
    }
    let number = |nth: usize| parts.get(nth).map_or(Ok(0), |part| part.parse::<i8>());
    let time = Time::new(number(0).ok()?, number(1).ok()?, number(2).ok()?, 0).ok()?;
    let form = if time.second() == 0 { "%H:%M" } else { "%H:%M:%S" };
    Some(time.strftime(form).to_string())
}

fn is_digits(text: &str, length: RangeInclusive<usize>) -> bool {
    length.contains(&text.len()) && text.bytes().all(|letter| letter.is_ascii_digit())
}

/// The reason why a text is no instant that can be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstantFault {
    /// The text is no instant with an offset, as in RFC 3339, or its year is not from 0 to 9999 in UTC.
    #[error("must be a time like 2026-04-05T12:00:00Z")]
    NoInstant,
    /// The text has more than milliseconds, which is all that is stored.
    #[error("must have at most three digits after the seconds")]
    Finer,
    /// The text has the second 60 of a minute (a leap second), which cannot be stored.
    #[error("must have at most 59 seconds: a leap second cannot be kept")]
    LeapSecond,
}

/// Returns an instant in the form `2026-04-05T12:00:00.000Z`.
///
/// # Errors
/// If the text is no instant, or has a precision that cannot be stored.
pub fn instant(text: &str) -> Result<String, InstantFault> {
    Ok(moment(text)?.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string())
}

/// Returns an instant as date and time in UTC.
///
/// # Errors
/// If the text is no instant, or has a precision that cannot be stored.
pub fn moment(text: &str) -> Result<DateTime, InstantFault> {
    // The parser refuses more than nine digits of a second, but zeros beyond the third lose nothing.
    let (short, is_finer) = to_milliseconds(text);
    let pieces = Pieces::parse(&short).map_err(|_| InstantFault::NoInstant)?;
    let (Some(time), Some(offset)) = (pieces.time(), pieces.to_numeric_offset()) else {
        return Err(InstantFault::NoInstant);
    };
    // The parser reads a 60th second as the 59th, so it must be found in the text.
    if is_leap_second(text) {
        return Err(InstantFault::LeapSecond);
    }
    if is_finer {
        return Err(InstantFault::Finer);
    }
    // Computed on the calendar, since `jiff::Timestamp` ends a day before year 9999 does.
    let offset = SignedDuration::from_secs(i64::from(offset.seconds()));
    let moment = pieces.date().to_datetime(time).checked_sub(offset).ok();
    // Years have four digits, or the texts would not sort by time.
    let moment = moment.filter(|moment| (0..=9999).contains(&moment.year()));
    moment.ok_or(InstantFault::NoInstant)
}

/// Returns the text without the digits after the milliseconds, and whether one of these is not zero.
fn to_milliseconds(text: &str) -> (String, bool) {
    let Some(point) = text.find(['.', ',']) else { return (text.to_owned(), false) };
    let (time, fraction) = text.split_at(point + 1);
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    let (kept, finer) = fraction[..digits].split_at(digits.min(3));
    let rest = &fraction[digits..];
    (format!("{time}{kept}{rest}"), finer.bytes().any(|digit| digit != b'0'))
}

/// Whether the seconds of an instant are 60. The text must be an instant.
fn is_leap_second(text: &str) -> bool {
    let time = text.split_once(['T', 't', ' ']).map_or("", |(_, time)| time);
    let clock = time.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b':');
    let digits: Vec<_> = clock.filter(u8::is_ascii_digit).collect();
    digits.get(4..6) == Some(b"60")
}

/// Returns JSON without the blanks between its parts. Otherwise it stays as written: no digit of a number is
/// lost, and keys stay in their order.
///
/// # Errors
/// If the text is no JSON, or holds what many programs cannot read: a number too great for a float, or a
/// `\u` escape of an unpaired surrogate.
pub fn json(text: &str) -> Result<Box<RawValue>, serde_json::Error> {
    // Only a check: the parsed value would have lost digits of numbers.
    serde_json::from_str::<Json>(text)?;
    let (mut is_text, mut is_escaped) = (false, false);
    let is_kept = |c: &char| {
        let is_blank = !is_text && c.is_ascii_whitespace();
        let begins_escape = is_text && !is_escaped && *c == '\\';
        is_text ^= *c == '"' && !is_escaped;
        is_escaped = begins_escape;
        !is_blank
    };
    RawValue::from_string(text.chars().filter(is_kept).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_everything_but_blanks() {
        let text = r#" { "b" : [ 1.10 , -0, 123456789012345678901, 1E5 ],
            "a b" : "\" \\" , "a b": 0.1000000000000000055 } "#;
        let kept = r#"{"b":[1.10,-0,123456789012345678901,1E5],"a b":"\" \\","a b":0.1000000000000000055}"#;
        assert_eq!(json(text).unwrap().get(), kept);
        for none in ["", "{", "1 2", "1e999", r#""\ud800""#, "'a'"] {
            assert!(json(none).is_err(), "{none}");
        }
    }

    #[test]
    fn a_time_of_day_has_seconds_only_where_there_are_some() {
        for (text, kept) in [
            ("14:30", "14:30"),
            ("14:30:00", "14:30"),
            ("14:30:15", "14:30:15"),
            ("9:05", "09:05"),
            ("00:00", "00:00"),
            ("23:59:59", "23:59:59"),
            ("14:30:00.000", "14:30"),
            ("14:30:15.0", "14:30:15"),
        ] {
            assert_eq!(time_of_day(text).as_deref(), Some(kept), "{text}");
        }
        for none in [
            "",
            ":",
            "14",
            "14:3",
            "14:30:",
            "14:30:5",
            "24:00",
            "14:60",
            "14:30:60",
            "014:30",
            "-1:30",
            "14:30.0",
            "14:30:15.5",
            "14:30:15.",
            "14:30Z",
            "14:30:00+02:00",
            " 14:30",
            "14:30 ",
            "2:30 pm",
            "1４:30",
            "14：30",
            "2026-04-05T14:30",
            "14:30:15:00",
            "\u{0}14:30",
        ] {
            assert_eq!(time_of_day(none), None, "{none}");
        }
    }

    #[test]
    fn an_instant_is_kept_whole_or_refused() {
        for (text, kept) in [
            ("2026-04-05T12:00:00Z", "2026-04-05T12:00:00.000Z"),
            ("2026-04-05T14:00+02:00", "2026-04-05T12:00:00.000Z"),
            ("2026-04-05 12:00:00.5-00:00", "2026-04-05T12:00:00.500Z"),
            ("2026-04-05T12:00:00.123000000000000Z", "2026-04-05T12:00:00.123Z"),
            ("9999-12-30T22:30:00Z", "9999-12-30T22:30:00.000Z"),
            ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
            ("9999-12-31T23:59:59-00:00", "9999-12-31T23:59:59.000Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(instant(text).as_deref(), Ok(kept), "{text}");
        }
        for (text, fault) in [
            ("2026-04-05T12:00:00.123456Z", InstantFault::Finer),
            ("2026-04-05T12:00:00.0000000001Z", InstantFault::Finer),
            ("2026-12-31T23:59:60Z", InstantFault::LeapSecond),
            ("20261231T235960Z", InstantFault::LeapSecond),
            ("2026-12-31T23:59:60+01:00", InstantFault::LeapSecond),
            ("2026-12-31T23:60:00Z", InstantFault::NoInstant),
            ("9999-12-31T23:59:59-01:00", InstantFault::NoInstant),
            ("2026-04-05T12:00:00", InstantFault::NoInstant),
            ("2026-04-05", InstantFault::NoInstant),
            ("2026-04-05Z", InstantFault::NoInstant),
            ("yesterday", InstantFault::NoInstant),
            ("ä.ä", InstantFault::NoInstant),
            ("", InstantFault::NoInstant),
        ] {
            assert_eq!(instant(text), Err(fault), "{text}");
        }
    }
}
