//! One component of a page, of any kind.

use std::sync::Arc;

use crate::model::access::View;
use crate::model::action::{Action, OnSuccess, OpenActions};
use crate::model::components;
use crate::model::components::component_type::ComponentType;
use crate::model::components::with_components;
use crate::model::data_source::DataSource;
use crate::model::field::FieldAt;
use crate::model::ids::ComponentId;
use crate::model::permissions::Grant;
use crate::model::phrase::Phrase;
use crate::model::query::Query;
use crate::model::record::FieldSet;
use crate::model::related::Related;
use crate::model::route::RouteValues;
use crate::model::viewer::Viewer;

/// One component of a page.
#[derive(Clone, Debug)]
pub struct Component {
    /// Unique on its page.
    pub id: ComponentId,
    /// The viewers who see the component and what it holds.
    pub visible: Grant,
    /// What any component may be given.
    pub props: Props,
    /// What kind of component it is, with the kind's own options.
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

macro_rules! component_kinds {
    ($($type_name:literal => $module:ident::$kind:ident $(<$held:ident>)?, $given:ident;)*) => {
        /// Each kind of component with its own options.
        #[derive(Clone, Debug)]
        pub enum ComponentKind {
            $(
                #[doc = concat!("`", $type_name, "` in YAML.")]
                $kind(Box<components::$module::$kind $(<$held>)?>),
            )*
        }

        $(
            impl From<components::$module::$kind $(<$held>)?> for ComponentKind {
                fn from(options: components::$module::$kind $(<$held>)?) -> Self {
                    Self::$kind(Box::new(options))
                }
            }
        )*

        impl ComponentKind {
            fn as_type(&self) -> &dyn ComponentType {
                match self {
                    $(Self::$kind(options) => &**options,)*
                }
            }
        }
    };
}
with_components!(component_kinds);

impl Component {
    /// The component and all it holds, parents first.
    pub fn with_children(&self) -> Vec<&Component> {
        let held = self.children().iter().flat_map(Component::with_children);
        std::iter::once(self).chain(held).collect()
    }

    /// Those of [`with_children`](Self::with_children) that the viewer may see: none within one that they may not.
    pub fn seen_by(&self, viewer: &Viewer) -> Vec<&Component> {
        if !self.visible.allows(viewer) {
            return Vec::new();
        }
        let held = self.children().iter().flat_map(|child| child.seen_by(viewer));
        std::iter::once(self).chain(held).collect()
    }

    /// Whether a name in a query string means something to the component.
    pub fn knows(&self, name: &str) -> bool {
        self.data_source().is_some_and(|source| source.filter.asks_query(name))
            || self.phrases().iter().any(|phrase| phrase.asks_query(name))
    }

    /// The words that may have values of the address or the viewer in them.
    pub fn phrases(&self) -> Vec<&Phrase> {
        self.kind.as_type().phrases()
    }

    fn children(&self) -> &[Component] {
        if let ComponentKind::Container(container) = &self.kind { &container.children } else { &[] }
    }

    /// Whether the component adds records, so that none is read for it.
    pub fn adds_records(&self) -> bool {
        self.kind.as_type().adds_records()
    }

    /// Whether people enter or press something by which records change.
    pub fn changes_records(&self) -> bool {
        self.kind.as_type().changes_records()
    }

    /// Which records the component is about, where it is about any.
    pub fn data_source(&self) -> Option<&DataSource> {
        self.kind.as_type().data_source()
    }

    /// What the component asks of its table for somebody with this view of it, at an address with these values.
    /// Nothing if it needs a field that they may not read, or is not for them.
    pub fn query(&self, view: &View, values: &RouteValues) -> Option<Query> {
        let kind = self.kind.as_type();
        let source = kind.data_source()?;
        let ask = kind.ask()?;
        let filter = kind.narrow(source.scope(view, values), view)?;
        let is_open = kind.needed_fields().iter().all(|at| view.fields.contains(*at));
        is_open.then(|| Query { table: source.table.clone(), filter, ask })
    }

    /// The fields whose change may change what is shown, among those that the viewer may read.
    pub fn shown_fields(&self, view: &View) -> FieldSet {
        let shown = self.kind.as_type().shown_fields(view);
        FieldSet::new(shown.into_iter().filter(|at| view.fields.contains(*at)))
    }

    /// The fields that have an entry of their own, of those that the viewer may read.
    pub fn entry_fields(&self, view: &View) -> FieldSet {
        self.kind.as_type().entry_fields(view)
    }

    /// The fields shown that refer to records, with what the viewer may read of those records.
    pub fn related(&self, view: &View) -> Vec<Related> {
        let shown = self.kind.as_type().labelled_fields(view);
        let is_seen = |at: FieldAt| shown.contains(&at) && view.fields.contains(at);
        let related = view.related.iter().filter(|related| related.display.is_some());
        related.filter(|related| is_seen(related.field)).cloned().collect()
    }

    /// The relationships for which the viewer chooses a record by the component.
    pub fn chosen_from<'a>(&self, view: &'a View) -> Vec<&'a Related> {
        let fields = self.kind.as_type().chosen_fields(view);
        let is_open = |at: FieldAt| fields.contains(&at) && view.known.contains(at);
        view.related.iter().filter(|related| is_open(related.field)).collect()
    }

    /// The fields that this viewer may edit in place, or set by a form.
    pub fn editable_fields(&self, view: &View) -> FieldSet {
        self.kind.as_type().editable_fields(view)
    }

    /// The actions that are for this viewer.
    pub fn open_actions(&self, view: &View) -> OpenActions {
        self.kind.as_type().open_actions(view)
    }

    /// The action behind a button of this name (`0`, `row.1` or `bulk.0`), and what happens after it where the
    /// author says so. Nothing where there is none for this viewer.
    pub fn open_action(&self, view: &View, name: &str) -> Option<(&Action, Option<&OnSuccess>)> {
        let open = self.open_actions(view);
        let (list, index) = name.split_once('.').unwrap_or(("", name));
        let index: usize = index.parse().ok()?;
        let places = if list == "bulk" { open.bulk } else { open.row };
        places.contains(&index).then(|| self.kind.as_type().action(list, index))?
    }

    /// Whether there is no page without the record that its address names.
    pub fn needs_record_of_address(&self) -> bool {
        let kind = self.kind.as_type();
        kind.needs_its_record()
            && kind.data_source().is_some_and(|source| source.filter.asks_param())
    }
}
