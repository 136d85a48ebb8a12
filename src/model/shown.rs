//! What a component asks of its table for a viewer, and what of it they are shown and may do.

use crate::model::access::View;
use crate::model::action::{Button, ButtonTarget, OpenActions};
use crate::model::component::{Chart, Component, ComponentKind, Details, HrefPart, Item};
use crate::model::query::{Ask, Query};
use crate::model::record::FieldSet;
use crate::model::related::Related;
use crate::model::route::RouteValues;
use crate::model::table::FieldAt;

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

impl Details {
    fn shown(&self, view: &View) -> Vec<FieldAt> {
        self.entries(view).iter().chain(self.title_field).collect()
    }

    fn entries(&self, view: &View) -> FieldSet {
        let seen = self.fields.iter().filter(|detail| detail.visible.allows(&view.viewer));
        FieldSet::new(seen.map(|detail| detail.field).filter(|at| view.fields.contains(*at)))
    }
}

impl Item {
    /// Every field of which something is shown.
    fn fields(&self) -> Vec<FieldAt> {
        let Self { title, subtitle, meta, badge, href } = self;
        let in_href = href.iter().flatten().filter_map(|part| match part {
            HrefPart::Field(at) => Some(*at),
            HrefPart::Text(_) => None,
        });
        let rest = [*subtitle, *meta, *badge].into_iter().flatten();
        std::iter::once(*title).chain(rest).chain(in_href).collect()
    }
}
