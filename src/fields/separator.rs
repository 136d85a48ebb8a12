//! Recognises CSV files whose cells are not separated by commas.

/// The separators that spreadsheets use instead of commas, each with its name.
const OTHERS: [(char, &str); 3] = [(';', "semicolons"), ('\t', "tabs"), ('|', "vertical bars")];

/// Returns the name of the separator in the first line of a file. `None` if that is the comma, or no separator
/// is recognised. `is_known` says whether a cell is the name of a field.
pub fn other_than_comma(head: &str, is_known: impl Fn(&str) -> bool) -> Option<&'static str> {
    let has_known = |separator: char| {
        head.split(separator).any(|cell| is_known(cell.trim().trim_matches('"').trim()))
    };
    if has_known(',') {
        return None;
    }
    let found = OTHERS.into_iter().find(|(separator, _)| {
        head.contains(*separator) && (!head.contains(',') || has_known(*separator))
    });
    found.map(|(_, words)| words)
}

/// The message for a file with this separator.
pub fn fault(separator: &str) -> String {
    format!("commas separate the cells, and this file has {separator}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(head: &str, found: Option<&str>) {
        let is_known = |name: &str| ["n", "ok", "Price; net"].contains(&name);
        assert_eq!(other_than_comma(head, is_known), found, "{head}");
    }

    #[test]
    fn what_is_no_comma_is_named() {
        check("n,ok", None);
        check("n", None);
        check("x,y", None);
        check("Price; net", None);
        check("n,x;y", None);
        check("n;ok", Some("semicolons"));
        check("\"n\";\"ok\"", Some("semicolons"));
        check("n;price,net", Some("semicolons"));
        check("n\tok", Some("tabs"));
        check("x|y", Some("vertical bars"));
        check("sep=;", Some("semicolons"));
    }
}
