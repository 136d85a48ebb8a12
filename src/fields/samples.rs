//! Sample values of every field type for tests, among them those that are known to cause faults. A new type
//! needs nothing here unless its values look like none of these.

use serde_json::{Value as Json, json};

use crate::fields::{parse, tests, type_names};
use crate::model::field::Field;
use crate::model::value::Value;

/// Returns a field of every type that people can set, each with values that it accepts.
pub(crate) fn fields() -> Vec<(Field, Vec<Value>)> {
    let pool = pool();
    let fields = type_names().map(tests::field).filter(|field| !field.kind.is_system());
    let values = |field: &Field| {
        let taken = pool.iter().filter_map(|json| parse(field, json).ok());
        taken.filter(|value| !value.is_null()).collect::<Vec<_>>()
    };
    fields.map(|field| (values(&field), field)).map(|(values, field)| (field, values)).collect()
}

/// Returns unusual texts: blanks, line ends, right-to-left marks, markup.
pub(crate) fn texts() -> Vec<String> {
    let mut texts: Vec<_> = [
        "a",
        " a",
        "a ",
        "  ",
        "\t",
        "a\nb",
        "a\r\nb",
        "a\rb",
        "\n",
        "\ra",
        "\n\na",
        "a\n",
        "\u{a0}a\u{a0}",
        "\u{feff}a",
        "שלום עולם",
        "\u{202e}abc\u{202c}",
        "é",
        "e\u{301}",
        "🏳️‍🌈",
        "<b>&amp;\"'</b>",
        "</textarea>",
        "null",
        "true",
        "false",
        "on",
        "0x10",
        "1e3",
        "-0",
        "+5",
        "007",
        "12,50",
        "1.234,50",
        "1_000",
        "2026-04-05",
        "2026-04-05T12:00",
        "2026-04-05T12:00:00Z",
        "14:30",
        "09:05",
        "9:05",
        "00:00",
        "14:30:15",
        "23:59:59",
        "12:00:00.000",
        "24:00",
        "2026-04-05T12:00:00.123456Z",
        "2026-04-05T14:00:00.000+02:00",
        "202616-05-01T16:00",
        "0000-01-01",
        "0000-01-01T00:00:00.000Z",
        "2026-02-30",
        "[\"new\"]",
        "{\"a\": 1}",
        "{\"id\":123456789012345678901}",
        "ada@example.org",
        " ada@example.org ",
        "ada@bücher.example",
        "ada",
        "https://example.org/?a=b&c=%20",
        "mailto:a@b.example",
        "javascript:x",
        "www.example.org",
        "+41 44 268 12 12",
        " 123 ",
        "new",
        "New",
        "old",
        "done",
        "#7",
        "7",
    ]
    .map(str::to_owned)
    .into();
    texts.push("long ".repeat(2_000));
    texts.extend((0..200).map(|number| format!("text {number} {}", "x".repeat(number))));
    texts.extend((0..100).map(|number| format!("ada{number}@example{number}.org")));
    texts.extend((0..100).map(|number| format!("https://example.org/{number}?a={number}#x")));
    texts.extend((0..100).map(|number| format!("+41 44 {:03} {number:02} 12", number * 7)));
    texts
}

fn pool() -> Vec<Json> {
    let mut pool: Vec<Json> = texts().into_iter().map(Json::from).collect();
    pool.extend(days().into_iter().map(Json::from));
    pool.extend(instants().into_iter().map(Json::from));
    pool.extend(whole().into_iter().map(Json::from));
    pool.extend(decimals().into_iter().map(Json::from));
    pool.extend([
        json!(true),
        json!(false),
        json!(["new"]),
        json!(["new", "done"]),
        json!({ "a": [1, null, { "b": "c\nd" }] }),
        json!([]),
        json!({}),
        json!("text"),
        json!(1.5),
    ]);
    pool
}

/// Returns days from the first to the last of the years of four digits.
fn days() -> Vec<String> {
    let years = (1..=9999).step_by(97).chain([1, 1582, 1969, 1970, 2000, 2024, 2038, 9999]);
    let of_year = |year| {
        ["01-01", "02-28", "02-29", "06-15", "12-31"].map(move |day| format!("{year:04}-{day}"))
    };
    years.flat_map(of_year).collect()
}

/// Returns instants at whole hours, with seconds, with milliseconds and at midnight, on near and far days.
fn instants() -> Vec<String> {
    let times = [
        "00:00:00.000",
        "00:00:00.001",
        "00:00:30.000",
        "00:30:00.000",
        "09:00:00.000",
        "10:00:00.100",
        "12:00:30.123",
        "12:10:00.000",
        "20:20:20.020",
        "23:59:59.999",
    ];
    let days = days();
    let of_day = |day: &String| times.map(|time| format!("{day}T{time}Z"));
    days.iter().step_by(7).flat_map(of_day).collect()
}

fn whole() -> Vec<i64> {
    let powers =
        (0..63).flat_map(|power| [1_i64 << power, -(1_i64 << power), (1_i64 << power) - 1]);
    let round = (0..18).flat_map(|power| [10_i64.pow(power), -(10_i64.pow(power))]);
    powers.chain(round).chain(-5..=10).chain([i64::MIN, i64::MAX]).collect()
}

/// Returns decimals as text, with up to 15 digits on either side of the point.
fn decimals() -> Vec<String> {
    let mut decimals: Vec<_> = [
        "-0",
        "0.0",
        "0.1",
        "-0.01",
        "24.5",
        "24.50",
        "1234567890.12345",
        "0.000000000001",
        "1e3",
        ".5",
    ]
    .map(str::to_owned)
    .into();
    for digits in 1..=15_u32 {
        let number = 123_456_789_123_456_i64 / 10_i64.pow(15 - digits);
        decimals.extend((0..=digits).map(|scale| {
            rust_decimal::Decimal::new(if scale % 2 == 0 { number } else { -number }, scale)
                .to_string()
        }));
    }
    decimals
}
