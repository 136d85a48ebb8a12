//! Checks paths of this app that are filled in for each record, as `/orders/{id}`.

use crate::components::{CheckContext, visibility};
use crate::model::data_source::HrefPart;
use crate::model::problem::Place;
use crate::model::table::Table;

/// Splits a path into texts and the fields in braces. `None`, and a report at `place`, if it is no path of
/// this app, its braces do not pair up, or no viewer of the page may read one of its fields.
pub(super) fn check(
    path: &str,
    table: &Table,
    place: &Place,
    around: &mut dyn CheckContext,
) -> Option<Vec<HrefPart>> {
    // Two slashes lead to another host, and browsers read a backslash as a slash. A backslash anywhere is
    // refused, because no path of this app has one.
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
