//! The theme of an app: colours, fonts, roundness of corners and spacing that its author chooses.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::colour::Colour;

/// The greatest number of fonts in a theme.
const MAX_FONTS: usize = 10;
/// The longest name of a font, in characters.
const MAX_FONT_NAME: usize = 60;

/// The look of all pages of an app.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Theme {
    /// The colours of the light scheme; `None` for the built-in ones.
    pub light: Option<Scheme>,
    /// The colours of the dark scheme; `None` for the built-in ones.
    pub dark: Option<Scheme>,
    /// The fonts of text; the browser takes the first that the system has. `None` for the built-in ones.
    pub font: Option<Fonts>,
    /// The radius of corners; `None` for the built-in one.
    pub radius: Option<Radius>,
    /// The amount of space in and around elements.
    pub density: Density,
    /// The path of the app's icon; `None` if it has none.
    pub icon: Option<Arc<str>>,
    /// The path of a stylesheet that pages load after the built-in ones; `None` if there is none.
    pub stylesheet: Option<Arc<str>>,
}

/// A colour scheme: the four colours from which all others are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheme {
    /// The background of the page.
    pub page: Colour,
    /// The background of elements on the page, such as tables and cards.
    pub surface: Colour,
    /// The colour of text.
    pub text: Colour,
    /// The colour of links, buttons and other elements that stand out.
    pub accent: Colour,
}

impl Scheme {
    /// The built-in light scheme.
    pub const LIGHT: Self = Self {
        page: Colour::new([0xf6, 0xf7, 0xf8]),
        surface: Colour::WHITE,
        text: Colour::new([0x18, 0x20, 0x25]),
        accent: Colour::new([0x0b, 0x6a, 0x73]),
    };
    /// The built-in dark scheme.
    pub const DARK: Self = Self {
        page: Colour::new([0x0f, 0x13, 0x15]),
        surface: Colour::new([0x17, 0x1c, 0x1f]),
        text: Colour::new([0xe7, 0xec, 0xef]),
        accent: Colour::new([0x63, 0xcb, 0xd3]),
    };

    /// The backgrounds that text has to be readable on.
    pub fn grounds(&self) -> [Colour; 2] {
        [self.surface, self.page]
    }
}

/// The amount of space in and around elements. The default is `comfortable`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Density {
    /// The normal amount of space.
    #[default]
    Comfortable,
    /// Less space, so that more fits on a screen.
    Compact,
}

/// The radius of corners as a CSS length from 0 to 24 pixels: `6px`, `0.5rem` or `0`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Radius(String);

/// The error for a text that is no radius.
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
        // `parse` alone would accept signs, exponents, `inf` and `nan`.
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

/// A list of font names, the preferred one first, in YAML separated by commas. Names consist of letters,
/// digits, spaces, hyphens and underscores, so none can break out of the stylesheet.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Fonts(Vec<String>);

/// The error for a text that is no list of font names.
#[derive(Debug, thiserror::Error)]
#[error("fonts are names with commas between, as in `Inter, system-ui, sans-serif`")]
pub struct BadFonts;

/// The generic font names of CSS, which must not be quoted (CSS Fonts 4, section 2.1.3).
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
