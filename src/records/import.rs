//! Imports records from a CSV file (RFC 4180): all of its lines are written, or none, and faults are reported by
//! line.

use std::panic;

use ::csv::{ReaderBuilder, StringRecord};
use bytes::Bytes;
use serde::Serialize;
use tokio::task::spawn_blocking;

use crate::fields::{self, separator};
use crate::limits::{Limit, requester};
use crate::model::access::View;
use crate::model::field::{Field, FieldAt};
use crate::model::permissions::Operation;
use crate::model::value::Value;
use crate::records::many::{WritePlan, check_unique, upsert};
use crate::records::{Records, RecordsError, WriteObstacle, csv, may, sent};
use crate::store::{FieldValues, Intent, StoreError, WriteOp};

/// The largest file that can be imported, in bytes.
pub const MAX_IMPORT_BYTES: usize = Limit::ImportBytes.fixed();
/// The largest file that can be imported, in MiB, for messages.
pub const MAX_IMPORT_MIB: usize = MAX_IMPORT_BYTES / (1024 * 1024);
/// The most records in a file. SQLite has one writer at a time, so an import blocks all other writes.
const MAX_LINES: usize = 50_000;
/// The most faults of one file that are reported. Reading stops there.
const MAX_FAULTS: usize = 100;

/// The advice in messages about a file in another encoding.
const AS_UTF8: &str = "save the file once more, as “CSV UTF-8”";

/// The options of an import.
#[derive(Clone, Copy, Debug)]
pub struct Import {
    /// The unique field by which lines are merged with existing records. `None` makes each line a new record.
    pub merge_on: Option<FieldAt>,
    /// Whether the records are written, or only tried out.
    pub intent: Intent,
}

/// The result of an import, or of a trial of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ImportReport {
    /// How many records were added.
    pub created: usize,
    /// How many records were changed.
    pub updated: usize,
    /// The faults of the file. If there are any, no record was written.
    pub faults: Vec<LineFault>,
    /// Whether the lines are valid, but a trigger or a CHECK in the database refused them.
    #[serde(skip)]
    pub is_refused: bool,
}

/// The fault of one line of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LineFault {
    /// The number of the line, from 1. The first line holds the names of the fields.
    pub line: u64,
    /// The name of the field. Absent if the fault is of the whole line.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
    /// The fault, as a fragment of a sentence.
    pub message: String,
}

impl Records {
    /// Writes the lines of a CSV file as records, or tries to. A trial returns the faults in its report.
    ///
    /// # Errors
    /// If the viewer may not write them, the field of `merge_on` is not unique, or too many imports are in
    /// progress; [`RecordsError::BadLines`] or [`RecordsError::RefusedLines`] if lines have faults and it is no
    /// trial.
    pub async fn import(
        &self,
        view: View,
        file: Bytes,
        import: Import,
    ) -> Result<ImportReport, RecordsError> {
        let _share = self.imports.take(requester(), 1).map_err(StoreError::from)?;
        let report = self.try_import(view, file, import).await?;
        if report.faults.is_empty() || import.intent == Intent::Try {
            Ok(report)
        } else if report.is_refused {
            Err(RecordsError::RefusedLines(report.faults))
        } else {
            Err(RecordsError::BadLines(report.faults))
        }
    }

    async fn try_import(
        &self,
        view: View,
        file: Bytes,
        import: Import,
    ) -> Result<ImportReport, RecordsError> {
        may(&view, Operation::Create)?;
        let on = import.merge_on;
        if let Some(on) = on {
            may(&view, Operation::Update)?;
            check_unique(&view, on)?;
        }
        // Reading a long file takes too long for a thread that also serves other requests.
        let read = spawn_blocking(move || {
            let mut reading =
                ImportReader { view: &view, on, lines: Vec::new(), faults: Vec::new() };
            let plan = reading.plan(&file);
            let ImportReader { lines, faults, .. } = reading;
            (view, plan, lines, faults)
        });
        let (view, plan, lines, mut faults) =
            read.await.unwrap_or_else(|error| panic::resume_unwind(error.into_panic()));
        if !faults.is_empty() || plan.actions.is_empty() {
            faults.truncate(MAX_FAULTS);
            return Ok(ImportReport { faults, ..ImportReport::default() });
        }
        let refusal = match self.write_plan(view, plan, import.intent).await {
            Ok(many) => {
                let created = many.made.iter().filter(|made| **made).count();
                let updated = many.made.len() - created;
                return Ok(ImportReport { created, updated, ..ImportReport::default() });
            }
            Err(error) => error,
        };
        let is_refused = matches!(refusal, RecordsError::Batch(WriteObstacle::Refused, _));
        let faults = match refusal {
            RecordsError::Unfit(faults) | RecordsError::Batch(_, faults) => faults,
            error => return Err(error),
        };
        let line = |record: Option<usize>| record.and_then(|record| lines.get(record).copied());
        let faults = faults.into_iter().take(MAX_FAULTS).map(|fault| LineFault {
            line: line(fault.record).unwrap_or_default(),
            field: fault.field,
            message: fault.message,
        });
        Ok(ImportReport { faults: faults.collect(), is_refused, ..ImportReport::default() })
    }
}

