//! The storage classes in SQL: for each the type of its columns, the values in them, the rule for them, and
//! the conversion of values of other classes.

use std::sync::Arc;

use crate::model::decimal::{LIMIT, MAX_DIGITS, MAX_PLACES};
use crate::model::storage::Storage;
use crate::store::sqlite::literals::chosen;
use crate::store::sqlite::unrounded::{is_noted, is_short};

/// The condition that a text is a number in the form that we write: without leading zeros, and with digits
/// on both sides of the point.
const IS_NUMBER: &str = "{x} glob '*[0-9]*' and {x} not glob '*[^0-9.-]*' and {x} not glob '?*-*' \
    and {x} not glob '*.*.*' and ltrim({x}, '-') glob '[0-9]*' and {x} not glob '*.' \
    and ltrim({x}, '-') not glob '0[0-9]*' and ({x} not glob '-*' or trim({x}, '-0.') <> '')";
/// The least positive number that is read again as a decimal with all of its digits.
const LEAST: &str = "1e-14";

/// The declared type of the class's columns, from which SQLite derives their affinity
/// (<https://sqlite.org/datatype3.html>, 3.1).
pub(super) fn column_type(storage: Storage) -> &'static str {
    match storage {
        Storage::Integer | Storage::Boolean | Storage::Link => "integer",
        Storage::Decimal(_) => "numeric",
        Storage::Text
        | Storage::Date
        | Storage::Time
        | Storage::Datetime
        | Storage::Person
        | Storage::List
        | Storage::Json => "text",
    }
}

/// Returns the rule for the values in a column of the class: its message and its condition, as SQL.
pub(super) fn rule(storage: Storage, name: &str) -> (&'static str, String) {
    match storage {
        Storage::Integer => ("must be a whole number", format!("typeof({name}) = 'integer'")),
        Storage::Link => ("must be the id of a record", format!("typeof({name}) = 'integer'")),
        Storage::Boolean => ("must be 0 or 1", format!("{name} in (0, 1)")),
        Storage::Decimal(_) => {
            // A decimal can be no greater, and JSON has no infinity.
            let rule = format!("typeof({name}) in ('integer', 'real') and abs({name}) < 1e28");
            ("must be a number", rule)
        }
        Storage::Date => ("must be a date like 2026-04-05", format!("{name} is date({name})")),
        Storage::Time => (
            "must be a time of day like 14:30 or 14:30:15",
            format!("{name} is {}", time_of_day(name)),
        ),
        Storage::Datetime => (
            "must be a time like 2026-04-05T12:00:00.000Z",
            format!("{name} is strftime('%Y-%m-%dT%H:%M:%fZ', {name})"),
        ),
        Storage::List | Storage::Json => ("must be text", format!("typeof({name}) = 'text'")),
        Storage::Text | Storage::Person => {
            ("must be text", format!("typeof({name}) = 'text' and instr({name}, char(0)) = 0"))
        }
    }
}

/// Returns the SQL expression of the value in column `x` of a table; null if the cell is no value of the
/// class. `options` are those of the field.
pub(super) fn value(storage: Storage, table: &str, options: &[Arc<str>], x: &str) -> String {
    match storage {
        Storage::Integer | Storage::Link => {
            format!("(case typeof({x}) when 'integer' then {x} end)")
        }
        Storage::Boolean => format!("(case when {x} in (0, 1) then {x} end)"),
        Storage::Decimal(_) => {
            format!("(case when {} then {} else {x} end)", is_noted(table), rounded_to_scale(x))
        }
        // In SQLite's order, every text is less than every BLOB, and a column of text affinity holds no
        // numbers. So this is true for all texts, and for nothing else.
        Storage::Text
        | Storage::Date
        | Storage::Time
        | Storage::Datetime
        | Storage::Person
        | Storage::Json => {
            format!("(case when {x} < x'' then {x} end)")
        }
        Storage::List => {
            let chosen = chosen(options, x);
            format!("(case when {x} < x'' then {chosen} end)")
        }
    }
}

/// Returns the condition that column `x` holds a value of the class, so that [`value`] is not null.
pub(super) fn is_value(storage: Storage, x: &str) -> String {
    match storage {
        Storage::Integer | Storage::Link => format!("typeof({x}) = 'integer'"),
        Storage::Boolean => format!("ifnull({x} in (0, 1), 0)"),
        Storage::Decimal(_) => format!("ifnull({x} > -{LIMIT:e} and {x} < {LIMIT:e}, 0)"),
        Storage::Text
        | Storage::Date
        | Storage::Time
        | Storage::Datetime
        | Storage::Person
        | Storage::Json
        | Storage::List => format!("ifnull({x} < x'', 0)"),
    }
}

/// Returns the SQL expression of a number rounded to the nearest decimal; null if there is none. Most
/// numbers are decimals already, which is checked without formatting them. Near zero, decimals have a fixed
/// number of places, so a number is rounded to these and not to its digits.
fn rounded_to_scale(x: &str) -> String {
    format!(
        "case when {} then {x} when {x} > -{LIMIT:e} and {x} < {LIMIT:e} then \
         case when {x} > -1e-13 and {x} < 1e-13 then round({x}, {MAX_PLACES}) else printf('%!.15g', {x}) + 0 end end",
        is_short(x)
    )
}

