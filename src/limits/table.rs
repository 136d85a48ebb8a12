//! The table of all limits: the name, unit and default size of each, what it counts, and the error of a
//! request that exceeds it.

use std::time::Duration;

/// The unit in which the size of a limit is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitUnit {
    /// A number of bytes.
    Bytes,
    /// A number of things.
    Count,
    /// A time in milliseconds.
    Time,
}

/// How a request that exceeds a limit is refused. `http` chooses the status code from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The request has more bytes than allowed: 413.
    TooLarge,
    /// The request needs more work than the server does at once: 422.
    TooMuch,
    /// The requester sends too many requests, or has too much in progress: 429.
    TooMany,
    /// The server has no capacity for the request at the moment: 503.
    Busy,
    /// No request is refused: it waits, or something is dropped.
    Silent,
}

macro_rules! limits {
    ($($variant:ident $name:literal $unit:ident $size:expr, $refusal:ident, $about:literal, $answer:literal;)*) => {
        /// A limit. Its discriminant is its index in [`Limit::ALL`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Limit {
            $(#[doc = $about] $variant,)*
        }

        impl Limit {
            /// All limits, in the order of the table.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// The name of the limit in options, docs and `/metrics`, as in `body-bytes`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The unit of the limit's size.
            pub fn unit(self) -> LimitUnit {
                match self { $(Self::$variant => LimitUnit::$unit,)* }
            }

            /// The default size of the limit, in its [unit](Self::unit).
            pub const fn default_size(self) -> u64 {
                match self { $(Self::$variant => $size,)* }
            }

            /// Sentences for the docs: what the limit counts, and what happens past it.
            pub fn about(self) -> &'static str {
                match self { $(Self::$variant => $about,)* }
            }

            /// How a request that exceeds the limit is refused.
            pub fn refusal(self) -> Refusal {
                match self { $(Self::$variant => Refusal::$refusal,)* }
            }

            fn words(self) -> &'static str {
                match self { $(Self::$variant => $answer,)* }
            }
        }
    };
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const SECOND: u64 = 1_000;

