//! Seeds: the CSV file that fills a table when it is first created.

use std::collections::HashSet;
use std::path::Path;

use csv::{Reader, StringRecord};

use crate::fields;
use crate::model::problem::{Place, Problems};
use crate::model::record::Record;
use crate::model::table::{FieldAt, FieldKind, Table};
use crate::model::value::Value;
use crate::spec::source::{BadFile, Sources, read_bytes};
use crate::spec::unit::Unit;

/// The most bytes a seed may have.
const MAX_SEED_BYTES: u64 = 20_000_000;
/// How many problems of one seed are reported.
const MAX_PROBLEMS: usize = 10;

/// Reads the seed of a table that has no problems.
pub(super) fn read(
    link: &str,
    table: &Table,
    unit: &Option<Unit>,
    sources: &Sources,
    problems: &mut Problems,
) -> Vec<Record> {
    let Some(unit) = unit else { return Vec::new() };
    let base = sources.folder_of(unit.node.at.file);
    let bytes = sources.find(base, link).and_then(|path| bytes(&path, link));
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(error) => {
            problems.report(unit.place.clone(), error.to_string());
            return Vec::new();
        }
    };
    let mut seed = Seed { link, table, place: &unit.place, problems, told: 0 };
    seed.rows(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes)).unwrap_or_default()
}

fn bytes(path: &Path, link: &str) -> Result<Vec<u8>, BadFile> {
    read_bytes(path, link, MAX_SEED_BYTES)
}

struct Seed<'a> {
    link: &'a str,
    table: &'a Table,
    place: &'a Place,
    problems: &'a mut Problems,
    told: usize,
}

impl Seed<'_> {
    fn rows(&mut self, bytes: &[u8]) -> Option<Vec<Record>> {
        let mut reader = csv::ReaderBuilder::new().from_reader(bytes);
        let columns = self.columns(&mut reader)?;
        let mut unique = self.unique_fields();
        let mut records = Vec::new();
        for row in reader.records() {
            let row = match row {
                Ok(row) => row,
                Err(error) => {
                    self.report_csv(&error);
                    continue;
                }
            };
            let record = self.record(&row, &columns);
            self.check_unique(&record, &row, &mut unique);
            if self.told >= MAX_PROBLEMS {
                break;
            }
            records.push(record);
        }
        Some(records)
    }

    /// The fields that the first line names.
    fn columns(&mut self, reader: &mut Reader<&[u8]>) -> Option<Vec<FieldAt>> {
        let header = match reader.headers() {
            Ok(header) if header.is_empty() => {
                self.report(format!("`{}` is empty", self.link));
                return None;
            }
            Ok(header) => header.clone(),
            Err(error) => {
                self.report_csv(&error);
                return None;
            }
        };
        let mut columns = Vec::with_capacity(header.len());
        let before = self.told;
        for name in &header {
            if self.told >= MAX_PROBLEMS {
                break;
            }
            match self.table.at(name) {
                Some(at) if columns.contains(&at) => {
                    self.report(format!("`{}` line 1 names `{name}` twice", self.link));
                }
                Some(at) => columns.push(at),
                None => {
                    self.told += 1;
                    let message = format!(
                        "`{}` line 1: `{}` has no field `{name}`",
                        self.link, self.table.name
                    );
                    let known = self.table.fields.iter().map(|field| field.name.as_str());
                    self.problems.report(self.place.clone(), message).suggest(name, known);
                }
            }
        }
        let lacks = |at: FieldAt| !columns.contains(&at);
        for (at, field) in self.table.all() {
            if field.required && field.default.is_null() && lacks(at) {
                let message = format!(
                    "`{}` has no column `{}`, which must have a value",
                    self.link, field.name
                );
                self.told += 1;
                self.problems.report(self.place.clone(), message);
            }
        }
        (self.told == before).then_some(columns)
    }

    fn record(&mut self, row: &StringRecord, columns: &[FieldAt]) -> Record {
        let mut values = vec![Value::Null; self.table.fields.len()];
        for (text, at) in row.iter().zip(columns) {
            match self.value(*at, text) {
                Ok(value) => values[at.index()] = value,
                Err(message) => {
                    let name = &self.table.field(*at).name;
                    self.report(format!("`{}` line {}: {name} {message}", self.link, line(row)));
                }
            }
        }
        Record { values }
    }

    fn value(&self, at: FieldAt, text: &str) -> Result<Value, String> {
        let field = self.table.field(at);
        if text.is_empty() && !field.default.is_null() {
            return Ok(Value::Null);
        }
        let value = fields::parse_text(field, text).map_err(|misfit| misfit.message)?;
        match value {
            Value::Integer(id) if field.kind == FieldKind::Id && id < 1 => {
                Err(format!("must be at least 1, got {id}"))
            }
            value => Ok(value),
        }
    }

    fn unique_fields(&self) -> Vec<(FieldAt, HashSet<Value>)> {
        let unique = self.table.all().filter(|(_, field)| field.unique);
        unique.map(|(at, _)| (at, HashSet::new())).collect()
    }

    fn check_unique(
        &mut self,
        record: &Record,
        row: &StringRecord,
        seen: &mut [(FieldAt, HashSet<Value>)],
    ) {
        for (at, values) in seen {
            let value = &record[*at];
            if !value.is_null() && !values.insert(value.clone()) {
                let name = &self.table.field(*at).name;
                let text = serde_json::to_string(value).unwrap_or_default();
                self.report(format!(
                    "`{}` line {}: {name} is {text} a second time, and it is unique",
                    self.link,
                    line(row)
                ));
            }
        }
    }

    fn report_csv(&mut self, error: &csv::Error) {
        let line = error.position().map_or(1, csv::Position::line);
        let what = match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                let columns = if *len == 1 { "column" } else { "columns" };
                format!("has {len} {columns}, the first line has {expected_len}")
            }
            csv::ErrorKind::Utf8 { .. } => "is not UTF-8 text".to_owned(),
            _ => "cannot be read as CSV".to_owned(),
        };
        self.report(format!("`{}` line {line} {what}", self.link));
    }

    fn report(&mut self, message: String) {
        self.told += 1;
        self.problems.report(self.place.clone(), message);
    }
}

fn line(row: &StringRecord) -> u64 {
    row.position().map_or(0, csv::Position::line)
}
