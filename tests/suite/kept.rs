//! What is accepted reads back the same, by every way there is; what cannot be kept is refused in words.
//!
//! The test walks the shelf of field types, so a new type is held to it without being named.

use std::collections::BTreeMap;

use pagetide::fields::{self, Options};
use pagetide::model::decimal;
use pagetide::model::field::FieldKind;
use pagetide::model::operator::Operator;
use pagetide::model::storage::Storage;
use reqwest::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};
use tokio_tungstenite::tungstenite::Message;

use crate::oracle::dice::Dice;
use crate::server::{Client, Server, Socket};

/// Options that look like something else. A multi-select can have them all.
const OPTIONS: [&str; 12] =
    ["red", "[1]", "a,b", " x ", "=1", "'q", "''=", "-", "TRUE", "é", "[red]", "0"];
/// Options that only a select can have.
const MORE: [&str; 3] = ["a|b", "\"q\"", "back\\slash"];

/// What people and programs send, as JSON.
const SENT: &[&str] = &[
    "true",
    "false",
    "0",
    "1",
    "-1",
    "-0",
    "5",
    "7",
    "2",
    "1.0",
    "1.10",
    "2.5",
    "1e3",
    "1E+2",
    "1e-3",
    "0.1",
    "122.30900051810511",
    "0.1000000000000000055",
    "123456789012345678901",
    "1e-23",
    "1e-15",
    "1e-28",
    "1e-29",
    "1.5e-28",
    "1e28",
    "9.99999999999999e27",
    "1e999",
    "1e-999",
    "-1e400",
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "999999999999999",
    "1234567890.123456",
    "123456789012345.6",
    r#""""#,
    r#"" ""#,
    r#""a""#,
    r#"" a ""#,
    r#""\ta""#,
    r#""a\nb""#,
    r#""a\r\nb""#,
    r#""a\rb""#,
    r#""\n""#,
    r#""a\r""#,
    r#""'""#,
    r#""'=1""#,
    r#""''x""#,
    r#""=1+1""#,
    r#""+49 30 123""#,
    r#""-5""#,
    r#""@x""#,
    r#""\u0001""#,
    r#""\u0000""#,
    r#""\u2028""#,
    r#""é""#,
    r#""\u00e9""#,
    r#""😀""#,
    r#""\ud83d\ude00""#,
    r#""\ud800""#,
    r#""a,\"b\"""#,
    r#""<script>""#,
    r#""a\tb""#,
    r#""\\""#,
    r#""0""#,
    r#""-0""#,
    r#""-0.00""#,
    r#""007""#,
    r#""12.50""#,
    r#""1e5""#,
    r#""1e-28""#,
    r#"".5""#,
    r#""0.000000000000001""#,
    r#""0.00000000000000000016""#,
    r#""0.00000000000000000000000000001""#,
    r#""123456789012345""#,
    r#""1234567890123456""#,
    r#""0.123456789012345""#,
    r#""-12.5""#,
    r#""9007199254740993""#,
    r#""9223372036854775807""#,
    r#""-9223372036854775808""#,
    r#""1 000""#,
    r#""1,5""#,
    r#""NaN""#,
    r#""Infinity""#,
    r#""0x10""#,
    r#""true""#,
    r#""TRUE""#,
    r#""null""#,
    r#""2026-04-05""#,
    r#""14:30""#,
    r#""9:05""#,
    r#""00:00:00""#,
    r#""23:59:59.000""#,
    r#""24:00""#,
    r#""0000-01-01""#,
    r#""9999-12-31""#,
    r#""10000-01-01""#,
    r#""2024-02-29""#,
    r#""2026-02-29""#,
    r#""2026-04-05T12:00:00Z""#,
    r#""2026-04-05T14:00:00.123456+02:00""#,
    r#""9999-12-31T23:59:59.999Z""#,
    r#""0000-01-01T00:00:00Z""#,
    r#""9999-12-31T23:59:59-23:00""#,
    r#""1969-12-31T23:59:59.999Z""#,
    r#""2026-04-05T24:00:00Z""#,
    r#""ada@example.org""#,
    r#""ADA+x@example.org""#,
    r#""https://example.org/?a=1&b='2'""#,
    r#""mailto:ada@example.org""#,
    r#""javascript:x""#,
    r#""(044) 268-12.12""#,
    r#""1""#,
    r#""2""#,
    r#""99""#,
    r#""red""#,
    r#""[1]""#,
    r#""a,b""#,
    r#"" x ""#,
    r#""=1""#,
    r#""'q""#,
    r#""-""#,
    r#""a|b""#,
    r#""\"q\"""#,
    r#""back\\slash""#,
    "[]",
    r#"["red"]"#,
    r#"["[1]"]"#,
    r#"["a,b", "red"]"#,
    r#"[" x "]"#,
    r#"["=1", "-"]"#,
    r#"["''="]"#,
    r#"["0", "TRUE", "é"]"#,
    r#"["red", "[red]"]"#,
    r#"["blue"]"#,
    "[1]",
    "[[]]",
    "{}",
    r#"{ "b" : [ 1.10 , -0 ], "a" : { "id" : 123456789012345678901 } }"#,
    r#"{"a":1,"a":2}"#,
    r#"{"x": "a\u00e9\n \" "}"#,
    r#"[1e5, 1E5, 0.1000000000000000055, 1e-400]"#,
    "[1e400]",
];

