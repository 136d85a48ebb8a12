//! How a unit becomes a type of ours: by serde, then by the type's own rules.
//!
//! A value that does not fit is reported and taken out, and the rest is read again, so that one bad
//! leaf hides no other.

use serde_yaml::Value as Yaml;
use validator::{ValidationError, ValidationErrors, ValidationErrorsKind};

use crate::model::problem::{PathStep, Problems, nearest};
use crate::spec::allowed::Allowed;
use crate::spec::tree::{Node, NodeKind};
use crate::spec::unit::{Raw, Unit};
use crate::spec::words;

/// How many values of one unit are reported before it is given up.
const MAX_MISFITS: usize = 20;

/// Which keys of a unit are read.
enum Keys<'k> {
    All,
    Only(&'k [&'k str]),
    Except(&'k [&'k str]),
}

impl Unit<'_> {
    /// Reads the unit. Reports all that does not fit; nothing comes back if nothing fits.
    pub(super) fn read<T: Raw>(&self, problems: &mut Problems) -> Option<T> {
        self.read_keys(&Keys::All, problems)
    }

    /// Reads these keys of the unit as if there were no others.
    pub(super) fn read_only<T: Raw>(&self, keys: &[&str], problems: &mut Problems) -> Option<T> {
        self.read_keys(&Keys::Only(keys), problems)
    }

    /// Reads the unit as if it did not have these keys.
    pub(super) fn read_except<T: Raw>(&self, keys: &[&str], problems: &mut Problems) -> Option<T> {
        self.read_keys(&Keys::Except(keys), problems)
    }

    fn read_keys<T: Raw>(&self, keys: &Keys, problems: &mut Problems) -> Option<T> {
        if !matches!(self.node.kind, NodeKind::Mapping(_)) {
            self.refuse(problems);
            return None;
        }
        read(self, keys.lower(self.node), keys.beside(), problems)
    }

    fn refuse(&self, problems: &mut Problems) {
        let got = match self.node.kind {
            NodeKind::Broken => return,
            _ => self.node.describe(),
        };
        let subject = self.place.subject();
        problems.report(self.place.clone(), format!("{subject} must be a mapping, got {got}"));
    }
}

impl Keys<'_> {
    fn lower(&self, node: &Node) -> Yaml {
        let NodeKind::Mapping(entries) = &node.kind else { return Yaml::Null };
        let wanted = entries.iter().filter(|entry| match self {
            Self::All => true,
            Self::Only(keys) => keys.contains(&entry.key.as_str()),
            Self::Except(keys) => !keys.contains(&entry.key.as_str()),
        });
        let pairs = wanted.map(|entry| (entry.key.as_str().into(), entry.value.lower()));
        Yaml::Mapping(pairs.collect())
    }

    /// Keys that the unit may have though its type does not name them.
    fn beside(&self) -> &[&str] {
        match self {
            Self::Except(keys) => keys,
            _ => &[],
        }
    }
}

/// Reads a value, which is what the unit holds or part of it. `beside` are keys that it may have
/// though its type does not name them.
fn read<T: Raw>(unit: &Unit, value: Yaml, beside: &[&str], problems: &mut Problems) -> Option<T> {
    let allowed = Allowed::of::<T>(beside);
    let mut reading = UnitReader { unit, allowed, taken: Vec::new(), meant: Vec::new() };
    let raw = reading.deserialise::<T>(value, problems)?;
    if let Err(errors) = raw.validate() {
        reading.report_invalid(&errors, &mut Vec::new(), problems);
    }
    Some(raw)
}

/// A unit on its way to its type.
struct UnitReader<'a> {
    unit: &'a Unit<'a>,
    allowed: Allowed<'a>,
    /// The values taken out so far, by the way to them in the tree.
    taken: Vec<Vec<PathStep>>,
    /// The ways to the keys that unknown ones were probably meant for.
    meant: Vec<Vec<PathStep>>,
}

