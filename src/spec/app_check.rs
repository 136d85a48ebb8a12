//! What the checks of one app share.

use crate::model::ids::Role;
use crate::model::problem::Problems;
use crate::spec::fault::Fault;
use crate::spec::source::Sources;

/// What the checks of one app share.
pub(super) struct AppCheck<'a> {
    /// The roles of the app, the built-in ones first.
    pub(super) roles: &'a [Role],
    /// The files of the app.
    pub(super) sources: &'a mut Sources,
    /// The problems in files that are not YAML, such as seeds.
    pub(super) faults: &'a mut Vec<Fault>,
    /// The problems in what the YAML says.
    pub(super) problems: &'a mut Problems,
}
