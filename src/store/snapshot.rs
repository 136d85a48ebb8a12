//! Any number of queries as one statement, so that all answers are of one snapshot.

use sea_query::{SelectStatement, SqliteQueryBuilder, Value as SqlValue, Values};
use sea_query_sqlx::SqlxValues;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection, TypeInfo, ValueRef};

use crate::limits::{self, Exceeded, Limit, Requester, Share, requester};
use crate::model::query::{Answer, Ask, Query, Rows, Snapshot};
use crate::model::table::Table;
use crate::store::log::place::{LAST_PLACE, LogPlace};
use crate::store::long::packed;
use crate::store::readers::ask;
use crate::store::{Store, StoreError, figures, long, row, select};

/// Answers that are read from up to so many bytes are not counted.
const SHORT: u64 = 64 * 1024;

impl Store {
    /// Answers all queries from one snapshot, and says which.
    ///
    /// It is one statement with one row: each row that comes back from the database's thread wakes
    /// the reader, which costs more than to pack and unpack it. `totals` says how many records pass
    /// the filter of each, where that is known: those are not counted.
    ///
    /// # Errors
    /// When the database does not answer, or a query names a table that is not the app's.
    pub async fn snapshot(
        &self,
        queries: &[&Query],
        totals: &[Option<u64>],
    ) -> Result<Snapshot, StoreError> {
        let epoch = self.log.epoch.now();
        let statement = self.statement(queries, totals, RecordForm::Packed)?;
        let row = ask!(self.readers, connection => statement.row(connection).await)?;
        if let Some(share) = self.count(length(&row))? {
            limits::hold(share);
        }
        let asked = statement.asked.iter();
        let answers = asked.map(|(table, query, at)| self.answer(table, query, &row, *at));
        let answers: Option<_> = limits::beside(|| answers.collect::<Result<_, StoreError>>())?;
        if let Some(answers) = answers {
            return Ok(Snapshot { answers, position: epoch.position(place(&row)) });
        }
        let statement = self.statement(queries, totals, RecordForm::Places)?;
        let (place, answers) =
            ask!(self.readers, connection => self.long_answers(&statement, connection).await)?;
        Ok(Snapshot { answers, position: epoch.position(place) })
    }

    /// One statement for all queries.
    fn statement<'a>(
        &'a self,
        queries: &[&'a Query],
        totals: &[Option<u64>],
        form: RecordForm,
    ) -> Result<SnapshotStatement<'a>, StoreError> {
        let mut statement = SnapshotStatement::new(LAST_PLACE);
        for (index, query) in queries.iter().enumerate() {
            let (table, total) = (self.table(&query.table)?, totals.get(index).copied().flatten());
            statement.asked.push((table, query, statement.columns));
            statement.ask(table, query, total, form);
        }
        Ok(statement)
    }

    /// The answers to a statement that gives places of records: those are read after it, a few at a time, in
    /// the same snapshot. They are counted before they are read.
    async fn long_answers(
        &self,
        statement: &SnapshotStatement<'_>,
        connection: &mut SqliteConnection,
    ) -> Result<(LogPlace, Vec<Answer>), StoreError> {
        let mut snapshot = connection.begin().await?;
        let row = statement.row(&mut snapshot).await?;
        let mut listed = Vec::with_capacity(statement.asked.len());
        for (table, query, at) in &statement.asked {
            let places = match query.ask {
                Ask::Rows(_) => long::places(&row::text(&row, *at).unwrap_or_default()),
                Ask::Figure(_) | Ask::Groups(_) => None,
            };
            listed.push((*table, *query, *at, places));
        }
        let places = listed.iter().filter_map(|(.., places)| places.as_ref());
        let share = self.count(places.flatten().map(|place| place.bytes).sum())?;
        let mut answers = Vec::with_capacity(listed.len());
        for (table, query, at, places) in listed {
            let answer = match places {
                Some(places) => {
                    let records = long::read(table, &places, &self.people, &mut snapshot).await?;
                    Some(Answer::Rows(Rows { records, total: total(&row, at)? }))
                }
                None => self.answer(table, query, &row, at)?,
            };
            answers.extend(answer);
        }
        snapshot.commit().await?;
        if let Some(share) = share {
            limits::hold(share);
        }
        Ok((place(&row), answers))
    }

    /// Counts what is read for a requester, until they have their answer: it is held in memory a few times
    /// over while that is made.
    fn count(&self, length: u64) -> Result<Option<Share>, Exceeded> {
        if length <= SHORT {
            return Ok(None);
        }
        if length > self.limits.size(Limit::ListBytes) && requester() != Requester::House {
            return Err(self.limits.refuse(Limit::ListBytes));
        }
        self.lists.take(requester(), length).map(Some)
    }

    /// The answer to a query, whose columns begin at `at`. `None` if its records are [long](long::LONG).
    fn answer(
        &self,
        table: &Table,
        query: &Query,
        row: &SqliteRow,
        at: usize,
    ) -> Result<Option<Answer>, StoreError> {
        let text = row::text(row, at).unwrap_or_default();
        Ok(Some(match query.ask {
            Ask::Rows(_) => {
                let mut records = Vec::new();
                for line in text.lines() {
                    if line == long::LONG {
                        return Ok(None);
                    }
                    records.extend(row::packed(table, line, &self.people));
                }
                Answer::Rows(Rows { records, total: total(row, at)? })
            }
            Ask::Figure(measure) => {
                Answer::Figure(figures::read_figure(table, measure, &text, &self.people))
            }
            Ask::Groups(grouping) => {
                let all = row::text(row, at + 1).unwrap_or_default();
                let groups = figures::read_groups(table, grouping, (&text, &all), &self.people);
                Answer::Groups(groups)
            }
        }))
    }
}