impl UnitReader<'_> {
    fn deserialise<T: Raw>(&mut self, mut value: Yaml, problems: &mut Problems) -> Option<T> {
        for _ in 0..MAX_MISFITS {
            let mut unknown = Vec::new();
            let mut track = serde_path_to_error::Track::new();
            let tracked = serde_path_to_error::Deserializer::new(&value, &mut track);
            let read = serde_ignored::deserialize(tracked, |path| unknown.push(ignored(&path)));
            match read {
                Ok(raw) => {
                    self.report_unknown(&unknown, problems);
                    return Some(raw);
                }
                Err(error) => {
                    let steps = steps(&track.path());
                    let at = self.in_tree(&steps);
                    self.report_misfit(&at, &error, problems);
                    take(&mut value, &steps)?;
                    self.taken.push(at);
                }
            }
        }
        None
    }

    fn report_misfit(&self, at: &[PathStep], error: &serde_yaml::Error, problems: &mut Problems) {
        let Some(found) = self.unit.node.down(at) else { return };
        if matches!(found.node.kind, NodeKind::Broken) {
            return;
        }
        let place = self.unit.place.down(at);
        if problems.is_full() {
            problems.report(place, "does not fit");
            return;
        }
        let subject = place.subject();
        let choices = self.allowed.values(at);
        let misfit = words::misfit(&subject, found.node, &choices, &error.to_string());
        problems.report(place, misfit.message).help = misfit.help;
    }

    fn report_unknown(&mut self, unknown: &[Vec<PathStep>], problems: &mut Problems) {
        for steps in unknown {
            let at = self.in_tree(steps);
            let Some((PathStep::Key(key), above)) = at.split_last() else { continue };
            let place = self.unit.place.down(&at);
            if problems.is_full() {
                problems.report(place, "unknown key");
                continue;
            }
            let known = self.allowed.keys(above);
            let known: Vec<_> = known.iter().map(String::as_str).collect();
            if let Some(meant) = nearest(key, &known) {
                self.meant.push([above, &[PathStep::Key(meant.to_owned())]].concat());
            }
            problems.report(place, format!("unknown key `{key}`")).at_key().suggest(key, known);
        }
    }

    fn report_invalid(
        &self,
        errors: &ValidationErrors,
        above: &mut Vec<PathStep>,
        problems: &mut Problems,
    ) {
        // Sorted, or the order would change from run to run.
        let mut fields: Vec<_> = errors.errors().iter().collect();
        fields.sort_by_key(|(left, _)| *left);
        for (name, kind) in fields {
            above.push(PathStep::Key(words::camel_case(name)));
            match kind {
                ValidationErrorsKind::Struct(errors) => {
                    self.report_invalid(errors, above, problems);
                }
                ValidationErrorsKind::List(items) => {
                    for (index, errors) in items {
                        above.push(PathStep::Item(*index));
                        self.report_invalid(errors, above, problems);
                        above.pop();
                    }
                }
                ValidationErrorsKind::Field(errors) => self.report_rules(errors, above, problems),
            }
            above.pop();
        }
    }

    fn report_rules(&self, errors: &[ValidationError], at: &[PathStep], problems: &mut Problems) {
        for error in errors {
            if error.code == "required" {
                self.report_missing(at, problems);
            } else {
                let text = error.message.as_deref().unwrap_or("is not allowed");
                self.report_rule(text, at, problems);
            }
        }
    }

    /// Reports a key that must be there, unless its value was reported and taken out, or its name
    /// was misspelt.
    fn report_missing(&self, steps: &[PathStep], problems: &mut Problems) {
        let at = self.in_tree(steps);
        let Some((PathStep::Key(key), above)) = at.split_last() else { return };
        let is_full = problems.is_full();
        let problem = match self.unit.node.down(&at).map(|found| &found.node.kind) {
            None if self.meant.contains(&at) => return,
            None => problems.report(self.unit.place.down(above), format!("`{key}` is missing")),
            Some(NodeKind::Null) => {
                problems.report(self.unit.place.down(&at), format!("`{key}` must have a value"))
            }
            Some(_) => return,
        };
        if is_full {
            return;
        }
        problem.help = self.allowed.purpose(&at).map(|purpose| format!("add `{key}`: {purpose}"));
    }

    /// Reports a broken rule. The first line of its text says what is wrong, the second what to
    /// write instead.
    fn report_rule(&self, text: &str, steps: &[PathStep], problems: &mut Problems) {
        let at = self.in_tree(steps);
        let place = self.unit.place.down(&at);
        let subject = place.subject();
        let found = self.unit.node.down(&at);
        let (rule, help) =
            text.split_once('\n').map_or((text, None), |(rule, help)| (rule, Some(help)));
        let got = found.map(|found| words::got(found.node)).unwrap_or_default();
        let problem = problems.report(place, format!("{subject} {rule}{got}"));
        if let Some(help) = help {
            problem.help(help);
        }
    }

    /// The way to a value in the tree, from the way to it after others were taken out.
    fn in_tree(&self, steps: &[PathStep]) -> Vec<PathStep> {
        let mut way: Vec<PathStep> = Vec::with_capacity(steps.len());
        for step in steps {
            let PathStep::Item(index) = step else {
                way.push(step.clone());
                continue;
            };
            let mut gone: Vec<usize> =
                self.taken.iter().filter_map(|taken| taken_item(taken, &way)).collect();
            gone.sort_unstable();
            let index = gone.iter().fold(*index, |index, gone| index + usize::from(*gone <= index));
            way.push(PathStep::Item(index));
        }
        way
    }
}

/// Which item of the list at `way` was taken out, if it was one of its.
fn taken_item(taken: &[PathStep], way: &[PathStep]) -> Option<usize> {
    match taken.split_last()? {
        (PathStep::Item(index), above) if above == way => Some(*index),
        _ => None,
    }
}

/// Takes a value out. Nothing if it is the whole.
fn take(value: &mut Yaml, steps: &[PathStep]) -> Option<()> {
    let (last, above) = steps.split_last()?;
    let mut holder = value;
    for step in above {
        holder = match step {
            PathStep::Key(key) => holder.get_mut(key.as_str())?,
            PathStep::Item(index) => holder.get_mut(*index)?,
        };
    }
    match (last, holder) {
        (PathStep::Key(key), Yaml::Mapping(mapping)) => mapping.remove(key.as_str()).map(drop),
        (PathStep::Item(index), Yaml::Sequence(items)) if *index < items.len() => {
            items.remove(*index);
            Some(())
        }
        _ => None,
    }
}

fn steps(path: &serde_path_to_error::Path) -> Vec<PathStep> {
    use serde_path_to_error::Segment;
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(PathStep::Item(*index)),
            Segment::Map { key } => Some(PathStep::Key(key.clone())),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

fn ignored(path: &serde_ignored::Path) -> Vec<PathStep> {
    use serde_ignored::Path;
    let (above, step) = match path {
        Path::Root => return Vec::new(),
        Path::Seq { parent, index } => (parent, Some(PathStep::Item(*index))),
        Path::Map { parent, key } => (parent, Some(PathStep::Key(key.clone()))),
        Path::Some { parent }
        | Path::NewtypeStruct { parent }
        | Path::NewtypeVariant { parent } => (parent, None),
    };
    ignored(above).into_iter().chain(step).collect()
}
