//! Reads the sizes of limits from options: `statement-time=2s`.

use crate::limits::{Limit, LimitUnit, Limits};

/// The error of an option that sets a limit.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLimit {
    /// The text has no `=`.
    #[error("`{0}` is not NAME=SIZE, as in statement-time=2s")]
    NoSize(String),
    /// No limit has this name.
    #[error("there is no limit `{name}`{}", nearest.map(|name| format!("; do you mean `{name}`?")).unwrap_or_default())]
    Unknown {
        /// The name of the limit as it was written.
        name: String,
        /// The limit with the most similar name, `None` if no name is similar.
        nearest: Option<&'static str>,
    },
    /// The limit has a fixed size.
    #[error("`{}` is {} and cannot be set", .0.name(), .0.unit().shown(.0.default_size()))]
    Fixed(Limit),
    /// The size cannot be read.
    #[error("`{size}` is not a size for `{}`: {}", limit.name(), wanted(*limit))]
    BadSize {
        /// The limit whose size does not fit.
        limit: Limit,
        /// The size as it was written.
        size: String,
    },
}

fn wanted(limit: Limit) -> &'static str {
    match limit.unit() {
        LimitUnit::Bytes => "write bytes above zero, as in 64MiB, 512KiB or 1000",
        LimitUnit::Time => "write a time above zero, as in 5s or 250ms",
        LimitUnit::Count => "write a whole number above zero",
    }
}

impl Limits {
    /// Sets the limits that are written as `NAME=SIZE`. Each text may hold several, separated by commas.
    ///
    /// # Errors
    /// Fails at the first text that names no limit, or that has no valid size.
    pub fn with_written<'a>(
        mut self,
        written: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, BadLimit> {
        let all = written.into_iter().flat_map(|all| all.split(','));
        for one in all.map(str::trim).filter(|one| !one.is_empty()) {
            let (name, size) =
                one.split_once('=').ok_or_else(|| BadLimit::NoSize(one.to_owned()))?;
            let (name, size) = (name.trim(), size.trim());
            let limit = Limit::named(name).ok_or_else(|| unknown(name))?;
            if limit.is_fixed() {
                return Err(BadLimit::Fixed(limit));
            }
            let bad = || BadLimit::BadSize { limit, size: size.to_owned() };
            self = self.with(limit, read(limit.unit(), size).ok_or_else(bad)?);
        }
        Ok(self)
    }
}

fn unknown(name: &str) -> BadLimit {
    let alike = Limit::ALL.map(|limit| (strsim::jaro_winkler(name, limit.name()), limit.name()));
    let nearest = alike.into_iter().max_by(|(left, _), (right, _)| left.total_cmp(right));
    let nearest = nearest.filter(|(likeness, _)| *likeness > 0.8).map(|(_, name)| name);
    BadLimit::Unknown { name: name.to_owned(), nearest }
}

/// Reads a size and converts it to the unit. `None` if it is not a size of this unit, or is zero.
fn read(unit: LimitUnit, size: &str) -> Option<u64> {
    let end = size.find(|c: char| !c.is_ascii_digit()).unwrap_or(size.len());
    let (number, suffix) = size.split_at(end);
    let factor = match (unit, suffix.trim()) {
        (_, "") | (LimitUnit::Time, "ms") => 1,
        (LimitUnit::Bytes, "KiB") => 1 << 10,
        (LimitUnit::Bytes, "MiB") => 1 << 20,
        (LimitUnit::Bytes, "GiB") => 1 << 30,
        (LimitUnit::Time, "s") => 1_000,
        (LimitUnit::Time, "min") => 60_000,
        (LimitUnit::Time, "h") => 3_600_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor).filter(|size| *size > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let written = ["statement-time=2s", "answers-bytes=3MiB,bodies-bytes = 512 KiB", ""];
        let limits = Limits::default().with_written(written).unwrap();
        assert_eq!(limits.size(Limit::StatementTime), 2_000);
        assert_eq!(limits.size(Limit::AnswersBytes), 3 << 20);
        assert_eq!(limits.size(Limit::BodiesBytes), 512 << 10);
    }

    #[test]
    fn what_is_no_limit_or_no_size_is_said() {
        for (written, told) in [
            ("statement-time", "NAME=SIZE"),
            ("statement-tme=2s", "`statement-time`?"),
            ("body-bytes=2MiB", "`body-bytes` is 1 MiB and cannot be set"),
            ("moon=1", "there is no limit `moon`"),
            ("statement-time=2MiB", "a time above zero"),
            ("statement-time=0", "a time above zero"),
            ("statement-time=-1", "a time above zero"),
            ("bodies-bytes=99999999999GiB", "bytes above zero"),
            ("bodies-bytes=1.5MiB", "bytes above zero"),
        ] {
            let error = Limits::default().with_written([written]).unwrap_err().to_string();
            assert!(error.contains(told), "{written}: {error}");
        }
    }
}
