//! Tables: names, fields, permissions, and the rows they begin with.

use std::collections::HashMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use crate::components::each::Each;
use crate::model::access::{Grant, Permissions};
use crate::model::ids::{Role, TableName};
use crate::model::problem::{Place, Problems};
use crate::model::table::{Field, FieldAt, FieldKind, Table};
use crate::model::value::Value;
use crate::spec::fault::Fault;
use crate::spec::field::{self, RawField};
use crate::spec::permissions::{self, RawPermissions};
use crate::spec::seed;
use crate::spec::source::Sources;
use crate::spec::unit::Unit;

/// One table.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Table", deny_unknown_fields)]
pub(super) struct RawTable {
    /// What the table is called, in URLs and in the database, as in `orders`. 1 to 63 lowercase letters, digits, `_` and
    /// `-`, a letter first.
    #[validate(required)]
    #[schemars(with = "Option<String>", regex(pattern = r"^[a-z][a-z0-9_-]{0,62}$"))]
    name: Option<TableName>,
    /// The table's fields, as in `[{name: customer, type: single-line-text}]`. Every table has an `id` beside them.
    #[validate(required)]
    #[schemars(length(min = 1))]
    fields: Option<Each<RawField>>,
    /// Who may do what. If you do not say, signed-in people may read and admins may write.
    #[validate(nested)]
    permissions: Option<RawPermissions>,
    /// A CSV file that fills the table when it is first created, as in `./orders.csv`. Its first
    /// line names the fields.
    seed: Option<String>,
    /// What the table was called before: its records are kept under the new name.
    #[schemars(with = "Option<String>", regex(pattern = r"^[a-z][a-z0-9_-]{0,62}$"))]
    renamed_from: Option<TableName>,
}

/// How many fields a table may have. Databases allow little more: PostgreSQL 1600.
const MAX_FIELDS: usize = 1_000;

/// The tables checked so far.
#[derive(Default)]
pub(super) struct Tables {
    all: Vec<Declared>,
    by_name: HashMap<TableName, usize>,
}

struct Declared {
    /// Without the fields that have problems.
    table: Arc<Table>,
    /// The names of the fields that have problems.
    lost: Vec<String>,
}

impl Tables {
    /// The tables themselves.
    pub(super) fn into_all(self) -> Vec<Arc<Table>> {
        self.all.into_iter().map(|declared| declared.table).collect()
    }

    /// Every table, in the order of the author.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Table>> {
        self.all.iter().map(|declared| &declared.table)
    }

    /// The table of this name; reports at `place` if there is none.
    pub(super) fn find(
        &self,
        name: &str,
        place: Place,
        problems: &mut Problems,
    ) -> Option<Arc<Table>> {
        let found = self.declared(name);
        if found.is_none() {
            let known = self.all.iter().map(|declared| declared.table.name.as_str());
            problems.report(place, format!("there is no table `{name}`")).suggest(name, known);
        }
        found.map(|declared| declared.table.clone())
    }

    /// The field of this name; reports at `place` if there is none.
    pub(super) fn find_field(
        &self,
        table: &Table,
        name: &str,
        place: Place,
        problems: &mut Problems,
    ) -> Option<FieldAt> {
        let at = table.at(name);
        let lost = self.declared(table.name.as_str()).map_or(&[][..], |declared| &declared.lost);
        if at.is_none() && !lost.iter().any(|lost| lost == name) {
            report_no_field(table, name, place, problems);
        }
        at
    }

    fn declared(&self, name: &str) -> Option<&Declared> {
        self.by_name.get(name).map(|index| &self.all[*index])
    }

    /// Adds a table, unless one of its name is there.
    fn add(&mut self, table: Table, lost: Vec<String>) {
        if self.declared(table.name.as_str()).is_none() {
            self.by_name.insert(table.name.clone(), self.all.len());
            self.all.push(Declared { table: Arc::new(table), lost });
        }
    }
}

/// Reports a name that no field of the table has.
pub(super) fn report_no_field(table: &Table, name: &str, place: Place, problems: &mut Problems) {
    let message = format!("`{}` has no field `{name}`", table.name);
    let known = table.fields.iter().map(|field| field.name.as_str());
    problems.report(place, message).suggest(name, known);
}

/// Checks one table and adds it to the others.
pub(super) fn check(
    unit: &Unit,
    roles: &[Role],
    tables: &mut Tables,
    sources: &mut Sources,
    faults: &mut Vec<Fault>,
    problems: &mut Problems,
) {
    let before = problems.count();
    let Some(raw) = unit.read::<RawTable>(problems) else { return };
    let (fields, lost) = check_fields(unit, problems);
    check_name(raw.name.as_ref(), unit, tables, problems);
    let Some(name) = raw.name else { return };
    let renamed_from = raw.renamed_from.filter(|old| *old != name);
    let permissions = Permissions::default();
    let mut table = Table { name, fields, permissions, seed: Vec::new(), renamed_from };
    if let Some(raw) = raw.permissions {
        let place = unit.place.key("permissions");
        table.permissions = permissions::check(raw, &table, &lost, roles, &place, problems);
    }
    if problems.count() > before {
        // So that pages are not blamed for what is wrong here.
        table.permissions.read = Grant::All;
    } else if let Some(link) = unit.node.get("seed").filter(|_| raw.seed.is_some()) {
        table.seed = seed::read(link, &table, sources, faults);
    }
    tables.add(table, lost);
}

fn check_name(name: Option<&TableName>, unit: &Unit, tables: &Tables, problems: &mut Problems) {
    let Some(name) = name else { return };
    let place = unit.place.key("name");
    if tables.declared(name.as_str()).is_some() {
        problems.report(place, format!("there is a table `{name}` already"));
    } else if name.as_str().starts_with("sqlite_") {
        let message = "names that begin with `sqlite_` belong to the database itself";
        problems.report(place, message).help("choose another name");
    }
}

/// The fields that hold, the `id` first, and the names of those that do not.
fn check_fields(unit: &Unit, problems: &mut Problems) -> (Vec<Field>, Vec<String>) {
    let (mut fields, mut lost) = (vec![id()], Vec::new());
    let units = unit.each("fields", problems);
    if units.is_empty() && unit.key("fields").is_some_and(|list| list.node.count() == 1) {
        let problem = problems.report(unit.place.key("fields"), "a table needs at least one field");
        problem.help("as in `- {name: customer, type: single-line-text}`");
    }
    if units.len() > MAX_FIELDS {
        let message = format!("a table may have {MAX_FIELDS} fields, got {}", units.len());
        problems.report(unit.place.key("fields"), message);
    }
    for unit in units.into_iter().take(MAX_FIELDS) {
        match field::check(&unit, &fields, problems) {
            Some(field) => fields.push(field),
            None => {
                lost.extend(unit.node.get("name").and_then(|name| name.text()).map(str::to_owned));
            }
        }
    }
    (fields, lost)
}

fn id() -> Field {
    Field {
        name: "id".parse().expect("`id` is a field name"),
        label: "ID".into(),
        kind: FieldKind::Id,
        required: false,
        unique: true,
        default: Value::Null,
        renamed_from: None,
    }
}
