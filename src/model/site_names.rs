//! File names of an export: the one for each page, and which source gets a name if several need it.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

/// The file that web servers send for the address of its folder.
pub const INDEX: &str = "index.html";
/// The files that an export writes in its top folder without a page or a file of the author behind them.
pub const GENERATED: [&str; 4] = [INDEX, "404.html", "sitemap.xml", "robots.txt"];

/// The longest name of a file or folder, in bytes. File systems allow 255; the rest is room for suffixes.
const MAX_SEGMENT: usize = 200;
/// The longest path of a file within the export, in bytes. Systems allow 1,024 or more for the whole path,
/// the export's own folder included.
const MAX_NAME: usize = 800;

/// Returns the file of a page, relative to the export's folder: `about/index.html` for `/about`, and
/// `about.html` for `/about.html`. `None` if a segment of its path cannot be a file name, or it is too long.
pub fn file_of(path: &str) -> Option<String> {
    let mut segments = Vec::new();
    for segment in path.split('/').skip(1).filter(|segment| !segment.is_empty()) {
        let name = percent_decode_str(segment).decode_utf8().ok()?;
        // Names are checked after decoding: `%2e%2e` would lead out of the folder.
        if !can_be_a_name(&name) {
            return None;
        }
        segments.push(name.into_owned());
    }
    if !segments.last().is_some_and(|last| is_html(last)) {
        segments.push(INDEX.to_owned());
    }
    Some(segments.join("/")).filter(|name| name.len() <= MAX_NAME)
}

/// Whether a decoded segment of a path can be the name of a file or folder: not empty or too long, without
/// slashes and control characters, and not hidden (no `.` first).
pub fn can_be_a_name(segment: &str) -> bool {
    !segment.is_empty()
        && !segment.starts_with('.')
        && segment.len() <= MAX_SEGMENT
        && !segment.contains(['/', '\\'])
        && !segment.chars().any(char::is_control)
}

/// Whether the last segment of a path has a dot, as file names do. At such a path, a file of `public/` is
/// served in place of a page.
pub fn is_file_name(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.contains('.'))
}

/// Returns the paths of the folders that contain a file, the outermost first.
pub fn folders_of(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').map(|(end, _)| &name[..end])
}

fn is_html(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    matches!(ending.as_deref(), Some("html" | "htm"))
}

/// The file names in use in an export, each with its owner: the page or file that it comes from. No two files
/// have the same name, and no file has the name of a folder that another one is in.
#[derive(Clone, Debug, Default)]
pub struct SiteNames {
    /// Whether the file system takes names that differ in case alone for the same.
    folds_case: bool,
    files: BTreeMap<String, String>,
    folders: BTreeMap<String, String>,
}

impl SiteNames {
    /// Starts without names, for a file system that takes `A` and `a` for the same name or (`false`) does not.
    pub fn new(folds_case: bool) -> Self {
        Self { folds_case, ..Self::default() }
    }

    /// Gives a name to `owner`, who is named in messages.
    ///
    /// # Errors
    /// The other owner, if the name is taken, or one of the two would be both a file and a folder.
    pub fn claim(&mut self, name: &str, owner: &str) -> Result<(), String> {
        let key = self.key(name);
        // Neither may the file be a folder of others, nor one of its folders be a file.
        let taken = self.files.get(&key).or_else(|| self.folders.get(&key));
        let taken = taken.or_else(|| folders_of(&key).find_map(|above| self.files.get(above)));
        if let Some(other) = taken {
            return Err(other.clone());
        }
        for folder in folders_of(&key) {
            self.folders.entry(folder.to_owned()).or_insert_with(|| owner.to_owned());
        }
        self.files.insert(key, owner.to_owned());
        Ok(())
    }

    /// Whether a file has this name.
    pub fn has(&self, name: &str) -> bool {
        self.files.contains_key(&self.key(name))
    }

    fn key(&self, name: &str) -> String {
        if self.folds_case { name.to_lowercase() } else { name.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_the_index_of_its_folder_or_a_file_of_html() {
        for (path, file) in [
            ("/", "index.html"),
            ("/about", "about/index.html"),
            ("/orders/a%20b", "orders/a b/index.html"),
            ("/robots.txt", "robots.txt/index.html"),
            ("/about.html", "about.html"),
            ("/404.HTM", "404.HTM"),
            ("/orders/index.html", "orders/index.html"),
        ] {
            assert_eq!(file_of(path).as_deref(), Some(file), "{path}");
        }
    }

    #[test]
    fn no_value_of_a_path_leads_out_of_the_folder() {
        for path in [
            "/..",
            "/orders/%2e%2e",
            "/a%2F..%2F..%2Fb",
            "/.git",
            "/a%00",
            "/%5C",
            "/%0A",
            "/%FF",
            "/.",
        ] {
            assert_eq!(file_of(path), None, "{path}");
        }
        assert_eq!(file_of(&format!("/{}", "a".repeat(MAX_SEGMENT + 1))), None);
        assert_eq!(file_of(&format!("/{}", "a".repeat(150)).repeat(6)), None);
    }

    #[test]
    fn no_name_stands_in_the_way_of_another() {
        let mut names = SiteNames::new(false);
        assert_eq!(names.claim("about/index.html", "one"), Ok(()));
        for name in ["about", "about/index.html", "about/index.html/x"] {
            assert_eq!(names.claim(name, "other"), Err("one".to_owned()), "{name}");
        }
        for name in ["about/team", "About", "abou", "aboutx"] {
            assert_eq!(names.claim(name, "two"), Ok(()), "{name}");
        }
        assert!(names.has("abou") && !names.has("other") && !names.has("ABOU"));
    }

    #[test]
    fn a_disk_that_knows_no_capitals_has_one_name_for_both() {
        let mut names = SiteNames::new(true);
        assert_eq!(names.claim("About/index.html", "one"), Ok(()));
        for name in ["about", "ABOUT/index.html"] {
            assert_eq!(names.claim(name, "other"), Err("one".to_owned()), "{name}");
        }
        assert!(names.has("about/INDEX.html"));
    }
}
