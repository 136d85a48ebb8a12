//! Every limit with its name, size, unit, and what who meets it is told.

use std::time::Duration;

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitUnit {
    /// A number of bytes.
    Bytes,
    /// A number of things.
    Count,
    /// A time in milliseconds.
    Time,
}

/// How a request is refused that meets a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It brings more bytes than it may: 413.
    TooLarge,
    /// It asks for more work than is done at once: 422.
    TooMuch,
    /// This requester asks too often, or for too much at a time: 429.
    TooMany,
    /// The server has no room for it now: 503.
    Busy,
    /// No request is refused: something is cut short or forgotten.
    Silent,
}

macro_rules! limits {
    ($($variant:ident $name:literal $unit:ident $size:expr, $refusal:ident, $about:literal, $answer:literal;)*) => {
        /// A limit. Its place in the table is its number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Limit {
            $(#[doc = $about] $variant,)*
        }

        impl Limit {
            /// All of them, in the order of the table.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// What it is called in options, docs and `/metrics`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The unit that its size is given in.
            pub fn unit(self) -> LimitUnit {
                match self { $(Self::$variant => LimitUnit::$unit,)* }
            }

            /// Its size where nobody gives another, in its unit.
            pub const fn default_size(self) -> u64 {
                match self { $(Self::$variant => $size,)* }
            }

            /// What it bounds, as a sentence.
            pub fn about(self) -> &'static str {
                match self { $(Self::$variant => $about,)* }
            }

            /// How a request is refused that meets it.
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

// Name, unit and size; how who meets it is refused; what it bounds; the answer, where `{}` is the size.
limits! {
    Connections "connections" Count 20_000, Silent,
        "The connections that are open: past it the next ones wait to be taken.", "";
    ConnectionsPerAddress "connections-per-address" Count 2_000, TooMany,
        "The connections from one address that is neither this machine nor a trusted proxy.",
        "one address may have {} connections";
    RequestsPerConnection "requests-per-connection" Count 32, Silent,
        "The requests that are under way on one connection of HTTP/2: past it the next ones wait.", "";
    BodyBytes "body-bytes" Bytes MIB, TooLarge,
        "The body of a request.",
        "the body may have {}";
    BatchBytes "batch-bytes" Bytes 8 * MIB, TooLarge,
        "The body of a request that writes many records.",
        "the body may have {}";
    ImportBytes "import-bytes" Bytes 16 * MIB, TooLarge,
        "A file of records that is imported.",
        "the file may have {}";
    BodiesBytes "bodies-bytes" Bytes 48 * MIB, Busy,
        "The bodies of all requests under way together.",
        "too much is being sent to this server at once; try again in a moment";
    BodiesBytesPerRequester "bodies-bytes-per-requester" Bytes 20 * MIB, TooMany,
        "The bodies of all requests of one requester under way together.",
        "you may send {} at once; wait until what is under way has arrived";
    GuestBytesPerRequester "guest-bytes-per-requester" Bytes 128 * MIB, TooMany,
        "What guests of one network send, at once or in two minutes.",
        "you may send {} in two minutes without an account; try again later, or sign in";
    GuestBytes "guest-bytes" Bytes 512 * MIB, Busy,
        "What all guests send, at once or in two minutes.",
        "too much is being sent to this server by guests; try again later, or sign in";
    AnswersBytes "answers-bytes" Bytes 96 * MIB, Busy,
        "The long answers of all requests that wait to be read.",
        "too much is being sent from this server at once; try again in a moment";
    AnswersBytesPerRequester "answers-bytes-per-requester" Bytes 64 * MIB, TooMany,
        "The long answers of one requester that wait to be read.",
        "answers of {} wait for you to read them; read them first, or ask for less at once";
    ListBytes "list-bytes" Bytes 48 * MIB, TooMuch,
        "The records that one list or page shows.",
        "these records are more than {} together; ask for fewer of them at once";
    ListsBytes "lists-bytes" Bytes 64 * MIB, Busy,
        "The records of all lists and pages that are being made.",
        "too many long lists are being made at once; try again in a moment";
    ListsBytesPerRequester "lists-bytes-per-requester" Bytes 48 * MIB, TooMany,
        "The records of all lists and pages that are being made for one requester.",
        "lists of {} are being made for you; wait for them";
    StatementTime "statement-time" Time 5 * SECOND, Busy,
        "How long one question may keep the database at work.",
        "this took the database longer than {}; ask for less at once, or by a field with an index";
    QuickStatementTime "quick-statement-time" Time 50, Silent,
        "How long a question may keep the database at work before it has to wait among the slow ones.", "";
    SlowStatements "slow-statements" Count 32, Busy,
        "The slow questions that are under way or wait, of all requesters.",
        "too many slow questions are asked of the database at once; try again in a moment";
    SlowStatementsPerRequester "slow-statements-per-requester" Count 4, TooMany,
        "The slow questions of one requester that are under way or wait.",
        "you ask {} slow questions of the database at once; wait for their answers, or ask for less";
    Exports "exports" Count 12, TooMany,
        "The files of records that are being written, of all requesters.",
        "too many files are being written; try again";
    ExportsPerRequester "exports-per-requester" Count 4, TooMany,
        "The files of records that are being written for one requester.",
        "{} files are being written for you; wait until one is done";
    Imports "imports" Count 8, Busy,
        "The files of records that are being read and written, of all requesters.",
        "too many files are being imported; try again in a moment";
    ImportsPerRequester "imports-per-requester" Count 2, TooMany,
        "The files of records that are being read and written for one requester.",
        "{} files of yours are being imported; wait until one is done";
    MatchingBytesPerRequester "matching-bytes-per-requester" Bytes 64 * MIB, Silent,
        "What is looked through in a second to match changes with the subscriptions of one requester: past it they are told to read again.", "";
    MatchingBytes "matching-bytes" Bytes 256 * MIB, Silent,
        "The same for all requesters.", "";
    FilterBytesPerRequester "filter-bytes-per-requester" Bytes 4 * MIB, TooMany,
        "The filters of all subscriptions of one requester.",
        "your subscriptions have filters of {} together, and may not have more";
    FilterBytes "filter-bytes" Bytes 64 * MIB, Busy,
        "The filters of all subscriptions.",
        "there are too many subscriptions with long filters; try again later";
    SubscriptionsPerConnection "subscriptions-per-connection" Count 100, TooMany,
        "The subscriptions that one connection holds, and the pages it is on.",
        "a connection may hold at most {} subscriptions";
    HandshakesPerRequester "handshakes-per-requester" Count 6_000, TooMany,
        "The subscriptions that one requester begins, at once or in a minute.",
        "you may begin {} subscriptions in a minute; try again in a moment";
    Handshakes "handshakes" Count 120_000, Busy,
        "The subscriptions that all requesters begin, at once or in a minute.",
        "too many subscriptions begin at once; try again in a moment";
    WaitingBytes "waiting-bytes" Bytes MIB, Silent,
        "What waits to be sent to one connection: beyond it the waiting messages are dropped, and the client gets `resync`.", "";
    WriteWaitTime "write-wait-time" Time 10 * SECOND, Busy,
        "How long a write waits for another program that is writing to the database.",
        "another program has been writing to the database for {}; try again in a moment";
    WriteTime "write-time" Time 20 * SECOND, TooMuch,
        "How long one write may keep the database at work, and 20 ms more for each of its records: triggers and rules of relationships may make much of it.",
        "this write kept the database at work for longer than {}, so nothing of it was saved";
    LogBytes "log-bytes" Bytes 256 * MIB, Silent,
        "What the change log keeps: past it the oldest changes are forgotten, and whoever goes on from before them reads again.", "";
    LogChanges "log-changes" Count 1_000_000, Silent,
        "How many changes the log keeps.", "";
    TrialTime "trial-time" Time 50, Busy,
        "How long an import that is only tried out keeps the database from others who wait to write.",
        "others are writing all the time, so this could not be tried out; try again later";
    FreeDiskBytes "free-disk-bytes" Bytes 64 * MIB, Busy,
        "The room that is left on the disk of the database: below it no record is written.",
        "the disk of this server is almost full, so nothing is saved until there is room again";
}

impl Limit {
    /// The limit of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|limit| limit.name() == name)
    }

    /// Whether it has the same size everywhere: what is written for one server then fits another.
    pub fn is_fixed(self) -> bool {
        matches!(self, Self::BodyBytes | Self::BatchBytes | Self::ImportBytes | Self::WaitingBytes)
    }

    /// Its size where it is [fixed](Self::is_fixed).
    pub const fn fixed(self) -> usize {
        self.default_size() as usize
    }

    /// The kind of error, for programs, that a request gets which meets it.
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

    /// What a request that meets it is told.
    pub(super) fn answer(self, size: u64) -> String {
        self.words().replace("{}", &self.unit().shown(size))
    }

    /// How long to wait where nobody knows better.
    pub(super) fn retry_after(self) -> Option<Duration> {
        match self.refusal() {
            Refusal::TooMany | Refusal::Busy => Some(Duration::from_secs(5)),
            Refusal::TooLarge | Refusal::TooMuch | Refusal::Silent => None,
        }
    }
}

impl LimitUnit {
    /// A size as people write it: `64 MiB`, `5 s`, `100`.
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
