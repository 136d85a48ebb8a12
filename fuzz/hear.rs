//! What the server does with bytes from a client before it asks the database: frames, handshakes,
//! filters. The fuzzer makes the bytes up; a test replays those that it found worth keeping.

use std::path::Path;

use pagetide::live::Handshake;
use pagetide::model::access::View;
use pagetide::model::filter::Filter;
use pagetide::model::record::Record;
use pagetide::model::value::Value;
use pagetide::model::viewer::Viewer;
use pagetide::{http, spec};

/// The most lists, `and`, `or`, `not` and conditions that may come out of one filter, and one for
/// the rule about rows.
const MAX_PARTS: usize = 201;

/// The table of the app in this folder, as guests see it.
pub fn table(folder: &Path) -> View {
    let loaded = spec::load(folder).expect("the folder holds an app");
    let app = loaded.app.unwrap_or_else(|| panic!("{}", loaded.report));
    app.tables[0].view(&Viewer::Guest).expect("everyone may read it")
}

/// Takes bytes as frames, and each text in them, and all of them at once, as a client's words.
pub fn hear(view: &View, bytes: &[u8]) {
    let texts = http::texts(bytes);
    assert!(texts.iter().map(String::len).sum::<usize>() <= bytes.len(), "more than was sent");
    for text in texts {
        listen(view, &text);
    }
    listen(view, &String::from_utf8_lossy(bytes));
}

/// Takes a text as a handshake, and as what may stand in a query string.
fn listen(view: &View, text: &str) {
    if let Ok(handshake) = serde_json::from_str::<Handshake>(text) {
        handshake.filter.iter().for_each(|filter| hold(view, filter));
        handshake.sort.iter().for_each(|sort| drop(view.sort(sort)));
        let names = handshake.fields.iter().flatten();
        drop(view.select(names.map(String::as_str)));
    }
    if let Ok(filter) = view.filter_text(text) {
        hold(view, &filter);
    }
    drop(view.sort(text));
    drop(view.select(text.split(',')));
}

/// Reads a filter and holds it against a record.
fn hold(view: &View, json: &serde_json::Value) {
    match view.filter_json(json) {
        Ok(filter) => {
            let secret = view.table.at("secret").expect("there is a secret");
            assert!(!filter.fields().contains(&secret), "a hidden field can be asked about");
            assert!(parts(&filter) <= MAX_PARTS, "a filter is larger than it may be");
            let record = Record { values: vec![Value::Null; view.table.all().count()] };
            filter.matches(&record);
        }
        Err(error) => assert!(!error.to_string().is_empty(), "nobody learns why"),
    }
}

fn parts(filter: &Filter) -> usize {
    match filter {
        Filter::And(all) | Filter::Or(all) => 1 + all.iter().map(parts).sum::<usize>(),
        Filter::Not(part) => 1 + parts(part),
        Filter::Test(..) => 1,
    }
}
