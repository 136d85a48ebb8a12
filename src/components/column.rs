//! The columns of a `dataTable`, as an author writes them, and their checks.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use crate::components::field_ref::{Named, NamedItem};
use crate::components::grant::RawGrant;
use crate::components::{CheckContext, visibility};
use crate::model::components::data_table::{Align, Column};
use crate::model::field::{Field, FieldAt, FieldKind};
use crate::model::format::ValueFormat;
use crate::model::permissions::Grant;
use crate::model::problem::Place;
use crate::model::storage::Storage;
use crate::model::table::Table;
use crate::model::viewer::Viewer;

/// The CSS units that the `width` of a column may have.
const UNITS: [&str; 5] = ["px", "rem", "em", "ch", "%"];

/// A column of a table: a field and its settings, as in `{field: total, label: Worth, width: 8rem}`.
#[derive(Default, Deserialize, Serialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Column", deny_unknown_fields)]
pub(super) struct RawColumn {
    /// The field whose values the column shows, as in `total`.
    #[validate(required)]
    field: Option<String>,
    /// The heading of the column; the field's own label if you do not say.
    label: Option<String>,
    /// The width of the column in `px`, `rem`, `em`, `ch` or `%`, as in `12rem`. Long values can make it
    /// wider; as wide as its values need if you do not say.
    #[schemars(regex(pattern = r"^[0-9]{1,4}(\.[0-9]{1,2})?(px|rem|em|ch|%)$"))]
    width: Option<String>,
    /// The alignment of the cells; numbers to the right, all else to the left if you do not say.
    align: Option<Align>,
    /// The format of the values: `short`, `long`, `iso` or `relative` for dates and times, `compact`,
    /// `whole` or `plain` for numbers, `truncate` for texts; the usual format of the field if you do not say.
    format: Option<ValueFormat>,
    /// `true` lets viewers sort by the column. Columns of relationships cannot be sorted by; the `sortable` of
    /// the table if you do not say.
    sortable: Option<bool>,
    /// The viewers who see the column, as in `[admin]`; everyone who may read the field if you do not say.
    visible: Option<RawGrant>,
    /// `true` lets viewers who may change the field edit its cells in the table; `false` if you do not say.
    editable: Option<bool>,
}

/// Returns a column for each field except `id` that at least one viewer of the page may read.
pub(super) fn visible_columns(table: &Table, audience: &[Viewer], sortable: bool) -> Vec<Column> {
    let shown = table
        .all()
        .filter(|(at, _)| *at != FieldAt::ID && visibility::is_seen(table, *at, audience));
    shown.map(|(field, declared)| plain(field, declared, sortable)).collect()
}

/// Returns the column of a field with the defaults. A relationship is never sortable: its cells show the
/// labels of other records, while its values are their ids.
fn plain(field: FieldAt, declared: &Field, sortable: bool) -> Column {
    Column {
        field,
        label: declared.label.clone(),
        width: None,
        align: None,
        format: None,
        sortable: sortable && declared.kind.storage() != Storage::Link,
        visible: Grant::All,
        editable: false,
    }
}

/// Checks the columns of a table and returns those without a fault. `sortable` is the table's own setting,
/// for columns that give none.
pub(super) fn check(
    raw: Vec<Named<RawColumn>>,
    table: &Arc<Table>,
    sortable: bool,
    around: &mut dyn CheckContext,
) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::with_capacity(raw.len());
    for (index, column) in raw.into_iter().enumerate() {
        let at = around.place().key("columns").item(index);
        let (place, column) = column.whole(&at);
        let Some(name) = &column.field else { continue };
        let Some(field) = around.field(table, name, place.clone()) else { continue };
        if columns.iter().any(|column| column.field == field) {
            around.problems().report(place, format!("`{name}` has a column already"));
            continue;
        }
        if visibility::check(table, field, place, around) {
            columns.push(column.check(field, table, sortable, &at, around));
        }
    }
    columns
}

