//! Deserialises a unit into a Rust type: first by serde, then by the rules of the type.
//!
//! A value that does not fit is reported and removed, and the rest is read again. So one bad leaf hides
//! no other.

use serde_yaml::Value as Yaml;
use validator::{ValidationError, ValidationErrors, ValidationErrorsKind};

use crate::model::problem::{PathStep, Problems, nearest};
use crate::spec::allowed::Allowed;
use crate::spec::tree::{Node, NodeKind};
use crate::spec::unit::{Raw, Unit};
use crate::spec::words;

/// The most values of one unit that are reported and removed before the unit is given up.
const MAX_MISFITS: usize = 20;

/// A selection of the keys of a unit.
enum Keys<'k> {
    All,
    Only(&'k [&'k str]),
    Except(&'k [&'k str]),
}

impl Unit<'_> {
    /// Reads the unit and reports every value that does not fit. `None` if the rest cannot be read
    /// either.
    pub(super) fn read<T: Raw>(&self, problems: &mut Problems) -> Option<T> {
        self.read_keys(&Keys::All, problems)
    }

    /// Reads only these keys of the unit and ignores the others.
    pub(super) fn read_only<T: Raw>(&self, keys: &[&str], problems: &mut Problems) -> Option<T> {
        self.read_keys(&Keys::Only(keys), problems)
    }

    /// Reads the unit without these keys, which are not reported as unknown.
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

    /// The keys that the unit may have although its type does not name them.
    fn beside(&self) -> &[&str] {
        match self {
            Self::Except(keys) => keys,
            _ => &[],
        }
    }
}

/// Reads `value`, which is the whole unit or a part of it. `beside` are keys that it may have although
/// its type does not name them.
fn read<T: Raw>(unit: &Unit, value: Yaml, beside: &[&str], problems: &mut Problems) -> Option<T> {
    let allowed = Allowed::of::<T>(beside);
    let mut reading = UnitReader { unit, allowed, taken: Vec::new(), meant: Vec::new() };
    let raw = reading.deserialise::<T>(value, problems)?;
    if let Err(errors) = raw.validate() {
        reading.report_invalid(&errors, &mut Vec::new(), problems);
    }
    Some(raw)
}

/// The state of reading one unit.
struct UnitReader<'a> {
    unit: &'a Unit<'a>,
    allowed: Allowed<'a>,
    /// The paths in the tree of the values that were removed so far.
    taken: Vec<Vec<PathStep>>,
    /// The paths of the keys that unknown keys are probably misspellings of.
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
        // They come from a hash map: sorted, so that reports have the same order in each run.
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

    /// Reports a required key that is missing. Not if its value was reported and removed, or if an
    /// unknown key is probably a misspelling of it.
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

    /// Reports a broken rule. The first line of `text` says what is wrong, the second what to write
    /// instead.
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

    /// Converts a path in what is left of the value into a path in the tree: the index of an item counts
    /// the removed items before it again.
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

/// Returns the index of the removed value in the list at `way`, `None` if it is not an item of that list.
fn taken_item(taken: &[PathStep], way: &[PathStep]) -> Option<usize> {
    match taken.split_last()? {
        (PathStep::Item(index), above) if above == way => Some(*index),
        _ => None,
    }
}

/// Removes the value at a path. `None` if the path is empty or leads nowhere.
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
