//! A random app: a table, who may read what of it, and filters, each as JSON and as SQL.

use serde_json::{Value as Json, json};

use super::dice::Dice;

/// Must never be in anything that somebody receives who may not read it.
pub const SECRET: &str = "xyzzy";
/// The account of somebody who is no admin.
pub const MEMBER: &str = "mia";

/// The types that fields may have, with what a value of theirs may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Text,
    Select,
    Integer,
    Decimal,
    Checkbox,
    Date,
}

const KINDS: [Kind; 6] =
    [Kind::Text, Kind::Select, Kind::Integer, Kind::Decimal, Kind::Checkbox, Kind::Date];

/// A field that people may filter by.
#[derive(Clone, Debug)]
pub struct Field {
    pub name: String,
    pub kind: Kind,
}

/// Who listens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Who {
    Guest,
    Member,
    Admin,
}

/// A condition as clients send it, and as the oracle asks the database.
#[derive(Clone, Debug)]
pub struct Condition {
    pub json: Json,
    pub sql: String,
}

/// The random app.
#[derive(Debug)]
pub struct World {
    pub fields: Vec<Field>,
    /// Whether the table has a field that is bumped by every write.
    has_updated_at: bool,
    /// Which rows everyone but admins sees: as YAML, and as SQL where `$ID` and `$ROLE` are to be
    /// put in.
    rule: Option<(&'static str, &'static str)>,
}

/// Rules about rows; `owner` is a person's id or `all`.
const RULES: [(&str, &str); 4] = [
    (
        "[{ field: owner, operator: in, value: [all, $currentUser.id] }]",
        "coalesce(owner in ('all', $ID), 0)",
    ),
    (
        "[{ or: [{ field: owner, operator: eq, value: $currentUser.id }, { field: owner, operator: isEmpty }] }]",
        "(owner is $ID and $ID is not null or coalesce(owner, '') = '')",
    ),
    (
        "[{ not: { field: owner, operator: eq, value: $currentUser.id } }]",
        "not (owner is $ID and $ID is not null)",
    ),
    (
        "[{ field: owner, operator: neq, value: all }, { field: owner, operator: neq, value: $currentUser.role }]",
        "owner is not 'all' and ($ROLE is null or owner is not $ROLE)",
    ),
];

impl World {
    pub fn new(dice: &mut Dice) -> Self {
        let many = 2 + dice.roll(4);
        let field = |nth| Field { name: format!("f{nth}"), kind: *dice.pick(&KINDS) };
        let fields = (0..many).map(field).collect();
        let rule = (!dice.one_in(3)).then(|| *dice.pick(&RULES));
        Self { fields, has_updated_at: dice.one_in(2), rule }
    }

    pub fn yaml(&self) -> String {
        let mut fields = String::new();
        for Field { name, kind } in &self.fields {
            let kind = match kind {
                Kind::Text => "single-line-text",
                Kind::Select => "single-select, options: [a, B, c]",
                Kind::Integer => "integer",
                Kind::Decimal => "decimal",
                Kind::Checkbox => "checkbox",
                Kind::Date => "date",
            };
            fields.push_str(&format!("      - {{ name: {name}, type: {kind} }}\n"));
        }
        if self.has_updated_at {
            fields.push_str("      - { name: updatedAt, type: updated-at }\n");
        }
        let rule = self
            .rule
            .map_or(String::new(), |(yaml, _)| format!("      rows: {{ read: {yaml} }}\n"));
        format!(
            "name: oracle
tables:
  - name: items
    fields:
      - {{ name: owner, type: single-line-text }}
      - {{ name: secret, type: single-line-text }}
{fields}    permissions:
      read: all
      create: authenticated
      update: authenticated
      delete: authenticated
      fields: [{{ field: secret, read: [admin] }}]
{rule}pages: [{{ name: Home, path: /, access: all, components: [] }}]
"
        )
    }

