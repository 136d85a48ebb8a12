//! `list`: records of a table as a list of lines.

use std::sync::Arc;

use crate::model::access::View;
use crate::model::components::component_type::ComponentType;
use crate::model::data_source::{DataSource, HrefPart};
use crate::model::field::FieldAt;
use crate::model::query::{Ask, Window};

/// A `list` component: records of a table as a list of lines.
#[derive(Clone, Debug)]
pub struct List {
    /// What stands above the list.
    pub title: Option<Arc<str>>,
    /// Which records, and how they stay current.
    pub data_source: DataSource,
    /// In which order, and how many at most.
    pub window: Window,
    /// What is shown of each record.
    pub item: Item,
    /// What stands where the entries would, when there are none.
    pub empty_message: Arc<str>,
}

/// What a list shows of each record.
#[derive(Clone, Debug)]
pub struct Item {
    /// The field that names the record.
    pub title: FieldAt,
    /// The field below it.
    pub subtitle: Option<FieldAt>,
    /// The field at the right.
    pub meta: Option<FieldAt>,
    /// The field shown as a badge.
    pub badge: Option<FieldAt>,
    /// Where the entry leads.
    pub href: Option<Vec<HrefPart>>,
}

impl Item {
    /// Every field of which something is shown.
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
