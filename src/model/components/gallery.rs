//! `gallery`: records of a table as cards.

use std::sync::Arc;

use crate::model::access::View;
use crate::model::components::component_type::ComponentType;
use crate::model::components::details::{Detail, seen_fields};
use crate::model::data_source::{DataSource, HrefPart};
use crate::model::field::FieldAt;
use crate::model::query::{Ask, Window};
use crate::model::record::FieldSet;

/// A `gallery` component: records of a table as cards.
#[derive(Clone, Debug)]
pub struct Gallery {
    /// The heading above the cards; `None` if there is none.
    pub title: Option<Arc<str>>,
    /// The records that are shown, and their refresh mode.
    pub data_source: DataSource,
    /// The order of the records, and the greatest number that is shown.
    pub window: Window,
    /// The fields that are shown of each record.
    pub card: Card,
    /// The text in place of the cards if there are no records.
    pub empty_message: Arc<str>,
}

/// The fields that a gallery shows of each record.
#[derive(Clone, Debug)]
pub struct Card {
    /// The field that names the record.
    pub title: FieldAt,
    /// The fields below the title, each with its label.
    pub fields: Vec<Detail>,
    /// The parts of the path that the card links to; `None` if it is no link.
    pub href: Option<Vec<HrefPart>>,
}

impl ComponentType for Gallery {
    fn data_source(&self) -> Option<&DataSource> {
        Some(&self.data_source)
    }

    fn ask(&self) -> Option<Ask> {
        Some(Ask::Rows(self.window.clone()))
    }

    fn needed_fields(&self) -> Vec<FieldAt> {
        vec![self.card.title]
    }

    fn shown_fields(&self, view: &View) -> Vec<FieldAt> {
        let in_href = self.card.href.iter().flatten().filter_map(HrefPart::field);
        let title = std::iter::once(self.card.title);
        title.chain(self.entry_fields(view).iter()).chain(in_href).collect()
    }

    fn entry_fields(&self, view: &View) -> FieldSet {
        seen_fields(&self.card.fields, view)
    }

    fn labelled_fields(&self, view: &View) -> Vec<FieldAt> {
        self.shown_fields(view)
    }
}
