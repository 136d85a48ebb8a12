//! Rebuilds a table: the statements that create it anew and fill it from its own rows, and the conditions to
//! check before.

use crate::model::field::{Field, FieldKind};
use crate::model::ids::FieldName;
use crate::model::table::Table;
use crate::store::sqlite::convert::{converted, remainder};
use crate::store::sqlite::renames::{Renaming, pending};
use crate::store::sqlite::rules;
use crate::store::sqlite::schema::{create_table, default, number};

/// The name of the new table while it is filled.
pub const FRESH: &str = "_pagetide_fresh";

/// The rebuild of a table with other columns or other rules.
pub(super) struct Rebuild<'a> {
    table: &'a Table,
    old: &'a OldTable,
    sources: Vec<ColumnSource<'a>>,
    renamed: Vec<Renaming<'a>>,
}

/// The source of a field's values.
struct ColumnSource<'a> {
    field: &'a Field,
    /// The column of the old table. `None` for a new field.
    column: Option<&'a str>,
    /// Whether the old column has the same name and type, so that its values need no conversion.
    is_same: bool,
    /// The table that the old column refers to, if it is another one than the field's.
    other_target: Option<&'a str>,
}

/// A table as it is in the database before the migration.
pub(super) struct OldTable {
    /// The statement that created the table.
    pub(super) made_by: String,
    /// The names of the columns.
    pub(super) columns: Vec<String>,
    /// The columns that refer to records of a table, each with that table under its new name.
    pub(super) links: Vec<(String, String)>,
}

/// A condition under which rows of the old table are an obstacle to the rebuild, with the message about them.
pub(super) struct BlockingRows {
    /// The condition that these rows meet, as SQL.
    pub(super) condition: String,
    /// The column whose first value is shown in the message. `None` if a value would explain nothing.
    pub(super) sample: Option<String>,
    /// The noun that is counted in the message: `value` or `record`.
    pub(super) what: &'static str,
    /// The rest of the message, after the number and the noun.
    pub(super) words: String,
    /// The table and field at the beginning of the message.
    pub(super) place: String,
    /// Whether the obstacle is a loss of values, which [`Losses::Allowed`](crate::store::Losses) permits.
    pub(super) is_loss: bool,
}

impl<'a> Rebuild<'a> {
    pub(super) fn new(table: &'a Table, old: &'a OldTable) -> Self {
        let after = create_table(table.name.as_str(), table);
        let before = |field: &'a Field| field.renamed_from.as_ref().map(FieldName::as_str);
        let declared = table.fields.iter().map(|field| (field.name.as_str(), before(field)));
        let declared: Vec<_> = declared.collect();
        let is_there = |name: &str| old.columns.iter().any(|column| column == name);
        let renamed = pending(&declared, is_there, is_there);
        let source = |field| ColumnSource::of(field, old, &renamed, &after);
        let sources = table.fields.iter().map(source).collect();
        Self { table, old, sources, renamed }
    }

