//! Colours, and the contrast between them (WCAG 2.2).

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// The least contrast ratio at which text can be read
/// (<https://www.w3.org/TR/WCAG22/#contrast-minimum>, level AA).
pub const READABLE: f64 = 4.5;

/// An opaque sRGB colour: the bytes of red, green and blue, written as `#0b6a73` or `#07f`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Colour([u8; 3]);

/// The error for a text that is no colour.
#[derive(Debug, thiserror::Error)]
#[error("a colour is written as `#0b6a73` or `#07f`, in quotes")]
pub struct BadColour;

impl Colour {
    /// The colour white, `#ffffff`.
    pub const WHITE: Self = Self([255; 3]);
    /// The colour black, `#000000`.
    pub const BLACK: Self = Self([0; 3]);

    /// Makes a colour from the bytes of red, green and blue.
    pub const fn new(rgb: [u8; 3]) -> Self {
        Self(rgb)
    }

    /// The contrast ratio of two colours, from 1 (equal) to 21 (black on white)
    /// (<https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio>).
    pub fn contrast(self, other: Self) -> f64 {
        let (one, other) = (self.luminance() + 0.05, other.luminance() + 0.05);
        one.max(other) / one.min(other)
    }

    /// Whether text of this colour has a contrast of at least [`READABLE`] on all of these backgrounds.
    pub fn is_readable_on(self, grounds: &[Self]) -> bool {
        grounds.iter().all(|ground| self.contrast(*ground) >= READABLE)
    }

    /// Mixes this colour with another, whose share is from 0 (this colour) to 1 (the other).
    #[must_use]
    pub fn mixed(self, other: Self, share: f64) -> Self {
        let mix = |one: u8, other: u8| {
            let mixed = f64::from(one) + (f64::from(other) - f64::from(one)) * share;
            mixed.round().clamp(0.0, 255.0) as u8
        };
        Self(std::array::from_fn(|at| mix(self.0[at], other.0[at])))
    }

    /// Returns the colour most like this one that can be read on all of these backgrounds: it is mixed with
    /// black or white in steps. Plain black or white if no mixture can be read.
    #[must_use]
    pub fn readable_on(self, grounds: &[Self]) -> Self {
        const STEPS: u32 = 50;
        // Black has more contrast than white on a background with a luminance above 0.179.
        let lightest = grounds.iter().map(|ground| ground.luminance()).fold(0.0, f64::max);
        let towards = if lightest > 0.18 { Self::BLACK } else { Self::WHITE };
        let mut tries =
            (0..=STEPS).map(|step| self.mixed(towards, f64::from(step) / f64::from(STEPS)));
        tries.find(|tried| tried.is_readable_on(grounds)).unwrap_or(towards)
    }

    /// The relative luminance, from 0 for black to 1 for white
    /// (<https://www.w3.org/TR/WCAG22/#dfn-relative-luminance>).
    fn luminance(self) -> f64 {
        let linear = |byte: u8| match f64::from(byte) / 255.0 {
            value if value <= 0.04045 => value / 12.92,
            value => ((value + 0.055) / 1.055).powf(2.4),
        };
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}

impl FromStr for Colour {
    type Err = BadColour;

    fn from_str(text: &str) -> Result<Self, BadColour> {
        // In ASCII, slices by bytes cannot split a character.
        let digits = text.strip_prefix('#').filter(|digits| digits.is_ascii()).ok_or(BadColour)?;
        let byte = |at: usize, length: usize| {
            let digits = &digits[at * length..(at + 1) * length];
            // `from_str_radix` alone would accept a sign.
            let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            u8::from_str_radix(&digits.repeat(3 - length), 16).ok().filter(|_| is_hex)
        };
        let length = match digits.len() {
            3 => 1,
            6 => 2,
            _ => return Err(BadColour),
        };
        match [byte(0, length), byte(1, length), byte(2, length)] {
            [Some(red), Some(green), Some(blue)] => Ok(Self([red, green, blue])),
            _ => Err(BadColour),
        }
    }
}

impl TryFrom<String> for Colour {
    type Error = BadColour;

    fn try_from(text: String) -> Result<Self, BadColour> {
        text.parse()
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colour(text: &str) -> Colour {
        text.parse().unwrap()
    }

    #[test]
    fn a_colour_is_six_digits_or_three() {
        assert_eq!(colour("#0B6a73").to_string(), "#0b6a73");
        assert_eq!(colour("#07f").to_string(), "#0077ff");
        for bad in
            ["", "#", "0b6a73", "#0b6a7", "#0b6a733", "#+b6a73", "#gg0000", "teal", "#äöü", "#ä1"]
        {
            assert!(bad.parse::<Colour>().is_err(), "{bad}");
        }
        assert!("#fff;}body{display:none".parse::<Colour>().is_err());
    }

    #[test]
    fn contrast_is_as_the_guidelines_say() {
        assert!((Colour::BLACK.contrast(Colour::WHITE) - 21.0).abs() < 0.01);
        assert!((colour("#777777").contrast(Colour::WHITE) - 4.48).abs() < 0.01);
        assert!(colour("#767676").is_readable_on(&[Colour::WHITE]));
    }

    #[test]
    fn what_cannot_be_read_has_a_like_that_can() {
        for ground in [Colour::WHITE, colour("#171c1f"), colour("#808080")] {
            for text in ["#ffcc00", "#7c3aed", "#000000", "#ffffff"] {
                let like = colour(text).readable_on(&[ground]);
                assert!(like.is_readable_on(&[ground]), "{text} on {ground}: {like}");
            }
        }
        let fine = colour("#0b6a73");
        assert_eq!(fine.readable_on(&[Colour::WHITE]), fine);
    }
}