impl NamedItem for RawColumn {
    fn name(&mut self) -> &mut Option<String> {
        &mut self.field
    }
}

impl RawColumn {
    fn check(
        self,
        at: FieldAt,
        table: &Arc<Table>,
        sortable: bool,
        place: &Place,
        around: &mut dyn CheckContext,
    ) -> Column {
        let field = table.field(at);
        // `plain` clears `sortable` of a relationship. Only an explicit `true` is worth a report.
        let plain = plain(at, field, self.sortable.unwrap_or(sortable));
        if self.sortable == Some(true) && !plain.sortable {
            let message = format!("`{}` is not sorted by what its records go by", field.name);
            around.problems().report(place.key("sortable"), message).help("remove `sortable`");
        }
        let editable = self.editable.unwrap_or(false);
        if editable {
            check_editable(table, at, place.key("editable"), around);
        }
        let width = self.width.filter(|width| check_width(width, &place.key("width"), around));
        Column {
            label: self.label.map_or(plain.label, Into::into),
            width: width.map(Into::into),
            align: self.align,
            format: check_format(self.format, field, &place.key("format"), around),
            visible: around.visible(self.visible, &place.key("visible")),
            editable,
            ..plain
        }
    }
}

/// Checks that a width is a number of up to four digits, with up to two decimals, and a CSS unit. Reports
/// at `place` and returns `false` if not.
fn check_width(width: &str, place: &Place, around: &mut dyn CheckContext) -> bool {
    // The width goes into a `style` attribute, so nothing but a number and a unit may pass.
    let number = UNITS.iter().find_map(|unit| width.strip_suffix(unit)).unwrap_or_default();
    let (whole, rest) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str, most: usize| {
        (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let fine = digits(whole, 4) && digits(rest, 2);
    if !fine {
        let message = format!("width must be a number with {}", UNITS.join(", "));
        around.problems().report(place.clone(), message).help("as in `width: 12rem`");
    }
    fine
}

/// Returns the format if it suits the field. Otherwise reports the formats that do, and returns `None`.
pub(super) fn check_format(
    raw: Option<ValueFormat>,
    field: &Field,
    place: &Place,
    around: &mut dyn CheckContext,
) -> Option<ValueFormat> {
    let format = raw?;
    if format.suits(field) {
        return Some(format);
    }
    let message = format!("this format does not suit the field `{}`", field.name);
    let suits = ValueFormat::ALL.iter().filter(|format| format.suits(field));
    let names: Vec<_> = suits.map(ValueFormat::to_string).collect();
    around.problems().report(place.clone(), message).help(match names[..] {
        [] => "remove it: its values are always written alike".to_owned(),
        _ => format!("`{}` takes {}", field.name, names.join(", ")),
    });
    None
}

/// Reports an editable column whose field no viewer of the page may change, or that has no control in a
/// table cell.
fn check_editable(table: &Arc<Table>, field: FieldAt, place: Place, around: &mut dyn CheckContext) {
    let name = &table.field(field).name;
    if table.field(field).kind.is_system() {
        let message = format!("`{name}` is set by the system, so nobody can edit it");
        around.problems().report(place, message).help("remove `editable`");
        return;
    }
    let unsuited = match &table.field(field).kind {
        FieldKind::Json => Some("holds JSON"),
        FieldKind::Relationship(..) => Some("refers to a record"),
        _ => None,
    };
    if let Some(what) = unsuited {
        let message = format!("`{name}` {what}, which is not edited in a table");
        around.problems().report(place, message).help("remove `editable`; a form can set it");
        return;
    }
    let may_set = |viewer| table.view(viewer).is_some_and(|view| view.may_set(field));
    if !around.audience().iter().any(may_set) {
        let message = format!("nobody who may open this page may change `{name}`");
        let problem = around.problems().report(place, message);
        problem.help(format!("see `permissions.update` of `{}`, or remove this", table.name));
    }
}
