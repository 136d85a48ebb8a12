//! Attacks by somebody who knows how servers of this kind are built: each is answered or bounded,
//! and others notice nothing.

mod bodies;
mod floods;
mod frames;
mod http2;
mod log;
mod matching;
mod replays;
mod rights;
mod statements;

const EVERYTHING: &str = "/api/realtime/subscribe";
const ORDERS: &str = "/api/tables/orders/subscribe";
const RECORDS: &str = "/api/tables/orders/records";
