//! Decimals: which of them are accepted, and the conversion from and to the floats of the database.
//!
//! A decimal is accepted if it has at most 15 significant digits and 28 digits after the point. Stored as a
//! float, such a decimal reads back with the same digits.

use std::sync::LazyLock;

use rust_decimal::Decimal;

/// The greatest number of significant digits of a decimal. SQLite stores decimals as 64-bit floats, which
/// hold 15 digits exactly (IEEE 754 binary64).
pub const MAX_DIGITS: usize = 15;
/// The greatest number of digits of a decimal after the point, and also before it: `Decimal` has no more.
pub const MAX_PLACES: u32 = 28;
/// The smallest number with too many digits before the point. All decimals are nearer to zero.
pub const LIMIT: f64 = 1e28;

/// The number of significant digits that the built-in SQLite computes of a float before it rounds to fewer.
/// Both must round to the same decimal, or records would be sorted by other values than those shown.
const TAKEN: usize = 17;

/// The reason why a text is no acceptable decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalFault {
    /// The text is no number.
    #[error("must be a number")]
    NoNumber,
    /// It has more significant digits than a float keeps.
    #[error("must have at most {MAX_DIGITS} significant digits")]
    TooManyDigits,
    /// It has more than 28 digits after the point.
    #[error("must have at most {MAX_PLACES} digits after the point")]
    TooManyPlaces,
    /// It has more than 28 digits before the point.
    #[error("must have at most {MAX_PLACES} digits before the point")]
    TooGreat,
}

/// Parses a decimal with or without an exponent. Its digits are counted by its value, not as written: `1e-23`
/// has one significant digit, and so has `0.10`.
///
/// # Errors
/// If the text is no number, or has too many digits to be stored exactly.
pub fn parse(text: &str) -> Result<Decimal, DecimalFault> {
    let (is_negative, unsigned) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
    let size = exponent.strip_prefix('-').unwrap_or(exponent);
    let is_digits = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = [whole, fraction, size].iter().all(is_digits);
    if !is_number || size.is_empty() || mantissa.len() <= usize::from(mantissa.contains('.')) {
        return Err(DecimalFault::NoNumber);
    }
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    let short = digits.trim_end_matches('0');
    // Zero is zero with any exponent.
    if short.is_empty() {
        return Ok(Decimal::ZERO);
    }
    if short.len() > MAX_DIGITS {
        return Err(DecimalFault::TooManyDigits);
    }
    // An exponent that 64 bits cannot hold is refused just as the greatest one that they hold.
    let farthest = if exponent.starts_with('-') { i64::MIN } else { i64::MAX };
    let exponent = exponent.parse().unwrap_or(farthest);
    // `places` is negative where the exponent moves the point beyond the last digit.
    let places = length(fraction) - (length(digits) - length(short));
    let places = places.saturating_sub(exponent);
    if length(short).saturating_sub(places) > i64::from(MAX_PLACES) {
        return Err(DecimalFault::TooGreat);
    }
    let units: i128 = short.parse().map_err(|_| DecimalFault::NoNumber)?;
    let units = if is_negative { -units } else { units };
    scaled(units, places).ok_or(DecimalFault::TooManyPlaces)
}

/// Converts a float of the database to a decimal: 15 significant digits, and at most 28 digits after the
/// point, so that a smaller number is 0. `None` for one that is too great, infinite or no number (NaN).
pub fn of_float(number: f64) -> Option<Decimal> {
    if number.is_nan() || number.abs() >= LIMIT {
        return None;
    }
    // 17 digits after SQLite, not the shortest form that Rust writes: the two can round differently.
    let text = format!("{:.*e}", TAKEN - 1, number.abs());
    let (digits, exponent) = text.split_once('e')?;
    let digits: i128 = digits.replace('.', "").parse().ok()?;
    let places = i64::try_from(TAKEN - 1).ok()? - exponent.parse::<i64>().ok()?;
    rounded(digits, places, number.is_sign_negative())
}

/// Converts an integer of the database to a decimal: exact up to 15 digits, a greater one is rounded to 15.
pub fn of_whole(number: i64) -> Option<Decimal> {
    const ALL: u64 = 1_000_000_000_000_000;
    if number.unsigned_abs() < ALL {
        return Some(Decimal::from(number));
    }
    // As SQLite rounds it: it converts an integer to a float before it writes 15 digits of it.
    of_float(number as f64)
}

/// Rounds a number of 17 digits, given as an integer and its places after the point, to 15 digits and 28
/// places. A half is rounded away from zero, as SQLite does: both must round to the same.
fn rounded(digits: i128, places: i64, is_negative: bool) -> Option<Decimal> {
    let most = i64::try_from(TAKEN - MAX_DIGITS).ok()?;
    let cut = Ord::max(most, places - i64::from(MAX_PLACES));
    let unit = u32::try_from(cut).ok().and_then(|cut| 10_i128.checked_pow(cut));
    let Some(unit) = unit else { return Some(Decimal::ZERO) };
    let units = (digits + unit / 2) / unit;
    let units = if is_negative { -units } else { units };
    scaled(units, places - cut).map(|number| number.normalize())
}