/// The values to try: the list, and random numbers of every length and size.
fn candidates() -> Vec<String> {
    let mut dice = Dice(20_260_405);
    let mut all: Vec<_> = SENT.iter().map(|text| (*text).to_owned()).collect();
    for _ in 0..90 {
        let digits: String = (0..1 + dice.roll(17)).map(|_| dice.roll(10).to_string()).collect();
        let digits = digits.trim_start_matches('0').to_owned() + "7";
        let sign = dice.pick(&["", "-"]);
        let exponent = dice.roll(56) as i64 - 38;
        all.push(match dice.roll(3) {
            0 => format!("{sign}{digits}e{exponent}"),
            1 => format!("\"{sign}{digits}e{exponent}\""),
            _ => format!("{sign}{}.{digits}", dice.roll(1_000)),
        });
    }
    for _ in 0..40 {
        all.push(
            format!("{}", f64::from_bits(dice.roll(u64::MAX)))
                .replace("NaN", "0")
                .replace("inf", "1"),
        );
    }
    all
}

/// A record with its values as they are written, digit by digit.
#[derive(Deserialize)]
struct Answered<'a> {
    id: String,
    #[serde(borrow)]
    fields: BTreeMap<&'a str, &'a RawValue>,
}

impl Answered<'_> {
    fn value(&self) -> String {
        self.fields["v"].get().to_owned()
    }
}

/// The id of each record and what stands in its field.
fn values(list: &str) -> Vec<(String, String)> {
    #[derive(Deserialize)]
    struct Listed<'a> {
        #[serde(borrow)]
        records: Vec<Answered<'a>>,
    }
    let listed: Listed<'_> =
        serde_json::from_str(list).unwrap_or_else(|error| panic!("{error}: {list}"));
    listed.records.iter().map(|record| (record.id.clone(), record.value())).collect()
}

/// One field type, in a table of its own and in an empty copy of that.
struct Case {
    name: String,
    kind: FieldKind,
    table: String,
    copy: String,
}

fn cases() -> Vec<Case> {
    let case = |(nth, name): (usize, &'static str)| {
        let options = Options {
            options: Some(vec!["red".into()]),
            table: Some("others".parse().unwrap()),
            ..Options::default()
        };
        let kind = fields::kind(name, &options).unwrap().unwrap();
        let (table, copy) = (format!("t{nth}"), format!("c{nth}"));
        (!kind.is_system()).then(|| Case { name: name.to_owned(), kind, table, copy })
    };
    fields::type_names().enumerate().filter_map(case).collect()
}

fn app(cases: &[Case]) -> String {
    let mut tables = vec![json!({
        "name": "others", "fields": [{ "name": "name", "type": "single-line-text" }],
        "permissions": { "read": "all" },
    })];
    for case in cases {
        let mut field = json!({ "name": "v", "type": case.name });
        let takes = |option: &str| fields::option_names(&case.name).contains(&option);
        if takes("options") {
            let more: &[&str] = if case.kind.storage() == Storage::List { &[] } else { &MORE };
            field["options"] = OPTIONS.iter().chain(more).copied().collect();
        }
        if takes("table") {
            field["table"] = "others".into();
        }
        for table in [&case.table, &case.copy] {
            let permissions = json!({ "read": "all" });
            tables.push(json!({ "name": table, "fields": [field], "permissions": permissions }));
        }
    }
    json!({ "name": "kept", "tables": tables, "pages": [{ "name": "Home", "path": "/" }] })
        .to_string()
}

