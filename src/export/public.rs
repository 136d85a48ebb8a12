//! The files of `public/`: which there are, and what addresses in them become below a base path.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::export::links::Guide;
use crate::export::{css, html};

/// The one hidden folder whose files are served: what proves whose a site is stands there (RFC 8615).
const WELL_KNOWN: &str = ".well-known";

/// The files that are served, by their names in the folder; and the names of those that cannot be told.
pub(super) fn files(folder: &Path) -> (BTreeMap<String, PathBuf>, Vec<String>) {
    let (mut files, mut untold) = (BTreeMap::new(), Vec::new());
    // Where it really is: a link may lead anywhere.
    let Ok(real) = folder.canonicalize() else { return (files, untold) };
    let mut folders = vec![(String::new(), real.clone())];
    while let Some((above, folder)) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let is_hidden = |name: &str| name.starts_with('.') && name != WELL_KNOWN;
            let name = match entry.file_name().into_string() {
                Ok(name) if is_hidden(&name) => continue,
                Ok(name) => format!("{above}{name}"),
                Err(name) => {
                    untold.push(format!("{above}{}", name.display()));
                    continue;
                }
            };
            let Ok(found) = entry.path().canonicalize() else { continue };
            if !found.starts_with(&real) {
                continue;
            }
            // A link to a folder that it is in would go on for ever.
            if found.is_dir() && !folder.starts_with(&found) {
                folders.push((format!("{name}/"), found));
            } else if found.is_file() {
                files.insert(name, found);
            }
        }
    }
    (files, untold)
}

/// The bytes of a file as they are to stand below the base path: addresses that begin with `/` lead
/// below it, in stylesheets, HTML and pictures of SVG. Without one nothing changes.
pub(super) fn below_base(name: &str, bytes: Vec<u8>, guide: &mut Guide<'_>) -> Vec<u8> {
    let base = guide.links.base();
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let is_known =
        matches!(ending.as_deref(), Some("css" | "html" | "htm" | "svg" | "webmanifest"));
    if base.is_empty() || !is_known {
        return bytes;
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            guide.note(format!("public/{name} is copied as it is: it is not UTF-8"));
            return error.into_bytes();
        }
    };
    let now = match ending.as_deref() {
        Some("css") => css::led(&text, &mut |address| guide.lead(address)).unwrap_or(text),
        Some("webmanifest") => {
            if text.contains("\"/") {
                guide.note(format!(
                    "public/{name} is copied as it is, though addresses in it begin with / and not with {base}"
                ));
            }
            text
        }
        _ => html::file(&text, guide),
    };
    now.into_bytes()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_served_is_found_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let public = folder.path().join("public");
        for name in ["a.css", "deep/b.txt", ".env", ".git/config", ".well-known/x", "../app.yaml"] {
            let path = public.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        symlink("a.css", public.join("same.css")).unwrap();
        symlink("deep", public.join("folder")).unwrap();
        symlink("..", public.join("deep/up")).unwrap();
        symlink("../app.yaml", public.join("out.yaml")).unwrap();
        let (found, untold) = files(&public);
        let names: Vec<_> = found.keys().map(String::as_str).collect();
        let expected = [".well-known/x", "a.css", "deep/b.txt", "folder/b.txt", "same.css"];
        assert_eq!(names, expected);
        assert_eq!(untold, Vec::<String>::new());
        assert_eq!(files(&folder.path().join("none")).0.len(), 0);
    }
}
