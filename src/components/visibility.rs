//! Whether anybody who may open the page may read what an author puts on it.

use crate::components::CheckContext;
use crate::model::field::FieldAt;
use crate::model::permissions::Operation;
use crate::model::problem::Place;
use crate::model::table::Table;
use crate::model::viewer::Viewer;

/// Whether some of these viewers may read the field.
pub(super) fn is_seen(table: &Table, at: FieldAt, audience: &[Viewer]) -> bool {
    let sees =
        |viewer| table.allows(viewer, Operation::Read) && table.readable(viewer).contains(at);
    audience.iter().any(sees)
}

/// Whether the field is worth showing. Reports at `place` if nobody may read it.
pub(super) fn check(
    table: &Table,
    at: FieldAt,
    place: Place,
    around: &mut dyn CheckContext,
) -> bool {
    let audience = around.audience();
    // A table that nobody may read is reported once, not by field.
    let may_read = audience.iter().any(|viewer| table.allows(viewer, Operation::Read));
    if !may_read || is_seen(table, at, &audience) {
        return true;
    }
    let name = &table.field(at).name;
    let message = format!("nobody who may open this page may read `{name}`");
    let problem = around.problems().report(place, message);
    problem.help(format!("remove it, or see `permissions.fields` of `{}`", table.name));
    false
}

/// A field that some of the page's viewers may read. Reports at `place` if there is none.
pub(super) fn field(
    table: &Table,
    name: &str,
    place: Place,
    around: &mut dyn CheckContext,
) -> Option<FieldAt> {
    let at = around.field(table, name, place.clone())?;
    check(table, at, place, around).then_some(at)
}
