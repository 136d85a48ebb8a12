//! `dataTable`: records as rows.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use validator::{Validate, ValidationErrors};

use crate::components::data_source::{self, RawDataSource};
use crate::components::{Around, Given, seen};
use crate::model::access::Viewer;
use crate::model::component::{Column, ComponentKind, DataTable};
use crate::model::problem::Place;
use crate::model::query::Window;
use crate::model::table::{Field, FieldAt, FieldKind, Table};

/// How many rows are shown where the author does not say.
const DEFAULT_PAGE_SIZE: u32 = 50;
/// What stands where the rows would, where the author does not say.
const DEFAULT_EMPTY_MESSAGE: &str = "Nothing here yet.";

/// Records as rows of a table.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct RawDataTable {
    /// What stands above the table.
    title: Option<String>,
    /// Which records are shown and how they stay current, as in `{table: orders}`.
    #[validate(required, nested)]
    data_source: Option<RawDataSource>,
    /// What is shown of each record, from left to right: names of fields, or
    /// `{field, label, editable}`.
    /// Every field that the viewer may read if you do not say.
    #[validate(
        length(
            min = 1,
            message = "must name at least one field\nwithout `columns` every field is shown"
        ),
        nested
    )]
    columns: Option<Vec<RawColumn>>,
    /// What stands where the rows would, when there are none; `Nothing here yet.` if you do not say.
    empty_message: Option<String>,
    /// How many rows are shown at most; 50 if you do not say.
    #[validate(range(min = 1, max = 200, message = "must be from 1 to 200"))]
    page_size: Option<i64>,
}

/// A column as written: the name of a field, or more about it.
#[derive(Serialize)]
enum RawColumn {
    Name(String),
    Full(FullColumn),
}

/// A column, and what is special about it.
#[derive(Deserialize, Serialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Column", deny_unknown_fields)]
struct FullColumn {
    /// The field it shows.
    #[validate(required)]
    field: Option<String>,
    /// What stands above it; the field's own label if you do not say.
    label: Option<String>,
    /// Whether those who may change the field can do so right in the table; `false` if you do not
    /// say.
    editable: Option<bool>,
}

impl FullColumn {
    fn of(name: String) -> Self {
        Self { field: Some(name), label: None, editable: None }
    }
}

impl Given for RawDataTable {
    fn check(self, around: &mut dyn Around) -> Option<ComponentKind> {
        let place = around.place();
        let limit = self.page_size.and_then(|size| u32::try_from(size).ok());
        let limit = limit.unwrap_or(DEFAULT_PAGE_SIZE);
        let at = place.key("dataSource");
        let (data_source, table, sort) = data_source::check(self.data_source?, &at, around)?;
        let window = Window { sort, limit, offset: 0, after: None };
        let columns = match self.columns {
            Some(columns) => check_columns(columns, &table, around),
            None => all_columns(&table, &around.audience()),
        };
        let empty_message = self.empty_message.as_deref().unwrap_or(DEFAULT_EMPTY_MESSAGE).into();
        let title = self.title.map(Into::into);
        let table = DataTable { title, data_source, window, columns, empty_message };
        Some(ComponentKind::DataTable(table))
    }
}

fn all_columns(table: &Table, audience: &[Viewer]) -> Vec<Column> {
    let shown =
        table.all().filter(|(at, _)| *at != FieldAt::ID && seen::is_seen(table, *at, audience));
    let column = |(field, declared): (FieldAt, &Field)| {
        let label = declared.label.clone();
        Column { field, label, editable: false }
    };
    shown.map(column).collect()
}

fn check_columns(raw: Vec<RawColumn>, table: &Arc<Table>, around: &mut dyn Around) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::with_capacity(raw.len());
    for (index, column) in raw.into_iter().enumerate() {
        let place = around.place().key("columns").item(index);
        let (place, column, at) = match column {
            RawColumn::Name(name) => (place.clone(), FullColumn::of(name), place),
            RawColumn::Full(column) => (place.key("field"), column, place),
        };
        let FullColumn { field: Some(name), label, editable } = column else { continue };
        let Some(field) = around.field(table, &name, place.clone()) else { continue };
        if columns.iter().any(|column| column.field == field) {
            around.problems().report(place, format!("`{name}` has a column already"));
            continue;
        }
        if !seen::check(table, field, place, around) {
            continue;
        }
        let label = label.map_or_else(|| table.field(field).label.clone(), Into::into);
        let editable = editable.unwrap_or(false);
        if editable {
            check_editable(table, field, at.key("editable"), around);
        }
        columns.push(Column { field, label, editable });
    }
    columns
}

/// Whether somebody who may open the page may edit the field.
fn check_editable(table: &Arc<Table>, field: FieldAt, place: Place, around: &mut dyn Around) {
    let name = &table.field(field).name;
    if table.field(field).kind.is_system() {
        let message = format!("`{name}` is set by the system, so nobody can edit it");
        around.problems().report(place, message).help("remove `editable`");
        return;
    }
    if table.field(field).kind == FieldKind::Json {
        let message = format!("`{name}` holds JSON, which is not edited in a table");
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

impl<'de> Deserialize<'de> for RawColumn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ColumnVisitor;

        impl<'de> Visitor<'de> for ColumnVisitor {
            type Value = RawColumn;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a field or {field, label, editable}")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<RawColumn, E> {
                Ok(RawColumn::Name(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawColumn, A::Error> {
                FullColumn::deserialize(MapAccessDeserializer::new(map)).map(RawColumn::Full)
            }
        }

        deserializer.deserialize_any(ColumnVisitor)
    }
}

impl Validate for RawColumn {
    fn validate(&self) -> Result<(), ValidationErrors> {
        match self {
            Self::Name(_) => Ok(()),
            Self::Full(column) => column.validate(),
        }
    }
}

impl JsonSchema for RawColumn {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "ColumnOrName".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let full = generator.subschema_for::<FullColumn>();
        let name = json_schema!({ "type": "string", "description": "The field it shows." });
        json_schema!({ "anyOf": [name, full] })
    }
}
