//! The limits of a server: what the manual, the figures and the options say of them.

use std::fmt::Write;
use std::path::Path;

use pagetide::limits::{Limit, Refusal};

use crate::server::{DESK, Server};

const INTRODUCTION: &str = "# Limits

Every limit of the server, with its default size. `pagetide serve --limit NAME=SIZE` sets the size of a limit. Give the
option once for each limit, or list them in `PAGETIDE_LIMITS` with commas between: `--limit statement-time=2s --limit
bodies-bytes=128MiB`. A size is a number of bytes (`1000`, `512KiB`, `64MiB`, `1GiB`), a time (`250ms`, `5s`, `2min`,
`1h`) or a number. A limit that is marked as fixed cannot be set.

`/metrics` has the size of each limit as `pagetide_limit`, and how often it was met as `pagetide_limit_met_total`. A
*requester* is an account, or all guests of one network (an IPv4 address, or a /64 of IPv6) together. If the server runs
behind a proxy that `--trusted-proxies` does not name, all guests are one requester.

| limit | size | error past it | what it counts, and what happens past it |
|---|---|---|---|
";

fn refusal(limit: Limit) -> String {
    let status = match limit.refusal() {
        Refusal::TooLarge => 413,
        Refusal::TooMuch => 422,
        Refusal::TooMany => 429,
        Refusal::Busy => 503,
        Refusal::Silent => return "no error".to_owned(),
    };
    format!("{status} `{}`", limit.code())
}

#[test]
fn the_manual_has_every_limit() {
    let mut page = INTRODUCTION.to_owned();
    for limit in Limit::ALL {
        let size = limit.unit().shown(limit.default_size());
        let size = if limit.is_fixed() { format!("{size}, fixed") } else { size };
        let (name, about) = (limit.name(), limit.about());
        writeln!(page, "| `{name}` | {size} | {} | {about} |", refusal(limit)).unwrap();
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/limits.md");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    let published = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(published == page, "docs/limits.md is stale: UPDATE_EXPECTED=1 writes it");
}

#[tokio::test]
async fn the_figures_say_how_large_each_limit_is_and_how_often_it_was_met() {
    let server = Server::start_within(DESK, &[(Limit::StatementTime, 1_234)]).await;
    assert_eq!(server.metric("pagetide_limit{name=\"statement-time\"}").await, 1_234.0);
    for limit in Limit::ALL {
        let met = format!("pagetide_limit_met_total{{name=\"{}\"}}", limit.name());
        assert_eq!(server.metric(&met).await, 0.0);
    }
}
