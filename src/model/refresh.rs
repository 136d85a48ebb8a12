//! Refresh modes of components that show records, and the constants of connections that clients and server
//! share.

use serde::Serialize;

/// The default interval of poll mode, in milliseconds.
pub const DEFAULT_POLL_INTERVAL_MS: u64 = 30_000;
/// The shortest interval of poll mode that an author may give, in milliseconds. It limits the load of open
/// pages on the server.
pub const MIN_POLL_INTERVAL_MS: u64 = 1_000;

/// The refresh mode of a component, as `refreshMode` gives it, with its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Refresh {
    /// The component does not change after the page was made.
    #[default]
    Static,
    /// The browser fetches the component again at an interval.
    Poll {
        /// The time between two requests, in milliseconds, at least [`MIN_POLL_INTERVAL_MS`].
        interval_ms: u64,
    },
    /// The server sends each change as it happens.
    Realtime,
}

/// The constants of connections for live updates. Every page contains them, so that the client always uses
/// the server's numbers. Times are in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Transport {
    /// The waits before the first four attempts to reconnect. Further waits double, up to the maximum. The
    /// client shortens each at random, to no less than half, so that clients do not return all at once.
    pub reconnect_delays_ms: [u64; 4],
    /// The longest wait between two attempts to reconnect.
    pub max_reconnect_delay_ms: u64,
    /// The time between two `heartbeat` messages of the server.
    pub heartbeat_interval_ms: u64,
    /// The number of connections that one user may have open.
    pub max_connections_per_user: usize,
    /// The time after which the server closes a connection that has no subscription and is on no page.
    pub idle_timeout_ms: u64,
    /// The time without a message after which a user no longer counts as present on a page.
    pub presence_stale_ms: u64,
    /// The greatest number of users who are shown as present on one page.
    pub max_presence_entries: usize,
}

/// The constants as documented for clients. Tests that need shorter times pass other values.
pub const TRANSPORT: Transport = Transport {
    reconnect_delays_ms: [1_000, 2_000, 4_000, 8_000],
    max_reconnect_delay_ms: 30_000,
    heartbeat_interval_ms: 30_000,
    max_connections_per_user: 10,
    idle_timeout_ms: 300_000,
    presence_stale_ms: 60_000,
    max_presence_entries: 50,
};
