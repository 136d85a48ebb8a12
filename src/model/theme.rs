//! How pages look, as far as the author says: colours, type, corners, density.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::colour::Colour;

/// The most fonts one theme may name.
const MAX_FONTS: usize = 10;
/// The longest name of a font.
const MAX_FONT_NAME: usize = 60;

/// The colours, fonts and spacing of all pages.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Theme {
    /// The colours by day; absent: the built-in ones.
    pub light: Option<Scheme>,
    /// The colours by night.
    pub dark: Option<Scheme>,
    /// What letters look like; the first font that a system has is taken.
    pub font: Option<Fonts>,
    /// How round corners are.
    pub radius: Option<Radius>,
    /// How much room there is around things.
    pub density: Density,
    /// The path of a picture that stands for the app.
    pub icon: Option<Arc<str>>,
    /// The path of a stylesheet that comes after the built-in one.
    pub stylesheet: Option<Arc<str>>,
}

/// The colours that all others follow from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheme {
    /// The ground of the page.
    pub page: Colour,
    /// The ground of what stands on it.
    pub surface: Colour,
    /// The colour of text.
    pub text: Colour,
    /// Links, buttons and whatever stands out.
    pub accent: Colour,
}

impl Scheme {
    /// The built-in colours by day.
    pub const LIGHT: Self = Self {
        page: Colour::new([0xf6, 0xf7, 0xf8]),
        surface: Colour::WHITE,
        text: Colour::new([0x18, 0x20, 0x25]),
        accent: Colour::new([0x0b, 0x6a, 0x73]),
    };
    /// The built-in colours by night.
    pub const DARK: Self = Self {
        page: Colour::new([0x0f, 0x13, 0x15]),
        surface: Colour::new([0x17, 0x1c, 0x1f]),
        text: Colour::new([0xe7, 0xec, 0xef]),
        accent: Colour::new([0x63, 0xcb, 0xd3]),
    };

    /// What things stand on.
    pub fn grounds(&self) -> [Colour; 2] {
        [self.surface, self.page]
    }
}

/// How much room there is around things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Density {
    /// The spacing that is built in.
    #[default]
    Comfortable,
    /// More fits on a screen.
    Compact,
}

/// How round corners are: a length from 0 to 24 pixels, as in `6px`, `0.5rem` or `0`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Radius(String);

/// A text that is no radius.
#[derive(Debug, thiserror::Error)]
#[error("a radius is a length from 0 to 24px, as in `6px`, `0.5rem` or `0`")]
pub struct BadRadius;

impl TryFrom<String> for Radius {
    type Error = BadRadius;

    fn try_from(text: String) -> Result<Self, BadRadius> {
        let (number, most) = match (text.strip_suffix("px"), text.strip_suffix("rem")) {
            (Some(number), _) => (number, 24.0),
            (_, Some(number)) => (number, 1.5),
            _ => (&*text, 0.0),
        };
        let is_plain = number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let value = number.parse::<f64>().ok().filter(|value| is_plain && *value <= most);
        value.map(|_| Self(text.clone())).ok_or(BadRadius)
    }
}

impl fmt::Display for Radius {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Fonts, the first one first: names of letters, digits, spaces and hyphens with commas between.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Fonts(Vec<String>);

/// A text that names no fonts.
#[derive(Debug, thiserror::Error)]
#[error("fonts are names with commas between, as in `Inter, system-ui, sans-serif`")]
pub struct BadFonts;

/// Names that stand for whatever the system has (CSS Fonts 4, 2.1.3); not to be quoted.
const GENERIC: [&str; 10] = [
    "serif",
    "sans-serif",
    "monospace",
    "cursive",
    "fantasy",
    "system-ui",
    "ui-serif",
    "ui-sans-serif",
    "ui-monospace",
    "ui-rounded",
];

impl TryFrom<String> for Fonts {
    type Error = BadFonts;

    fn try_from(text: String) -> Result<Self, BadFonts> {
        let names: Vec<_> = text.split(',').map(|name| name.trim().to_owned()).collect();
        let allowed = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        let is_name = |name: &String| {
            !name.is_empty() && name.chars().count() <= MAX_FONT_NAME && name.chars().all(allowed)
        };
        let fits = names.len() <= MAX_FONTS && names.iter().all(is_name);
        if fits { Ok(Self(names)) } else { Err(BadFonts) }
    }
}

impl fmt::Display for Fonts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let written = |name: &String| match GENERIC.contains(&name.as_str()) {
            true => name.clone(),
            false => format!("\"{name}\""),
        };
        f.write_str(&self.0.iter().map(written).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_radius_is_a_short_length_and_nothing_else() {
        for good in ["0", "6px", "24px", "0.5rem", "1.5rem", "0px"] {
            assert_eq!(Radius::try_from(good.to_owned()).unwrap().to_string(), good);
        }
        for bad in [
            "",
            "6",
            "25px",
            "2rem",
            "-1px",
            "1e1px",
            "6px;color:red",
            "px",
            "calc(1px)",
            "6 px",
            "infpx",
            "nanrem",
        ] {
            assert!(Radius::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn fonts_are_names_and_nothing_else() {
        let fonts = Fonts::try_from("Inter, Source Sans 3 , system-ui".to_owned()).unwrap();
        assert_eq!(fonts.to_string(), r#""Inter","Source Sans 3",system-ui"#);
        for bad in [
            "",
            "Inter,",
            "Inter;color:red",
            "a\"b",
            "url(x)",
            "a\\b",
            "</style>",
            "a\nb",
            &"a".repeat(61),
            &"a,".repeat(11),
        ] {
            assert!(Fonts::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
