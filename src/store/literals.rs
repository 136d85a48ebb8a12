//! Values of authors as SQL: texts, and options of a multi-select.

use std::sync::Arc;

/// What was chosen in the one form that all our own writing has, whatever form another program has
/// given it; null if it was nothing.
pub(super) fn chosen(options: &[Arc<str>], name: &str) -> String {
    let each = options.iter().map(|option| {
        let text = quoted_option(option);
        format!("case when instr({name}, {text}) > 0 then ',' || {text} else '' end")
    });
    let all = each.collect::<Vec<_>>().join(" || ");
    format!("nullif('[' || substr({all}, 2) || ']', '[]')")
}

/// An option as it stands in a JSON array, as SQL.
pub(super) fn quoted_option(option: &str) -> String {
    literal(&format!("\"{option}\""))
}

/// A text as SQL.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
