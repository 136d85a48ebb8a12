//! Variables in filters: `$currentUser.…` stands for an attribute of the viewer, `$params.…` and
//! `$query.…` for values from the address of the page. They are filled in for each request.

use std::sync::Arc;

use crate::model::field::FieldAt;
use crate::model::filter::{Filter, Test};
use crate::model::route::RouteValues;
use crate::model::storage::Storage;
use crate::model::value::{UserRef, Value};
use crate::model::viewer::{User, Viewer};

/// One value in a filter as declared: a literal, or a variable to be filled in for a viewer and an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operand {
    /// A value that stands for itself.
    Literal(Value),
    /// `$currentUser.…`: an attribute of the viewer. Guests have none, so it is missing for them.
    CurrentUser(Attribute),
    /// `$currentUser.id` where it is compared with a created-by or updated-by field.
    CurrentPerson,
    /// `$params.…`: a parameter of the page's path, parsed as a value of this storage class.
    Param(Arc<str>, Storage),
    /// `$query.…`: a parameter of the query string, parsed as a value of this storage class.
    Query(Arc<str>, Storage),
}

/// An attribute of the account that is signed in, as written after `$currentUser.`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attribute {
    /// The id of the account.
    Id,
    /// The e-mail address of the account.
    Email,
    /// The name of the account, as other users see it.
    Name,
    /// The role of the account.
    Role,
}

/// The attributes with their names in YAML and in the API.
pub const ATTRIBUTES: [(&str, Attribute); 4] = [
    ("id", Attribute::Id),
    ("email", Attribute::Email),
    ("name", Attribute::Name),
    ("role", Attribute::Role),
];

impl Operand {
    /// The value for this viewer and address. `None` if it is missing, or does not parse as its storage class.
    fn value(&self, viewer: &Viewer, values: &RouteValues) -> Option<Value> {
        match (self, viewer) {
            (Self::Literal(value), _) => Some(value.clone()),
            (Self::Param(name, storage), _) => storage.read(values.param(name)?),
            (Self::Query(name, storage), _) => storage.read(values.query(name)?),
            (_, Viewer::Guest) => None,
            (Self::CurrentUser(attribute), Viewer::User(user)) => Some(attribute.of(user)),
            (Self::CurrentPerson, Viewer::User(user)) => {
                Some(Value::Person(UserRef { id: user.id.clone(), name: None }))
            }
        }
    }
}

impl Attribute {
    fn of(self, user: &User) -> Value {
        match self {
            Self::Id => Value::text(user.id.as_str()),
            Self::Email => Value::text(user.email.clone()),
            Self::Name => Value::text(user.name.clone()),
            Self::Role => Value::text(user.role.as_str()),
        }
    }

    /// The attribute of this viewer as text. `None` for a guest.
    pub fn text(self, viewer: &Viewer) -> Option<&str> {
        let Viewer::User(user) = viewer else { return None };
        Some(match self {
            Self::Id => user.id.as_str(),
            Self::Email => &user.email,
            Self::Name => &user.name,
            Self::Role => user.role.as_str(),
        })
    }
}

/// The first parts of the variables that YAML may use.
pub const ROOTS: [&str; 3] = ["$params", "$query", "$currentUser"];
/// The places in YAML whose texts may contain variables, named for authors in messages.
pub const PLACES: &str =
    "`content` of a text, `label` and `href` of a link or a button, and `meta` of a page";

/// Returns the known root that a mistyped one such as `$user` was probably meant to be. `None` if no root is
/// like it.
pub fn nearest_root(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let wanted = name.trim_start_matches('$').to_lowercase();
    // One or two letters are part of too many names.
    let has = |root: &&&str| wanted.len() > 2 && root.to_lowercase().contains(&wanted);
    let part = known.iter().find(has);
    // At most two letters differ, so that `$user` is not taken for `$query`.
    let near =
        || known.iter().find(|root| strsim::levenshtein(&root[1..].to_lowercase(), &wanted) < 3);
    part.or_else(near).copied()
}

/// Returns the part of a value that looks like a variable: `$now` at its start, or else `{$now}` anywhere in
/// it. `None` if there is none. A price such as `$5` is none, since a letter must follow the `$`.
pub fn seeming(value: &str) -> Option<&str> {
    named(value).or_else(|| in_braces(value))
}

