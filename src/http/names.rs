//! Refuses unknown names in requests: parameters of a query string, members of a body.
//!
//! They are refused, not ignored: a client that sends `?dryRun=true` to a route without `dryRun` would
//! otherwise write what it only wanted to try.

use std::borrow::Cow;

use serde::de::value::Error as Unread;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;

use crate::http::error::HttpError;
use crate::model::problem::nearest;

/// Returns the names of the members of a struct, as serde reads them.
pub(super) fn of<Q: DeserializeOwned>() -> &'static [&'static str] {
    let mut names = Names(&[]);
    // `Names` fails as soon as it knows the names, so the result is always an error.
    let _ = Q::deserialize(&mut names);
    names.0
}

/// Checks the names in a query string.
///
/// # Errors
/// [`HttpError::Malformed`] if a parameter is not among the known ones, is given twice, or the string cannot
/// be read.
pub(super) fn check_query(query: &str, known: &[&str]) -> Result<(), HttpError> {
    let pairs: Vec<(Cow<str>, Cow<str>)> = serde_urlencoded::from_str(query)
        .map_err(|error| HttpError::Malformed(format!("the query string is malformed: {error}")))?;
    for (index, (name, _)) in pairs.iter().enumerate() {
        if !known.contains(&name.as_ref()) {
            return Err(HttpError::Malformed(unknown("parameter", name, known)));
        }
        if pairs[..index].iter().any(|(earlier, _)| earlier == name) {
            return Err(HttpError::Malformed(format!("the parameter `{name}` is given twice")));
        }
    }
    Ok(())
}

/// Returns serde's message about a body. If it is about an unknown member, it suggests the nearest known
/// name.
pub(super) fn in_words(error: &str) -> Cow<'_, str> {
    let Some(rest) = error.strip_prefix("unknown field ") else { return error.into() };
    let mut quoted = rest.split('`').skip(1).step_by(2);
    let Some(name) = quoted.next() else { return error.into() };
    unknown("member", name, &quoted.collect::<Vec<_>>()).into()
}

/// Returns the message about an unknown name, with the nearest known name, or else a list of all of them.
/// `what` is `parameter` or `member`.
fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let help = match nearest(name, known) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None if known.is_empty() => format!("there is no {what} here"),
        None => format!("known here: {}", known.join(", ")),
    };
    format!("unknown {what} `{name}`; {help}")
}

/// A deserializer that notes the names of the members that a struct asks for, and then fails.
struct Names(&'static [&'static str]);

impl<'de> Deserializer<'de> for &mut Names {
    type Error = Unread;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Unread> {
        self.0 = names;
        Err(Unread::custom("only its names are wanted"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Unread> {
        Err(Unread::custom("it has no names"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[expect(dead_code, reason = "only its names are wanted")]
    struct TwoNames {
        merge_on: Option<String>,
        limit: u32,
    }

    #[track_caller]
    fn check(query: &str, told: &str) {
        let refused = check_query(query, of::<TwoNames>()).err().map(|error| error.to_string());
        assert_eq!(refused.as_deref().unwrap_or("fine"), told);
    }

    #[test]
    fn a_query_string_has_only_what_is_asked_for_and_once() {
        check("", "fine");
        check("mergeOn=code&limit=5", "fine");
        check("limit=%zz", "fine");
        check("mergeon=code", "unknown parameter `mergeon`; did you mean `mergeOn`?");
        check("merge_on=code", "unknown parameter `merge_on`; did you mean `mergeOn`?");
        check("dryRun", "unknown parameter `dryRun`; known here: mergeOn, limit");
        check("limit=5&&limit=6", "the parameter `limit` is given twice");
        let none = check_query("a=b", &[]).unwrap_err().to_string();
        assert_eq!(none, "unknown parameter `a`; there is no parameter here");
    }

    #[test]
    fn a_member_that_nobody_knows_is_told_with_the_nearest() {
        let told =
            in_words("unknown field `updatedat`, expected `fields` or `updatedAt` at line 1");
        assert_eq!(told, "unknown member `updatedat`; did you mean `updatedAt`?");
        let told = in_words("unknown field `x`, expected one of `name`, `email`");
        assert_eq!(told, "unknown member `x`; known here: name, email");
        assert_eq!(in_words("missing field `email`"), "missing field `email`");
    }
}
