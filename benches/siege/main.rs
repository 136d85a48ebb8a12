//! A crowd of guests that does the worst of one kind at a time, beside one user who behaves: what the
//! user's requests take with and without it, and the memory of the server before, at its peak and a
//! minute after.
//!
//! `cargo bench --bench siege` runs every kind for a minute each, half an hour in all; `cargo bench --bench
//! siege -- statements exports` only these. `PAGETIDE_SIEGE_SECONDS` gives another length,
//! `PAGETIDE_PROGRAM` another build. Server, crowd and user are processes of their own. The crowd comes
//! from other addresses of the loopback range than the user, as guests of other networks would.

use std::time::{Duration, Instant};

use quantiles::quantiles;
use server::{Outside, Server, Told};
use user::User;

#[path = "../quantiles/mod.rs"]
mod quantiles;
#[path = "../server/mod.rs"]
mod server;

mod crowd;
mod user;
mod wire;

/// How long each kind goes on, and how long the server then has to give memory back, in seconds.
const SECONDS: u64 = 60;
/// For how many rounds of the user nothing else happens, to compare with.
const QUIET_ROUNDS: u64 = 15;
/// How often the user comes.
const ROUND: Duration = Duration::from_secs(1);

/// `letters` holds what is costly to look through, `plain` many short records, `items` what the user works with.
const APP: &str = "
name: siege
auth: { signUp: true }
tables:
  - name: letters
    fields: [{ name: body, type: long-text }, { name: mark, type: single-line-text }]
    permissions: { read: all, create: all, update: all }
  - name: plain
    fields: [{ name: name, type: single-line-text }, { name: number, type: integer }]
    permissions: { read: all, create: all, update: all }
  - name: items
    fields: [{ name: name, type: single-line-text, required: true }, { name: number, type: integer }]
    permissions: { read: all, create: all, update: all }
pages:
  - name: Items
    path: /
    components:
      - type: dataTable
        id: items
        pageSize: 50
        dataSource: { table: items, sort: [{ field: name, direction: asc }], refreshMode: realtime }
";
const FILL: [&str; 3] = [
    "with recursive n(i) as (select 1 union all select i + 1 from n where i < 300)
     insert into letters (body) select printf('%.99000c', 'a') from n",
    "with recursive n(i) as (select 1 union all select i + 1 from n where i < 300000)
     insert into plain (name, number) select 'name ' || i, i from n",
    "with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000)
     insert into items (name, number) select 'item ' || i, i from n",
];

fn main() {
    let thread = tokio::runtime::Builder::new_current_thread().enable_all().build();
    thread.expect("a thread").block_on(run());
}

async fn run() {
    if server::outside_program().await || crowd::crowd().await || user::user().await {
        return;
    }
    let named: Vec<_> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let seconds = std::env::var("PAGETIDE_SIEGE_SECONDS").ok();
    let seconds = seconds.and_then(|seconds| seconds.parse().ok()).unwrap_or(SECONDS);
    println!(
        "{:<12} {:>9} {:>9} {:>9} {:>6} {:>6} {:>8} {:>8} {:>8}",
        "", "p99 ms", "besieged", "median", "failed", "cores", "MB", "peak", "after"
    );
    for kind in crowd::KINDS {
        if named.is_empty() || named.iter().any(|name| name == kind) {
            besiege(kind, seconds);
        }
    }
}

/// One kind of siege against a server of its own.
fn besiege(kind: &str, seconds: u64) {
    let server = Server::start(APP);
    let mut outside = Outside::start(&server.database());
    let mut crowd = Told::start(&[crowd::CROWD, kind, &server.address]);
    // From before everything was written: replays may begin here.
    crowd.ask("prepare");
    for sql in FILL {
        outside.run(&sql.replace('\n', " "));
    }
    let mut user = User::arrive(&server.address);
    let (quiet, _) = user.rounds(QUIET_ROUNDS, || {});
    let before = server.resident_kb();
    let mut peak = before;
    let began = (Instant::now(), server.cpu_ms());
    crowd.ask("begin");
    let (besieged, failed) = user.rounds(seconds, || peak = peak.max(server.resident_kb()));
    let cores = (server.cpu_ms() - began.1) / began.0.elapsed().as_secs_f64() / 1_000.0;
    crowd.ask("end");
    drop(crowd);
    let mut after = server.resident_kb();
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        std::thread::sleep(ROUND);
        after = server.resident_kb();
    }
    let ((_, quiet), (median, p99)) = (quantiles(quiet), quantiles(besieged));
    let [before, peak, after] = [before, peak, after].map(|kilobytes| kilobytes / 1_024.0);
    println!(
        "{kind:<12} {quiet:>9.1} {p99:>9.1} {median:>9.1} {failed:>6} {cores:>6.2} {before:>8.1} {peak:>8.1} \
         {after:>8.1}"
    );
}