/// Returns the part of a text that looks like a variable: `{$now}` anywhere in it, or `$params.id` if it is the
/// whole text and begins with a known root. `None` if there is none: other texts with a `$`, such as `$HOME`,
/// are common.
pub fn seeming_in_text(text: &str) -> Option<&str> {
    let alone = named(text.trim()).filter(|name| *name == text.trim());
    let known = |name: &&str| ROOTS.contains(&name.split('.').next().unwrap_or_default());
    in_braces(text).or_else(|| alone.filter(known))
}

/// Returns the `$` and the name after it at the start of a text. `None` if the text starts with no such name.
fn named(text: &str) -> Option<&str> {
    let name = text.strip_prefix('$')?;
    name.starts_with(|c: char| c.is_ascii_alphabetic()).then_some(())?;
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let end = name.find(|c| !is_part(c)).unwrap_or(name.len());
    Some(text[..=end].trim_end_matches('.'))
}

/// Returns the first `{$…}` of a text with a letter after the `$`, up to the `}` if there is one.
fn in_braces(text: &str) -> Option<&str> {
    let mut starts = text.match_indices("{$").map(|(start, _)| start);
    let start = starts.find(|start| named(&text[start + 1..]).is_some())?;
    let rest = &text[start..];
    let end = rest.find('}').map_or(1 + named(&rest[1..])?.len(), |end| end + 1);
    Some(&rest[..end])
}

impl Filter<Operand> {
    /// Fills in the variables for a viewer and the values of an address. A missing value equals, exceeds and
    /// contains nothing: its test becomes a filter that no record passes, or every record for `neq`.
    pub fn fill(&self, viewer: &Viewer, values: &RouteValues) -> Filter {
        let all = |parts: &[Self]| parts.iter().map(|part| part.fill(viewer, values)).collect();
        match self {
            Self::And(parts) => Filter::And(all(parts)),
            Self::Or(parts) => Filter::Or(all(parts)),
            Self::Not(part) => Filter::Not(Box::new(part.fill(viewer, values))),
            // A test with a missing value stays two-valued: `not` around it must give the opposite.
            Self::Test(at, test) => match test.fill(viewer, values) {
                Some(test) => Filter::Test(*at, test),
                None if matches!(test, Test::Neq(_)) => Filter::all(),
                None => Filter::none(),
            },
        }
    }

    /// Returns the field that the filter requires to equal this parameter of the path. `None` if there is no
    /// such `eq` at its top or in a top `and`.
    pub fn field_of_param(&self, name: &str) -> Option<FieldAt> {
        match self {
            Self::And(parts) => parts.iter().find_map(|part| part.field_of_param(name)),
            Self::Test(at, Test::Eq(Operand::Param(known, _))) => {
                (known.as_ref() == name).then_some(*at)
            }
            _ => None,
        }
    }

    /// The filter without the tests that a field equals a parameter of the path. It passes the records of all
    /// pages that one path with parameters serves; an export uses it to find them.
    #[must_use]
    pub fn without_params(&self) -> Self {
        match self {
            Self::And(parts) => Self::And(parts.iter().map(Self::without_params).collect()),
            Self::Test(_, Test::Eq(Operand::Param(..))) => Self::And(Vec::new()),
            other => other.clone(),
        }
    }

    /// Whether the filter uses this parameter of the query string.
    pub fn asks_query(&self, name: &str) -> bool {
        self.has(&|operand| matches!(operand, Operand::Query(known, _) if known.as_ref() == name))
    }

    /// Whether the filter uses a parameter of the page's path.
    pub fn asks_param(&self) -> bool {
        self.has(&|operand| matches!(operand, Operand::Param(..)))
    }

    fn has(&self, wanted: &dyn Fn(&Operand) -> bool) -> bool {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().any(|part| part.has(wanted)),
            Self::Not(part) => part.has(wanted),
            Self::Test(_, test) => test.operands().iter().any(wanted),
        }
    }
}

