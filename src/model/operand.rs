//! A filter as it is written: its values may stand for something about whoever looks.

use crate::model::access::{User, Viewer};
use crate::model::filter::{Filter, Test};
use crate::model::value::{Person, Value};

/// One value of a filter before it is known who looks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operand {
    /// The same for everyone.
    Literal(Value),
    /// `$currentUser.…`: missing for guests.
    CurrentUser(Attribute),
    /// `$currentUser.id` beside a field that holds people.
    CurrentPerson,
}

/// What `$currentUser` may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attribute {
    /// The account's identity.
    Id,
    /// What they sign in with.
    Email,
    /// What others read.
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
    /// The value for this viewer; nothing where it is missing.
    fn value(&self, viewer: &Viewer) -> Option<Value> {
        match (self, viewer) {
            (Self::Literal(value), _) => Some(value.clone()),
            (_, Viewer::Guest) => None,
            (Self::CurrentUser(attribute), Viewer::User(user)) => Some(attribute.of(user)),
            (Self::CurrentPerson, Viewer::User(user)) => {
                Some(Value::Person(Person { id: user.id.clone(), name: None }))
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
}

impl Filter<Operand> {
    /// The filter for this viewer. A missing value equals, exceeds and contains nothing.
    pub fn fill(&self, viewer: &Viewer) -> Filter {
        let all = |parts: &[Self]| parts.iter().map(|part| part.fill(viewer)).collect();
        match self {
            Self::And(parts) => Filter::And(all(parts)),
            Self::Or(parts) => Filter::Or(all(parts)),
            Self::Not(part) => Filter::Not(Box::new(part.fill(viewer))),
            Self::Test(at, test) => match test.fill(viewer) {
                Some(test) => Filter::Test(*at, test),
                None if matches!(test, Test::Neq(_)) => Filter::all(),
                None => Filter::none(),
            },
        }
    }
}

impl Test<Operand> {
    /// The test for this viewer; nothing where its value is missing.
    fn fill(&self, viewer: &Viewer) -> Option<Test> {
        let list = |operands: &[Operand]| {
            operands.iter().filter_map(|operand| operand.value(viewer)).collect()
        };
        Some(match self {
            Self::Eq(operand) => Test::Eq(operand.value(viewer)?),
            Self::Neq(operand) => Test::Neq(operand.value(viewer)?),
            Self::Gt(operand) => Test::Gt(operand.value(viewer)?),
            Self::Gte(operand) => Test::Gte(operand.value(viewer)?),
            Self::Lt(operand) => Test::Lt(operand.value(viewer)?),
            Self::Lte(operand) => Test::Lte(operand.value(viewer)?),
            Self::Contains(operand) => Test::Contains(operand.value(viewer)?),
            Self::StartsWith(operand) => Test::StartsWith(operand.value(viewer)?),
            Self::EndsWith(operand) => Test::EndsWith(operand.value(viewer)?),
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
    use crate::model::table::FieldAt;

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
        assert_eq!(filter.fill(&Viewer::Guest).matches(&record), guest);
        assert_eq!(filter.fill(&user).matches(&record), ada);
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
}
