//! A component as declared. What it may be given is read in `components`; this is what holds.

use std::sync::Arc;

use crate::model::access::{Grant, View, Viewer};
use crate::model::action::{Button, ButtonTarget};
use crate::model::data_table::{DataTable, ValueFormat};
use crate::model::filter::Filter;
use crate::model::form::{Form, Purpose};
use crate::model::ids::{ComponentId, TableName};
use crate::model::operand::Operand;
use crate::model::phrase::Phrase;
use crate::model::query::{Grouping, Measure, Window};
use crate::model::refresh::Refresh;
use crate::model::route::RouteValues;
use crate::model::table::FieldAt;

/// One component of a page.
#[derive(Clone, Debug)]
pub struct Component {
    /// Unique on its page.
    pub id: ComponentId,
    /// Who sees it, and what it holds.
    pub visible: Grant,
    /// What any component may be given.
    pub props: Props,
    /// What kind of component it is, with what its kind says.
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
    /// A group of other components.
    Container(Container),
    /// A heading or a paragraph.
    Text(Text),
    /// A way to another page.
    Link(Link),
    /// A picture from the public files.
    Image(Image),
    /// A line between parts.
    Divider(Divider),
    /// A longer text with headings, lists and links.
    Markdown(Markdown),
    /// HTML as its author wrote it.
    Html(Html),
    /// Records of a table as rows.
    DataTable(Box<DataTable>),
    /// Records as entries of a list.
    List(List),
    /// Leads somewhere, or does something to a record.
    Button(Button),
    /// Adds a record or changes one.
    Form(Form),
    /// One record, field by field.
    Details(Details),
    /// One figure over records.
    Kpi(Kpi),
    /// Figures of groups of records, drawn.
    Chart(Chart),
    /// The people on the page.
    Presence,
}

/// A `container` component: other components, laid out together.
#[derive(Clone, Debug)]
pub struct Container {
    /// How the children stand.
    pub layout: Layout,
    /// The components within it.
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

/// A `text` component: words in the role of a title, heading or paragraph.
#[derive(Clone, Debug)]
pub struct Text {
    /// The words, never read as HTML.
    pub content: Phrase,
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
    /// A paragraph of ordinary text.
    #[default]
    Body,
    /// A paragraph in a quieter colour.
    Muted,
}

/// A `link` component: a way to another page.
#[derive(Clone, Debug)]
pub struct Link {
    /// Where it leads: a path of this app, or an http, https, mailto or tel address.
    pub href: Phrase,
    /// The words on it.
    pub label: Phrase,
}

/// An `image` component: a picture with a description.
#[derive(Clone, Debug)]
pub struct Image {
    /// Where it is: a path of this app or an https address.
    pub src: Arc<str>,
    /// What it shows, in words; empty for one that only decorates.
    pub alt: Arc<str>,
    /// Its width and height in pixels, so that its place is kept while it loads.
    pub size: Option<(u32, u32)>,
    /// What stands below it.
    pub caption: Option<Arc<str>>,
    /// Whether its corners are round.
    pub rounded: bool,
}

/// A `divider` component: a line between other components.
#[derive(Clone, Debug)]
pub struct Divider {
    /// The words in the line.
    pub label: Option<Arc<str>>,
}

/// A `markdown` component: prose with headings, lists and links.
#[derive(Clone, Debug)]
pub struct Markdown {
    /// CommonMark with tables, whose links lead nowhere unsafe.
    pub content: Arc<str>,
    /// How many levels its headings move down, so that the page has one title.
    pub lowered: u8,
}

/// An `html` component: HTML as its author wrote it.
#[derive(Clone, Debug)]
pub struct Html {
    /// What the author wrote; nothing of it is changed.
    pub content: Arc<str>,
}

/// Which records a component is about and how they stay current.
#[derive(Clone, Debug)]
pub struct DataSource {
    /// The table whose records are shown.
    pub table: TableName,
    /// Which of its records.
    pub filter: Filter<Operand>,
    /// How they stay current.
    pub refresh: Refresh,
}

impl DataSource {
    /// Which records this viewer sees of the table that they have this view of, at an address that
    /// gives these values.
    pub fn scope(&self, view: &View, values: &RouteValues) -> Filter {
        view.rows.clone().and(self.filter.fill(&view.viewer, values))
    }
}

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

/// A part of a path that is made for each record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HrefPart {
    /// The same for all.
    Text(Arc<str>),
    /// The record's value of a field.
    Field(FieldAt),
}

