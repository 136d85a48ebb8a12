//! The components of pages as authors write them: one file per component, with its keys and their checks.
//!
//! Each file has a `Raw…` type that implements [`ComponentSpec`]. The list of all components is
//! `with_components` in `model/components`. ARCHITECTURE.md says what else a new component needs.

use std::ops::Range;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use validator::Validate;

use crate::components::grant::RawGrant;
use crate::model::components::component::{Component, ComponentKind};
use crate::model::components::with_components;
use crate::model::field::FieldAt;
use crate::model::input::Input;
use crate::model::permissions::Grant;
use crate::model::problem::{Place, Problems};
use crate::model::table::Table;
use crate::model::viewer::Viewer;

pub mod filter;
pub mod grant;
pub mod list_of;
pub mod literal;
pub mod phrase;
pub mod schema;

mod action;
mod address;
mod button;
mod chart;
mod column;
mod container;
mod data_source;
mod data_table;
mod details;
mod divider;
mod field_ref;
mod form;
mod gallery;
mod href;
mod html;
mod image;
mod kpi;
mod link;
mod list;
mod markdown;
mod measure;
mod presence;
mod search;
mod text;
mod text_checks;
mod visibility;

/// The keys of one kind of component, beside those that every component may have. Its doc comment and those
/// of its fields are published in the JSON Schema and in the reference.
pub trait ComponentSpec: DeserializeOwned + JsonSchema + Validate {
    /// Checks the keys and returns the component. Reports every fault. `None` if the component cannot be made.
    fn check(self, around: &mut dyn CheckContext) -> Option<ComponentKind>;
}

/// The surroundings of a component that is checked: its place in the YAML, its page, and the app's tables.
pub trait CheckContext {
    /// The place of the component in the YAML.
    fn place(&self) -> Place;

    /// The list of problems to report to.
    fn problems(&mut self) -> &mut Problems;

    /// Returns the table of this name. `None` if there is none, which is reported at `place`, or if the
    /// table has problems of its own, which need no second report.
    fn table(&mut self, name: &str, place: Place) -> Option<Arc<Table>>;

    /// Returns a field of a table that came from [`table`](Self::table). `None` if there is none, which is
    /// reported at `place`, or if the field has problems of its own.
    fn field(&mut self, table: &Table, name: &str, place: Place) -> Option<FieldAt>;

    /// Returns one viewer of each kind (the guest, and one user per role) who may open the page and see the
    /// component.
    fn audience(&self) -> Vec<Viewer>;

    /// Checks a `visible` and returns the grant: everyone if none is given. Reports faults at `place`.
    fn visible(&mut self, given: Option<RawGrant>, place: &Place) -> Grant;

    /// Returns the value at a place of the component, as JSON with every digit. `None` if the place is not in
    /// the component's own YAML.
    fn written(&self, place: &Place) -> Option<Input>;

    /// Returns the names of the parameters of the page's path, as `id` for `/orders/:id`.
    fn params(&self) -> Vec<Arc<str>>;

    /// Returns whether the author opened the page to everyone explicitly, not only by default.
    fn is_public(&self) -> bool;

    /// Takes the one place of the page where the people on it are shown.
    ///
    /// # Errors
    /// If the page does not show people, or the place is taken.
    fn place_presence(&mut self) -> Result<(), NoPresence>;

    /// Returns the text of a file. `link` is its path relative to the file that holds the component. `None`,
    /// and a report, if it cannot be read.
    fn text_file(&mut self, link: &str, place: Place) -> Option<Arc<str>>;

    /// Reports a fault at a range of bytes of a file that [`text_file`](Self::text_file) returned.
    fn report_in(&mut self, link: &str, bytes: Range<usize>, message: String, help: String);

    /// Claims the title of the page for a heading of the component. Returns `false` if the page has a title
    /// already.
    fn take_title(&mut self) -> bool;

    /// Checks the components under the key `children` and returns those without a fault.
    fn children(&mut self) -> Vec<Component>;
}

/// The reasons for which a page cannot show its people at a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPresence {
    /// The page does not have `presence: true`.
    Off,
    /// Another component of the page shows the people already.
    Placed,
}

/// A component in the YAML that can be read as any of the types.
pub trait Read {
    /// Reads the component as the keys of `T` and checks it. `None` if it is faulty (that is reported).
    fn read<T: ComponentSpec>(&mut self) -> Option<ComponentKind>;
}

macro_rules! component_specs {
    ($($type_name:literal => $module:ident::$kind:ident $(<$held:ident>)?, $given:ident;)*) => {
        /// The names of all types of component, as in `type` in YAML.
        pub const TYPES: &[&str] = &[$($type_name),*];

        /// Reads a component of this `type`. `None` for an unknown type, `Some(None)` for a faulty component.
        pub fn read(type_name: &str, reader: &mut impl Read) -> Option<Option<ComponentKind>> {
            match type_name {
                $($type_name => Some(reader.read::<$module::$given>()),)*
                _ => None,
            }
        }

        /// Returns the JSON Schema of the keys of each type, in the order of [`TYPES`].
        fn schemas(generator: &mut schemars::SchemaGenerator) -> Vec<schemars::Schema> {
            vec![$($module::$given::json_schema(generator)),*]
        }
    };
}
with_components!(component_specs);
