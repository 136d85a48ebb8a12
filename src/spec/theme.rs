//! Checks `theme`: the look of the pages, and whether its colours are readable.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use crate::model::colour::{Colour, READABLE};
use crate::model::problem::{Place, Problems};
use crate::model::theme::{Density, Fonts, Radius, Scheme, Theme};
use crate::spec::source::Sources;
use crate::spec::tree::NodeKind;
use crate::spec::unit::Unit;

/// The folder whose files are served unchanged.
const PUBLIC: &str = "public";

/// The look of the pages: colours, fonts, corners and density. Keys that you leave out keep the built-in
/// look.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Theme", deny_unknown_fields)]
pub(super) struct RawTheme {
    /// The colour of links, buttons and other elements that stand out, as in `"#0b6a73"`. The dark scheme
    /// gets a lighter tone of it.
    #[schemars(with = "Option<String>", regex(pattern = r"^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$"))]
    accent: Option<Colour>,
    /// The colours of the light scheme.
    #[validate(nested)]
    light: Option<RawScheme>,
    /// The colours of the dark scheme.
    #[validate(nested)]
    dark: Option<RawScheme>,
    /// The fonts in order of preference, as in `Inter, system-ui, sans-serif`. Declare a font of your own
    /// in your stylesheet.
    #[schemars(with = "Option<String>")]
    font: Option<Fonts>,
    /// The radius of corners, from `0` to `24px`; `8px` if you do not say.
    #[schemars(with = "Option<String>", regex(pattern = r"^(0|[0-9.]+px|[0-9.]+rem)$"))]
    radius: Option<Radius>,
    /// How much space there is between elements; `comfortable` if you do not say.
    density: Option<Density>,
    /// A picture for the app, shown on the browser's tab and beside the app's name. An SVG, PNG or ICO
    /// file in `public/`, as in `./public/icon.svg`.
    icon: Option<String>,
    /// A stylesheet of your own, loaded after the built-in one. A file in `public/`, as in
    /// `./public/theme.css`.
    stylesheet: Option<String>,
}

/// The colours of one scheme. All other colours are derived from them.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Scheme", deny_unknown_fields)]
struct RawScheme {
    /// The background of the page.
    #[schemars(with = "Option<String>", regex(pattern = r"^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$"))]
    page: Option<Colour>,
    /// The background of elements on the page: tables, cards, the bar at the top.
    #[schemars(with = "Option<String>", regex(pattern = r"^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$"))]
    surface: Option<Colour>,
    /// The colour of text.
    #[schemars(with = "Option<String>", regex(pattern = r"^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$"))]
    text: Option<Colour>,
    /// The colour of links, buttons and other elements that stand out.
    #[schemars(with = "Option<String>", regex(pattern = r"^#([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$"))]
    accent: Option<Colour>,
}

/// Checks the theme of an app.
pub(super) fn check(
    raw: Option<RawTheme>,
    top: &Unit,
    sources: &mut Sources,
    problems: &mut Problems,
) -> Theme {
    let (Some(raw), Some(unit)) = (raw, top.key("theme")) else { return Theme::default() };
    check_quotes(&unit, problems);
    let mut light = scheme(raw.light.as_ref(), Scheme::LIGHT);
    let mut dark = scheme(raw.dark.as_ref(), Scheme::DARK);
    if let Some(accent) = raw.accent {
        let is_own = |scheme: &RawScheme| scheme.accent.is_some();
        if !raw.light.as_ref().is_some_and(is_own) {
            light.accent = accent;
        }
        // An accent that is readable in the light scheme is too dark in the dark one.
        if !raw.dark.as_ref().is_some_and(is_own) {
            dark.accent = accent.readable_on(&dark.grounds());
        }
    }
    check_contrast(&light, "light", &unit, problems);
    check_contrast(&dark, "dark", &unit, problems);
    let mut find =
        |kind: &ThemeFileKind, link: Option<String>| kind.find(&link?, &unit, sources, problems);
    let (icon, stylesheet) = (find(&ICON, raw.icon), find(&STYLESHEET, raw.stylesheet));
    Theme {
        light: Some(light).filter(|scheme| *scheme != Scheme::LIGHT),
        dark: Some(dark).filter(|scheme| *scheme != Scheme::DARK),
        font: raw.font,
        radius: raw.radius,
        density: raw.density.unwrap_or_default(),
        icon,
        stylesheet,
    }
}

