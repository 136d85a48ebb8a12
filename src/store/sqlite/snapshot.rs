//! Answers any number of queries by one statement, so that all answers are of one snapshot.

use sea_query::{SelectStatement, SqliteQueryBuilder, Value as SqlValue, Values};
use sea_query_sqlx::SqlxValues;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection, TypeInfo, ValueRef};

use crate::limits::{self, Exceeded, Limit, Requester, Share, requester};
use crate::model::query::{Answer, Ask, Query, Rows, Snapshot};
use crate::model::table::Table;
use crate::store::StoreError;
use crate::store::sqlite::log::place::{LAST_PLACE, LogPlace};
use crate::store::sqlite::long::packed;
use crate::store::sqlite::readers::ask;
use crate::store::sqlite::{SqliteEngine, figures, long, row, select};

/// Answers of up to this many bytes are not counted against a requester's share of memory.
const SHORT: u64 = 64 * 1024;

impl SqliteEngine {
    /// Answers all queries from one snapshot. Returns the answers with the position of the snapshot.
    ///
    /// All queries are one statement with one row: each row that the database's thread sends wakes the
    /// reader, which costs more than to pack and unpack the rows. `totals` holds for each query how many
    /// records pass its filter, or `None` if that must be counted.
    ///
    /// # Errors
    /// If the database does not answer, a query names a table that the app does not declare, or the answers
    /// are larger than a limit.
    pub async fn snapshot(
        &self,
        queries: &[&Query],
        totals: &[Option<u64>],
    ) -> Result<Snapshot, StoreError> {
        let epoch = self.log.epoch.now();
        let statement = self.statement(queries, totals, RecordForm::Packed)?;
        let row = ask!(self.readers, connection => statement.row(connection).await)?;
        if let Some(share) = self.count(length_in(&row))? {
            limits::hold(share);
        }
        let asked = statement.asked.iter();
        let answers = asked.map(|(table, query, at)| self.answer(table, query, &row, *at));
        let answers: Option<_> = limits::beside(|| answers.collect::<Result<_, StoreError>>())?;
        if let Some(answers) = answers {
            return Ok(Snapshot { answers, position: epoch.position(place_in(&row)) });
        }
        let statement = self.statement(queries, totals, RecordForm::Places)?;
        let (place, answers) =
            ask!(self.readers, connection => self.long_answers(&statement, connection).await)?;
        Ok(Snapshot { answers, position: epoch.position(place) })
    }

    /// Builds the one statement for all queries.
    fn statement<'a>(
        &'a self,
        queries: &[&'a Query],
        totals: &[Option<u64>],
        form: RecordForm,
    ) -> Result<SnapshotStatement<'a>, StoreError> {
        let mut statement = SnapshotStatement::new(LAST_PLACE);
        for (index, query) in queries.iter().enumerate() {
            let table = self.table(&query.table)?;
            let total = totals.get(index).copied().flatten();
            statement.asked.push((table, query, statement.columns));
            statement.ask(table, query, total, form);
        }
        Ok(statement)
    }

    /// Runs a statement that returns the places of records, then reads these records, a few at a time, in
    /// the same snapshot. Their bytes are counted against the limits before any of them is read.
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
                    let records =
                        long::read_places(table, &places, &self.people, &mut snapshot).await?;
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
        Ok((place_in(&row), answers))
    }

    /// Counts so many bytes against the requester's share of memory, until the returned share is dropped
    /// with the answer: while an answer is made, it is in memory several times over. `None` if the bytes are
    /// too few to count. Fails if a limit is reached.
    fn count(&self, length: u64) -> Result<Option<Share>, Exceeded> {
        if length <= SHORT {
            return Ok(None);
        }
        if length > self.limits.size(Limit::ListBytes) && requester() != Requester::House {
            return Err(self.limits.refuse(Limit::ListBytes));
        }
        self.lists.take(requester(), length).map(Some)
    }

    /// Reads the answer to a query from the columns that begin at `at`. `None` if one of its records is too
    /// [long](long::LONG) to be packed.
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

/// The place of the newest line of the log in the snapshot, from the first column of a row.
fn place_in(row: &SqliteRow) -> LogPlace {
    row::text(row, 0).map_or_else(LogPlace::default, |line| LogPlace::read(&line))
}

/// How many records pass the filter of a query, whose columns begin at `at`.
fn total(row: &SqliteRow, at: usize) -> Result<u64, StoreError> {
    Ok(row.try_get::<i64, _>(at + 1)?.unsigned_abs())
}

/// The length of all texts of a row together, in bytes.
fn length_in(row: &SqliteRow) -> u64 {
    let is_text = |at: &usize| {
        // Reading a number as text would convert it in place, and it would no longer be a number.
        row.try_get_raw(*at).is_ok_and(|value| value.type_info().name() == "TEXT")
    };
    let texts = (0..row.len()).filter(is_text);
    let bytes = texts.filter_map(|at| row.try_get_unchecked::<&[u8], _>(at).ok());
    bytes.map(|bytes| bytes.len() as u64).sum()
}

/// The form in which a statement returns records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RecordForm {
    /// Each record as a whole, or a mark in its place if it is too long.
    Packed,
    /// Only the [place](long::RecordPlace) of each record.
    Places,
}

/// A statement that returns one row, with some columns for each query.
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
                    RecordForm::Places => long::place_of(table),
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

    /// Adds a column with the single value of a select statement.
    fn column(&mut self, select: &SelectStatement) {
        let (inside, bound) = select.build(SqliteQueryBuilder);
        self.values.extend(bound);
        self.columns += 1;
        self.sql.push_str(&format!(", ({inside})"));
    }

    /// Adds a column with a given number.
    fn number(&mut self, number: u64) {
        self.values.push(number.into());
        self.columns += 1;
        self.sql.push_str(", ?");
    }

    /// Adds a column with the rows of a select statement, each packed into a line. `packed` is the SQL
    /// expression of a line; it names the columns as those of the table.
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
