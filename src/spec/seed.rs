//! Reads seeds: the CSV files that fill tables when they are first created.

use std::collections::HashSet;
use std::sync::Arc;

use csv::{Reader, StringRecord};

use crate::fields::{self, separator};
use crate::model::field::{Field, FieldAt, FieldKind};
use crate::model::ids::{FieldName, RecordId, TableName};
use crate::model::problem::suggestion;
use crate::model::record::Record;
use crate::model::table::Table;
use crate::model::value::Value;
use crate::spec::fault::Fault;
use crate::spec::source::{FileId, Sources, Span};
use crate::spec::tree::Node;

/// The most bytes of one seed.
const MAX_SEED_BYTES: u64 = 20_000_000;
/// The most faults of one seed that are reported.
const MAX_FAULTS: usize = 10;

/// A cell of a seed that refers to a record of another table, or of its own.
pub(super) struct SeedLink {
    pub(super) of: TableName,
    pub(super) field: FieldName,
    pub(super) table: TableName,
    pub(super) id: RecordId,
    pub(super) at: Span,
}

/// Returns the ids that the records of a table's seed will have.
pub(super) fn ids(table: &Table) -> HashSet<RecordId> {
    let mut last = 0;
    let id = |record: &Record| {
        let given = match record[FieldAt::ID] {
            Value::Integer(id) => id,
            // A record without an id gets the next one.
            _ => last + 1,
        };
        last = last.max(given);
        RecordId::from(given)
    };
    table.seed.iter().map(id).collect()
}

/// Reads the seed at `link` of a table that has no problems. Returns no records if the seed has a fault.
/// Adds its references to other records to `links`.
pub(super) fn read(
    link: &Node,
    table: &Table,
    sources: &mut Sources,
    links: &mut Vec<SeedLink>,
    faults: &mut Vec<Fault>,
) -> Vec<Record> {
    let before = faults.len();
    let records = match find(link, sources) {
        Ok(file) => {
            let text = sources.get(file).text.clone();
            Seed { file, text, table, links, faults, told: 0 }.records().unwrap_or_default()
        }
        Err(fault) => {
            faults.push(fault);
            Vec::new()
        }
    };
    for fault in &mut faults[before..] {
        fault.seed_of = Some(table.name.clone());
    }
    if faults.len() == before { records } else { Vec::new() }
}

/// Reads the file of a seed.
fn find(link: &Node, sources: &mut Sources) -> Result<FileId, Fault> {
    let at = link.at;
    let name = link.text().unwrap_or_default();
    let path = sources.find(at.file, name);
    match path.and_then(|path| sources.read(&path, MAX_SEED_BYTES)) {
        Ok((_, Some(bad))) => Err(bad.into()),
        Ok((file, None)) if sources.get(file).text.trim().is_empty() => {
            Err(Fault::new(at, format!("the file `{name}` is empty")))
        }
        Ok((file, None)) => Ok(file),
        Err(error) => Err(Fault::file(at, &error)),
    }
}

struct Seed<'a> {
    file: FileId,
    text: Arc<str>,
    table: &'a Table,
    links: &'a mut Vec<SeedLink>,
    faults: &'a mut Vec<Fault>,
    told: usize,
}