/// Reads a file into actions, and collects its faults.
struct ImportReader<'a> {
    view: &'a View,
    on: Option<FieldAt>,
    /// The line number of each action of the plan.
    lines: Vec<u64>,
    faults: Vec<LineFault>,
}

/// The use of a column.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ImportColumn {
    /// Its cells set this field, or find the record if it is the field of `merge_on`.
    Of(FieldAt),
    /// Its field is set by the system, so its cells are passed over. Exported files have such columns.
    Ignored,
}

impl ImportReader<'_> {
    /// Returns one action for each line that has no fault. Faults go to `self.faults`.
    fn plan(&mut self, file: &[u8]) -> WritePlan {
        let mut plan = WritePlan { actions: Vec::new(), lacking: Vec::new() };
        let Some(text) = self.text(file) else { return plan };
        let mut reader = ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let is_known = |name: &str| self.column(name).is_ok();
        let head = text.lines().next().unwrap_or_default();
        if let Some(other) = separator::other_than_comma(head, is_known) {
            self.fault(1, "", separator::fault(other));
            return plan;
        }
        let Some(columns) = reader.headers().ok().and_then(|head| self.columns(head)) else {
            return plan;
        };
        let width = columns.len();
        let mut lines = LineIndex { text, at: 0, line: 1 };
        let mut row = StringRecord::new();
        while reader.read_record(&mut row).unwrap_or(false) {
            let start = row.position().map_or(0, ::csv::Position::byte);
            let line = lines.of(usize::try_from(start).unwrap_or(usize::MAX));
            if self.faults.len() >= MAX_FAULTS {
                break;
            }
            if plan.actions.len() == MAX_LINES {
                self.fault(line, "", format!("a file may have {MAX_LINES} records"));
                break;
            }
            let is_last = reader.position().byte() >= text.len() as u64;
            if is_last && lines.is_left_open() {
                let message = "opens a quotation mark that is closed nowhere";
                self.fault(line, "", message.to_owned());
                break;
            }
            let raw =
                usize::try_from(start).ok().zip(usize::try_from(reader.position().byte()).ok());
            let raw = raw.and_then(|(start, end)| text.get(start..end)).unwrap_or_default();
            if goes_on_after_a_quote(raw) {
                let message = "has more in a cell after its closing quotation mark; write \"\" for one that is meant";
                self.fault(line, "", message.to_owned());
                continue;
            }
            if row.len() > 1 && row.iter().all(str::is_empty) {
                // Spreadsheets write lines like `,,,` for cleared rows. They are skipped like empty lines.
                continue;
            }
            if row.len() != width {
                let cells = if row.len() == 1 { "cell" } else { "cells" };
                let message = format!("has {} {cells}, and the first line has {width}", row.len());
                self.fault(line, "", message);
                continue;
            }
            self.line(&row, &columns, line, &mut plan);
        }
        plan
    }

    /// Returns the text of a file without its byte order mark. `None`, with a fault, if it is empty or not UTF-8.
    fn text<'f>(&mut self, file: &'f [u8]) -> Option<&'f str> {
        if file.starts_with(b"\xFF\xFE") || file.starts_with(b"\xFE\xFF") {
            self.fault(1, "", format!("is UTF-16, not UTF-8: {AS_UTF8}"));
            return None;
        }
        let file = file.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(file);
        match std::str::from_utf8(file) {
            Ok(text) if text.contains('\0') => {
                let before = text.split('\0').next().unwrap_or_default();
                self.fault(
                    line_after(before.as_bytes()),
                    "",
                    "holds the character U+0000".to_owned(),
                );
                None
            }
            Ok(text) if text.trim().is_empty() => {
                self.fault(1, "", "has no names of fields".to_owned());
                None
            }
            Ok(text) => Some(text),
            Err(error) => {
                let line = line_after(&file[..error.valid_up_to()]);
                self.fault(line, "", format!("is not UTF-8: {AS_UTF8}"));
                None
            }
        }
    }

    /// Returns the use of each column, from the first line. `None` if a name is unknown.
    fn columns(&mut self, head: &StringRecord) -> Option<Vec<ImportColumn>> {
        let mut columns = Vec::with_capacity(head.len());
        for name in head {
            match self.column(name.trim()) {
                Ok(column) if column != ImportColumn::Ignored && columns.contains(&column) => {
                    self.fault(1, name, "is there already".to_owned());
                }
                Ok(column) => columns.push(column),
                Err(message) => self.fault(1, name, message.to_owned()),
            }
            if self.faults.len() >= MAX_FAULTS {
                break;
            }
        }
        if let Some(on) = self.on
            && !columns.contains(&ImportColumn::Of(on))
        {
            let name = self.view.table.field(on).name.as_str().to_owned();
            self.fault(1, &name, "has no column, and records are merged by it".to_owned());
        }
        self.faults.is_empty().then_some(columns)
    }

    /// Returns the use of a column by the name or label of its field. `Err` holds the fault if the viewer may
    /// read no such field, or not set it.
    fn column(&self, name: &str) -> Result<ImportColumn, &'static str> {
        let table = &self.view.table;
        let labelled = |(at, field): (FieldAt, &Field)| (*field.label == *name).then_some(at);
        let at = table.at(name).or_else(|| table.all().find_map(labelled));
        let at = at.filter(|at| self.view.fields.contains(*at)).ok_or("is unknown")?;
        if Some(at) == self.on {
            Ok(ImportColumn::Of(at))
        } else if table.field(at).kind.is_system() {
            Ok(ImportColumn::Ignored)
        } else if table.may_set(&self.view.viewer, at) {
            Ok(ImportColumn::Of(at))
        } else {
            Err("is not yours to set")
        }
    }

    fn line(
        &mut self,
        row: &StringRecord,
        columns: &[ImportColumn],
        line: u64,
        plan: &mut WritePlan,
    ) {
        let mut values = FieldValues::new();
        let mut key = Value::Null;
        let before = self.faults.len();
        for (cell, column) in row.iter().zip(columns) {
            let ImportColumn::Of(at) = *column else { continue };
            let field = self.view.table.field(at);
            // An empty cell is no value of a required field. If the field has a default, the cell counts as left
            // out: a new record gets the default, and an existing one keeps its value.
            let is_left_out = cell.is_empty() && (!field.default.is_null() && field.required);
            if is_left_out && Some(at) != self.on {
                continue;
            }
            let is_new_id = at == FieldAt::ID && cell.is_empty();
            match fields::parse_text(field, csv::content(field, cell)) {
                Ok(value) => {
                    if Some(at) == self.on {
                        key = value.clone();
                    }
                    if at != FieldAt::ID {
                        values.push((at, value));
                    }
                }
                Err(_) if is_new_id => {}
                Err(misfit) => {
                    let name = field.name.as_str().to_owned();
                    self.fault(line, &name, misfit.message);
                }
            }
        }
        if self.faults.len() == before {
            self.act(values, key, line, plan);
        }
    }

    /// Adds the action of a line to the plan: an upsert if the line has a merge key, or else an insert. Only with
    /// `id` as merge key may the key be left out, for new records among changed ones.
    fn act(&mut self, values: FieldValues, key: Value, line: u64, plan: &mut WritePlan) {
        let has = |at: FieldAt| values.iter().any(|(sent, value)| *sent == at && !value.is_null());
        let lacking = sent::lacking(self.view, has, Some(plan.actions.len()));
        let action = match self.on {
            Some(on) if !key.is_null() => {
                let new = lacking.is_empty().then(|| without_missing(values.clone()));
                upsert(self.view, on, key, values, new)
            }
            Some(on) if on != FieldAt::ID => {
                let name = self.view.table.field(on).name.as_str().to_owned();
                let message = "must have a value: records are merged by it";
                return self.fault(line, &name, message.to_owned());
            }
            _ => {
                for fault in &lacking {
                    self.fault(line, &fault.field, fault.message.clone());
                }
                WriteOp::Insert(sent::made_by(self.view, without_missing(values)))
            }
        };
        let is_by_id = matches!(&action, WriteOp::Upsert(_)) && self.on == Some(FieldAt::ID);
        self.lines.push(line);
        plan.actions.push(action);
        plan.lacking.push(if is_by_id { Vec::new() } else { lacking });
    }

    fn fault(&mut self, line: u64, field: &str, message: String) {
        self.faults.push(LineFault { line, field: field.to_owned(), message });
    }
}

