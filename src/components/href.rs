//! A path of this app that is made for each record: `/orders/{id}`.

use crate::components::{CheckContext, visibility};
use crate::model::data_source::HrefPart;
use crate::model::problem::Place;
use crate::model::table::Table;

/// The parts of a path with fields in braces.
pub(super) fn check(
    path: &str,
    table: &Table,
    place: &Place,
    around: &mut dyn CheckContext,
) -> Option<Vec<HrefPart>> {
    // A backslash counts as a slash in browsers, and two lead to another host.
    let is_path = path.starts_with('/') && !path.starts_with("//") && !path.contains('\\');
    if !is_path || path.contains(char::is_control) {
        let message =
            format!("{} must be a path of this app, which begins with one /", place.subject());
        around.problems().report(place.clone(), message).help("as in `/orders?find={id}`");
        return None;
    }
    let mut parts = Vec::new();
    for (index, piece) in path.split('{').enumerate() {
        let (name, text) = match (index, piece.split_once('}')) {
            (0, None) => (None, piece),
            (1.., Some((name, text))) if !text.contains('}') => (Some(name), text),
            _ => {
                let message = format!("the braces of {} do not pair up", place.subject());
                let problem = around.problems().report(place.clone(), message);
                problem.help("a field stands in braces, as in `/orders?find={id}`");
                return None;
            }
        };
        if let Some(name) = name {
            parts.push(HrefPart::Field(visibility::field(table, name, place.clone(), around)?));
        }
        if !text.is_empty() {
            parts.push(HrefPart::Text(text.into()));
        }
    }
    Some(parts)
}
