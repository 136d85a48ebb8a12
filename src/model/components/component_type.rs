//! The trait of component types.

use crate::model::access::View;
use crate::model::action::{Action, OnSuccess, OpenActions};
use crate::model::data_source::DataSource;
use crate::model::field::FieldAt;
use crate::model::filter::Filter;
use crate::model::phrase::Phrase;
use crate::model::query::Ask;
use crate::model::record::FieldSet;

/// The properties that a component type declares about itself. The defaults suit a component without records,
/// texts with variables, and controls.
pub trait ComponentType {
    /// The data source of the component; `None` if it uses no records.
    fn data_source(&self) -> Option<&DataSource> {
        None
    }

    /// The question that the component asks about its records; `None` if it reads none.
    fn ask(&self) -> Option<Ask> {
        None
    }

    /// Narrows the filter `scope` to the records that the viewer can use in the component, such as those that a
    /// form may change. `None` if the viewer may not use the component at all.
    fn narrow(&self, scope: Filter, _view: &View) -> Option<Filter> {
        Some(scope)
    }

    /// The fields that the viewer must be able to read, or the component shows nothing.
    fn needed_fields(&self) -> Vec<FieldAt> {
        Vec::new()
    }

    /// The fields whose change can change what is shown. Those that the viewer may not read may be among them.
    fn shown_fields(&self, _view: &View) -> Vec<FieldAt> {
        self.needed_fields()
    }

    /// The fields that have an entry of their own, such as the lines of `details` and of a card.
    fn entry_fields(&self, _view: &View) -> FieldSet {
        FieldSet::new([])
    }

    /// The fields that are shown by the labels of related records, if they are relationships.
    fn labelled_fields(&self, _view: &View) -> Vec<FieldAt> {
        Vec::new()
    }

    /// The fields for which the viewer chooses a related record, if they are relationships.
    fn chosen_fields(&self, _view: &View) -> Vec<FieldAt> {
        Vec::new()
    }

    /// The fields that the viewer may edit in place or set with a form.
    fn editable_fields(&self, _view: &View) -> FieldSet {
        FieldSet::new([])
    }

    /// The actions that the viewer may run, and the row rules that they depend on.
    fn open_actions(&self, _view: &View) -> OpenActions {
        OpenActions::default()
    }

    /// Returns the action at an index of one of the component's lists (`row` or `bulk`; an empty name for a
    /// button, which has one action), and what the browser does after it if the author says so. It does not
    /// check whether the viewer may run it: see [`open_actions`](Self::open_actions).
    fn action(&self, _list: &str, _index: usize) -> Option<(&Action, Option<&OnSuccess>)> {
        None
    }

    /// Whether the component shows or changes a single record. If its filter uses a parameter of the path, the
    /// page does not exist without that record.
    fn needs_its_record(&self) -> bool {
        false
    }

    /// The texts that may contain variables.
    fn phrases(&self) -> Vec<&Phrase> {
        Vec::new()
    }

    /// Whether the component adds records, and so reads none.
    fn adds_records(&self) -> bool {
        false
    }

    /// Whether the component has controls or buttons that change records.
    fn changes_records(&self) -> bool {
        false
    }
}