/// Whether a quoted cell of a line has more text after its closing quotation mark (RFC 4180, section 2, rules 5
/// to 7). The reader accepts such a cell and would change its text.
fn goes_on_after_a_quote(line: &str) -> bool {
    let mut rest = line.trim_start_matches(['\r', '\n']);
    loop {
        if let Some(mut quoted) = rest.strip_prefix('"') {
            rest = loop {
                let Some((_, after)) = quoted.split_once('"') else { return false };
                match after.strip_prefix('"') {
                    Some(more) => quoted = more,
                    None => break after,
                }
            };
            if !(rest.is_empty() || rest.starts_with([',', '\r', '\n'])) {
                return true;
            }
        }
        match rest.split_once(',') {
            Some((_, more)) => rest = more,
            None => return false,
        }
    }
}

/// Removes the empty values, so that a new record gets the defaults of their fields.
fn without_missing(values: FieldValues) -> FieldValues {
    values.into_iter().filter(|(_, value)| !value.is_null()).collect()
}

/// Counts the lines at which the records of a file begin. The `csv` reader counts too, but one too few after
/// `\r\n`.
struct LineIndex<'t> {
    text: &'t str,
    at: usize,
    line: u64,
}

impl LineIndex<'_> {
    /// Returns the line of the record at a byte offset, or after line ends at this offset. The offsets of calls
    /// must not decrease.
    fn of(&mut self, start: usize) -> u64 {
        let rest = self.text.get(start..).unwrap_or_default();
        let begin = self.text.len() - rest.trim_start_matches(['\r', '\n']).len();
        let between = self.text.as_bytes().get(self.at..begin).unwrap_or_default();
        self.line += line_after(between) - 1;
        self.at = begin;
        self.line
    }

    /// Whether the record that was looked up last has a quoted cell that is never closed. Reads the text to its
    /// end, so only the last record of a file is checked.
    fn is_left_open(&self) -> bool {
        let (mut is_quoted, mut is_begin) = (false, true);
        for byte in self.text[self.at..].bytes() {
            match byte {
                b'"' if is_quoted || is_begin => (is_quoted, is_begin) = (!is_quoted, is_quoted),
                b',' if !is_quoted => is_begin = true,
                _ => is_begin = false,
            }
        }
        is_quoted
    }
}

/// The number of the line in which these bytes of the beginning of a file end, from 1.
fn line_after(bytes: &[u8]) -> u64 {
    1 + bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::seq::IndexedRandom;
    use rand::{RngExt, SeedableRng};

    use super::*;

    #[test]
    fn what_is_written_by_the_rules_is_never_torn() {
        let mut random = StdRng::seed_from_u64(7);
        for _ in 0..5_000 {
            let cell = |random: &mut StdRng| -> String {
                let letters = ["a", "\"", ",", "\n", "\r\n", " ", "\u{e9}"];
                (0..random.random_range(0..6))
                    .filter_map(|_| letters.choose(random))
                    .copied()
                    .collect()
            };
            let cells: Vec<_> = (0..3).map(|_| cell(&mut random)).collect();
            let mut writer = ::csv::Writer::from_writer(Vec::new());
            writer.write_record(&cells).unwrap();
            let line = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            assert!(!goes_on_after_a_quote(&line), "{line:?}");
            assert!(
                goes_on_after_a_quote(&format!("{},\"a\"b\n", line.trim_end_matches('\n'))),
                "{line:?}"
            );
        }
    }
}
