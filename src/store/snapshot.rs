//! Any number of queries as one statement, so that all answers are of one snapshot.

use sea_query::{SelectStatement, SqliteQueryBuilder, Value as SqlValue, Values};
use sea_query_sqlx::SqlxValues;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row, TypeInfo, ValueRef};

use crate::limits::{self, Exceeded, Limit, Requester, requester};
use crate::model::query::{Answer, Ask, Query, Rows, Snapshot};
use crate::model::table::Table;
use crate::store::log::{LAST_PLACE, LogPlace};
use crate::store::readers::ask;
use crate::store::triggers::MAX_ARGUMENTS;
use crate::store::{Store, StoreError, figures, meaning, row, select};

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
        let mut statement = Statement::new(LAST_PLACE);
        let mut asked = Vec::with_capacity(queries.len());
        for (index, query) in queries.iter().enumerate() {
            let table = self.table(&query.table)?;
            asked.push((table, *query, statement.columns));
            statement.ask(table, query, totals.get(index).copied().flatten());
        }
        let Statement { sql, values, .. } = statement;
        let row = ask!(self.readers, connection => {
            let values = SqlxValues(Values(values.clone()));
            let row = sqlx::query_with(AssertSqlSafe(sql.clone()), values);
            row.fetch_one(connection).await.map_err(StoreError::from)
        })?;
        self.count(length(&row))?;
        let answers =
            asked.into_iter().map(|(table, query, at)| self.answer(table, query, &row, at));
        let answers = limits::beside(|| answers.collect::<Result<_, StoreError>>())?;
        let place = row::text(&row, 0).map_or_else(LogPlace::default, |line| LogPlace::read(&line));
        Ok(Snapshot { answers, position: epoch.position(place) })
    }

    /// Counts what is read for a requester, until they have their answer: it is held in memory a few times
    /// over while that is made.
    fn count(&self, length: u64) -> Result<(), Exceeded> {
        if length <= SHORT {
            return Ok(());
        }
        if length > self.limits.size(Limit::ListBytes) && requester() != Requester::House {
            return Err(self.limits.refuse(Limit::ListBytes));
        }
        limits::hold(self.lists.take(requester(), length)?);
        Ok(())
    }

    /// The answer to a query, whose columns begin at `at`.
    fn answer(
        &self,
        table: &Table,
        query: &Query,
        row: &SqliteRow,
        at: usize,
    ) -> Result<Answer, StoreError> {
        let text = row::text(row, at).unwrap_or_default();
        Ok(match query.ask {
            Ask::Rows(_) => {
                let records =
                    text.lines().filter_map(|line| row::packed(table, line, &self.people));
                let total = row.try_get::<i64, _>(at + 1)?.unsigned_abs();
                Answer::Rows(Rows { records: records.collect(), total })
            }
            Ask::Figure(measure) => {
                Answer::Figure(figures::read_figure(table, measure, &text, &self.people))
            }
            Ask::Groups(grouping) => {
                let all = row::text(row, at + 1).unwrap_or_default();
                let groups = figures::read_groups(table, grouping, (&text, &all), &self.people);
                Answer::Groups(groups)
            }
        })
    }
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

/// One statement with one row, a few columns for each query.
struct Statement {
    sql: String,
    values: Vec<SqlValue>,
    columns: usize,
}

impl Statement {
    fn new(first: &str) -> Self {
        Self { sql: format!("select ({first})"), values: Vec::new(), columns: 1 }
    }

    fn ask(&mut self, table: &Table, query: &Query, total: Option<u64>) {
        match &query.ask {
            Ask::Rows(wanted) => {
                // Packed outside the window: inside it, every row that is sorted would be packed.
                let rows = select::window(table, &query.filter, wanted);
                self.lines(table, &packed(table), (&rows, wanted.limit.into(), wanted.offset));
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

/// A record packed into one column: see [`row::packed`].
fn packed(table: &Table) -> String {
    // What is no value of its field may be nothing that JSON can say.
    let name = table.name.as_str();
    let fields = table.fields.iter().map(|field| {
        let column = meaning::in_json(field, &meaning::column(name, field.name.as_str()));
        format!("case when {} then {column} end", meaning::is_value(name, field))
    });
    let fields: Vec<_> = fields.collect();
    let packs = fields.chunks(MAX_ARGUMENTS).map(|pack| format!("json_array({})", pack.join(", ")));
    packs.collect::<Vec<_>>().join(" || char(9) || ")
}