/// Returns the SQL expression that converts a cell of any class to this class; null if it does not fit.
pub(super) fn converted(storage: Storage, x: &str) -> String {
    let whole = format!("cast({x} as integer)");
    match storage {
        Storage::Integer | Storage::Link => format!(
            "(case typeof({x}) when 'integer' then {x}
               when 'real' then case when {x} = {whole} then {whole} end
               when 'text' then case when cast({whole} as text) = {x} then {whole} end end)"
        ),
        Storage::Boolean => format!(
            "(case when typeof({x}) in ('integer', 'real') then case when {x} in (0, 1) then {x} end
               when typeof({x}) <> 'text' then null
               when lower({x}) in ('true', 'yes', '1') then 1
               when lower({x}) in ('false', 'no', '0') then 0 end)"
        ),
        Storage::Decimal(_) => decimal(x),
        Storage::Text | Storage::Person => format!(
            "(case typeof({x}) when 'integer' then cast({x} as text) when 'real' then {}
               when 'text' then {x} end)",
            float_text(x)
        ),
        Storage::List => format!(
            "(case when typeof({x}) = 'text' and json_valid({x}) and substr(ltrim({x}), 1, 1) = '[' then {x}
               when typeof({x}) = 'text' and {x} <> '' then json_array({x}) end)"
        ),
        Storage::Json => format!(
            "(case typeof({x}) when 'integer' then cast({x} as text) when 'real' then {}
               when 'text' then case when json_valid({x}) and {x} <> 'null' then {x} else json_quote({x}) end
               end)",
            float_text(x)
        ),
        Storage::Date => format!(
            "(case when {x} is date({x}) or {x} is date({x}) || 'T00:00:00.000Z' then date({x}) end)"
        ),
        Storage::Time => format!(
            "(case when {x} in (time({x}), strftime('%H:%M', {x})) then {} end)",
            time_of_day(x)
        ),
        Storage::Datetime => format!(
            "(case when {x} is date({x}) then {x} || 'T00:00:00.000Z'
               when {} then strftime('%Y-%m-%dT%H:%M:%fZ', {x}) when typeof({x}) = 'text' then {x} end)",
            is_instant(x)
        ),
    }
}

/// Returns the SQL expression of a time of day in the form that is stored: `14:30` if the seconds are zero,
/// else `14:30:15`.
fn time_of_day(x: &str) -> String {
    format!(
        "case when {x} >= '24' then null when strftime('%S', {x}) = '00' then strftime('%H:%M', {x})
           else time({x}) end"
    )
}

/// Returns the condition that a text is an instant in the form of ISO 8601, with a zone and to the
/// millisecond.
fn is_instant(x: &str) -> String {
    let two = "[0-9][0-9]";
    let fraction =
        format!("substr({x}, 20, length({x}) - 19 - case when {x} like '%Z' then 1 else 6 end)");
    format!(
        "typeof({x}) = 'text' and {x} glob '{two}{two}-{two}-{two}T{two}:{two}:{two}*'
           and ({x} glob '*Z' or {x} glob '*[-+]{two}:{two}')
           and date(substr({x}, 1, 10)) is substr({x}, 1, 10) and substr({x}, 12, 2) < '24'
           and (length({fraction}) = 0 or {fraction} glob '.[0-9]*' and substr({fraction}, 2) not glob '*[^0-9]*'
             and length(rtrim({fraction}, '0')) <= 4)"
    )
}

/// Returns the SQL expression that converts a cell to a number; null if it has more digits than a decimal
/// may have.
fn decimal(x: &str) -> String {
    let is_number = IS_NUMBER.replace("{x}", x);
    format!(
        "(case typeof({x}) when 'real' then {x}
           when 'integer' then case when length(trim({x}, '-0')) <= {MAX_DIGITS} then {x} end
           when 'text' then case when {is_number}
             and length(trim(replace(replace({x}, '-', ''), '.', ''), '0')) <= {MAX_DIGITS}
             and ({x} + 0 = 0 or abs({x} + 0) >= {LEAST}) then {x} + 0 end end)"
    )
}

/// Returns the SQL expression that writes a float as text, without an exponent and with 15 digits at most.
fn float_text(x: &str) -> String {
    let digits = format!("printf('%.14e', abs({x}))");
    let exponent = format!("cast(substr({digits}, instr({digits}, 'e') + 1) as integer)");
    let sign = format!("case when {x} < 0 then '-' else '' end");
    format!(
        "case when abs({x}) >= 1e29 then null
           when abs({x}) >= 1e14 then {sign} || replace(substr({digits}, 1, 16), '.', '')
             || substr('00000000000000', 1, {exponent} - 14)
           else rtrim(rtrim(printf('%.' || (14 - {exponent}) || 'f', {x}), '0'), '.') end"
    )
}
