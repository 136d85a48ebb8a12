//! Reads the types and rules of a table's columns from the statement that created it, and describes the
//! differences between two such statements in words.

use std::collections::BTreeMap;

/// The type and the rules of one column.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ColumnRules<'a> {
    /// The type, with what follows it up to the rules, as SQL.
    keeps: &'a str,
    /// The names of the rules, which are phrases such as `total must be at least 0`.
    rules: Vec<&'a str>,
}

/// Returns the differences between the columns that both versions of a table have, a line for each. The
/// versions are given by the statements that create them.
pub(super) fn changed(table: &str, before: &str, after: &str) -> Vec<String> {
    let (before, after) = (rules_by_column(before), rules_by_column(after));
    let mut told = Vec::new();
    for (name, now) in after {
        let Some(was) = before.get(name) else { continue };
        if now.keeps != was.keeps {
            told.push(format!("{table}.{name} is `{}`, it was `{}`", now.keeps, was.keeps));
        }
        let only = |these: &ColumnRules, others: &ColumnRules| -> Vec<String> {
            let only = these.rules.iter().filter(|rule| !others.rules.contains(rule));
            only.map(|rule| rule.strip_prefix(name).unwrap_or(rule).trim().to_owned()).collect()
        };
        let new = only(&now, was);
        let gone = only(was, &now);
        match (new.is_empty(), gone.is_empty()) {
            (true, true) => {}
            (true, false) => told.push(format!("{table}.{name} no longer {}", gone.join(", "))),
            (false, true) => told.push(format!("{table}.{name} {}", new.join(", "))),
            (false, false) => {
                told.push(format!(
                    "{table}.{name} {} (before: {})",
                    new.join(", "),
                    gone.join(", ")
                ));
            }
        }
    }
    told
}

/// Whether a column has the same type in both versions of a table: the same SQL type, and the same first
/// rule, which is that of the type.
pub(super) fn is_same_kind(column: &str, before: &str, after: &str) -> bool {
    let kind = |made_by: &'_ str| {
        let column = rules_by_column(made_by).remove(column)?;
        let affinity = column.keeps.split(' ').next().unwrap_or_default();
        Some((affinity.to_owned(), column.rules.first()?.to_string()))
    };
    kind(before).is_some_and(|before| kind(after) == Some(before))
}

/// Reads the columns of a table, by name, from a statement as we write it: each column on a line of its own.
fn rules_by_column(made_by: &str) -> BTreeMap<&str, ColumnRules<'_>> {
    let lines = made_by.lines().map(|line| line.trim().trim_end_matches(','));
    lines.filter_map(rules_of_line).collect()
}

/// Reads the name, type and rules of a column from its line. `None` if the line is no column.
fn rules_of_line(line: &str) -> Option<(&str, ColumnRules<'_>)> {
    let (name, rest) = line.strip_prefix('"')?.split_once("\" ")?;
    let mut parts = rest.split(" constraint \"");
    let keeps = parts.next()?;
    let rules = parts.filter_map(|part| part.split_once("\" check (")).map(|(rule, _)| rule);
    Some((name, ColumnRules { keeps, rules: rules.collect() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: &str, after: &str, told: &[&str]) {
        assert_eq!(changed("tasks", before, after), told);
    }

    #[test]
    fn each_column_is_told_of_by_itself() {
        let before = r#"create table "tasks" (
  "id" integer primary key autoincrement,
  "size" integer constraint "size must be a whole number" check (1),
  "state" text default 'open' constraint "state must be one of open, done" check (1),
  "gone" text
)"#;
        let after = r#"CREATE TABLE "tasks" (
  "id" integer primary key autoincrement,
  "size" numeric not null constraint "size must be a number" check (1),
  "state" text default 'open' constraint "state must be one of open, late, done" check (1),
  "new" text
)"#;
        check(
            before,
            after,
            &[
                "tasks.size is `numeric not null`, it was `integer`",
                "tasks.size must be a number (before: must be a whole number)",
                "tasks.state must be one of open, late, done (before: must be one of open, done)",
            ],
        );
        check(before, before, &[]);
    }

    #[test]
    fn what_another_program_made_is_told_as_far_as_it_can_be_read() {
        check(
            "create table tasks (title, size)",
            "create table \"tasks\" (\n  \"size\" integer\n)",
            &[],
        );
        check("", "", &[]);
    }
}
