//! What is wrong with a spec, and where.

use std::collections::HashSet;
use std::fmt;

/// How alike two names must be for the one to be taken for a slip of the other (Jaro-Winkler).
const ALIKE: f64 = 0.8;
/// How many problems are kept.
const MAX_KEPT: usize = 1_000;

/// Where in a spec something stands: the way to it from the top of the app, as an author would
/// say it: `pages[0].components[1].dataSource`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Place(Vec<PathStep>);

/// One step down into a spec.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PathStep {
    /// To the value of this key.
    Key(String),
    /// To this item of a list, from 0.
    Item(usize),
}

impl Place {
    /// The place of the app as a whole.
    pub fn top() -> Self {
        Self::default()
    }

    /// The value of a key below this place.
    pub fn key(&self, key: &str) -> Self {
        self.step(PathStep::Key(key.to_owned()))
    }

    /// An item of the list at this place.
    pub fn item(&self, index: usize) -> Self {
        self.step(PathStep::Item(index))
    }

    /// The value these steps further down.
    pub fn down(&self, steps: &[PathStep]) -> Self {
        Self(self.0.iter().chain(steps).cloned().collect())
    }

    /// The steps from the top.
    pub fn steps(&self) -> &[PathStep] {
        &self.0
    }

    /// What the last step leads to: `pollIntervalMs`, `options[2]`.
    pub fn subject(&self) -> String {
        let key = self.0.iter().rposition(|step| matches!(step, PathStep::Key(_))).unwrap_or(0);
        match &self.0[..] {
            [] => "the app".to_owned(),
            steps => Self(steps[key..].to_vec()).to_string(),
        }
    }

    /// One step further down.
    pub fn step(&self, step: PathStep) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            match step {
                PathStep::Key(key) if index == 0 => f.write_str(key)?,
                PathStep::Key(key) => write!(f, ".{key}")?,
                PathStep::Item(item) => write!(f, "[{item}]")?,
            }
        }
        Ok(())
    }
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The app cannot be served.
    Error,
    /// It can, but probably not as meant.
    Warning,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// Where in the app it stands.
    pub place: Place,
    /// Whether the key at the place is wrong, rather than its value.
    pub at_key: bool,
    /// What is wrong, as a sentence.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

/// Everything found wrong so far. The first thousand are kept, the rest is only counted, so that a
/// hostile spec cannot fill the memory.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    kept: Vec<Problem>,
    /// The last one that was not kept.
    dropped: Option<Problem>,
    errors: usize,
    warnings: usize,
    /// The places that take values, so that `$params.id` is no mere text there.
    dynamic: HashSet<Place>,
}

impl Problems {
    /// Notes that what stands at a place, or below it, may stand for something else.
    pub fn note_values(&mut self, place: Place) {
        self.dynamic.insert(place);
    }

    /// Whether that was noted of this very place.
    pub fn takes_values(&self, place: &Place) -> bool {
        self.dynamic.contains(place)
    }

    /// Reports a value that is wrong.
    pub fn report(&mut self, place: Place, message: impl Into<String>) -> &mut Problem {
        self.errors += 1;
        self.push(Severity::Error, place, message.into())
    }

    /// Reports a value that is probably not meant.
    pub fn warn(&mut self, place: Place, message: impl Into<String>) -> &mut Problem {
        self.warnings += 1;
        self.push(Severity::Warning, place, message.into())
    }

    fn push(&mut self, severity: Severity, place: Place, message: String) -> &mut Problem {
        let problem = Problem { severity, place, at_key: false, message, help: None };
        if self.is_full() {
            return self.dropped.insert(problem);
        }
        self.kept.push(problem);
        self.kept.last_mut().expect("one was just pushed")
    }

    /// How many of them keep the app from being served.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// How many there are, warnings included.
    pub fn count(&self) -> usize {
        self.errors + self.warnings
    }

    /// How many of this severity were counted only.
    pub fn unkept(&self, severity: Severity) -> usize {
        let all = match severity {
            Severity::Error => self.errors,
            Severity::Warning => self.warnings,
        };
        all - self.kept.iter().filter(|problem| problem.severity == severity).count()
    }

    /// Whether no more are kept, so that their words need no care.
    pub fn is_full(&self) -> bool {
        self.kept.len() == MAX_KEPT
    }

    /// Whether something was found at this place or below it.
    pub fn concern(&self, place: &Place) -> bool {
        self.kept.iter().any(|problem| problem.place.0.starts_with(&place.0))
    }

    /// Those that were kept, in the order they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.kept.iter()
    }
}

impl Problem {
    /// Adds what to write instead.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }

    /// Adds which of the known names was probably meant, or else which there are.
    pub fn suggest<'a>(
        &mut self,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> &mut Self {
        if let Some(suggestion) = suggestion(name, known) {
            self.help = Some(suggestion);
        }
        self
    }

    /// Says that the key is wrong, not its value.
    pub fn at_key(&mut self) -> &mut Self {
        self.at_key = true;
        self
    }
}

/// Which of the known names was probably meant, or else which there are; nothing if there are none.
pub fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<_> = known.into_iter().collect();
    match nearest(name, &known) {
        Some(nearest) => Some(format!("did you mean `{nearest}`?")),
        None if known.is_empty() => None,
        None => Some(format!("known here: {}", known.join(", "))),
    }
}

/// The known name that was probably meant.
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let name = name.to_lowercase();
    let alike = |known: &str| strsim::jaro_winkler(&name, &known.to_lowercase());
    let known = known.iter().map(|known| (*known, alike(known)));
    let known = known.filter(|(_, alike)| *alike >= ALIKE);
    known.max_by(|(_, left), (_, right)| left.total_cmp(right)).map(|(nearest, _)| nearest)
}
