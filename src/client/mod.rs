//! The browser's JavaScript and CSS, embedded under a content hash.
//!
//! Modules import each other by relative paths, so all share one hash, in the folder's name.

use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// The folder that all assets are served from.
pub const FOLDER: &str = "/_pagetide/";

const STYLESHEET: &str = "pagetide.css";
const SCRIPT: &str = "pagetide.js";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

const FILES: [(&str, &str, &str); 17] = [
    (STYLESHEET, "text/css; charset=utf-8", include_str!("pagetide.css")),
    (SCRIPT, JAVASCRIPT, include_str!("pagetide.js")),
    ("component.js", JAVASCRIPT, include_str!("component.js")),
    ("connection.js", JAVASCRIPT, include_str!("connection.js")),
    ("control.js", JAVASCRIPT, include_str!("control.js")),
    ("edit.js", JAVASCRIPT, include_str!("edit.js")),
    ("listener.js", JAVASCRIPT, include_str!("listener.js")),
    ("morph.js", JAVASCRIPT, include_str!("morph.js")),
    ("poll.js", JAVASCRIPT, include_str!("poll.js")),
    ("presence.js", JAVASCRIPT, include_str!("presence.js")),
    ("roster.js", JAVASCRIPT, include_str!("roster.js")),
    ("rows.js", JAVASCRIPT, include_str!("rows.js")),
    ("switchboard.js", JAVASCRIPT, include_str!("switchboard.js")),
    ("tabs.js", JAVASCRIPT, include_str!("tabs.js")),
    ("theme.js", JAVASCRIPT, include_str!("theme.js")),
    ("toast.js", JAVASCRIPT, include_str!("toast.js")),
    ("transports.js", JAVASCRIPT, include_str!("transports.js")),
];

/// What only pages with editable tables import.
const IMPORTED_LATER: [&str; 3] = ["control.js", "edit.js", "toast.js"];

/// A file for the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Its media type.
    pub content_type: &'static str,
    /// Its text.
    pub body: &'static str,
}

/// The asset at a path below [`FOLDER`]: `<hash>/name`. It never changes.
pub fn asset(path: &str) -> Option<Asset> {
    let name = path.strip_prefix(hash())?.strip_prefix('/')?;
    let (_, content_type, body) = FILES.into_iter().find(|(file, ..)| *file == name)?;
    Some(Asset { content_type, body })
}

/// The path of the stylesheet.
pub fn stylesheet() -> String {
    path(STYLESHEET)
}

/// The path of the script that a page starts.
pub fn script() -> String {
    path(SCRIPT)
}

/// The paths of the modules that the script imports at once.
pub fn modules() -> impl Iterator<Item = String> {
    let at_once = FILES.into_iter().skip(2).filter(|(name, ..)| !IMPORTED_LATER.contains(name));
    at_once.map(|(name, ..)| path(name))
}

fn path(name: &str) -> String {
    format!("{FOLDER}{}/{name}", hash())
}

fn hash() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| {
        let mut hasher = Sha256::new();
        for (name, _, body) in FILES {
            hasher.update(name);
            hasher.update(body);
        }
        URL_SAFE_NO_PAD.encode(&hasher.finalize()[..9])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_that_a_page_names_is_served() {
        for path in [stylesheet(), script()].into_iter().chain(modules()) {
            assert!(asset(path.strip_prefix(FOLDER).unwrap()).is_some(), "{path}");
        }
        assert_eq!(asset("other/pagetide.js"), None);
        assert_eq!(asset("../Cargo.toml"), None);
    }
}
