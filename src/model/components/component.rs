//! One component of a page, of any kind, and the component that holds others.

use std::sync::Arc;

use crate::model::access::View;
use crate::model::action::OpenActions;
use crate::model::components::button::{Button, ButtonTarget};
use crate::model::components::chart::Chart;
use crate::model::components::data_table::DataTable;
use crate::model::components::details::Details;
use crate::model::components::divider::Divider;
use crate::model::components::form::{Form, Purpose};
use crate::model::components::html::Html;
use crate::model::components::image::Image;
use crate::model::components::kpi::Kpi;
use crate::model::components::link::Link;
use crate::model::components::list::List;
use crate::model::components::markdown::Markdown;
use crate::model::components::text::Text;
use crate::model::data_source::DataSource;
use crate::model::field::FieldAt;
use crate::model::ids::ComponentId;
use crate::model::permissions::Grant;
use crate::model::phrase::Phrase;
use crate::model::query::{Ask, Query};
use crate::model::record::FieldSet;
use crate::model::related::Related;
use crate::model::route::RouteValues;
use crate::model::viewer::Viewer;

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

impl Component {
    /// What the component asks for somebody with this view of its table, at an address that gives
    /// these values; nothing if it would be made of a field that they may not read, or is a form that
    /// is not for them.
    pub fn query(&self, view: &View, values: &RouteValues) -> Option<Query> {
        let source = self.data_source()?;
        let ask = self.ask()?;
        let mut filter = source.scope(view, values);
        if let ComponentKind::Form(form) = &self.kind {
            if form.open_fields(view).is_empty() {
                return None;
            }
            // A record that they may not change is none for them to edit.
            filter = filter.and(view.rules().update);
        }
        if let ComponentKind::Button(Button { does: ButtonTarget::Act(act), .. }) = &self.kind {
            if !act.action.is_open(view) {
                return None;
            }
            filter = filter.and(act.action.scope(view));
        }
        let is_open = self.needed().iter().all(|at| view.fields.contains(*at));
        is_open.then(|| Query { table: source.table.clone(), filter, ask })
    }

    /// The fields by which what is shown may change, among those that the viewer may read.
    pub fn shown(&self, view: &View) -> FieldSet {
        let shown = match &self.kind {
            ComponentKind::DataTable(_) => return view.fields.clone(),
            ComponentKind::List(list) => list.item.fields(),
            ComponentKind::Details(details) => details.shown(view),
            ComponentKind::Button(button) => button.shown(),
            _ => self.needed(),
        };
        FieldSet::new(shown.into_iter().filter(|at| view.fields.contains(*at)))
    }

    /// The fields that have an entry of their own in `details`, of those that the viewer may read.
    pub fn entries(&self, view: &View) -> FieldSet {
        match &self.kind {
            ComponentKind::Details(details) => details.entries(view),
            _ => FieldSet::new([]),
        }
    }

    /// The fields it shows that refer to records, with what the viewer may read of those.
    pub fn related(&self, view: &View) -> Vec<Related> {
        let shown: Vec<_> = match &self.kind {
            ComponentKind::DataTable(table) => table.columns.iter().map(|c| c.field).collect(),
            ComponentKind::List(_) | ComponentKind::Chart(_) | ComponentKind::Details(_) => {
                self.shown(view).iter().collect()
            }
            ComponentKind::Form(form) => form.open_fields(view).iter().collect(),
            _ => Vec::new(),
        };
        let is_seen = |at: FieldAt| shown.contains(&at) && view.fields.contains(at);
        let related = view.related.iter().filter(|related| related.display.is_some());
        related.filter(|related| is_seen(related.field)).cloned().collect()
    }

    /// The relationships for which the viewer chooses a record by it.
    pub fn chosen_from<'a>(&self, view: &'a View) -> Vec<&'a Related> {
        let fields: Vec<_> = match &self.kind {
            ComponentKind::DataTable(table) => table.filters.clone(),
            ComponentKind::Form(form) => form.open_fields(view).iter().collect(),
            _ => Vec::new(),
        };
        let is_open = |at: FieldAt| fields.contains(&at) && view.known.contains(at);
        view.related.iter().filter(|related| is_open(related.field)).collect()
    }

    fn ask(&self) -> Option<Ask> {
        Some(match &self.kind {
            ComponentKind::DataTable(table) => Ask::Rows(table.window.clone()),
            ComponentKind::List(list) => Ask::Rows(list.window.clone()),
            ComponentKind::Form(form) => Ask::Rows(form.window()),
            ComponentKind::Details(details) => Ask::Rows(details.window.clone()),
            ComponentKind::Button(button) => Ask::Rows(button.act()?.window()),
            ComponentKind::Kpi(kpi) => Ask::Figure(kpi.measure),
            ComponentKind::Chart(chart) => Ask::Groups(chart.grouping),
            ComponentKind::Container(_)
            | ComponentKind::Text(_)
            | ComponentKind::Link(_)
            | ComponentKind::Image(_)
            | ComponentKind::Divider(_)
            | ComponentKind::Markdown(_)
            | ComponentKind::Html(_)
            | ComponentKind::Presence => return None,
        })
    }

    /// The fields without which there is nothing to show.
    fn needed(&self) -> Vec<FieldAt> {
        match &self.kind {
            ComponentKind::List(list) => vec![list.item.title],
            ComponentKind::Kpi(kpi) => kpi.measure.field().into_iter().collect(),
            ComponentKind::Chart(Chart { grouping, .. }) => {
                std::iter::once(grouping.by.field()).chain(grouping.measure.field()).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The fields that this viewer may edit in place, or set by the form.
    pub fn editable(&self, view: &View) -> FieldSet {
        let columns = match &self.kind {
            ComponentKind::DataTable(table) => &table.columns[..],
            ComponentKind::Form(form) => return form.open_fields(view),
            _ => &[],
        };
        let editable = columns.iter().filter(|column| column.editable).map(|column| column.field);
        FieldSet::new(editable.filter(|field| view.may_set(*field)))
    }

    /// What the viewer may do by it.
    pub fn open_actions(&self, view: &View) -> OpenActions {
        match &self.kind {
            ComponentKind::Button(button) => {
                let open = button.act().filter(|act| act.action.is_open(view));
                let row = open.into_iter().map(|_| 0).collect();
                OpenActions { row, ..OpenActions::default() }
            }
            ComponentKind::DataTable(table) => table.open_actions(view),
            _ => OpenActions::default(),
        }
    }
}
