//! The times of records that a build creates from seeds: the same in each build, so that the same input
//! gives the same bytes.

use std::sync::Arc;

use anyhow::Context;
use jiff::Timestamp;

use crate::model::app::App;
use crate::model::canonical::instant;
use crate::model::field::{FieldAt, FieldKind};
use crate::model::record::Record;
use crate::model::table::Table;
use crate::model::value::Value;

/// The variable that gives the time in seconds since 1970
/// (<https://reproducible-builds.org/specs/source-date-epoch/>).
const SOURCE_DATE_EPOCH: &str = "SOURCE_DATE_EPOCH";
/// The time if the variable is not set.
const DEFAULT: &str = "2000-01-01T00:00:00.000Z";

/// Fills in the times that the records of all seeds lack. All get one time of creation; a missing time of
/// the last change is the time of creation. Returns a note if a time was filled in and the variable did
/// not give it.
pub(super) fn give(app: &mut App) -> anyhow::Result<Option<String>> {
    let given = super::variable(SOURCE_DATE_EPOCH);
    let time = match &given {
        Some(seconds) => read(seconds)?,
        None => DEFAULT.to_owned(),
    };
    let mut is_needed = false;
    for table in &mut app.tables {
        is_needed |= fill(Arc::make_mut(table), &time);
    }
    let told = format!(
        "records from seeds that lack the time at which they were added get {}; {SOURCE_DATE_EPOCH} sets another time",
        &DEFAULT[..10]
    );
    Ok((is_needed && given.is_none()).then_some(told))
}

fn read(seconds: &str) -> anyhow::Result<String> {
    let time = seconds.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let time = time.and_then(|time| instant(&time.to_string()).ok());
    time.with_context(|| {
        format!("{SOURCE_DATE_EPOCH} is a number of seconds since 1970, got {seconds}")
    })
}

/// Fills in the times of one table's seed. Returns whether one was missing.
fn fill(table: &mut Table, time: &str) -> bool {
    let of_kind = |kind: FieldKind| {
        let fields = table.all().filter(move |(_, field)| field.kind == kind);
        fields.map(|(at, _)| at).collect::<Vec<_>>()
    };
    let (added, changed) = (of_kind(FieldKind::CreatedAt), of_kind(FieldKind::UpdatedAt));
    let mut is_needed = false;
    for record in &mut table.seed {
        is_needed |= fill_record(record, &added, &Value::text(time));
        let since = added.first().map_or_else(|| Value::text(time), |at| record[*at].clone());
        is_needed |= fill_record(record, &changed, &since);
    }
    is_needed
}

fn fill_record(record: &mut Record, fields: &[FieldAt], time: &Value) -> bool {
    let mut is_needed = false;
    for at in fields {
        let value = &mut record.values[at.index()];
        if value.is_null() {
            *value = time.clone();
            is_needed = true;
        }
    }
    is_needed
}
