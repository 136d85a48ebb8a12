//! What each kind of component says about itself.

use crate::model::access::View;
use crate::model::action::{Action, OnSuccess, OpenActions};
use crate::model::data_source::DataSource;
use crate::model::field::FieldAt;
use crate::model::filter::Filter;
use crate::model::phrase::Phrase;
use crate::model::query::Ask;
use crate::model::record::FieldSet;

/// What a kind of component says about itself. The defaults are those of a component without records, words
/// with values or controls.
pub trait ComponentType {
    /// Which records the component is about.
    fn data_source(&self) -> Option<&DataSource> {
        None
    }

    /// What is asked about these records; nothing where none are read.
    fn ask(&self) -> Option<Ask> {
        None
    }

    /// Those of the records in `scope` that the component is for; nothing where it is not for this viewer.
    fn narrow(&self, scope: Filter, _view: &View) -> Option<Filter> {
        Some(scope)
    }

    /// The fields without which the component shows nothing.
    fn needed_fields(&self) -> Vec<FieldAt> {
        Vec::new()
    }

    /// The fields whose change may change what is shown. A viewer may not be allowed to read all of them.
    fn shown_fields(&self, _view: &View) -> Vec<FieldAt> {
        self.needed_fields()
    }

    /// The fields that have an entry of their own, where the component has entries for fields.
    fn entry_fields(&self, _view: &View) -> FieldSet {
        FieldSet::new([])
    }

    /// The fields that are shown with the labels of the records that they refer to.
    fn labelled_fields(&self, _view: &View) -> Vec<FieldAt> {
        Vec::new()
    }

    /// The relationships for which the viewer chooses a record by the component.
    fn chosen_fields(&self, _view: &View) -> Vec<FieldAt> {
        Vec::new()
    }

    /// The fields that this viewer may edit in place or set.
    fn editable_fields(&self, _view: &View) -> FieldSet {
        FieldSet::new([])
    }

    /// The actions that are for this viewer.
    fn open_actions(&self, _view: &View) -> OpenActions {
        OpenActions::default()
    }

    /// The action at a place in one of the component's lists (`row`, `bulk`; none where it has a single action), and
    /// what happens after it where the author says so. Whether it is for the viewer, [`open_actions`](Self::open_actions)
    /// says.
    fn action(&self, _list: &str, _index: usize) -> Option<(&Action, Option<&OnSuccess>)> {
        None
    }

    /// Whether the component is about one record, without which there is no page at an address that names it.
    fn needs_its_record(&self) -> bool {
        false
    }

    /// The words that may have values of the address or the viewer in them.
    fn phrases(&self) -> Vec<&Phrase> {
        Vec::new()
    }

    /// Whether the component adds records, so that none is read for it.
    fn adds_records(&self) -> bool {
        false
    }

    /// Whether people enter or press something by which records change.
    fn changes_records(&self) -> bool {
        false
    }
}
