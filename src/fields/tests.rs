//! What each family takes and writes.

use super::*;

/// A field of this type, with what its options may need.
pub(super) fn field(type_name: &str) -> Field {
    let options = Options {
        options: Some(vec!["new".into(), "done".into()]),
        currency: Some("EUR".into()),
        table: Some("things".parse().unwrap()),
        ..Options::default()
    };
    Field {
        name: "field".parse().unwrap(),
        label: "Field".into(),
        kind: kind(type_name, &options).unwrap().unwrap(),
        required: false,
        unique: false,
        default: Value::Null,
        renamed_from: None,
    }
}

#[track_caller]
fn check(type_name: &str, json: &str, told: &str) {
    let json = serde_json::from_str(json).unwrap();
    let answer = match parse(&field(type_name), &json) {
        Ok(value) => serde_json::to_string(&value).unwrap(),
        Err(misfit) => misfit.message,
    };
    assert_eq!(answer, told);
}

#[test]
fn text_is_one_line_without_control_characters() {
    check("single-line-text", r#""Ada""#, r#""Ada""#);
    check("single-line-text", r#""a\nb""#, "must be a single line");
    check("long-text", r#""a\nb""#, r#""a\nb""#);
    check("long-text", r#""a\u0000b""#, "must not hold the character U+0000");
    check("single-line-text", "5", "must be text, got 5");
    check("email", r#""ada@example.org""#, r#""ada@example.org""#);
    check("email", r#""ada""#, r#"must be an e-mail address, got "ada""#);
    check("url", r#""javascript:alert(1)""#, "must be an http, https or mailto address");
    check("url", r#""https://example.org""#, r#""https://example.org""#);
}

#[test]
fn numbers_keep_every_digit_or_are_refused() {
    check("integer", "5", "5");
    check("integer", "5.5", "must be a whole number, got 5.5");
    check(
        "integer",
        "9223372036854775808",
        "must be a whole number from -9223372036854775808 to 9223372036854775807, got 9223372036854775808",
    );
    check("decimal", r#""12.50""#, r#""12.5""#);
    check("decimal", "12.5", r#""12.5""#);
    check("currency", "12.5", r#""12.50""#);
    let told = "must be an amount of money: EUR has 2 digits after the point, got 0.001";
    check("currency", r#""0.001""#, told);
    check("currency", r#""1.500""#, r#""1.50""#);
    check("decimal", r#""1234567890.123456""#, "must have at most 15 significant digits");
    check("decimal", r#""abc""#, r#"must be a number, got "abc""#);
    check("rating", "6", "must be from 0 to 5, got 6");
}

#[test]
fn a_select_takes_its_options_only() {
    check("single-select", r#""new""#, r#""new""#);
    check("single-select", r#""New""#, r#"must be one of new, done, got "New""#);
    check("checkbox", "true", "true");
    check("checkbox", r#""yes please""#, r#"must be true or false, got "yes please""#);
}

#[test]
fn a_list_is_brought_to_the_order_of_its_options() {
    check("multi-select", r#"["done","new","done"]"#, r#"["new","done"]"#);
    check("multi-select", "[]", "null");
    check("multi-select", r#"["new","old"]"#, r#"must be a list of new, done, got "old""#);
    check("multi-select", r#"["new",["done"]]"#, r#"must be a list of new, done, got ["done"]"#);
    check("multi-select", r#""new""#, r#"must be a list of new, done, got "new""#);
}

#[test]
fn json_is_bounded_and_otherwise_free() {
    check("json", r#"{"b":[1,null,"x"],"a":false}"#, r#"{"a":false,"b":[1,null,"x"]}"#);
    check("json", "0", "0");
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    check("json", &nested(32), &nested(32));
    check("json", &nested(33), "must nest at most 32 deep");
    let long = format!("[{}0]", "0,".repeat(50_000));
    check("json", &long, "must be at most 100000 bytes of JSON");
}

#[test]
fn a_relationship_is_the_id_of_a_record() {
    check("relationship", r#""7""#, r#""7""#);
    check("relationship", "7", r#""7""#);
    for id in ["01", "+1", "1.0", "", "abc", "9223372036854775808", "1e999"] {
        let told = format!(r#"must be the id of a record, got "{id}""#);
        check("relationship", &format!(r#""{id}""#), &told);
    }
    check("relationship", "1.5", "must be the id of a record, got 1.5");
    check("relationship", r#"{"id":"7"}"#, r#"must be the id of a record, got {"id":"7"}"#);
    let link = |label| Value::Link(RecordRef { id: 7.into(), label });
    check_cell("relationship", link(Label::Text("<b>".into())), "&lt;b&gt;");
    check_cell("relationship", link(Label::Hidden), "#7");
}

#[test]
fn text_without_types_is_read_by_its_field() {
    let check = |type_name, text: &str, told: &str| {
        let answer = match parse_text(&field(type_name), text) {
            Ok(value) => serde_json::to_string(&value).unwrap(),
            Err(misfit) => misfit.message,
        };
        assert_eq!(answer, told);
    };
    check("checkbox", "TRUE", "true");
    check("checkbox", "No", "false");
    check("checkbox", "maybe", r#"must be true or false, got "maybe""#);
    check("percentage", "12.5 %", r#""12.5""#);
    check("autonumber", "1001", "1001");
    check("multi-select", "done| new", r#"["new","done"]"#);
    check("multi-select", r#"["done"]"#, r#"["done"]"#);
    check("multi-select", "", "null");
    check("multi-select", "new|old", r#"must be a list of new, done, got "old""#);
    check("json", r#"{"a": 1}"#, r#"{"a":1}"#);
    check("json", "null", "null");
    check("json", "1e999", r#"must be JSON, got "1e999""#);
    check("json", &"[".repeat(1_000), &format!(r#"must be JSON, got "{}""#, "[".repeat(60)));
}

#[test]
fn what_is_shown_of_a_number_that_counts_is_read_again() {
    let numbered = |prefix: &str, text: &str| {
        let options = Options { prefix: Some(prefix.into()), ..Options::default() };
        let kind = kind("autonumber", &options).unwrap().unwrap();
        operand(&Field { kind, ..field("autonumber") }, &Json::from(text)).ok()
    };
    assert_eq!(numbered("T-", "T-1001"), Some(Value::Integer(1001)));
    assert_eq!(numbered("T-", "1001"), Some(Value::Integer(1001)));
    assert_eq!(numbered("1", "12"), Some(Value::Integer(12)));
    assert_eq!(numbered("T-", "S-1001"), None);
}

#[test]
fn times_have_one_form() {
    check("date", r#""2026-04-05""#, r#""2026-04-05""#);
    check("date", r#""2026-02-30""#, r#"must be a date like 2026-04-05, got "2026-02-30""#);
    check("datetime", r#""2026-04-05T14:00:00+02:00""#, r#""2026-04-05T12:00:00.000Z""#);
    let told = r#"must be a time like 2026-04-05T12:00:00Z, got "yesterday""#;
    check("datetime", r#""yesterday""#, told);
}

#[track_caller]
fn check_cell(type_name: &str, value: Value, html: &str) {
    let mut cell = String::new();
    write_cell(&field(type_name), &value, &mut cell);
    assert_eq!(cell, html);
}

#[test]
fn cells_escape_whatever_they_hold() {
    let evil = "<script>\"'&";
    let escaped = "&lt;script&gt;&quot;&#39;&amp;";
    check_cell("single-line-text", Value::text(evil), escaped);
    check_cell(
        "status",
        Value::text(evil),
        &format!(r#"<span class="pt-badge pt-tint-0">{escaped}</span>"#),
    );
}

#[test]
fn what_was_chosen_is_tinted_by_its_place() {
    let chosen = Value::List(vec!["new".into(), "done".into()].into());
    let html = r#"<span class="pt-badges"><span class="pt-badge pt-tint-0">new</span><span class="pt-badge pt-tint-1">done</span></span>"#;
    check_cell("multi-select", chosen, html);
}

#[test]
fn long_json_is_cut_and_told_on_hover() {
    check_cell(
        "json",
        Value::Json(r#"{"a":"<"}"#.into()),
        "<code>{&quot;a&quot;:&quot;&lt;&quot;}</code>",
    );
    let long = "é".repeat(2_000);
    let (cut, hover) = ("é".repeat(60), "é".repeat(1_000));
    let html = format!(r#"<code title="{hover}">{cut}…</code>"#);
    check_cell("json", Value::Json(long.into()), &html);
}

#[test]
fn numbers_read_as_people_write_them() {
    check_cell("integer", Value::Integer(1_234_567), "1,234,567");
    check_cell("integer", Value::Integer(-1234), "-1,234");
    check_cell("currency", Value::Decimal("1234.5".parse().unwrap()), "€1,234.50");
    check_cell("autonumber", Value::Integer(1_234_567), "1234567");
    check_cell("percentage", Value::Decimal("12.5".parse().unwrap()), "12.5%");
}
