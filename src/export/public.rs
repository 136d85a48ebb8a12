//! The files of `public/`: the list of them, and the rewriting of their addresses for a base path.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::export::links::Guide;
use crate::export::{css, html};

/// The only hidden folder whose files are exported. It holds files of fixed names, such as the ones that prove who
/// owns a site (RFC 8615).
const WELL_KNOWN: &str = ".well-known";

/// Returns the files to export by their names, relative to the folder and with `/`; and, apart from them, the names
/// that are not UTF-8, which are left out. Hidden files and links that lead out of the folder are left out in silence.
pub(super) fn files(folder: &Path) -> (BTreeMap<String, PathBuf>, Vec<String>) {
    let (mut files, mut untold) = (BTreeMap::new(), Vec::new());
    // The real path, so that the target of each symbolic link can be held against it.
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
            // A link to a folder above itself would be followed without end.
            if found.is_dir() && !folder.starts_with(&found) {
                folders.push((format!("{name}/"), found));
            } else if found.is_file() {
                files.insert(name, found);
            }
        }
    }
    (files, untold)
}

/// Returns a file as it is to be exported: in stylesheets, HTML and SVG, addresses that begin with `/` lead below the
/// base path. Without a base path the bytes are returned unchanged, and so are those of any other kind of file. Notes
/// the files that should have changed and could not: those that are not UTF-8, and web app manifests.
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
        Some("css") => css::rewritten(&text, &mut |address| guide.lead(address)).unwrap_or(text),
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
