//! `list`: records of a table as a list.

use std::sync::Arc;

use crate::model::access::View;
use crate::model::components::component_type::ComponentType;
use crate::model::data_source::{DataSource, HrefPart};
use crate::model::field::FieldAt;
use crate::model::query::{Ask, Window};

/// A `list` component: records of a table as a list.
#[derive(Clone, Debug)]
pub struct List {
    /// The heading above the list; `None` if it has none.
    pub title: Option<Arc<str>>,
    /// The records in the list, and their refresh mode.
    pub data_source: DataSource,
    /// The order of the records, and the greatest number that is shown.
    pub window: Window,
    /// The fields that are shown of each record.
    pub item: Item,
    /// The text in place of the list if it has no records.
    pub empty_message: Arc<str>,
}

/// The fields that a list shows of each record.
#[derive(Clone, Debug)]
pub struct Item {
    /// The field that names the record.
    pub title: FieldAt,
    /// The field below the title; `None` if there is none.
    pub subtitle: Option<FieldAt>,
    /// The field at the right edge; `None` if there is none.
    pub meta: Option<FieldAt>,
    /// The field that is shown as a badge; `None` if there is none.
    pub badge: Option<FieldAt>,
    /// The parts of the path that the item links to; `None` if it is no link.
    pub href: Option<Vec<HrefPart>>,
}

impl Item {
    /// Returns every field whose value is shown or is in the link.
    fn fields(&self) -> Vec<FieldAt> {
        let Self { title, subtitle, meta, badge, href } = self;
        let in_href = href.iter().flatten().filter_map(HrefPart::field);
        let rest = [*subtitle, *meta, *badge].into_iter().flatten();
        std::iter::once(*title).chain(rest).chain(in_href).collect()
    }
}

impl ComponentType for List {
    fn data_source(&self) -> Option<&DataSource> {
        Some(&self.data_source)
    }

    fn ask(&self) -> Option<Ask> {
        Some(Ask::Rows(self.window.clone()))
    }

    fn needed_fields(&self) -> Vec<FieldAt> {
        vec![self.item.title]
    }

    fn shown_fields(&self, _: &View) -> Vec<FieldAt> {
        self.item.fields()
    }

    fn labelled_fields(&self, _: &View) -> Vec<FieldAt> {
        self.item.fields()
    }
}