    /// What of the table somebody sees, as SQL.
    pub fn rule(&self, who: Who, admin: &str) -> String {
        let (id, role) = match who {
            Who::Guest => ("null".to_owned(), "null"),
            Who::Member => (format!("'{MEMBER}'"), "'member'"),
            Who::Admin => (format!("'{admin}'"), "'admin'"),
        };
        let sql = self.rule.map_or("1", |(_, sql)| sql);
        sql.replace("$ID", &id).replace("$ROLE", role)
    }

    /// A filter that anybody may ask with.
    pub fn filter(&self, dice: &mut Dice) -> Condition {
        if dice.one_in(8) {
            return Condition { json: json!([]), sql: "1".to_owned() };
        }
        let Condition { json, sql } = self.condition(dice, 3);
        Condition { json: json!([json]), sql }
    }

    fn condition(&self, dice: &mut Dice, depth: u64) -> Condition {
        if depth == 0 || !dice.one_in(3) {
            return self.test(dice);
        }
        let parts = |dice: &mut Dice| {
            let parts: Vec<_> =
                (0..dice.roll(3)).map(|_| self.condition(dice, depth - 1)).collect();
            let json: Vec<_> = parts.iter().map(|part| part.json.clone()).collect();
            (json, parts.into_iter().map(|part| format!("({})", part.sql)).collect::<Vec<_>>())
        };
        let joined = |parts: Vec<String>, word: &str, none: &str| match parts.is_empty() {
            true => none.to_owned(),
            false => parts.join(word),
        };
        match dice.roll(3) {
            0 => {
                let (json, sql) = parts(dice);
                Condition { json: json!({ "and": json }), sql: joined(sql, " and ", "1") }
            }
            1 => {
                let (json, sql) = parts(dice);
                Condition { json: json!({ "or": json }), sql: joined(sql, " or ", "0") }
            }
            _ => {
                let Condition { json, sql } = self.condition(dice, depth - 1);
                Condition { json: json!({ "not": json }), sql: format!("not ({sql})") }
            }
        }
    }

    /// One test of one field.
    fn test(&self, dice: &mut Dice) -> Condition {
        let Field { name, kind } = dice.pick(&self.fields);
        let is_text = matches!(kind, Kind::Text | Kind::Select);
        let mut operators = vec!["eq", "neq", "in", "notIn", "isEmpty", "isNotEmpty"];
        if *kind != Kind::Checkbox {
            operators.extend(["gt", "gte", "lt", "lte"]);
        }
        if is_text {
            operators.extend(["contains", "startsWith", "endsWith"]);
        }
        let operator = *dice.pick(&operators);
        let value = kind.value(dice);
        let list: Vec<_> = (0..dice.roll(4)).map(|_| kind.value(dice)).collect();
        let listed = list.iter().map(sql_value).collect::<Vec<_>>().join(", ");
        let (v, empty) = (
            sql_value(&value),
            if is_text { format!("coalesce({name} = '', 1)") } else { format!("{name} is null") },
        );
        let ordered = |sign: &str| match is_text {
            true => format!(
                "coalesce({name} collate nocase {} {v} or ({name} collate nocase = {v} and {name} {sign} {v}), 0)",
                &sign[..1]
            ),
            false => format!("coalesce({name} {sign} {v}, 0)"),
        };
        let sql = match operator {
            "eq" => format!("{name} is {v}"),
            "neq" => format!("{name} is not {v}"),
            "gt" => ordered(">"),
            "gte" => ordered(">="),
            "lt" => ordered("<"),
            "lte" => ordered("<="),
            "in" => format!("coalesce({name} in ({listed}), 0)"),
            "notIn" => format!("({name} is null or {name} not in ({listed}))"),
            "isEmpty" => empty,
            "isNotEmpty" => format!("not ({empty})"),
            "contains" => format!("coalesce(instr(lower({name}), lower({v})) > 0, 0)"),
            "startsWith" => {
                format!("coalesce(substr(lower({name}), 1, length({v})) = lower({v}), 0)")
            }
            _ => format!(
                "coalesce({v} = '' or substr(lower({name}), -length({v})) = lower({v}), 0) and {name} is not null"
            ),
        };
        let mut json = json!({ "field": name, "operator": operator });
        match operator {
            "isEmpty" | "isNotEmpty" => {}
            "in" | "notIn" => json["value"] = list.into(),
            _ => json["value"] = value,
        }
        Condition { json, sql }
    }

