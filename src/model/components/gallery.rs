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
    /// The heading above the cards.
    pub title: Option<Arc<str>>,
    /// Which records, and how they stay current.
    pub data_source: DataSource,
    /// In which order, and how many at most.
    pub window: Window,
    /// What is shown of each record.
    pub card: Card,
    /// The words in place of the cards when there are none.
    pub empty_message: Arc<str>,
}

/// What a gallery shows of each record.
#[derive(Clone, Debug)]
pub struct Card {
    /// The field that names the record.
    pub title: FieldAt,
    /// The fields below the title, each with its label.
    pub fields: Vec<Detail>,
    /// The path that the card leads to.
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