// Variant, name, unit, default size, refusal; what the limit counts and what happens past it; the message
// of a request that exceeds it, where `{}` stands for the size.
limits! {
    Connections "connections" Count 20_000, Silent,
        "Open connections. Past the limit, a new connection waits until another one closes.", "";
    ConnectionsPerAddress "connections-per-address" Count 2_000, TooMany,
        "Open connections from one address that is neither this machine nor a trusted proxy. Past the \
         limit, a new connection is refused.",
        "one address may have {} connections";
    RequestsPerConnection "requests-per-connection" Count 32, Silent,
        "Requests in progress on one HTTP/2 connection. Past the limit, the client has to wait with \
         its next request.", "";
    BodyBytes "body-bytes" Bytes MIB, TooLarge,
        "Bytes in the body of one request. A longer body is refused.",
        "the body may have {}";
    BatchBytes "batch-bytes" Bytes 8 * MIB, TooLarge,
        "Bytes in the body of one request that writes many records. A longer body is refused.",
        "the body may have {}";
    ImportBytes "import-bytes" Bytes 16 * MIB, TooLarge,
        "Bytes in one CSV file that is imported. A longer file is refused.",
        "the file may have {}";
    BodiesBytes "bodies-bytes" Bytes 48 * MIB, Busy,
        "Bytes of the request bodies that the server holds at one moment, for all requesters \
         together. A body that would exceed the limit is refused.",
        "too much is being sent to this server at once; try again in a moment";
    BodiesBytesPerRequester "bodies-bytes-per-requester" Bytes 20 * MIB, TooMany,
        "Bytes of the request bodies that the server holds at one moment for one requester. A body \
         that would exceed the limit is refused.",
        "you may send {} at once; wait until what is under way has arrived";
    GuestBytesPerRequester "guest-bytes-per-requester" Bytes 128 * MIB, TooMany,
        "Bytes that the guests of one network send, at once or in two minutes. Past the limit, their \
         requests with a body are refused for a while.",
        "you may send {} in two minutes without an account; try again later, or sign in";
    GuestBytes "guest-bytes" Bytes 512 * MIB, Busy,
        "Bytes that all guests together send, at once or in two minutes. Past the limit, requests of \
         guests with a body are refused for a while.",
        "too much is being sent to this server by guests; try again later, or sign in";
    AnswersBytes "answers-bytes" Bytes 96 * MIB, Busy,
        "Bytes of long answers (over 64 KiB) that clients have not read yet, for all requesters \
         together. A long answer that would exceed the limit is refused.",
        "too much is being sent from this server at once; try again in a moment";
    AnswersBytesPerRequester "answers-bytes-per-requester" Bytes 64 * MIB, TooMany,
        "Bytes of long answers (over 64 KiB) that one requester has not read yet. A long answer that \
         would exceed the limit is refused.",
        "you have not read answers of {} yet; read them first, or request less at once";
    ListBytes "list-bytes" Bytes 48 * MIB, TooMuch,
        "Bytes of the records in one list or on one page. A request for more is refused.",
        "these records are more than {} together; request fewer of them at once";
    ListsBytes "lists-bytes" Bytes 64 * MIB, Busy,
        "Bytes of the records in all lists and pages that the server is preparing, for all requesters \
         together. A list or page that would exceed the limit is refused.",
        "too many long lists are being prepared; try again in a moment";
    ListsBytesPerRequester "lists-bytes-per-requester" Bytes 48 * MIB, TooMany,
        "Bytes of the records in all lists and pages that the server is preparing for one requester. \
         A list or page that would exceed the limit is refused.",
        "lists of {} are being prepared for you; wait for them";
    StatementTime "statement-time" Time 5 * SECOND, Busy,
        "Time that the database spends on one query. Past the limit, the query is stopped and its \
         request is refused.",
        "this query took longer than {}; request less at once, or filter by a field with an index";
    QuickStatementTime "quick-statement-time" Time 50, Silent,
        "Time that the database spends on one query before the query counts as slow. Past the limit, \
         it is stopped and begins again in the queue of slow queries.", "";
    SlowStatements "slow-statements" Count 32, Busy,
        "Slow queries that run or wait, for all requesters together. One more slow query is refused.",
        "too many slow queries are in progress; try again in a moment";
    SlowStatementsPerRequester "slow-statements-per-requester" Count 4, TooMany,
        "Slow queries of one requester that run or wait. One more slow query is refused.",
        "you have {} slow queries in progress; wait for their answers, or request less at once";
    Exports "exports" Count 12, TooMany,
        "CSV exports in progress, for all requesters together. One more export is refused.",
        "too many exports are in progress; try again in a moment";
    ExportsPerRequester "exports-per-requester" Count 4, TooMany,
        "CSV exports in progress for one requester. One more export is refused.",
        "{} exports of yours are in progress; wait until one is done";
    Imports "imports" Count 8, Busy,
        "CSV imports in progress, for all requesters together. One more import is refused.",
        "too many imports are in progress; try again in a moment";
    ImportsPerRequester "imports-per-requester" Count 2, TooMany,
        "CSV imports in progress for one requester. One more import is refused.",
        "{} imports of yours are in progress; wait until one is done";
    MatchingBytesPerRequester "matching-bytes-per-requester" Bytes 64 * MIB, Silent,
        "Bytes that the server searches in one second to match changes with the filters of one \
         requester's subscriptions. Past the limit, these subscriptions get `resync` instead of the \
         changes.", "";
    MatchingBytes "matching-bytes" Bytes 256 * MIB, Silent,
        "Bytes that the server searches in one second to match changes with the filters of all \
         subscriptions. Past the limit, subscriptions get `resync` instead of the changes.", "";
    FilterBytesPerRequester "filter-bytes-per-requester" Bytes 4 * MIB, TooMany,
        "Bytes of the filters of all subscriptions of one requester. A subscription that would exceed \
         the limit is refused.",
        "the filters of your subscriptions may have {} together; end a subscription, or shorten a filter";
    FilterBytes "filter-bytes" Bytes 64 * MIB, Busy,
        "Bytes of the filters of all subscriptions, for all requesters together. A subscription that \
         would exceed the limit is refused.",
        "there are too many subscriptions with long filters; try again later";
    SubscriptionsPerConnection "subscriptions-per-connection" Count 100, TooMany,
        "Subscriptions of one connection, and separately the pages whose presence it has entered. One \
         more of either is refused.",
        "a connection may hold at most {} subscriptions";
    HandshakesPerRequester "handshakes-per-requester" Count 6_000, TooMany,
        "Subscriptions that one requester begins, at once or in a minute. Past the limit, a new \
         subscription is refused for a while.",
        "you may begin {} subscriptions in a minute; try again in a moment";
    Handshakes "handshakes" Count 120_000, Busy,
        "Subscriptions that all requesters together begin, at once or in a minute. Past the limit, a \
         new subscription is refused for a while.",
        "too many subscriptions are beginning; try again in a moment";
    WaitingBytes "waiting-bytes" Bytes MIB, Silent,
        "Bytes of the messages that wait to be sent on one connection. Past the limit, the waiting \
         messages are dropped, and the client gets `resync`.", "";
    WriteWaitTime "write-wait-time" Time 10 * SECOND, Busy,
        "Time that a write waits for another program that is writing to the database. Past the limit, \
         the write is refused.",
        "another program has been writing to the database for {}; try again in a moment";
    WriteTime "write-time" Time 20 * SECOND, TooMuch,
        "Time that the database spends on one write, plus 20 ms for each of its records; triggers and \
         `onDelete` rules can make a write long. Past the limit, nothing of the write is saved.",
        "this write kept the database at work for longer than {}, so nothing of it was saved";
    LogBytes "log-bytes" Bytes 256 * MIB, Silent,
        "Bytes in the change log. Past the limit, the oldest changes are removed, and a client that \
         continues from before them gets `resync`.", "";
    LogChanges "log-changes" Count 1_000_000, Silent,
        "Changes in the change log. Past the limit, the oldest changes are removed, and a client that \
         continues from before them gets `resync`.", "";
    TrialTime "trial-time" Time 50, Busy,
        "Time that a dry run of an import keeps other writes waiting. Past the limit, it makes way \
         and begins again later; after 20 such attempts it is refused.",
        "other writes did not leave time for this dry run; try again later";
    FreeDiskBytes "free-disk-bytes" Bytes 64 * MIB, Busy,
        "Bytes that are free on the disk of the database. Below the limit, no record is written.",
        "the disk of this server is almost full, so nothing is saved until there is room again";
}