/// Up to where the log goes that a row was read beside.
fn place(row: &SqliteRow) -> LogPlace {
    row::text(row, 0).map_or_else(LogPlace::default, |line| LogPlace::read(&line))
}

/// How many records there are in all for a query, whose columns begin at `at`.
fn total(row: &SqliteRow, at: usize) -> Result<u64, StoreError> {
    Ok(row.try_get::<i64, _>(at + 1)?.unsigned_abs())
}

/// How long the texts of a row are together, in bytes.
fn length(row: &SqliteRow) -> u64 {
    let is_text = |at: &usize| {
        // A number that is read as a text is none afterwards.
        row.try_get_raw(*at).is_ok_and(|value| value.type_info().name() == "TEXT")
    };
    let texts = (0..row.len()).filter(is_text);
    let bytes = texts.filter_map(|at| row.try_get_unchecked::<&[u8], _>(at).ok());
    bytes.map(|bytes| bytes.len() as u64).sum()
}

/// How a statement gives records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RecordForm {
    /// Whole, where they are short.
    Packed,
    /// By their [places](long::RecordPlace) alone.
    Places,
}

/// One statement with one row, a few columns for each query.
struct SnapshotStatement<'a> {
    /// The queries with their tables, and the first column of each.
    asked: Vec<(&'a Table, &'a Query, usize)>,
    sql: String,
    values: Vec<SqlValue>,
    columns: usize,
}

impl SnapshotStatement<'_> {
    fn new(first: &str) -> Self {
        let sql = format!("select ({first})");
        Self { asked: Vec::new(), sql, values: Vec::new(), columns: 1 }
    }

    async fn row(&self, connection: &mut SqliteConnection) -> Result<SqliteRow, StoreError> {
        let values = SqlxValues(Values(self.values.clone()));
        let row = sqlx::query_with(AssertSqlSafe(self.sql.clone()), values);
        Ok(row.fetch_one(connection).await?)
    }

    fn ask(&mut self, table: &Table, query: &Query, total: Option<u64>, form: RecordForm) {
        match &query.ask {
            Ask::Rows(wanted) => {
                // Packed outside the window: inside it, every row that is sorted would be packed.
                let rows = select::window(table, &query.filter, wanted);
                let packed = match form {
                    RecordForm::Packed => long::unless(table, wanted.limit, &packed(table)),
                    RecordForm::Places => long::place(table),
                };
                self.lines(table, &packed, (&rows, wanted.limit.into(), wanted.offset));
                match total {
                    Some(total) => self.number(total),
                    None => self.column(&select::count(table, &query.filter)),
                }
            }
            Ask::Figure(measure) => self.column(&figures::figure(table, &query.filter, *measure)),
            Ask::Groups(grouping) => {
                let packed = format!("json_array({})", figures::columns(table, *grouping));
                let groups = figures::groups(table, &query.filter, *grouping);
                // One more than wanted says whether there are any more.
                self.lines(table, &packed, (&groups, u64::from(grouping.limit) + 1, 0));
                self.column(&figures::figure(table, &query.filter, grouping.measure));
            }
        }
    }

    /// A column with the one value of a statement.
    fn column(&mut self, select: &SelectStatement) {
        let (inside, bound) = select.build(SqliteQueryBuilder);
        self.values.extend(bound);
        self.columns += 1;
        self.sql.push_str(&format!(", ({inside})"));
    }

    /// A column with a number that is known.
    fn number(&mut self, number: u64) {
        self.values.push(number.into());
        self.columns += 1;
        self.sql.push_str(", ?");
    }

    /// A column with some rows of a statement, each packed into a line. Its columns are called as those of
    /// the table.
    fn lines(
        &mut self,
        table: &Table,
        packed: &str,
        (select, limit, offset): (&SelectStatement, u64, u64),
    ) {
        let (inside, bound) = select::limited(select, limit, offset);
        self.values.extend(bound);
        self.columns += 1;
        let name = &table.name;
        self.sql.push_str(&format!(
            ", (select group_concat({packed}, char(10)) from ({inside}) as \"{name}\")"
        ));
    }
}
