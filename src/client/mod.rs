//! The browser's JavaScript and CSS, minified, embedded in the binary and served under a hash of their content.
//!
//! Modules import each other by relative paths, so all files share one hash, in the name of their folder.
//!
//! Our CSS cannot clash with an author's: our classes and ids begin with `pt-`, and all of it stands in the cascade
//! layer `pagetide`, which any rule outside of layers overrides. Within it, rules that all pages share are in the layer
//! `base`, and those of components in `components` above it. The tokens of a theme stand above both.

use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

mod swagger;

/// The folder that all assets are served from.
pub const FOLDER: &str = "/_pagetide/";

/// The stylesheet of every page.
const STYLESHEET: &str = "pagetide.css";
/// The rules that all pages share; a part of [`STYLESHEET`].
const BASE_STYLESHEET: &str = "base.css";
/// The stylesheets of the most frequent components. They are served in one file with the base, as [`STYLESHEET`].
const USUAL_STYLESHEETS: [&str; 6] =
    ["text.css", "container.css", "data_table.css", "kpi.css", "list.css", "chart.css"];
const FORM_STYLESHEET: &str = "form.css";
const ADMIN_STYLESHEET: &str = "admin.css";
const SCRIPT: &str = "pagetide.js";
const API_SCRIPT: &str = "api.js";
const DEV_SCRIPT: &str = "dev.js";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// The name and source of each script and stylesheet in this folder, collected by `build.rs`.
const SOURCES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/client.rs"));

/// The modules that only some pages need, so that pages do not preload them: pages with forms, buttons, pickers or
/// relative times, with tables that can be edited or browsed, for admins, about the API, or in development.
const ASKED_FOR_LATER: &[&str] = &[
    "act.js",
    "admin.js",
    API_SCRIPT,
    "browse.js",
    "choose.js",
    "control.js",
    DEV_SCRIPT,
    "edit.js",
    "form.js",
    "outdated.js",
    "overlay.js",
    "pick.js",
    "relative.js",
    "renew.js",
    "send.js",
    "toast.js",
];

/// A file for the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset {
    /// The media type that it is served as.
    pub content_type: &'static str,
    /// The text of the file.
    pub body: &'static str,
}

/// Returns the asset at a path below [`FOLDER`]: `<hash>/<name>`. `None` if the hash is not the one of this build, or
/// no file has the name. The content of such a path never changes, so browsers may keep it for ever.
pub fn asset(path: &str) -> Option<Asset> {
    let name = path.strip_prefix(hash())?.strip_prefix('/')?;
    let mut all = assets().iter().chain(&swagger::FILES);
    all.find(|(file, _)| *file == name).map(|(_, asset)| *asset)
}

/// Wraps CSS in the layer `pagetide`. An author's CSS stands in no layer, so it wins over this, however specific the
/// rule here is. With `!important` it is the other way round (CSS Cascading and Inheritance
/// Level 5): our rules that no author may undo have it.
pub fn layered(css: &str) -> String {
    format!("@layer pagetide{{{css}}}")
}

/// Joins stylesheets of this folder into one, minified, each in its layer within `pagetide`.
fn stylesheet_of(names: &[&str]) -> String {
    let layer = |name: &&str| {
        let (_, source) =
            SOURCES.iter().find(|(known, _)| known == name).expect("it is a file of this folder");
        let css = minifier::css::minify(source)
            .map_or_else(|_| (*source).to_owned(), |css| css.to_string());
        let layer = if *name == BASE_STYLESHEET { "base" } else { "components" };
        format!("@layer {layer}{{{css}}}")
    };
    let layers: String = names.iter().map(layer).collect();
    layered(&format!("@layer base,components;{layers}"))
}

/// The path of the stylesheet that every page loads.
pub fn stylesheet() -> String {
    path(STYLESHEET)
}

/// The path of a component's own stylesheet, by its file name. Pages with that component load it.
pub fn component_stylesheet(name: &str) -> String {
    path(name)
}

/// The path of the stylesheet for pages with forms.
pub fn form_stylesheet() -> String {
    path(FORM_STYLESHEET)
}

/// The path of the stylesheet for the pages for admins.
pub fn admin_stylesheet() -> String {
    path(ADMIN_STYLESHEET)
}

/// The path of the script that every page starts.
pub fn script() -> String {
    path(SCRIPT)
}

/// The path of the script for pages in development (`pagetide dev`).
pub fn dev_script() -> String {
    path(DEV_SCRIPT)
}

/// The path of the script for the page about the API.
pub fn api_script() -> String {
    path(API_SCRIPT)
}

/// The paths of Swagger UI: its stylesheet and its script.
pub fn swagger() -> [String; 2] {
    [swagger::STYLESHEET, swagger::SCRIPT].map(path)
}

/// The paths below [`FOLDER`] of all assets that pages of an app may load, without those of `pagetide dev` and of the
/// page about the API.
pub fn asset_paths() -> impl Iterator<Item = String> {
    let public =
        assets().iter().filter(|(name, _)| ![API_SCRIPT, DEV_SCRIPT, "overlay.js"].contains(name));
    public.map(|(name, _)| format!("{}/{name}", hash()))
}

/// The paths of the modules that the script imports at its start, for preloading.
pub fn modules() -> impl Iterator<Item = String> {
    let scripts = SOURCES.iter().map(|(name, _)| *name).filter(|name| name.ends_with(".js"));
    scripts.filter(|name| *name != SCRIPT && !ASKED_FOR_LATER.contains(name)).map(path)
}