impl Seed<'_> {
    fn records(&mut self) -> Option<Vec<Record>> {
        let text = self.text.clone();
        let head = text.lines().next().unwrap_or_default();
        let is_known = |name: &str| self.table.at(name).is_some();
        if let Some(other) = separator::other_than_comma(head, is_known) {
            self.tell(self.row(0), separator::fault(other));
            return None;
        }
        let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
        let columns = self.columns(&mut reader)?;
        let mut unique = self.unique_fields();
        let mut records = Vec::new();
        for row in reader.records() {
            match row {
                Ok(row) => {
                    let record = self.record(&row, &columns);
                    self.check_unique(&record, &row, &columns, &mut unique);
                    records.push(record);
                }
                Err(error) => self.tell_csv(&error),
            }
            if self.is_full() {
                break;
            }
        }
        Some(records)
    }

    /// Returns the fields that the first line names. `None` if a fault was reported.
    fn columns(&mut self, reader: &mut Reader<&[u8]>) -> Option<Vec<FieldAt>> {
        let header = match reader.headers() {
            Ok(header) => header.clone(),
            Err(error) => {
                self.tell_csv(&error);
                return None;
            }
        };
        let mut columns = Vec::with_capacity(header.len().min(self.table.fields.len()));
        for (index, name) in header.iter().enumerate() {
            match self.table.at(name) {
                _ if self.is_full() => break,
                Some(at) if matches!(self.table.field(at).kind, FieldKind::Autonumber(_)) => {
                    let message = format!(
                        "the database sets the numbers of `{name}`; a seed cannot set them"
                    );
                    self.tell(self.cell(0, index), message);
                }
                Some(at) if columns.contains(&at) => {
                    self.tell(self.cell(0, index), format!("there is a column `{name}` already"));
                }
                Some(at) => columns.push(at),
                None => self.tell_no_field(index, name),
            }
        }
        let lacks = |at: FieldAt| !columns.contains(&at);
        for (at, field) in self.table.all() {
            if field.required && field.default.is_null() && lacks(at) && !self.is_full() {
                let message = format!("there is no column `{}`, and it is required", field.name);
                self.tell(self.row(0), message);
            }
        }
        (self.told == 0).then_some(columns)
    }

    fn tell_no_field(&mut self, column: usize, name: &str) {
        let message = format!("`{}` has no field `{name}`", self.table.name);
        let known = self.table.fields.iter().map(|field| field.name.as_str());
        let help = suggestion(name, known);
        self.told += 1;
        self.faults.push(Fault { help, ..Fault::new(self.cell(0, column), message) });
    }

    fn record(&mut self, row: &StringRecord, columns: &[FieldAt]) -> Record {
        let mut values = vec![Value::Null; self.table.fields.len()];
        for (index, (text, at)) in row.iter().zip(columns).enumerate() {
            match self.value(*at, text) {
                Ok(value) => {
                    self.note_link(*at, &value, self.cell(start(row.position()), index));
                    values[at.index()] = value;
                }
                Err(message) => {
                    let message = format!("{} {message}", self.table.field(*at).name);
                    self.tell(self.cell(start(row.position()), index), message);
                }
            }
        }
        Record { values }
    }

    /// Notes a reference, to be checked when all seeds are read: the record may be in a later seed.
    fn note_link(&mut self, field: FieldAt, value: &Value, at: Span) {
        let Field { name, kind, .. } = self.table.field(field);
        if let (Value::Link(link), FieldKind::Relationship(table, _)) = (value, kind) {
            let of = self.table.name.clone();
            let field = name.clone();
            let table = table.clone();
            self.links.push(SeedLink { of, field, table, id: link.id, at });
        }
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
        columns: &[FieldAt],
        seen: &mut [(FieldAt, HashSet<Value>)],
    ) {
        for (index, at) in columns.iter().enumerate() {
            let Some((_, values)) = seen.iter_mut().find(|(unique, _)| unique == at) else {
                continue;
            };
            let value = &record[*at];
            if !value.is_null() && !values.insert(value.clone()) {
                let name = &self.table.field(*at).name;
                let message = format!("{name} is unique, and a line above has this value");
                self.tell(self.cell(start(row.position()), index), message);
            }
        }
    }

    fn tell_csv(&mut self, error: &csv::Error) {
        let message = match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                let columns = if *len == 1 { "column" } else { "columns" };
                format!("this line has {len} {columns}, the first line has {expected_len}")
            }
            _ => "this line cannot be read as CSV".to_owned(),
        };
        self.tell(self.row(start(error.position())), message);
    }

    fn tell(&mut self, at: Span, message: String) {
        self.told += 1;
        self.faults.push(Fault::new(at, message));
    }

    fn is_full(&self) -> bool {
        self.told >= MAX_FAULTS
    }

    /// Returns the first line of the record that begins at a byte.
    fn row(&self, start: usize) -> Span {
        let (start, rest) = self.from(start);
        let length = rest.find(['\r', '\n']).unwrap_or(rest.len());
        Span { file: self.file, start, end: start + length }
    }

    /// Returns one cell of the record that begins at a byte, quotes included.
    fn cell(&self, start: usize, column: usize) -> Span {
        let (start, rest) = self.from(start);
        let span =
            |from: usize, to: usize| Span { file: self.file, start: start + from, end: start + to };
        let (mut commas, mut from, mut is_quoted) = (0, 0, false);
        for (at, byte) in rest.bytes().enumerate() {
            match byte {
                b'"' => is_quoted = !is_quoted,
                _ if is_quoted => {}
                b',' if commas < column => (commas, from) = (commas + 1, at + 1),
                b',' | b'\r' | b'\n' => return span(from, at),
                _ => {}
            }
        }
        span(from, rest.len())
    }

    /// Returns the text from a byte on, without the line ends before it, and the byte where it begins.
    fn from(&self, start: usize) -> (usize, &str) {
        let rest = self.text.get(start..).unwrap_or_default();
        let trimmed = rest.trim_start_matches(['\r', '\n']);
        (self.text.len() - trimmed.len(), trimmed)
    }
}

/// Returns the byte at which a record begins.
fn start(position: Option<&csv::Position>) -> usize {
    position.and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or_default()
}
