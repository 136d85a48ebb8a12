//! What the pages of an app are called as files of an export, and who has a name where several want it.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

/// The file that a folder is shown by.
pub const INDEX: &str = "index.html";
/// What an export writes of itself, at its top.
pub const GENERATED: [&str; 4] = [INDEX, "404.html", "sitemap.xml", "robots.txt"];

/// The longest name of a file or folder, in bytes: file systems allow 255, and some add to it.
const MAX_SEGMENT: usize = 200;
/// The longest way to a file: systems allow 1,024 and more for all of it, the export's own folder
/// included.
const MAX_NAME: usize = 800;

/// The file of a page, from the folder of the export: `about/index.html` for `/about`, and `about.html`
/// for `/about.html`. `None` if a part of its path cannot be the name of a file.
pub fn file_of(path: &str) -> Option<String> {
    let mut segments = Vec::new();
    for segment in path.split('/').skip(1).filter(|segment| !segment.is_empty()) {
        let name = percent_decode_str(segment).decode_utf8().ok()?;
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

/// Whether a part of a path can be the name of a file or a folder, and of one that is not hidden.
pub fn can_be_a_name(segment: &str) -> bool {
    !segment.is_empty()
        && !segment.starts_with('.')
        && segment.len() <= MAX_SEGMENT
        && !segment.contains(['/', '\\'])
        && !segment.chars().any(char::is_control)
}

/// Whether a path ends as names of files do. There, a file of `public/` stands before a page.
pub fn is_file_name(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.contains('.'))
}

/// The folders that a file is in, the outermost first.
pub fn folders_of(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').map(|(end, _)| &name[..end])
}

fn is_html(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    matches!(ending.as_deref(), Some("html" | "htm"))
}

/// The files of an export, each with who it is from. No two have one name, and none is called as a
/// folder of another.
#[derive(Clone, Debug, Default)]
pub struct SiteNames {
    /// Whether names that differ in capitals alone are the same to the disk.
    folds_case: bool,
    files: BTreeMap<String, String>,
    folders: BTreeMap<String, String>,
}

impl SiteNames {
    /// No names yet, for a disk that tells `A` from `a`, or does not.
    pub fn new(folds_case: bool) -> Self {
        Self { folds_case, ..Self::default() }
    }

    /// Gives a name to `owner`.
    ///
    /// # Errors
    /// If it cannot stand beside a name of somebody else: who that is.
    pub fn claim(&mut self, name: &str, owner: &str) -> Result<(), String> {
        let key = self.key(name);
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

    /// Whether there is a file of this name.
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
