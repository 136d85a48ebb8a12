//! Exports a list as a CSV file (RFC 4180): a stream of lines, all from one snapshot.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio_stream::wrappers::ReceiverStream;

use crate::limits::{Share, requester};
use crate::model::field::FieldAt;
use crate::model::record::{FieldSet, Record};
use crate::model::related::Related;
use crate::model::table::Table;
use crate::records::{RecordList, Records, RecordsError, csv};
use crate::store::StoreError;

impl Records {
    /// Returns the list as a CSV file, in pieces. Its columns are `id` and the fields of the list. A list without a
    /// limit has `u32::MAX` records at most.
    ///
    /// # Errors
    /// If too many exports are in progress, or the database does not answer.
    pub async fn export(
        &self,
        list: RecordList,
    ) -> Result<impl Stream<Item = Result<Bytes, StoreError>> + Send + 'static, RecordsError> {
        // Each export holds a connection and a snapshot until its client has read the file or has gone.
        let share = self.exports.take(requester(), 1);
        let share = share.map_err(|_| RecordsError::TooManyExports)?;
        let RecordList { view, filter, window, fields, expand, .. } = list;
        let batches = self.store.walk(&view.table.name, &filter, &window).await?;
        let writer = Arc::new(ExportLines { table: view.table, fields, _share: share });
        let head = writer.head();
        let all = self.clone();
        let expand = Arc::<[Related]>::from(expand);
        let lines = ReceiverStream::new(batches).then(move |batch| {
            let (all, expand, writer) = (all.clone(), expand.clone(), writer.clone());
            async move {
                let mut records = batch?;
                all.label(&expand, &mut records).await?;
                Ok(writer.lines(&records))
            }
        });
        Ok(futures_util::stream::iter([Ok(head)]).chain(lines))
    }
}

/// Writes the lines of one file. Counts as an export in progress for as long as it lives.
struct ExportLines {
    table: Arc<Table>,
    fields: FieldSet,
    _share: Share,
}

impl ExportLines {
    fn head(&self) -> Bytes {
        let name = |at| self.table.field(at).name.as_str().to_owned();
        written(|writer| writer.write_record(self.columns().map(name)))
    }

    fn lines(&self, records: &[Record]) -> Bytes {
        let cell = |record: &Record, at| csv::cell(self.table.field(at), &record[at]);
        written(|writer| {
            records.iter().try_for_each(|record| {
                writer.write_record(self.columns().map(|at| cell(record, at)))
            })
        })
    }

    fn columns(&self) -> impl Iterator<Item = FieldAt> + '_ {
        std::iter::once(FieldAt::ID).chain(self.fields.iter())
    }
}

fn written(write: impl FnOnce(&mut ::csv::Writer<Vec<u8>>) -> ::csv::Result<()>) -> Bytes {
    let mut writer =
        ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(Vec::new());
    write(&mut writer).expect("every line has the same columns, and memory takes them");
    writer.into_inner().expect("memory takes it").into()
}
