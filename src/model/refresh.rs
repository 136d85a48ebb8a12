//! How a data-bound component stays current, and the constants that clients and server share.

use serde::Serialize;

/// The interval of poll mode where the author gives none, in milliseconds.
pub const DEFAULT_POLL_INTERVAL_MS: u64 = 30_000;
/// The shortest interval of poll mode, in milliseconds, so that pages cannot flood the server.
pub const MIN_POLL_INTERVAL_MS: u64 = 1_000;

/// `refreshMode` with what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Refresh {
    /// As it was when the page was made.
    #[default]
    Static,
    /// Fetched again every so many milliseconds.
    Poll {
        /// The time between two readings, at least [`MIN_POLL_INTERVAL_MS`].
        interval_ms: u64,
    },
    /// Changes are pushed as they happen.
    Realtime,
}

/// What clients and server agree on about connections. Every page carries it, so the client's
/// numbers are the server's.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Transport {
    /// How long to wait before each try to connect again; the last repeats, doubled, up to the maximum.
    pub reconnect_delays_ms: [u64; 4],
    /// The longest wait between two tries.
    pub max_reconnect_delay_ms: u64,
    /// How often the server sends `heartbeat`.
    pub heartbeat_interval_ms: u64,
    /// How many connections one user may hold open.
    pub max_connections_per_user: usize,
    /// A connection without a subscription closes after this.
    pub idle_timeout_ms: u64,
    /// Somebody on a page is no longer there after this long without a sign of life.
    pub presence_stale_ms: u64,
    /// How many people are shown on one page.
    pub max_presence_entries: usize,
}

/// The constants of the realtime contract. Tests shorten time by other values, never these.
pub const TRANSPORT: Transport = Transport {
    reconnect_delays_ms: [1_000, 2_000, 4_000, 8_000],
    max_reconnect_delay_ms: 30_000,
    heartbeat_interval_ms: 30_000,
    max_connections_per_user: 10,
    idle_timeout_ms: 300_000,
    presence_stale_ms: 60_000,
    max_presence_entries: 50,
};