impl Limit {
    /// Returns the limit of this name, `None` if there is none.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|limit| limit.name() == name)
    }

    /// Whether the size cannot be set. Such a limit is part of the protocol: a client that is written for
    /// one server then works with every other.
    pub fn is_fixed(self) -> bool {
        matches!(self, Self::BodyBytes | Self::BatchBytes | Self::ImportBytes | Self::WaitingBytes)
    }

    /// The size of a [fixed](Self::is_fixed) limit. It is the default size, which no option changes.
    pub const fn fixed(self) -> usize {
        self.default_size() as usize
    }

    /// The error code, for programs, of a request that exceeds the limit. A limit that refuses no request
    /// has `BUSY`.
    pub fn code(self) -> &'static str {
        match (self, self.refusal()) {
            (Self::ConnectionsPerAddress, _) => "TOO_MANY_CONNECTIONS",
            (Self::SubscriptionsPerConnection, _) => "TOO_MANY_SUBSCRIPTIONS",
            (Self::Exports | Self::ExportsPerRequester, _) => "TOO_MANY_EXPORTS",
            (_, Refusal::TooLarge) => "TOO_LARGE",
            (_, Refusal::TooMuch) => "TOO_MUCH",
            (_, Refusal::TooMany) => "TOO_MANY_REQUESTS",
            (_, Refusal::Busy | Refusal::Silent) => "BUSY",
        }
    }

    /// The error message of a request that exceeds the limit.
    pub(super) fn answer(self, size: u64) -> String {
        self.words().replace("{}", &self.unit().shown(size))
    }

    /// The time to wait before a retry where the caller knows no better one. `None` if a retry cannot
    /// help.
    pub(super) fn retry_after(self) -> Option<Duration> {
        match self.refusal() {
            Refusal::TooMany | Refusal::Busy => Some(Duration::from_secs(5)),
            Refusal::TooLarge | Refusal::TooMuch | Refusal::Silent => None,
        }
    }
}

impl LimitUnit {
    /// Formats a size as people write it: `64 MiB`, `5 s`, `100`.
    pub fn shown(self, size: u64) -> String {
        match self {
            Self::Bytes if size >= MIB && size.is_multiple_of(MIB) => format!("{} MiB", size / MIB),
            Self::Bytes if size >= KIB && size.is_multiple_of(KIB) => format!("{} KiB", size / KIB),
            Self::Bytes => format!("{size} bytes"),
            Self::Time if size >= SECOND && size.is_multiple_of(SECOND) => {
                format!("{} s", size / SECOND)
            }
            Self::Time => format!("{size} ms"),
            Self::Count => size.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_found_by_its_name_and_says_what_it_is() {
        for limit in Limit::ALL {
            assert_eq!(Limit::named(limit.name()), Some(limit));
            assert!(limit.about().ends_with('.'), "{}", limit.name());
            let is_silent = limit.refusal() == Refusal::Silent;
            assert_eq!(limit.words().is_empty(), is_silent, "{}", limit.name());
            assert!(limit.default_size() > 0, "{}", limit.name());
        }
    }
}