/// The path of an asset by its file name.
fn path(name: &str) -> String {
    format!("{FOLDER}{}/{name}", hash())
}

/// The name and content of each file as it is served. Minified, since the first page that a browser opens waits for
/// them. Made once, on the first call.
fn assets() -> &'static [(&'static str, Asset)] {
    static ASSETS: OnceLock<Vec<(&str, Asset)>> = OnceLock::new();
    ASSETS.get_or_init(|| {
        let asset = |name: &'static str, content_type, body: String| {
            (name, Asset { content_type, body: &*body.leak() })
        };
        let usual: Vec<_> = [BASE_STYLESHEET].into_iter().chain(USUAL_STYLESHEETS).collect();
        let mut assets = vec![asset(STYLESHEET, CSS, stylesheet_of(&usual))];
        for (name, source) in SOURCES.iter().filter(|(name, _)| !usual.contains(name)) {
            assets.push(if name.ends_with(".css") {
                asset(name, CSS, stylesheet_of(&[name]))
            } else {
                asset(name, JAVASCRIPT, minified_script(source))
            });
        }
        assets
    })
}

/// Returns a script without comments and needless blanks, or as it is if the minifier cannot read it.
fn minified_script(source: &str) -> String {
    minifier::js::minify(source).map_or_else(|_| source.to_owned(), |script| script.to_string())
}

/// The hash of all files, in base64url.
fn hash() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| {
        let mut hasher = Sha256::new();
        for (name, asset) in assets().iter().chain(&swagger::FILES) {
            hasher.update(name);
            hasher.update(asset.body);
        }
        URL_SAFE_NO_PAD.encode(&hasher.finalize()[..9])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_that_a_page_names_is_served() {
        let styles = [admin_stylesheet(), form_stylesheet()];
        let api = swagger().into_iter().chain([api_script()]);
        let all = [stylesheet(), script()].into_iter().chain(styles).chain(modules()).chain(api);
        for path in all {
            assert!(asset(path.strip_prefix(FOLDER).unwrap()).is_some(), "{path}");
        }
        assert_eq!(asset("other/pagetide.js"), None);
        assert_eq!(asset("../Cargo.toml"), None);
    }

    /// The stylesheets by name, as they are served, without strings in quotes.
    fn stylesheets() -> impl Iterator<Item = (&'static str, String)> {
        let sheets = assets().iter().filter(|(_, asset)| asset.content_type == CSS);
        sheets.map(|(name, asset)| {
            let mut quote = None;
            let is_outside = |letter: &char| match quote {
                Some(open) => {
                    quote = (*letter != open).then_some(open);
                    false
                }
                None => {
                    quote = matches!(letter, '"' | '\'').then_some(*letter);
                    quote.is_none()
                }
            };
            (*name, asset.body.chars().filter(is_outside).collect())
        })
    }

    /// The CSS names that directly follow `sign` in a text.
    fn names<'a>(text: &'a str, sign: &'a str) -> impl Iterator<Item = &'a str> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let after = text.split(sign).skip(1);
        let names =
            after.map(move |rest| &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())]);
        names.filter(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()))
    }

    #[test]
    fn the_stylesheets_of_all_pages_are_one_file() {
        let names: Vec<_> = stylesheets().map(|(name, _)| name).collect();
        assert!(names.contains(&STYLESHEET) && !names.contains(&BASE_STYLESHEET), "{names:?}");
        for name in [BASE_STYLESHEET].into_iter().chain(USUAL_STYLESHEETS) {
            assert!(SOURCES.iter().any(|(known, css)| *known == name && !css.is_empty()), "{name}");
            assert!(!names.contains(&name), "{name}");
        }
    }

    #[test]
    fn every_rule_stands_in_the_one_layer() {
        for (name, css) in stylesheets() {
            let mut depth = 0;
            let inside = css.strip_prefix("@layer pagetide{").expect(name);
            for (at, letter) in inside.char_indices() {
                depth += i32::from(letter == '{') - i32::from(letter == '}');
                assert!(depth >= 0 || at + 1 == inside.len(), "{name} leaves the layer at {at}");
            }
            assert_eq!(depth, -1, "{name}");
        }
    }

    #[test]
    fn names_of_ours_begin_with_a_sign_of_ours() {
        let documented = include_str!("../../docs/look.md");
        for (sheet, css) in stylesheets() {
            for class in names(&css, ".") {
                assert!(class.starts_with("pt-"), "{sheet}: .{class}");
            }
            for id in names(&css, "#").filter(|name| !name.starts_with("pt-")) {
                assert!(id.bytes().all(|b| b.is_ascii_hexdigit()), "{sheet}: #{id}");
            }
            for animation in names(&css, "@keyframes ") {
                assert!(animation.starts_with("pt-"), "{sheet}: {animation}");
            }
            for token in names(&css, "--").filter(|name| !name.starts_with("pt-")) {
                assert!(documented.contains(&format!("`--{token}`")), "{sheet}: --{token}");
            }
        }
    }

    #[test]
    fn every_file_is_served_shorter_than_it_is_written() {
        for (name, asset) in assets() {
            let source = SOURCES.iter().find(|(known, _)| known == name);
            let layers = if asset.content_type == CSS { stylesheet_of(&[]).len() + 20 } else { 0 };
            let is_shorter = |source: &str| asset.body.len() < source.len() + layers;
            assert!(source.is_none_or(|(_, source)| is_shorter(source)), "{name}");
            assert!(!asset.body.contains("/*"), "{name}");
        }
    }
}