/// Makes the decimal of an integer with so many places after the point; a negative number appends zeros.
/// `None` if a `Decimal` cannot hold it.
fn scaled(units: i128, places: i64) -> Option<Decimal> {
    if let Ok(places) = u32::try_from(places) {
        return Decimal::try_from_i128_with_scale(units, places).ok();
    }
    let zeros = u32::try_from(places.unsigned_abs()).ok()?;
    let units = units.checked_mul(10_i128.checked_pow(zeros)?)?;
    Decimal::try_from_i128_with_scale(units, 0).ok()
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

/// Returns the smallest and the greatest float that read as this decimal. A filter compares a column with
/// both, so that a float computed by another program (`0.1 + 0.2`) equals the decimal shown for it.
pub fn floats_of(number: Decimal) -> (f64, f64) {
    static OF_ZERO: LazyLock<f64> = LazyLock::new(|| edges(Decimal::ZERO).1);
    if number.is_zero() {
        return (-*OF_ZERO, *OF_ZERO);
    }
    let (least, greatest) = edges(number.abs());
    if number.is_sign_negative() { (-greatest, -least) } else { (least, greatest) }
}

/// [`floats_of`] for a number that is not negative. For zero, the smallest is zero.
fn edges(number: Decimal) -> (f64, f64) {
    let nearest: f64 = number.to_string().parse().unwrap_or_default();
    // No float reads as a number with more digits than are accepted, so no range surrounds it.
    if of_float(nearest) != Some(number) {
        return (nearest, nearest);
    }
    // Both edges are less than one unit of the last kept digit away, so the search starts there.
    let text = format!("{nearest:e}");
    let exponent = text.split_once('e').and_then(|(_, exponent)| exponent.parse::<i32>().ok());
    let places = i32::try_from(MAX_PLACES).unwrap_or(i32::MAX);
    let unit = 10_f64.powi(Ord::max(exponent.unwrap_or_default() - 14, -places));
    let least = if number.is_zero() { 0.0 } else { edge(number, nearest, nearest - unit) };
    (least, edge(number, nearest, nearest + unit))
}

/// Returns the float that still reads as the number and is farthest from `within`, which reads so, towards
/// `beyond`, which does not. A binary search over the bits: for floats that are not negative, their order is
/// the order of the floats.
fn edge(number: Decimal, within: f64, beyond: f64) -> f64 {
    let mut within = within.to_bits();
    let mut beyond = f64::max(beyond, 0.0).to_bits();
    while within.abs_diff(beyond) > 1 {
        let middle = within.midpoint(beyond);
        if of_float(f64::from_bits(middle)) == Some(number) {
            within = middle;
        } else {
            beyond = middle;
        }
    }
    f64::from_bits(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, told: &str) {
        let answer = match parse(text) {
            Ok(number) => number.to_string(),
            Err(fault) => fault.to_string(),
        };
        assert_eq!(answer, told, "{text}");
    }

    #[test]
    fn a_decimal_is_judged_by_its_value() {
        check("12.50", "12.5");
        check("-0", "0");
        check("0.00e99999999999999999999", "0");
        check("1E+2", "100");
        check("1e-23", "0.00000000000000000000001");
        check("123456789012345000e-3", "123456789012345");
        check("0.0000000000000123456789012345", "0.0000000000000123456789012345");
        check("1e-28", "0.0000000000000000000000000001");
        check("999999999999999e13", "9999999999999990000000000000");
    }

    #[test]
    fn what_cannot_be_kept_is_refused_for_its_reason() {
        for text in
            ["", ".", "-", "e5", "1e", "1e+", "1_000", "+5", "--1", "0x7", "NaN", "1.2.3", " 1"]
        {
            check(text, "must be a number");
        }
        check("1234567890.123456", "must have at most 15 significant digits");
        check("1e-29", "must have at most 28 digits after the point");
        check("1.5e-28", "must have at most 28 digits after the point");
        check("1e-99999999999999999999", "must have at most 28 digits after the point");
        check("1e28", "must have at most 28 digits before the point");
        check("1e99999999999999999999", "must have at most 28 digits before the point");
    }

    /// Numbers of every length and size.
    fn samples() -> impl Iterator<Item = Decimal> {
        let mut state = 88_172_645_463_325_252_u64;
        (0..20_000_u32).filter_map(move |round| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let digits = state.to_string();
            let digits = &digits[..Ord::min(1 + round as usize % 15, digits.len())];
            let sign = if round % 2 == 0 { "" } else { "-" };
            parse(&format!("{sign}{digits}e{}", i64::from(round % 53) - 28)).ok()
        })
    }

    #[test]
    fn what_is_taken_is_read_back_from_its_float() {
        assert!(samples().count() > 10_000);
        for number in samples() {
            let float: f64 = number.to_string().parse().unwrap();
            assert_eq!(of_float(float), Some(number));
            let printed: f64 = format!("{float:.14e}").parse().unwrap();
            assert_eq!(of_float(printed), Some(number));
        }
    }

    #[test]
    fn the_floats_of_a_number_end_where_its_neighbours_begin() {
        for number in samples().step_by(7).chain([Decimal::ZERO, Decimal::ONE, Decimal::TEN]) {
            let (least, greatest) = floats_of(number);
            assert_eq!([of_float(least), of_float(greatest)], [Some(number); 2]);
            assert!(of_float(least.next_down()) < Some(number), "{number}");
            assert!(of_float(greatest.next_up()).is_none_or(|next| next > number), "{number}");
        }
    }

    #[test]
    fn a_float_means_what_is_shown_of_it() {
        let check = |number: f64, told: &str| {
            assert_eq!(of_float(number).map(|number| number.to_string()).unwrap_or_default(), told);
        };
        check(0.1 + 0.2, "0.3");
        check(-0.0, "0");
        check(1e-20, "0.00000000000000000001");
        check(1e-29, "0");
        check(f64::MIN_POSITIVE, "0");
        check(-5e-324, "0");
        check(1234567890123.456, "1234567890123.46");
        check(123_456_789_012_344.5, "123456789012345");
        for beyond in [1e28, -1e28, f64::INFINITY, f64::NAN] {
            check(beyond, "");
        }
        assert_eq!(of_whole(i64::MIN).unwrap().to_string(), "-9223372036854780000");
        assert_eq!(of_whole(999_999_999_999_999).unwrap().to_string(), "999999999999999");
    }
}
