//! Problems found in the YAML of an app, each with the place where it was found.

use std::collections::HashSet;
use std::fmt;

/// The least Jaro-Winkler similarity, from 0 to 1, at which a name is suggested for a mistyped one.
const ALIKE: f64 = 0.8;
/// The number of problems that are kept with their messages. Further ones are only counted.
const MAX_KEPT: usize = 1_000;

/// The place of a value in a spec: the keys and indexes that lead to it from the top of the app, written as
/// `pages[0].components[1].dataSource`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Place(Vec<PathStep>);

/// One step down from a value in a spec to a value within it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PathStep {
    /// The step to the value of this key.
    Key(String),
    /// The step to this item of a list, counted from 0.
    Item(usize),
}

impl Place {
    /// The place of the app as a whole.
    pub fn top() -> Self {
        Self::default()
    }

    /// The place of the value of a key, one step down.
    pub fn key(&self, key: &str) -> Self {
        self.step(PathStep::Key(key.to_owned()))
    }

    /// The place of an item of the list here, one step down; `index` counts from 0.
    pub fn item(&self, index: usize) -> Self {
        self.step(PathStep::Item(index))
    }

    /// The place that is these steps further down.
    pub fn down(&self, steps: &[PathStep]) -> Self {
        Self(self.0.iter().chain(steps).cloned().collect())
    }

    /// The steps that lead to it from the top of the app.
    pub fn steps(&self) -> &[PathStep] {
        &self.0
    }

    /// The end of the place from its last key on, for messages: `pollIntervalMs`, `options[2]`. For the top it
    /// is "the app".
    pub fn subject(&self) -> String {
        let key = self.0.iter().rposition(|step| matches!(step, PathStep::Key(_))).unwrap_or(0);
        match &self.0[..] {
            [] => "the app".to_owned(),
            steps => Self(steps[key..].to_vec()).to_string(),
        }
    }

    /// The place that is one step further down.
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

/// The severity of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The app cannot be served with it.
    Error,
    /// The app can be served, but probably not as its author meant.
    Warning,
}

/// One problem in a spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Whether it is an error or a warning.
    pub severity: Severity,
    /// The place of the value that is wrong.
    pub place: Place,
    /// Whether the key at the place is wrong, rather than its value.
    pub at_key: bool,
    /// The text that says what is wrong.
    pub message: String,
    /// The text that says what to write instead; `None` if that is not known.
    pub help: Option<String>,
}

/// The problems found in a spec so far. The first thousand are kept and the rest only counted, so that a
/// hostile spec cannot fill the memory.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    kept: Vec<Problem>,
    /// The last problem that was not kept: a place for the caller that completes it.
    dropped: Option<Problem>,
    errors: usize,
    warnings: usize,
    /// The places that accept variables. At others, a `$params.id` is reported as a mistake.
    dynamic: HashSet<Place>,
}

impl Problems {
    /// Notes that the value at a place accepts variables such as `$params.id`.
    pub fn note_values(&mut self, place: Place) {
        self.dynamic.insert(place);
    }

    /// Whether [`note_values`](Self::note_values) was called for exactly this place.
    pub fn takes_values(&self, place: &Place) -> bool {
        self.dynamic.contains(place)
    }

    /// Reports an error, and returns it so that the caller can add help.
    pub fn report(&mut self, place: Place, message: impl Into<String>) -> &mut Problem {
        self.errors += 1;
        self.push(Severity::Error, place, message.into())
    }

    /// Reports a warning, and returns it so that the caller can add help.
    pub fn warn(&mut self, place: Place, message: impl Into<String>) -> &mut Problem {
        self.warnings += 1;
        self.push(Severity::Warning, place, message.into())
    }

    fn push(&mut self, severity: Severity, place: Place, message: String) -> &mut Problem {
        let problem = Problem { severity, place, at_key: false, message, help: None };
        if self.is_full() {
            // The caller may still complete it, so that it needs a place though it is not kept.
            return self.dropped.insert(problem);
        }
        self.kept.push(problem);
        self.kept.last_mut().expect("one was just pushed")
    }

    /// The number of errors, those that are not kept included.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// The number of errors and warnings, those that are not kept included.
    pub fn count(&self) -> usize {
        self.errors + self.warnings
    }

    /// The number of problems of this severity that were counted but not kept.
    pub fn unkept(&self, severity: Severity) -> usize {
        let all = match severity {
            Severity::Error => self.errors,
            Severity::Warning => self.warnings,
        };
        all - self.kept.iter().filter(|problem| problem.severity == severity).count()
    }

    /// Whether further problems are only counted. Then a caller need not make good messages.
    pub fn is_full(&self) -> bool {
        self.kept.len() == MAX_KEPT
    }

    /// Whether a problem was kept for this place or one below it.
    pub fn concern(&self, place: &Place) -> bool {
        self.kept.iter().any(|problem| problem.place.0.starts_with(&place.0))
    }

    /// Iterates over the problems that were kept, in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.kept.iter()
    }
}

impl Problem {
    /// Adds a text that says what to write instead.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }

    /// Adds the known name that was probably meant, or else all known names. Nothing if there are none.
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

    /// Marks the key at the place as wrong, rather than its value.
    pub fn at_key(&mut self) -> &mut Self {
        self.at_key = true;
        self
    }
}

/// Returns a text with the known name that was probably meant, or else with all known names. `None` if there
/// are none.
pub fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<_> = known.into_iter().collect();
    match nearest(name, &known) {
        Some(nearest) => Some(format!("did you mean `{nearest}`?")),
        None if known.is_empty() => None,
        None => Some(format!("known here: {}", known.join(", "))),
    }
}

/// Returns the known name that was probably meant by a mistyped one. `None` if none is similar enough.
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let name = name.to_lowercase();
    let alike = |known: &str| strsim::jaro_winkler(&name, &known.to_lowercase());
    let known = known.iter().map(|known| (*known, alike(known)));
    let known = known.filter(|(_, alike)| *alike >= ALIKE);
    known.max_by(|(_, left), (_, right)| left.total_cmp(right)).map(|(nearest, _)| nearest)
}
