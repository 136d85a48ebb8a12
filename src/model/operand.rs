//! A filter as it is written: its values may stand for something about whoever looks, or for what
//! the address of the page gives.

use std::sync::Arc;

use crate::model::field::FieldAt;
use crate::model::filter::{Filter, Test};
use crate::model::route::RouteValues;
use crate::model::storage::Storage;
use crate::model::value::{UserRef, Value};
use crate::model::viewer::{User, Viewer};

/// One value of a filter before it is known who looks, and at what address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operand {
    /// The same for everyone.
    Literal(Value),
    /// `$currentUser.…`: missing for guests.
    CurrentUser(Attribute),
    /// `$currentUser.id` beside a field that holds people.
    CurrentPerson,
    /// `$params.…`: a parameter of the page's path, as a value of this kind.
    Param(Arc<str>, Storage),
    /// `$query.…`: what the query string gives under this name, as a value of this kind.
    Query(Arc<str>, Storage),
}

/// What `$currentUser` may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attribute {
    /// The identity of the account that is signed in.
    Id,
    /// What they sign in with.
    Email,
    /// The name of the account that is signed in.
    Name,
    /// What permissions go by.
    Role,
}

/// The attributes by the names they have in YAML and in the API.
pub const ATTRIBUTES: [(&str, Attribute); 4] = [
    ("id", Attribute::Id),
    ("email", Attribute::Email),
    ("name", Attribute::Name),
    ("role", Attribute::Role),
];

impl Operand {
    /// The value for this viewer; nothing where it is missing, or no value of its kind.
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

    /// What it is of this viewer; guests have none.
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

/// What values can be of.
pub const ROOTS: [&str; 3] = ["$params", "$query", "$currentUser"];
/// Where words can have values in them, as an author would say it.
pub const PLACES: &str =
    "`content` of a text, `label` and `href` of a link or a button, and `meta` of a page";

/// The root that a name like `$user` was probably meant for, among those that are known.
pub fn nearest_root(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let wanted = name.trim_start_matches('$').to_lowercase();
    let has = |root: &&&str| wanted.len() > 2 && root.to_lowercase().contains(&wanted);
    let part = known.iter().find(has);
    // One letter more or less, but not `$user` for `$query`.
    let near =
        || known.iter().find(|root| strsim::levenshtein(&root[1..].to_lowercase(), &wanted) < 3);
    part.or_else(near).copied()
}

/// What a value seems to stand for: `$now` where it begins with `$` and a letter, `{$now}` where it has
/// that in it. A price, as `$5`, stands for itself.
pub fn seeming(value: &str) -> Option<&str> {
    named(value).or_else(|| in_braces(value))
}

/// What a text seems to have in it: `{$now}`, or nothing but a value that there is, as `$params.id`.
pub fn seeming_in_text(text: &str) -> Option<&str> {
    let alone = named(text.trim()).filter(|name| *name == text.trim());
    let known = |name: &&str| ROOTS.contains(&name.split('.').next().unwrap_or_default());
    in_braces(text).or_else(|| alone.filter(known))
}

/// `$` and the name after it, where a text begins with them.
fn named(text: &str) -> Option<&str> {
    let name = text.strip_prefix('$')?;
    name.starts_with(|c: char| c.is_ascii_alphabetic()).then_some(())?;
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let end = name.find(|c| !is_part(c)).unwrap_or(name.len());
    Some(text[..=end].trim_end_matches('.'))
}

/// The first `{$…}` of a text, with a letter after the `$`.
fn in_braces(text: &str) -> Option<&str> {
    let mut starts = text.match_indices("{$").map(|(start, _)| start);
    let start = starts.find(|start| named(&text[start + 1..]).is_some())?;
    let rest = &text[start..];
    let end = rest.find('}').map_or(1 + named(&rest[1..])?.len(), |end| end + 1);
    Some(&rest[..end])
}

impl Filter<Operand> {
    /// The filter for this viewer, at an address that gives these values. A missing value equals,
    /// exceeds and contains nothing.
    pub fn fill(&self, viewer: &Viewer, values: &RouteValues) -> Filter {
        let all = |parts: &[Self]| parts.iter().map(|part| part.fill(viewer, values)).collect();
        match self {
            Self::And(parts) => Filter::And(all(parts)),
            Self::Or(parts) => Filter::Or(all(parts)),
            Self::Not(part) => Filter::Not(Box::new(part.fill(viewer, values))),
            Self::Test(at, test) => match test.fill(viewer, values) {
                Some(test) => Filter::Test(*at, test),
                None if matches!(test, Test::Neq(_)) => Filter::all(),
                None => Filter::none(),
            },
        }
    }

    /// The field that must equal a parameter of the path, if there is one.
    pub fn field_of_param(&self, name: &str) -> Option<FieldAt> {
        match self {
            Self::And(parts) => parts.iter().find_map(|part| part.field_of_param(name)),
            Self::Test(at, Test::Eq(Operand::Param(known, _))) => {
                (known.as_ref() == name).then_some(*at)
            }
            _ => None,
        }
    }

    /// The filter for every value that the parameters of the path may have.
    #[must_use]
    pub fn without_params(&self) -> Self {
        match self {
            Self::And(parts) => Self::And(parts.iter().map(Self::without_params).collect()),
            Self::Test(_, Test::Eq(Operand::Param(..))) => Self::And(Vec::new()),
            other => other.clone(),
        }
    }

    /// Whether one of its values is what the query string gives under this name.
    pub fn asks_query(&self, name: &str) -> bool {
        self.has(&|operand| matches!(operand, Operand::Query(known, _) if known.as_ref() == name))
    }

    /// Whether one of its values is a parameter of the page's path.
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
    /// The values it holds a field against.
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

    /// The test for this viewer; nothing where its value is missing.
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
