//! What the columns of a table keep and must hold, read from the statement that made it; and in words,
//! what is otherwise in another such statement.

use std::collections::BTreeMap;

/// What one column keeps, as SQL, and its rules, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ColumnRules<'a> {
    keeps: &'a str,
    rules: Vec<&'a str>,
}

/// What is otherwise with the columns that both tables have, a line each. The tables are given by the
/// statements that make them, the older one first.
pub(super) fn changed(table: &str, before: &str, after: &str) -> Vec<String> {
    let (before, after) = (columns(before), columns(after));
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
        let (new, gone) = (only(&now, was), only(was, &now));
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

/// Whether a column keeps the same kind of thing in both tables: the rule of its type comes first.
pub(super) fn is_same_kind(column: &str, before: &str, after: &str) -> bool {
    let kind = |made_by: &'_ str| {
        let column = columns(made_by).remove(column)?;
        let affinity = column.keeps.split(' ').next().unwrap_or_default();
        Some((affinity.to_owned(), column.rules.first()?.to_string()))
    };
    kind(before).is_some_and(|before| kind(after) == Some(before))
}

/// The columns of a table by their names. Each stands on a line of its own, with rules that are named
/// in words.
fn columns(made_by: &str) -> BTreeMap<&str, ColumnRules<'_>> {
    let lines = made_by.lines().map(|line| line.trim().trim_end_matches(','));
    lines.filter_map(named).collect()
}

/// A column with its name.
fn named(line: &str) -> Option<(&str, ColumnRules<'_>)> {
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
