//! SQL literals for values that authors write: texts, and options of a multi-select.

use std::sync::Arc;

/// Returns the SQL expression of the chosen options in the form that we write, since another program may have
/// written them in another order or with spaces; null if none is chosen.
pub(super) fn chosen(options: &[Arc<str>], name: &str) -> String {
    let each = options.iter().map(|option| {
        let text = quoted_option(option);
        format!("case when instr({name}, {text}) > 0 then ',' || {text} else '' end")
    });
    let all = each.collect::<Vec<_>>().join(" || ");
    format!("nullif('[' || substr({all}, 2) || ']', '[]')")
}

/// Returns an option with its quotes, as in a JSON array, as an SQL literal.
pub(super) fn quoted_option(option: &str) -> String {
    literal(&format!("\"{option}\""))
}

/// Returns a text as an SQL literal.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