    /// Values for some of the fields, as JSON by name.
    pub fn values(&self, dice: &mut Dice, admin: &str) -> Vec<(String, Json)> {
        let mut values = Vec::new();
        for Field { name, kind } in &self.fields {
            if dice.one_in(2) {
                let value = if dice.one_in(5) { Json::Null } else { kind.value(dice) };
                values.push((name.clone(), value));
            }
        }
        if dice.one_in(2) {
            let owners =
                [json!("all"), json!(MEMBER), json!(admin), json!(""), Json::Null, json!("member")];
            values.push(("owner".to_owned(), dice.pick(&owners).clone()));
        }
        if values.is_empty() || dice.one_in(4) {
            values.push(("secret".to_owned(), json!(format!("{SECRET}{}", dice.roll(3)))));
        }
        values
    }

    /// The names of fields that everyone may read; some of them, or all.
    pub fn some_fields(&self, dice: &mut Dice) -> Vec<String> {
        let all = std::iter::once("owner").chain(self.fields.iter().map(|field| &*field.name));
        let all: Vec<_> = all.map(str::to_owned).collect();
        if dice.one_in(2) {
            return all;
        }
        let some: Vec<_> = all.iter().filter(|_| dice.one_in(2)).cloned().collect();
        if some.is_empty() { all } else { some }
    }

    /// A row as the oracle compares it, as SQL.
    pub fn row_sql(&self, shown: &[String]) -> String {
        let column = |name: &String| {
            let field = self.fields.iter().find(|field| field.name == *name);
            match field.map(|field| field.kind) {
                Some(Kind::Checkbox) => {
                    format!("case {name} when 1 then 'true' when 0 then 'false' else '-' end")
                }
                _ => format!("coalesce(cast({name} as text), '-')"),
            }
        };
        shown.iter().map(column).collect::<Vec<_>>().join(" || ';' || ")
    }
}

impl Kind {
    /// A value, from so few that filters often meet them.
    fn value(self, dice: &mut Dice) -> Json {
        match self {
            Self::Text => json!(*dice.pick(&["", "x", "X", "yX", "y", "Zebra", "10", "9"])),
            Self::Select => json!(*dice.pick(&["a", "B", "c"])),
            Self::Integer => json!(dice.roll(7) as i64 - 2),
            Self::Decimal => json!(*dice.pick(&["-1", "0", "0.1", "0.25", "9.99", "10", "120"])),
            Self::Checkbox => json!(dice.one_in(2)),
            Self::Date => json!(*dice.pick(&["2025-12-31", "2026-01-01", "2026-11-05"])),
        }
    }
}

/// The same of a record as clients hear it.
pub fn row(shown: &[String], record: &Json) -> String {
    let fields = record["fields"].as_object().unwrap();
    assert!(fields.keys().all(|name| shown.contains(name)), "{record}");
    let text = |name: &String| match &fields[name] {
        Json::Null => "-".to_owned(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    shown.iter().map(text).collect::<Vec<_>>().join(";")
}

/// A value as SQL has it; decimals as numbers.
pub fn sql_value(json: &Json) -> String {
    match json {
        Json::Null => "null".to_owned(),
        Json::Bool(yes) => i64::from(*yes).to_string(),
        Json::String(text) => format!("'{text}'"),
        other => other.to_string(),
    }
}
