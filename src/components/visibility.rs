//! Checks that the fields of a component can be read by at least one viewer of its page.

use crate::components::CheckContext;
use crate::model::field::FieldAt;
use crate::model::permissions::Operation;
use crate::model::problem::Place;
use crate::model::table::Table;
use crate::model::viewer::Viewer;

/// Returns whether at least one of these viewers may read the field.
pub(super) fn is_seen(table: &Table, at: FieldAt, audience: &[Viewer]) -> bool {
    let sees =
        |viewer| table.allows(viewer, Operation::Read) && table.readable(viewer).contains(at);
    audience.iter().any(sees)
}

/// Returns `false`, and reports at `place`, if no viewer of the page may read the field although some may
/// read its table.
pub(super) fn check(
    table: &Table,
    at: FieldAt,
    place: Place,
    around: &mut dyn CheckContext,
) -> bool {
    let audience = around.audience();
    // `data_source` has reported a table that no viewer may read. Its fields would repeat that.
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

/// Returns the field of this name. `None`, and a report at `place`, if the table has no such field or no
/// viewer of the page may read it.
pub(super) fn field(
    table: &Table,
    name: &str,
    place: Place,
    around: &mut dyn CheckContext,
) -> Option<FieldAt> {
    let at = around.field(table, name, place.clone())?;
    check(table, at, place, around).then_some(at)
}
