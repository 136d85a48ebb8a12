//! A component of a page, of any type.

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

/// A component of a page: its id, who sees it, and the options of its type.
#[derive(Clone, Debug)]
pub struct Component {
    /// The id, which is unique on its page.
    pub id: ComponentId,
    /// The viewers who see the component and its children.
    pub visible: Grant,
    /// The class and style that components of all types may have.
    pub props: Props,
    /// The type of the component, with the options of that type.
    pub kind: ComponentKind,
}

/// The `props` of a component: attributes of its HTML element, which components of all types may have.
#[derive(Clone, Debug, Default)]
pub struct Props {
    /// Additional CSS classes of the element, separated by spaces; `None` if there are none.
    pub class_name: Option<Arc<str>>,
    /// CSS declarations of the element; `None` if there are none.
    pub style: Option<Arc<str>>,
}

macro_rules! component_kinds {
    ($($type_name:literal => $module:ident::$kind:ident $(<$held:ident>)?, $given:ident;)*) => {
        /// The type of a component, with the options of that type.
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
    /// Returns the component and all components inside it, each container before its children.
    pub fn with_children(&self) -> Vec<&Component> {
        let held = self.children().iter().flat_map(Component::with_children);
        std::iter::once(self).chain(held).collect()
    }

    /// Returns the component and all components inside it that the viewer may see, in the order of
    /// [`with_children`](Self::with_children). Children of a container that is hidden from them are hidden too.
    pub fn seen_by(&self, viewer: &Viewer) -> Vec<&Component> {
        if !self.visible.allows(viewer) {
            return Vec::new();
        }
        let held = self.children().iter().flat_map(|child| child.seen_by(viewer));
        std::iter::once(self).chain(held).collect()
    }

    /// Whether the component uses this parameter of the query string, in its filter or in a text. The own
    /// parameters of a data table, such as `sort`, are not included.
    pub fn knows(&self, name: &str) -> bool {
        self.data_source().is_some_and(|source| source.filter.asks_query(name))
            || self.phrases().iter().any(|phrase| phrase.asks_query(name))
    }

    /// The texts of the component that may contain variables.
    pub fn phrases(&self) -> Vec<&Phrase> {
        self.kind.as_type().phrases()
    }

    fn children(&self) -> &[Component] {
        if let ComponentKind::Container(container) = &self.kind { &container.children } else { &[] }
    }

    /// Whether the component adds records, and so reads none.
    pub fn adds_records(&self) -> bool {
        self.kind.as_type().adds_records()
    }

    /// Whether the component has controls or buttons that change records. Cells of a data table that are
    /// edited in place do not count.
    pub fn changes_records(&self) -> bool {
        self.kind.as_type().changes_records()
    }

    /// The data source of the component; `None` if its type uses no records, as a text does.
    pub fn data_source(&self) -> Option<&DataSource> {
        self.kind.as_type().data_source()
    }

    /// Returns the query of the component, for the viewer of this view at an address with these values. `None`
    /// if it reads no records, needs a field that the viewer may not read, or is not for the viewer.
    pub fn query(&self, view: &View, values: &RouteValues) -> Option<Query> {
        let kind = self.kind.as_type();
        let source = kind.data_source()?;
        let ask = kind.ask()?;
        // The author's filter cannot widen the row rule: `scope` joins both.
        let filter = kind.narrow(source.scope(view, values), view)?;
        let is_open = kind.needed_fields().iter().all(|at| view.fields.contains(*at));
        is_open.then(|| Query { table: source.table.clone(), filter, ask })
    }

    /// The fields whose change can change what the component shows, among those that the viewer may read.
    pub fn shown_fields(&self, view: &View) -> FieldSet {
        let shown = self.kind.as_type().shown_fields(view);
        FieldSet::new(shown.into_iter().filter(|at| view.fields.contains(*at)))
    }

    /// The fields that have an entry of their own in the component, among those that the viewer may read.
    pub fn entry_fields(&self, view: &View) -> FieldSet {
        self.kind.as_type().entry_fields(view)
    }

    /// Returns the relationships whose labels the component shows, if the viewer may read the labels.
    pub fn related(&self, view: &View) -> Vec<Related> {
        let shown = self.kind.as_type().labelled_fields(view);
        let is_seen = |at: FieldAt| shown.contains(&at) && view.fields.contains(at);
        // A label that the viewer may not read is not loaded, so it cannot change what they see.
        let related = view.related.iter().filter(|related| related.display.is_some());
        related.filter(|related| is_seen(related.field)).cloned().collect()
    }

    /// Returns the relationships for which the viewer chooses a related record in the component: fields of a
    /// form, and filters of a data table.
    pub fn chosen_from<'a>(&self, view: &'a View) -> Vec<&'a Related> {
        let fields = self.kind.as_type().chosen_fields(view);
        let is_open = |at: FieldAt| fields.contains(&at) && view.known.contains(at);
        view.related.iter().filter(|related| is_open(related.field)).collect()
    }

    /// The fields that the viewer may edit in place or set with a form.
    pub fn editable_fields(&self, view: &View) -> FieldSet {
        self.kind.as_type().editable_fields(view)
    }

    /// The actions of the component that the viewer may run.
    pub fn open_actions(&self, view: &View) -> OpenActions {
        self.kind.as_type().open_actions(view)
    }

    /// Returns the action of a button by its name (`0`, `row.1` or `bulk.0`, as pages send it), and what the
    /// browser does after it if the author says so. `None` if there is no such action for the viewer.
    pub fn open_action(&self, view: &View, name: &str) -> Option<(&Action, Option<&OnSuccess>)> {
        let open = self.open_actions(view);
        let (list, index) = name.split_once('.').unwrap_or(("", name));
        let index: usize = index.parse().ok()?;
        // The name comes from a request, so an action is found only among those open to the viewer.
        let places = if list == "bulk" { open.bulk } else { open.row };
        places.contains(&index).then(|| self.kind.as_type().action(list, index))?
    }

    /// Whether the page exists only if the component's record does: it shows or changes one record, and its
    /// filter uses a parameter of the path, such as `/orders/:id`.
    pub fn needs_record_of_address(&self) -> bool {
        let kind = self.kind.as_type();
        kind.needs_its_record()
            && kind.data_source().is_some_and(|source| source.filter.asks_param())
    }
}
