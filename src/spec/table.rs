//! Checks tables: their names, fields, permissions and seeds.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use crate::components::list_of::Each;
use crate::model::field::{Field, FieldAt, FieldKind};
use crate::model::ids::{FieldName, RecordId, TableName};
use crate::model::permissions::{Grant, Permissions};
use crate::model::problem::{Place, Problems};
use crate::model::storage::Storage;
use crate::model::table::Table;
use crate::model::value::Value;
use crate::spec::app_check::AppCheck;
use crate::spec::fault::Fault;
use crate::spec::field::{self, RawField, report_no_field};
use crate::spec::permissions::{self, RawPermissions, RuleSubject};
use crate::spec::renames::{self, Rename};
use crate::spec::seed::{self, SeedLink};
use crate::spec::unit::Unit;

/// One table of the app.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Table", deny_unknown_fields)]
pub(super) struct RawTable {
    /// The name of the table in URLs and in the database, as in `orders`. 1 to 63 lowercase letters,
    /// digits, `_` and `-`, a letter first.
    #[validate(required)]
    #[schemars(with = "Option<String>", regex(pattern = r"^[a-z][a-z0-9_-]{0,62}$"))]
    name: Option<TableName>,
    /// The fields of the table, as in `[{name: customer, type: single-line-text}]`. Every table also has
    /// the field `id`.
    #[validate(required)]
    #[schemars(length(min = 1))]
    fields: Option<Each<RawField>>,
    /// Who may read, create, update and delete records. By default, signed-in people may read and admins
    /// may write.
    #[validate(nested)]
    permissions: Option<RawPermissions>,
    /// A CSV file that fills the table when it is first created, as in `./orders.csv`. Its first
    /// line names the fields.
    seed: Option<String>,
    /// The text field that labels a record where other records refer to it, as in `name`. The default is
    /// the first field with one line of text.
    #[schemars(with = "Option<String>", regex(pattern = r"^[A-Za-z][A-Za-z0-9_]{0,62}$"))]
    display_field: Option<FieldName>,
    /// The earlier name of the table: its records are kept under the new name.
    #[schemars(with = "Option<String>", regex(pattern = r"^[a-z][a-z0-9_-]{0,62}$"))]
    renamed_from: Option<TableName>,
}

/// The most fields of a table. Databases allow little more: PostgreSQL 1600.
const MAX_FIELDS: usize = 1_000;

/// The most faults about references in seeds that are reported.
const MAX_SEED_FAULTS: usize = 10;

/// The tables that were checked so far.
#[derive(Default)]
pub(super) struct Tables {
    all: Vec<Declared>,
    by_name: HashMap<TableName, usize>,
    /// The tables that relationships refer to, each with its place.
    links: Vec<(TableName, Place)>,
    seed_links: Vec<SeedLink>,
    /// The tables with another name before (`renamedFrom`).
    renames: Vec<Rename>,
}

struct Declared {
    /// The table, without the fields that have problems.
    table: Arc<Table>,
    /// The names of the fields that have problems.
    lost: Vec<String>,
}

impl Tables {
    /// Returns all tables, in the order of the author.
    pub(super) fn into_all(self) -> Vec<Arc<Table>> {
        self.all.into_iter().map(|declared| declared.table).collect()
    }

    /// Returns an iterator over all tables, in the order of the author.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Table>> {
        self.all.iter().map(|declared| &declared.table)
    }

    /// Reports tables that exchange their names, relationships to unknown tables, and seeds that refer to
    /// records that no seed has.
    pub(super) fn check_links(&self, faults: &mut Vec<Fault>, problems: &mut Problems) {
        renames::check(&self.renames, "tables", problems);
        let are_right = problems.count() == 0 && faults.is_empty();
        for (table, place) in &self.links {
            self.find(table.as_str(), place.clone(), problems);
        }
        if !are_right {
            return;
        }
        let mut known: HashMap<&TableName, HashSet<RecordId>> = HashMap::new();
        let mut told = 0;
        for link in &self.seed_links {
            let Some(table) = self.declared(link.table.as_str()) else { continue };
            let ids = known.entry(&link.table).or_insert_with(|| seed::ids(&table.table));
            if told < MAX_SEED_FAULTS && !ids.contains(&link.id) {
                let SeedLink { of, field, table, id, at } = link;
                let message = format!(
                    "{field} refers to record {id} of `{table}`, and the seed of `{table}` does not have it"
                );
                faults.push(Fault { seed_of: Some(of.clone()), ..Fault::new(*at, message) });
                told += 1;
            }
        }
    }

    /// Returns the table of this name. If there is none, reports that at `place`.
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

    /// Returns the field of this name. If there is none, reports that at `place`.
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

    /// Adds a table, unless there is one of its name.
    fn add(&mut self, table: Table, lost: Vec<String>) {
        if self.declared(table.name.as_str()).is_none() {
            self.by_name.insert(table.name.clone(), self.all.len());
            self.all.push(Declared { table: Arc::new(table), lost });
        }
    }
}

