//! A component as declared. What it may be given is read in `components`; this is what holds.

use std::sync::Arc;

use crate::model::access::View;
use crate::model::filter::Filter;
use crate::model::ids::{ComponentId, TableName};
use crate::model::operand::Operand;
use crate::model::query::{Query, Sort};
use crate::model::record::FieldSet;
use crate::model::refresh::Refresh;
use crate::model::table::FieldAt;

/// One component of a page.
#[derive(Clone, Debug)]
pub struct Component {
    /// Unique on its page.
    pub id: ComponentId,
    /// What any component may be given.
    pub props: Props,
    /// What it is.
    pub kind: ComponentKind,
}

/// `props`, which any component may have.
#[derive(Clone, Debug, Default)]
pub struct Props {
    /// Extra classes for the component's element.
    pub class_name: Option<Arc<str>>,
    /// CSS declarations for the component's element.
    pub style: Option<Arc<str>>,
}

/// Each kind of component with its own options.
#[derive(Clone, Debug)]
pub enum ComponentKind {
    /// Holds others.
    Container(Container),
    /// A heading or a paragraph.
    Text(Text),
    /// A way to another page.
    Link(Link),
    /// Records as rows.
    DataTable(DataTable),
}

/// `container`
#[derive(Clone, Debug)]
pub struct Container {
    /// How the children stand.
    pub layout: Layout,
    /// What it holds.
    pub children: Vec<Component>,
}

/// How a container's children stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Layout {
    /// One below the other.
    #[default]
    Stack,
    /// Side by side, wrapping.
    Row,
    /// In columns of equal width, as many as fit.
    Grid,
    /// One below the other on a raised surface.
    Card,
}

/// `text`
#[derive(Clone, Debug)]
pub struct Text {
    /// The words, never read as HTML.
    pub content: Arc<str>,
    /// What part of the page the words are.
    pub variant: TextVariant,
}

/// What part of the page a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum TextVariant {
    /// The page's own heading.
    Title,
    /// The heading of a part.
    Heading,
    /// A paragraph.
    #[default]
    Body,
    /// A quieter paragraph.
    Muted,
}

/// `link`
#[derive(Clone, Debug)]
pub struct Link {
    /// Where it leads: a path of this app, or an http, https, mailto or tel address.
    pub href: Arc<str>,
    /// The words on it.
    pub label: Arc<str>,
}

/// `dataTable`
#[derive(Clone, Debug)]
pub struct DataTable {
    /// What stands above the table.
    pub title: Option<Arc<str>>,
    /// Which records, in which order, and how they stay current.
    pub data_source: DataSource,
    /// What is shown of each record, from left to right.
    pub columns: Vec<Column>,
    /// What stands where the rows would, when there are none.
    pub empty_message: Arc<str>,
}

/// Which records a component shows and how they stay current.
#[derive(Clone, Debug)]
pub struct DataSource {
    /// The table.
    pub table: TableName,
    /// Which of its records.
    pub filter: Filter<Operand>,
    /// In which order, the most important first.
    pub sort: Vec<Sort>,
    /// How many of them at most: the component's window.
    pub limit: u32,
    /// How they stay current.
    pub refresh: Refresh,
}

impl DataSource {
    /// Which records this viewer sees of the table that they have this view of.
    pub fn scope(&self, view: &View) -> Filter {
        view.rows.clone().and(self.filter.fill(&view.viewer))
    }

    /// What this viewer is shown.
    pub fn query(&self, view: &View) -> Query {
        Query {
            table: self.table.clone(),
            filter: self.scope(view),
            sort: self.sort.clone(),
            limit: self.limit,
            offset: 0,
        }
    }
}

/// One column of a table.
#[derive(Clone, Debug)]
pub struct Column {
    /// The field it shows.
    pub field: FieldAt,
    /// What stands above it.
    pub label: Arc<str>,
    /// Whether its cells can be edited in place, by those who may.
    pub editable: bool,
}

impl DataTable {
    /// Whether somebody may edit cells of it in place.
    pub fn is_editable(&self) -> bool {
        self.columns.iter().any(|column| column.editable)
    }
}

impl Component {
    /// The component and all it holds, parents first.
    pub fn with_children(&self) -> Vec<&Component> {
        let children: &[Component] = match &self.kind {
            ComponentKind::Container(container) => &container.children,
            _ => &[],
        };
        std::iter::once(self).chain(children.iter().flat_map(Component::with_children)).collect()
    }

    /// The fields that this viewer may edit in place.
    pub fn editable(&self, view: &View) -> FieldSet {
        let columns = match &self.kind {
            ComponentKind::DataTable(table) => &table.columns[..],
            _ => &[],
        };
        let editable = columns.iter().filter(|column| column.editable).map(|column| column.field);
        FieldSet::new(editable.filter(|field| view.may_set(*field)))
    }

    /// The records the component shows, where it shows any.
    pub fn data_source(&self) -> Option<&DataSource> {
        match &self.kind {
            ComponentKind::DataTable(table) => Some(&table.data_source),
            _ => None,
        }
    }
}