pub async fn text(client: &Client, path: &str) -> String {
    let answer = client.request(Method::GET, path).send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(status, 200, "{path}: {text}");
    text
}

pub async fn post(client: &Client, path: &str, kind: &str, body: String) -> (u16, String) {
    let request = client.request(Method::POST, path).header("content-type", kind).body(body);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

pub fn query(pairs: &[(&str, &str)]) -> String {
    serde_urlencoded::to_string(pairs).unwrap()
}

/// Whether what was answered is what was sent.
fn is_what_was_sent(case: &Case, sent: &str, answered: &str) -> bool {
    let parsed = |text: &str| serde_json::from_str::<Json>(text).unwrap();
    match case.kind.storage() {
        Storage::Json => {
            let is_same = parsed(sent) == parsed(answered);
            let blanks = [' ', '\n', '\r', '\t'];
            is_same && sent.replace(blanks, "") == answered.replace(blanks, "")
        }
        Storage::Decimal(_) => {
            let number = |text: &str| decimal::parse(text.trim_matches('"')).unwrap();
            number(sent) == number(answered)
        }
        Storage::Integer | Storage::Link => sent.trim_matches('"') == answered.trim_matches('"'),
        // The same time of day, in its one form.
        Storage::Time => {
            let sent = sent.trim_matches('"');
            let sent = sent.strip_suffix(".000").unwrap_or(sent);
            let sent = sent.strip_suffix(":00").filter(|sent| sent.len() > 2).unwrap_or(sent);
            answered.trim_matches('"') == format!("{sent:0>5}")
        }
        // Of the same instant, written in its one form.
        Storage::Datetime => answered.ends_with("Z\""),
        Storage::List => {
            let chosen = |text: &str| parsed(text).as_array().map_or(0, Vec::len);
            chosen(sent) == chosen(answered)
        }
        Storage::Text | Storage::Boolean | Storage::Date | Storage::Person => {
            parsed(sent) == parsed(answered)
        }
    }
}

/// Sends every candidate; gives what was taken, by record, as it was answered.
async fn send_all(client: &Client, case: &Case, stream: &mut Socket) -> Vec<(String, String)> {
    let mut taken = Vec::new();
    let path = format!("/api/tables/{}/records", case.table);
    for sent in candidates() {
        let body = format!(r#"{{"fields":{{"v":{sent}}}}}"#);
        let (status, answer) = post(client, &path, "application/json", body).await;
        if status != 201 {
            assert_eq!(status, 422, "{} {sent}: {answer}", case.name);
            let answer: Json = serde_json::from_str(&answer).unwrap();
            let told = answer["details"][0]["message"].as_str().unwrap_or_default();
            assert!(told.len() > 8, "{} {sent}: {answer}", case.name);
            continue;
        }
        let made: Answered<'_> = serde_json::from_str(&answer).unwrap();
        let value = made.value();
        assert!(is_what_was_sent(case, &sent, &value), "{} {sent}: {answer}", case.name);
        let one = text(client, &format!("{path}/{}", made.id)).await;
        assert_eq!(serde_json::from_str::<Answered<'_>>(&one).unwrap().value(), value);
        assert_eq!(told(stream).await, value, "{} {sent}, told", case.name);
        taken.push((made.id, value));
    }
    assert!(!taken.is_empty(), "{}", case.name);
    taken
}

/// The value in the next change that a subscriber hears.
async fn told(stream: &mut Socket) -> String {
    #[derive(Deserialize)]
    struct Change<'a> {
        #[serde(borrow)]
        record: Option<Answered<'a>>,
    }
    loop {
        let Message::Text(text) = stream.next_frame().await else { continue };
        let change: Change<'_> = serde_json::from_str(&text).unwrap();
        if let Some(record) = change.record {
            return record.value();
        }
    }
}

/// Every value is found by itself.
async fn check_found(client: &Client, case: &Case, taken: &[(String, String)]) {
    if !Operator::Eq.suits(case.kind.storage()) {
        return;
    }
    for (id, value) in taken.iter().filter(|(_, value)| value != "null") {
        let filter = format!(r#"[{{"field":"v","operator":"eq","value":{value}}}]"#);
        let query = query(&[("filter", &filter), ("limit", "500")]);
        let found = text(client, &format!("/api/tables/{}/records?{query}", case.table)).await;
        let found = values(&found);
        assert!(found.contains(&(id.clone(), value.clone())), "{} {value}", case.name);
        assert!(found.iter().all(|(_, other)| other == value), "{} {value}: {found:?}", case.name);
    }
}

/// Sorted, page by page, every record comes once.
async fn check_walk(client: &Client, case: &Case, sort: &str, taken: &[(String, String)]) {
    let (mut walked, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut pairs = vec![("sort", sort), ("limit", "7")];
        pairs.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let page =
            text(client, &format!("/api/tables/{}/records?{}", case.table, query(&pairs))).await;
        walked.extend(values(&page));
        let page: Json = serde_json::from_str(&page).unwrap();
        cursor = page["pagination"]["nextCursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    walked.sort_by_key(|(id, _)| id.parse::<i64>().unwrap());
    assert_eq!(walked, taken, "{} by {sort}", case.name);
}

/// The copy holds the same once a file of the table was imported, and once a list of it was sent.
async fn check_copies(client: &Client, case: &Case, taken: &[(String, String)]) {
    let records = format!("/api/tables/{}/records", case.copy);
    let file = text(client, &format!("/api/tables/{}/records.csv", case.table)).await;
    let (status, report) = post(client, &format!("{records}/import"), "text/csv", file).await;
    assert_eq!(status, 200, "{}: {report}", case.name);
    let list: Vec<_> =
        taken.iter().map(|(_, value)| format!(r#"{{"fields":{{"v":{value}}}}}"#)).collect();
    let list = format!(r#"{{"records":[{}]}}"#, list.join(","));
    let (status, answer) =
        post(client, &format!("{records}/batch"), "application/json", list).await;
    assert_eq!(status, 201, "{}: {answer}", case.name);
    // In a file an empty text is the same as none.
    let is_text = case.kind.storage() == Storage::Text;
    let of_file = |value: &str| match value {
        "\"\"" if is_text => "null".to_owned(),
        _ => value.to_owned(),
    };
    let from_file: Vec<_> = taken.iter().map(|(_, value)| of_file(value)).collect();
    let from_list: Vec<_> = taken.iter().map(|(_, value)| value.clone()).collect();
    for (offset, expected) in [(0, from_file), (taken.len(), from_list)] {
        let page = format!("{records}?sort=id&limit={}&offset={offset}", taken.len());
        let copied = values(&text(client, &page).await).into_iter().map(|(_, value)| value);
        assert_eq!(copied.collect::<Vec<_>>(), expected, "{}", case.name);
    }
}

#[tokio::test]
async fn what_a_field_of_any_type_takes_reads_back_the_same_by_every_way() {
    let cases = cases();
    let mut server = Server::start(&app(&cases)).await;
    server.sql("insert into others (name) values ('a'), ('b')");
    let mut kept = Vec::new();
    let admin = server.admin().await;
    for case in &cases {
        let mut stream =
            admin.open(&format!("/api/tables/{}/subscribe", case.table)).await.unwrap();
        assert_eq!(stream.next().await["type"], "subscribed");
        let taken = send_all(&admin, case, &mut stream).await;
        let list = format!("/api/tables/{}/records?limit=500&sort=id", case.table);
        assert_eq!(values(&text(&admin, &list).await), taken, "{}", case.name);
        check_found(&admin, case, &taken).await;
        check_walk(&admin, case, "v", &taken).await;
        check_walk(&admin, case, "v:desc", &taken).await;
        check_copies(&admin, case, &taken).await;
        kept.push((list, taken));
    }
    server.restart().await;
    let admin = server.admin().await;
    for (list, taken) in kept {
        assert_eq!(values(&text(&admin, &list).await), taken, "{list}");
    }
}
