//! Values of a column as those of another field: what becomes of each, and which do not fit.

use crate::model::table::{Field, Storage};
use crate::store::schema::checks;

/// Text that is a plain number.
const IS_NUMERIC: &str = "{x} glob '*[0-9]*' and {x} not glob '*[^0-9.-]*' and {x} not glob '?*-*' \
    and {x} not glob '*.*.*'";

/// An SQL expression for what stands in a column, as the field keeps it; null where it does not fit.
pub(super) fn converted(field: &Field, column: &str) -> String {
    let stored = stored(field.kind.storage(), column);
    let fits: Vec<_> = checks(field, &stored).into_iter().map(|(_, check)| check).collect();
    format!("case when {} then {stored} end", fits.join(" and "))
}

/// The value in the form of a storage class, whatever form it has now.
fn stored(storage: Storage, x: &str) -> String {
    let numeric = IS_NUMERIC.replace("{x}", x);
    let whole = format!("cast({x} as integer)");
    match storage {
        Storage::Integer | Storage::Link => format!(
            "(case typeof({x}) when 'integer' then {x}
               when 'real' then case when {x} = {whole} then {whole} end
               when 'text' then case when cast({whole} as text) = {x} then {whole} end end)"
        ),
        Storage::Boolean => format!(
            "(case when {x} in (0, 1) and typeof({x}) <> 'text' then {x}
               when lower({x}) in ('true', 'yes', '1') then 1
               when lower({x}) in ('false', 'no', '0') then 0 end)"
        ),
        Storage::Decimal(_) => format!(
            "(case when typeof({x}) in ('integer', 'real') then {x}
               when typeof({x}) = 'text' and {numeric} then {x} + 0 end)"
        ),
        Storage::Text | Storage::Person => format!(
            "(case when typeof({x}) in ('integer', 'real') then cast({x} as text)
               when typeof({x}) = 'text' then {x} end)"
        ),
        Storage::List => format!(
            "(case when typeof({x}) = 'text' and json_valid({x}) and substr(ltrim({x}), 1, 1) = '[' then {x}
               when typeof({x}) = 'text' and {x} <> '' then json_array({x}) end)"
        ),
        Storage::Json => format!(
            "(case when typeof({x}) = 'text' and json_valid({x}) then {x}
               when typeof({x}) = 'text' then json_quote({x})
               when typeof({x}) in ('integer', 'real') then cast({x} as text) end)"
        ),
        Storage::Date => format!(
            "(case when {x} is date({x}) or {x} is date({x}) || 'T00:00:00.000Z' then date({x}) end)"
        ),
        Storage::Datetime => format!(
            "(case when {x} is date({x}) then {x} || 'T00:00:00.000Z' when typeof({x}) = 'text' then {x} end)"
        ),
    }
}