/// Reports colours without quotes, which YAML reads as comments.
fn check_quotes(theme: &Unit, problems: &mut Problems) {
    let schemes = ["light", "dark"].map(|name| theme.key(name));
    for unit in schemes.into_iter().flatten().chain([theme.clone()]) {
        for key in ["accent", "page", "surface", "text"] {
            if let Some(colour) =
                unit.key(key).filter(|unit| matches!(unit.node.kind, NodeKind::Null))
            {
                let problem = problems.report(colour.place, format!("{key} has no value"));
                problem.at_key().help("put the colour in quotes: a `#` begins a comment");
            }
        }
    }
}

fn scheme(raw: Option<&RawScheme>, built_in: Scheme) -> Scheme {
    let Some(raw) = raw else { return built_in };
    Scheme {
        page: raw.page.unwrap_or(built_in.page),
        surface: raw.surface.unwrap_or(built_in.surface),
        text: raw.text.unwrap_or(built_in.text),
        accent: raw.accent.unwrap_or(built_in.accent),
    }
}

/// Warns of a text or accent colour that is hard to read on its background.
fn check_contrast(scheme: &Scheme, name: &str, theme: &Unit, problems: &mut Problems) {
    let grounds = scheme.grounds();
    for (key, colour) in [("text", scheme.text), ("accent", scheme.accent)] {
        let ground = grounds.iter().find(|ground| !colour.is_readable_on(&[**ground]));
        if let (Some(ground), Some(place)) = (ground, written(theme, name, key)) {
            let contrast = (colour.contrast(*ground) * 10.0).floor() / 10.0;
            let message = format!(
                "{key} of `{colour}` is hard to read on `{ground}`: the contrast is {contrast}, and \
                 {READABLE} is needed"
            );
            let like = colour.readable_on(&grounds);
            problems.warn(place, message).help(format!("{key} of `{like}` can be read there"));
        }
    }
}

/// Returns the place of a colour that the author wrote, or else of the background that it is read on.
/// `None` if neither is written.
fn written(theme: &Unit, scheme: &str, key: &str) -> Option<Place> {
    let own = theme.key(scheme);
    let own = |key: &str| own.as_ref().and_then(|own| own.key(key));
    let for_both = || theme.key(key).filter(|_| scheme == "light");
    let found = own(key).or_else(for_both).or_else(|| own("surface")).or_else(|| own("page"));
    found.map(|unit| unit.place)
}

/// A kind of file that a theme can name.
struct ThemeFileKind {
    /// The key of the theme.
    key: &'static str,
    /// The kind of file, in words for a message.
    what: &'static str,
    /// The extensions that a file of this kind may have.
    endings: &'static [&'static str],
}

const ICON: ThemeFileKind =
    ThemeFileKind { key: "icon", what: "an SVG, PNG or ICO file", endings: &["svg", "png", "ico"] };
const STYLESHEET: ThemeFileKind =
    ThemeFileKind { key: "stylesheet", what: "a stylesheet", endings: &["css"] };

impl ThemeFileKind {
    /// Returns the path at which the file that `link` names is served. `None` if it was reported.
    fn find(
        &self,
        link: &str,
        theme: &Unit,
        sources: &mut Sources,
        problems: &mut Problems,
    ) -> Option<Arc<str>> {
        let unit = theme.key(self.key)?;
        let public = sources.folder().join(PUBLIC);
        let found = match sources.find(unit.node.at.file, link) {
            Ok(found) => found,
            Err(error) => {
                problems.report(unit.place, error.to_string()).help = error.help();
                return None;
            }
        };
        let ending = found.extension().and_then(|extension| extension.to_str());
        let fits = ending.is_some_and(|ending| self.endings.contains(&ending)) && found.is_file();
        let inside = found.strip_prefix(public).ok().and_then(|path| path.to_str());
        match inside.filter(|_| fits) {
            Some(path) => Some(format!("/{path}").into()),
            None => {
                let message = format!("`{link}` is not {} in `public/`", self.what);
                let example = format!("./public/{}.{}", self.key, self.endings[0]);
                let help =
                    format!("put it there, as in `{example}`, since only that folder is served");
                problems.report(unit.place, message).help(help);
                None
            }
        }
    }
}
