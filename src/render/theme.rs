//! Renders a theme as CSS: design tokens (custom properties) that replace those of the built-in
//! stylesheet.
//!
//! Only colours, lengths and quoted names are written, so a theme cannot break out of its declarations.

use crate::client;
use crate::model::colour::Colour;
use crate::model::theme::{Density, Scheme, Theme};

/// The colours for text on the accent. The one with the greater contrast is used.
const ON_ACCENT: [Colour; 2] = [Colour::WHITE, Colour::new([0x10, 0x16, 0x19])];

/// Returns the CSS of a theme. Empty if everything is as built in.
pub(super) fn css(theme: &Theme) -> String {
    let mut tokens = Vec::new();
    if theme.light.is_some() || theme.dark.is_some() {
        let light = tones(&theme.light.unwrap_or(Scheme::LIGHT));
        let dark = tones(&theme.dark.unwrap_or(Scheme::DARK));
        let both = light.into_iter().zip(dark);
        tokens.extend(
            both.map(|((name, day), (_, night))| format!("--{name}:light-dark({day},{night})")),
        );
    }
    tokens.extend(theme.font.as_ref().map(|fonts| format!("--font:{fonts}")));
    tokens.extend(theme.radius.as_ref().map(|radius| format!("--radius:{radius}")));
    if theme.density == Density::Compact {
        tokens.extend(COMPACT.map(|(name, value)| format!("--{name}:{value}")));
    }
    if tokens.is_empty() {
        return String::new();
    }
    client::layered(&format!(":root{{{}}}", tokens.join(";")))
}

/// The tokens of the compact density.
const COMPACT: [(&str, &str); 5] = [
    ("pt-base", "0.875rem"),
    ("pt-small", "0.875rem"),
    ("pt-row", "32px"),
    ("pt-cell", "4px"),
    ("room", "16px"),
];

/// Returns all tones of one scheme, by token.
fn tones(scheme: &Scheme) -> [(&'static str, Colour); 10] {
    let Scheme { page, surface, text, accent } = *scheme;
    let on_accent = ON_ACCENT
        .into_iter()
        .max_by(|one, other| one.contrast(accent).total_cmp(&other.contrast(accent)));
    let raised = surface.mixed(text, 0.06);
    let grounds = [surface, page, raised];
    [
        ("page", page),
        ("surface", surface),
        ("raised", raised),
        ("line", surface.mixed(text, 0.13)),
        ("text", text),
        ("muted", text.mixed(surface, 0.32).readable_on(&grounds)),
        ("accent", accent),
        ("pt-on-accent", on_accent.unwrap_or(Colour::WHITE)),
        ("pt-tint", surface.mixed(accent, 0.2)),
        ("pt-series-6", accent),
    ]
}