/// A `details` component: the fields of one record.
#[derive(Clone, Debug)]
pub struct Details {
    /// The field that names the record.
    pub title_field: Option<FieldAt>,
    /// Whether that is the title of the page too.
    pub is_title: bool,
    /// Which record, and how it stays current.
    pub data_source: DataSource,
    /// The first of those in this order.
    pub window: Window,
    /// What is shown of it.
    pub fields: Vec<Detail>,
    /// What stands where the record would, when there is none.
    pub empty_message: Arc<str>,
}

/// A field of a record that is shown by itself.
#[derive(Clone, Debug)]
pub struct Detail {
    /// The field that is shown.
    pub field: FieldAt,
    /// What stands above its value.
    pub label: Arc<str>,
    /// How its value is written; absent: as suits the field.
    pub format: Option<ValueFormat>,
    /// The viewers who see it.
    pub visible: Grant,
}

/// A `kpi` component: one figure over the records of a table.
#[derive(Clone, Debug)]
pub struct Kpi {
    /// What the figure is.
    pub label: Arc<str>,
    /// Which records it is made of, and how it stays current.
    pub data_source: DataSource,
    /// How it is made of them.
    pub measure: Measure,
    /// What stands below it.
    pub hint: Option<Arc<str>>,
}

/// A `chart` component: figures over groups of records, drawn.
#[derive(Clone, Debug)]
pub struct Chart {
    /// How it is drawn.
    pub kind: ChartKind,
    /// What stands above it.
    pub title: Arc<str>,
    /// Which records it is made of, and how it stays current.
    pub data_source: DataSource,
    /// How they are grouped, and the figure of each group.
    pub grouping: Grouping,
    /// What stands in its place when there are no records.
    pub empty_message: Arc<str>,
}

/// How a chart is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChartKind {
    /// A line through time.
    Line,
    /// A bar for each group.
    Bar,
    /// A line through time, filled below.
    Area,
    /// A ring of parts.
    Donut,
}

impl Component {
    /// The component and all it holds, parents first.
    pub fn with_children(&self) -> Vec<&Component> {
        let held = self.children().iter().flat_map(Component::with_children);
        std::iter::once(self).chain(held).collect()
    }

    /// What of that the viewer may see: nothing within what they may not.
    pub fn seen_by(&self, viewer: &Viewer) -> Vec<&Component> {
        if !self.visible.allows(viewer) {
            return Vec::new();
        }
        let held = self.children().iter().flat_map(|child| child.seen_by(viewer));
        std::iter::once(self).chain(held).collect()
    }

    /// Whether a name in a query string means something to it.
    pub fn knows(&self, name: &str) -> bool {
        self.data_source().is_some_and(|source| source.filter.asks_query(name))
            || self.phrases().iter().any(|phrase| phrase.asks_query(name))
    }

    /// Its words that may have values in them.
    pub fn phrases(&self) -> Vec<&Phrase> {
        match &self.kind {
            ComponentKind::Text(text) => vec![&text.content],
            ComponentKind::Link(link) => vec![&link.href, &link.label],
            ComponentKind::Button(button) => match &button.does {
                ButtonTarget::Lead(href) => vec![href, &button.label],
                ButtonTarget::Act(_) => vec![&button.label],
            },
            _ => Vec::new(),
        }
    }

    fn children(&self) -> &[Component] {
        match &self.kind {
            ComponentKind::Container(container) => &container.children,
            _ => &[],
        }
    }

    /// Whether records are added by it, and none is read for it.
    pub fn adds(&self) -> bool {
        matches!(&self.kind, ComponentKind::Form(form) if form.purpose == Purpose::Create)
    }

    /// The records the component is about, where it is about any.
    pub fn data_source(&self) -> Option<&DataSource> {
        match &self.kind {
            ComponentKind::DataTable(table) => Some(&table.data_source),
            ComponentKind::List(list) => Some(&list.data_source),
            ComponentKind::Form(form) => Some(&form.data_source),
            ComponentKind::Details(details) => Some(&details.data_source),
            ComponentKind::Button(button) => button.act().map(|act| &act.data_source),
            ComponentKind::Kpi(kpi) => Some(&kpi.data_source),
            ComponentKind::Chart(chart) => Some(&chart.data_source),
            ComponentKind::Container(_)
            | ComponentKind::Text(_)
            | ComponentKind::Link(_)
            | ComponentKind::Image(_)
            | ComponentKind::Divider(_)
            | ComponentKind::Markdown(_)
            | ComponentKind::Html(_)
            | ComponentKind::Presence => None,
        }
    }
}