    /// Returns the statements that put the new table into the place of the old one.
    pub(super) fn statements(&self) -> Vec<String> {
        let Self { table, .. } = self;
        let name = &table.name;
        let filled = self.sources.iter().filter(|source| !source.field.kind.is_generated());
        let (names, values): (Vec<_>, Vec<_>) =
            filled.map(|source| (quoted(source.field.name.as_str()), source.value())).unzip();
        let (names, values) = (names.join(", "), values.join(",\n  "));
        vec![
            create_table(FRESH, table),
            format!(
                "insert into \"{FRESH}\" ({names})\nselect\n  {values}\nfrom \"{name}\" order by rowid"
            ),
            // The counter goes on from that of the old table, or the id of a deleted record could be used
            // again.
            format!(
                "update sqlite_sequence set seq = max(seq, coalesce(
                   (select seq from sqlite_sequence where name = '{name}'), 0)) where name = '{FRESH}'"
            ),
            format!("drop table \"{name}\""),
            format!("alter table \"{FRESH}\" rename to \"{name}\""),
        ]
    }

    /// Returns the changes of the rebuild in words, a line for each.
    pub(super) fn changes(&self) -> Vec<String> {
        let name = &self.table.name;
        let mut told = Vec::new();
        for ColumnSource { field, column, .. } in &self.sources {
            match column {
                None => told.push(format!("{name}.{} is new", field.name)),
                Some(column) if *column != field.name.as_str() => {
                    told.push(format!("{name}.{} was {column}", field.name));
                }
                Some(_) => {}
            }
        }
        told.extend(self.unused().map(|column| format!("{name}.{column} is gone")));
        let after = create_table(name.as_str(), self.table);
        told.extend(rules::changed(name.as_str(), &self.old.made_by, &after));
        if told.is_empty() {
            told.push(format!("{name} has other rules for its fields"));
        }
        told
    }

    /// Returns all possible obstacles to the rebuild, to be checked against the rows.
    pub(super) fn obstacles(&self) -> Vec<BlockingRows> {
        let unused = self.unused().map(|column| BlockingRows {
            condition: format!("{} is not null", quoted(column)),
            sample: None,
            what: "value",
            words: format!(
                ", since the field is no longer declared; `renamedFrom: {column}` on another field \
                 keeps them"
            ),
            place: format!("{}.{column}", self.table.name),
            is_loss: true,
        });
        let of_sources = self.sources.iter().flat_map(|source| self.of_source(source));
        self.doubts().chain(unused).chain(of_sources).collect()
    }

    /// The obstacles of renamings that may have been done before, so that both columns hold values.
    fn doubts(&self) -> impl Iterator<Item = BlockingRows> {
        let doubtful = self.renamed.iter().filter(|renaming| renaming.is_doubtful);
        doubtful.map(|Renaming { from, to, .. }| BlockingRows {
            condition: "1".to_owned(),
            sample: None,
            what: "record",
            words: format!(" with both `{from}` and `{to}`, {}", doubt(from)),
            place: format!("{}.{to}", self.table.name),
            is_loss: false,
        })
    }

    fn of_source(&self, source: &ColumnSource<'_>) -> Vec<BlockingRows> {
        let Field { name, required, unique, .. } = source.field;
        let place = format!("{}.{name}", self.table.name);
        let mut obstacles = Vec::new();
        let value = source.value();
        if let Some(column) = source.column.map(quoted) {
            let (condition, words) = match &source.field.kind {
                FieldKind::Autonumber(numbering) => {
                    let other =
                        format!("{column} is not null and {column} is not {}", number(numbering));
                    (other, " that would be counted anew".to_owned())
                }
                _ => {
                    let unfit = format!("{column} is not null and {} is null", source.kept());
                    let words = match source.other_target {
                        Some(other) => format!(" that named records of {other}"),
                        None => " that no longer fit".to_owned(),
                    };
                    (unfit, words)
                }
            };
            let sample = Some(column);
            let place = place.clone();
            let what = "value";
            obstacles.push(BlockingRows { condition, sample, what, words, place, is_loss: true });
        }
        if *required {
            let condition = format!("{value} is null");
            let words = " would have no value, but must have one; a `default` gives it".to_owned();
            let sample = None;
            let place = place.clone();
            let what = "record";
            obstacles.push(BlockingRows { condition, sample, what, words, place, is_loss: false });
        }
        if *unique && source.column.is_some() && source.field.kind != FieldKind::Id {
            let table = &self.table.name;
            let condition = format!(
                "{value} in (select {value} from \"{table}\" group by 1 having count(*) > 1)"
            );
            let words = " share a value, but it must be unique".to_owned();
            let sample = source.column.map(quoted);
            let what = "record";
            obstacles.push(BlockingRows { condition, sample, what, words, place, is_loss: false });
        }
        obstacles
    }

    /// The columns of the old table from which no field takes its values.
    fn unused(&self) -> impl Iterator<Item = &str> {
        let is_used = |column: &&str| self.sources.iter().any(|from| from.column == Some(*column));
        self.old.columns.iter().map(String::as_str).filter(move |column| !is_used(column))
    }
}

impl<'a> ColumnSource<'a> {
    /// Finds the source of a field's values. `after` is the statement that creates the new table.
    fn of(field: &'a Field, old: &'a OldTable, renamed: &[Renaming<'a>], after: &str) -> Self {
        let name = field.name.as_str();
        let is_id = field.kind == FieldKind::Id;
        let before = renamed.iter().find(|renaming| renaming.to == name);
        // If the column of this name is renamed to another field, its values belong to that field. Ids always
        // stay, even if another field is filled from them.
        let is_gone = !is_id && renamed.iter().any(|renaming| renaming.from == name);
        let own = old.columns.iter().map(String::as_str).find(|column| *column == name);
        let column = before.map(|renaming| renaming.from).or(own.filter(|_| !is_gone));
        // In a table that another program created, the key may have another name.
        let key = is_id.then_some("rowid");
        let is_same = column == Some(field.name.as_str())
            && rules::is_same_kind(field.name.as_str(), &old.made_by, after);
        let other_target = match &field.kind {
            FieldKind::Relationship(target, _) => {
                let link = old.links.iter().find(|(from, _)| Some(from.as_str()) == column);
                link.map(|(_, to)| to.as_str()).filter(|to| *to != target.as_str())
            }
            _ => None,
        };
        Self { field, column: column.or(key), is_same, other_target }
    }

    /// Returns the old value in the form of the field, as SQL; null if it does not fit.
    fn kept(&self) -> String {
        match self.column {
            // The record of the same number in another table is another record.
            _ if self.other_target.is_some() => "null".to_owned(),
            Some(column) if self.field.kind == FieldKind::Id => quoted(column),
            Some(column) => converted(self.field, &quoted(column), self.is_same),
            None => "null".to_owned(),
        }
    }

    /// Returns the old value in the form of the field, as SQL. Of a value that does not fit, the part that
    /// does: see [`remainder`].
    fn left(&self) -> String {
        let part = self.column.and_then(|column| remainder(self.field, &quoted(column)));
        match part {
            Some(part) => format!("coalesce({}, {part})", self.kept()),
            None => self.kept(),
        }
    }

    /// Returns the new value of the column, as SQL.
    fn value(&self) -> String {
        let default = default(self.field);
        match (self.column, default) {
            (None, default) => default.unwrap_or_else(|| "null".to_owned()),
            // If the field must have a value, the default replaces a missing one.
            (Some(_), Some(default)) if self.field.required || self.field.kind.is_system() => {
                format!("coalesce({}, {default})", self.left())
            }
            (Some(_), _) => self.left(),
        }
    }
}

/// Returns the end of the message about a `renamedFrom` that may have been followed before.
pub(super) fn doubt(from: &str) -> String {
    format!(
        "and it is not known which belong there: remove `renamedFrom: {from}` if it was followed \
         before, or rename one after the other"
    )
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}