impl Test<Operand> {
    /// The values that the test compares the field with.
    fn operands(&self) -> &[Operand] {
        match self {
            Self::Eq(one)
            | Self::Neq(one)
            | Self::Gt(one)
            | Self::Gte(one)
            | Self::Lt(one)
            | Self::Lte(one)
            | Self::Contains(one)
            | Self::StartsWith(one)
            | Self::EndsWith(one) => std::slice::from_ref(one),
            Self::In(list) | Self::NotIn(list) => list,
            Self::IsEmpty | Self::IsNotEmpty => &[],
        }
    }

    /// Fills in the variables. `None` if the only value is missing. Missing values of a list are left out.
    fn fill(&self, viewer: &Viewer, values: &RouteValues) -> Option<Test> {
        let one = |operand: &Operand| operand.value(viewer, values);
        let list = |operands: &[Operand]| operands.iter().filter_map(one).collect();
        Some(match self {
            Self::Eq(operand) => Test::Eq(one(operand)?),
            Self::Neq(operand) => Test::Neq(one(operand)?),
            Self::Gt(operand) => Test::Gt(one(operand)?),
            Self::Gte(operand) => Test::Gte(one(operand)?),
            Self::Lt(operand) => Test::Lt(one(operand)?),
            Self::Lte(operand) => Test::Lte(one(operand)?),
            Self::Contains(operand) => Test::Contains(one(operand)?),
            Self::StartsWith(operand) => Test::StartsWith(one(operand)?),
            Self::EndsWith(operand) => Test::EndsWith(one(operand)?),
            Self::In(operands) => Test::In(list(operands)),
            Self::NotIn(operands) => Test::NotIn(list(operands)),
            Self::IsEmpty => Test::IsEmpty,
            Self::IsNotEmpty => Test::IsNotEmpty,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::UserId;
    use crate::model::record::Record;

    /// Whether the key 7 passes for a guest, and for Ada, whose id is `u1`.
    #[track_caller]
    fn check(test: Test<Operand>, guest: bool, ada: bool) {
        let owner = crate::model::table::tests::table("orders", &["owner"]).at("owner").unwrap();
        let record = Record { values: vec![Value::Integer(7), Value::text("u1")] };
        let user = Viewer::User(User {
            id: UserId::new("u1"),
            email: "ada@example.org".into(),
            name: "Ada".into(),
            role: "member".parse().unwrap(),
        });
        let filter = Filter::Test(owner, test);
        assert_eq!(filter.fill(&Viewer::Guest, &RouteValues::default()).matches(&record), guest);
        assert_eq!(filter.fill(&user, &RouteValues::default()).matches(&record), ada);
        assert_ne!(owner, FieldAt::ID);
    }

    #[test]
    fn what_a_guest_has_not_equals_and_contains_nothing() {
        let id = || Operand::CurrentUser(Attribute::Id);
        check(Test::Eq(id()), false, true);
        check(Test::Neq(id()), true, false);
        check(Test::Gte(id()), false, true);
        check(Test::Contains(id()), false, true);
        check(Test::In(vec![id(), Operand::Literal(Value::text("x"))]), false, true);
        check(Test::NotIn(vec![id()]), true, false);
        check(Test::IsNotEmpty, true, true);
        check(Test::Eq(Operand::CurrentUser(Attribute::Email)), false, false);
    }

    #[test]
    fn a_dollar_and_a_letter_seem_to_stand_for_something() {
        let check = |value, told: &str| assert_eq!(seeming(value).unwrap_or("nothing"), told);
        check("$now", "$now");
        check("$currentUser.name is here", "$currentUser.name");
        check("$params.id.", "$params.id");
        check("job {$params.id}", "{$params.id}");
        check("job {$params.id", "{$params.id");
        for itself in
            ["", "$", "$5", "$5.00 {a}", "US$", "a $b", "{a}", "{ $a }", "$$", "{$5}", "${a}"]
        {
            check(itself, "nothing");
        }
        let check = |text, told: &str| assert_eq!(seeming_in_text(text).unwrap_or("nothing"), told);
        check("It is {$params.id}!", "{$params.id}");
        check("{$5} {$now}", "{$now}");
        check(" $params.id ", "$params.id");
        check("$query", "$query");
        for itself in ["$HOME", "$params.id and more", "US$ 5", "{ $params.id }", "$5"] {
            check(itself, "nothing");
        }
    }
}
