//! Reads the header `Range`, which asks for a part of a file (RFC 9110, 14).
//!
//! poem refuses a part that ends after the file, and sends an empty part that begins at its end. So the part
//! is worked out here and passed to poem within the bounds of the file.

use std::ops::Range;

/// The part of a file that a client asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ByteRange {
    /// The whole file: the header asks for several parts, or cannot be read. RFC 9110, 14.2, lets a server
    /// ignore the header.
    Whole,
    /// A part of at least one byte, within the file.
    Part(Range<u64>),
    /// Bytes that the file does not have, answered with 416.
    Unsatisfiable,
}

/// Reads the value of a `Range` header for a file of `size` bytes.
pub(super) fn byte_range(header: &str, size: u64) -> ByteRange {
    let Some((unit, spec)) = header.split_once('=') else { return ByteRange::Whole };
    let Some((first, last)) = spec.trim().split_once('-') else { return ByteRange::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return ByteRange::Whole;
    }
    let part = match (number(first), number(last)) {
        // `bytes=-500`: the last 500 bytes, or all if the file has fewer.
        (Number::Missing, Number::Given(count)) => size.saturating_sub(count)..size,
        (Number::Given(first), Number::Missing) => first..size,
        (Number::Given(first), Number::Given(last)) if first <= last => {
            first..size.min(last.saturating_add(1))
        }
        _ => return ByteRange::Whole,
    };
    if part.start < part.end { ByteRange::Part(part) } else { ByteRange::Unsatisfiable }
}

/// One of the two numbers in a range.
enum Number {
    Missing,
    Given(u64),
    Wrong,
}

fn number(text: &str) -> Number {
    match text.trim() {
        "" => Number::Missing,
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            // A number that does not fit is past the end of every file.
            Number::Given(digits.parse().unwrap_or(u64::MAX))
        }
        _ => Number::Wrong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(header: &str, expected: ByteRange) {
        assert_eq!(byte_range(header, 10), expected, "{header}");
    }

    #[test]
    fn a_part_ends_with_its_file() {
        check("bytes=2-4", ByteRange::Part(2..5));
        check("bytes=0-0", ByteRange::Part(0..1));
        check("Bytes = 2 - 4 ", ByteRange::Part(2..5));
        check("bytes=0-10", ByteRange::Part(0..10));
        check("bytes=9-99999999999999999999999", ByteRange::Part(9..10));
        check("bytes=4-", ByteRange::Part(4..10));
        check("bytes=-3", ByteRange::Part(7..10));
        check("bytes=-11", ByteRange::Part(0..10));
    }

    #[test]
    fn a_part_that_begins_after_the_end_is_none() {
        for header in ["bytes=10-", "bytes=10-12", "bytes=-0", "bytes=99999999999999999999999-"] {
            check(header, ByteRange::Unsatisfiable);
        }
        assert_eq!(byte_range("bytes=0-", 0), ByteRange::Unsatisfiable);
    }

    #[test]
    fn what_is_not_understood_asks_for_the_whole() {
        for header in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=4-2",
            "bytes=a-b",
            "bytes=1-2,4-5",
            "lines=1-2",
            "bytes=--1",
            "bytes=+1-2",
        ] {
            check(header, ByteRange::Whole);
        }
    }
}
