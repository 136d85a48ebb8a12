//! What pages are made of: one file per component, saying what an author may give it and checking
//! that it holds.
//!
//! Each has a type that is [`ComponentSpec`]; the list of them is `with_components` in `model/components`.
//! ARCHITECTURE.md says what else a new one needs.

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

/// What an author gives one kind of component, beside what any component may have.
pub trait ComponentSpec: DeserializeOwned + JsonSchema + Validate {
    /// The component this makes. Reports what does not hold.
    fn check(self, around: &mut dyn CheckContext) -> Option<ComponentKind>;
}

/// What stands around a component: its place, its page, the app's tables.
pub trait CheckContext {
    /// Where the component stands.
    fn place(&self) -> Place;

    /// Where to report what does not hold.
    fn problems(&mut self) -> &mut Problems;

    /// The table of this name. Reports at `place` if there is none; says nothing of a table with
    /// problems of its own.
    fn table(&mut self, name: &str, place: Place) -> Option<Arc<Table>>;

    /// A field of a table that [`table`](Self::table) gave. Reports at `place` if there is none;
    /// says nothing of a field with problems of its own.
    fn field(&mut self, table: &Table, name: &str, place: Place) -> Option<FieldAt>;

    /// One of each kind of viewer who may open the page and see the component.
    fn audience(&self) -> Vec<Viewer>;

    /// Whom of the audience an author lets see something; everyone where they do not say. Reports at
    /// `place` what does not hold.
    fn visible(&mut self, given: Option<RawGrant>, place: &Place) -> Grant;

    /// The value that stands at a place of the component, as JSON with every digit.
    fn written(&self, place: &Place) -> Option<Input>;

    /// The names of the parameters of the page's path.
    fn params(&self) -> Vec<Arc<str>>;

    /// Whether the author opened the page to everyone, in so many words.
    fn is_public(&self) -> bool;

    /// Gives the people on the page their place, which they may have once.
    fn place_presence(&mut self) -> Result<(), NoPresence>;

    /// The text of a file beside the one in which the component stands. Reports at `place` if there
    /// is none to read.
    fn text_file(&mut self, link: &str, place: Place) -> Option<Arc<str>>;

    /// Reports what is wrong at some bytes of a file that [`text_file`](Self::text_file) gave.
    fn report_in(&mut self, link: &str, bytes: Range<usize>, message: String, help: String);

    /// Whether a heading of a text may be the title of the page: it has none yet. It has one then.
    fn take_title(&mut self) -> bool;

    /// The components under the key `children`.
    fn children(&mut self) -> Vec<Component>;
}

/// Why nobody can be shown here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPresence {
    /// The page does not say `presence: true`.
    Off,
    /// Another component of the page shows them.
    Placed,
}

/// Reads what an author wrote as one type or another.
pub trait Read {
    /// The component, read as what `T` says it may be given.
    fn read<T: ComponentSpec>(&mut self) -> Option<ComponentKind>;
}

macro_rules! component_specs {
    ($($type_name:literal => $module:ident::$kind:ident $(<$held:ident>)?, $given:ident;)*) => {
        /// The components by their `type` in YAML.
        pub const TYPES: &[&str] = &[$($type_name),*];

        /// Reads a component of this `type`; nothing for an unknown one.
        pub fn read(type_name: &str, reader: &mut impl Read) -> Option<Option<ComponentKind>> {
            match type_name {
                $($type_name => Some(reader.read::<$module::$given>()),)*
                _ => None,
            }
        }

        /// What may be given to each, for the JSON Schema, in the order of [`TYPES`].
        fn schemas(generator: &mut schemars::SchemaGenerator) -> Vec<schemars::Schema> {
            vec![$($module::$given::json_schema(generator)),*]
        }
    };
}
with_components!(component_specs);
