//! Warns of pages that `pagetide build` cannot export under their names, as far as that is known without
//! the records.

use std::collections::BTreeSet;
use std::path::Path;

use crate::model::problem::{Place, Problems};
use crate::model::site_names::{
    GENERATED, SiteNames, can_be_a_name, file_of, folders_of, is_file_name,
};
use crate::spec::page::canonical;
use crate::spec::unit::Unit;

/// The folder of an app whose files are served unchanged.
const PUBLIC: &str = "public";
/// The advice where two things need the same name.
const HELP: &str = "choose another path if the export should have both";

/// Warns of each page that `pagetide build` would leave out, and of each file that it would leave out for
/// a page.
pub(super) fn check(top: &Unit, folder: &Path, problems: &mut Problems) {
    let public = folder.join(PUBLIC);
    let (mut names, mut seen) = (SiteNames::default(), BTreeSet::new());
    let pages = top.node.get("pages").map_or(&[][..], |pages| pages.items());
    for (index, page) in pages.iter().enumerate() {
        let path = page.get("path").and_then(|path| path.text()).map(canonical);
        // A text that is no path, or is another page's path, has been reported already.
        let Some(path) = path.filter(|path| path.starts_with('/') && seen.insert(*path)) else {
            continue;
        };
        let place = top.place.key("pages").item(index).key("path");
        let literal =
            |segment: &&str| !segment.starts_with(':') && !["", ".", ".."].contains(segment);
        if let Some(bad) = path.split('/').filter(literal).find(|name| !can_be_a_name(name)) {
            let message = format!(
                "`pagetide build` leaves out this page: `{}` cannot be a file name",
                shortened(bad)
            );
            problems
                .warn(place, message)
                .help("begin with a letter or digit, and keep it below 200 bytes");
        } else if !path.contains("/:") {
            check_names(path, &public, &mut names, place, problems);
        }
    }
}

/// Warns if the file of a page without parameters has the name of another file.
fn check_names(
    path: &str,
    public: &Path,
    names: &mut SiteNames,
    place: Place,
    problems: &mut Problems,
) {
    let Some(file) = file_of(path) else {
        let message = "`pagetide build` leaves out this page: its path is too long for a file name";
        problems.warn(place, message).help("keep it below 800 bytes");
        return;
    };
    let is_public = |name: &&str| public.join(name).is_file();
    let name = path.trim_matches('/');
    if is_file_name(name) && is_public(&name) {
        let message = format!("`{PUBLIC}/{name}` is served in place of this page");
        problems.warn(place, message).help("choose another path, or another name for the file");
    } else if let Err(other) = names.claim(&file, &format!("the page {path}")) {
        let message = format!("`pagetide build` leaves out this page: {other} has its file name");
        problems.warn(place, message).help(HELP);
    } else if let Some(name) = folders_of(&file).chain([file.as_str()]).find(is_public) {
        let message =
            format!("`pagetide build` leaves out `{PUBLIC}/{name}`: this page needs this name");
        problems.warn(place, message).help(HELP);
    } else if let Some(name) =
        GENERATED.iter().find(|at_top| name.split('/').next() == Some(at_top))
    {
        let message = format!("`pagetide build` writes this page in place of its own `{name}`");
        problems.warn(place, message).help(HELP);
    }
}

/// Returns a name for a message: its first 40 characters.
fn shortened(name: &str) -> String {
    match name.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}