/// Checks one table and adds it to `tables`.
pub(super) fn check(unit: &Unit, tables: &mut Tables, check: &mut AppCheck<'_>) {
    let AppCheck { roles, sources, faults, problems } = check;
    let before = problems.count();
    let Some(raw) = unit.read::<RawTable>(problems) else { return };
    let (fields, lost) = check_fields(unit, &mut tables.links, problems);
    check_name(raw.name.as_ref(), unit, tables, problems);
    let Some(name) = raw.name else { return };
    let renamed_from = raw.renamed_from.filter(|old| *old != name);
    if let Some(old) = &renamed_from {
        let place = unit.place.key("renamedFrom");
        tables.renames.push(Rename { to: name.to_string(), from: old.to_string(), place });
    }
    let permissions = Permissions::default();
    let display_field = first_text(&fields);
    let mut table =
        Table { name, fields, permissions, seed: Vec::new(), renamed_from, display_field };
    if let Some(name) = &raw.display_field {
        let place = unit.place.key("displayField");
        table.display_field = check_display(&table, name, &lost, place, problems);
    }
    if let Some(raw) = raw.permissions {
        let place = unit.place.key("permissions");
        let subject = RuleSubject { table: &table, lost: &lost, roles };
        table.permissions = permissions::check(raw, subject, &place, problems);
    }
    if problems.count() > before {
        // Components of this table would otherwise be reported for permissions that may be wrong here.
        table.permissions.read = Grant::All;
    } else if let Some(link) = unit.node.get("seed").filter(|_| raw.seed.is_some()) {
        table.seed = seed::read(link, &table, sources, &mut tables.seed_links, faults);
    }
    tables.add(table, lost);
}

/// Returns the first single-line text, or else the first field that holds text. `None` if there is none.
fn first_text(fields: &[Field]) -> Option<FieldAt> {
    let lines = fields.iter().position(|field| field.kind == FieldKind::SingleLineText);
    let texts = || fields.iter().position(|field| field.kind.storage() == Storage::Text);
    lines.or_else(texts).map(FieldAt::nth)
}

/// Checks `displayField`, the field that labels records: it must hold text.
fn check_display(
    table: &Table,
    name: &FieldName,
    lost: &[String],
    place: Place,
    problems: &mut Problems,
) -> Option<FieldAt> {
    let Some(at) = table.at(name.as_str()) else {
        if !lost.iter().any(|lost| lost == name.as_str()) {
            report_no_field(table, name.as_str(), place, problems);
        }
        return None;
    };
    if table.field(at).kind.storage() != Storage::Text {
        let message =
            format!("displayField must be a field that holds text, and `{name}` does not");
        problems.report(place, message);
        return None;
    }
    Some(at)
}

fn check_name(name: Option<&TableName>, unit: &Unit, tables: &Tables, problems: &mut Problems) {
    let Some(name) = name else { return };
    let place = unit.place.key("name");
    if tables.declared(name.as_str()).is_some() {
        problems.report(place, format!("there is a table `{name}` already"));
    } else if let Some(message) = of_database(name) {
        problems.report(place, message).help("choose another name");
    }
}

/// Returns the problem of a name that is reserved by SQLite. `None` if the name is free.
fn of_database(name: &TableName) -> Option<String> {
    let name = name.as_str();
    let prefix = OWN_PREFIXES.into_iter().find(|own| name.starts_with(own));
    prefix
        .map(|own| format!("names that begin with `{own}` belong to the database itself"))
        .or_else(|| {
            OWN_TABLES.contains(&name).then(|| format!("`{name}` belongs to the database itself"))
        })
}

/// The prefixes of names that SQLite reserves.
const OWN_PREFIXES: [&str; 2] = ["sqlite_", "pragma_"];
/// Table-valued functions and virtual tables of SQLite, some only in other builds of it. No table of an
/// app can have their names.
const OWN_TABLES: [&str; 9] = [
    "bytecode",
    "dbstat",
    "fts3tokenize",
    "generate_series",
    "json_each",
    "json_tree",
    "jsonb_each",
    "jsonb_tree",
    "tables_used",
];

/// Checks the fields of a table. Returns the valid ones, with `id` first, and the names of the others.
fn check_fields(
    unit: &Unit,
    links: &mut Vec<(TableName, Place)>,
    problems: &mut Problems,
) -> (Vec<Field>, Vec<String>) {
    let mut fields = vec![id()];
    let mut lost = Vec::new();
    let mut renamed = Vec::new();
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
            Some(field) => {
                if let FieldKind::Relationship(table, _) = &field.kind {
                    links.push((table.clone(), unit.place.key("table")));
                }
                if let Some(old) = &field.renamed_from {
                    let to = field.name.to_string();
                    let from = old.to_string();
                    renamed.push(Rename { to, from, place: unit.place.key("renamedFrom") });
                }
                fields.push(field);
            }
            None => {
                lost.extend(unit.node.get("name").and_then(|name| name.text()).map(str::to_owned));
            }
        }
    }
    renames::check(&renamed, "fields", problems);
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
