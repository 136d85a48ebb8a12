//! Renders pages and their data as HTML. This is the only module that knows minijinja.
//!
//! The layout and the components are templates. The rows of a table are written directly, by the same
//! code for a page and for a change message.

use std::collections::HashMap;
use std::sync::Arc;

use minijinja::{Environment, Value};
use serde::Serialize;

use crate::fields;
use crate::model::app::App;
use crate::model::components::component::{Component, ComponentKind};
use crate::model::components::data_table::{Chosen, DataTable};
use crate::model::components::with_components;
use crate::model::field::FieldAt;
use crate::model::ids::{ComponentId, SealedPosition};
use crate::model::phrase::Phrase;
use crate::model::query::Answer;
use crate::model::record::{FieldSet, Record};
use crate::model::refresh::Transport;
use crate::model::related::Choices;
use crate::model::shape::Shape;
use crate::model::table::Table;
use crate::model::theme::Theme;
use crate::model::value::Value as Plain;
use crate::model::viewer::Viewer;
use crate::router::Address;

mod admin;
mod built_in;
mod button;
mod chart;
mod component_html;
mod container;
mod data_table;
mod details;
mod divider;
mod form;
mod gallery;
mod href;
mod html;
mod image;
mod kpi;
mod layout;
mod link;
mod list;
mod markdown;
mod picker;
mod presence;
mod rows;
mod scale;
mod series;
mod standalone;
mod templates;
mod text;
mod theme;

pub use templates::{BadTemplate, check_template, template_names};

pub use admin::{
    AdminNotice, AdminPage, ChangeRow, ConnectionRow, Figures, PersonRow, RecordPast, SentFile,
    SessionRow, TokenRow,
};
pub use built_in::{BuiltInForm, FormLink, OwnAccount, OwnSession, OwnToken};
pub use button::Confirm;
pub use form::Draft;
pub use href::path;
pub use layout::{Frame, MenuItem};

use component_html::{ComponentHtml, ComponentWriter};
use rows::RowWriter;

/// The error of a template that cannot be rendered. The built-in ones are tested, so with them it is a
/// fault of the program.
#[derive(Debug, thiserror::Error)]
#[error("the page could not be rendered")]
pub struct RenderError(#[from] minijinja::Error);

/// Renders pages as HTML, with the templates and the theme of one app.
pub struct Renderer {
    environment: Environment<'static>,
    transport: Transport,
    look: Look,
    edition: Option<Edition>,
}

/// The look of an app, as pages need it.
struct Look {
    /// The CSS of the theme; empty if the look is as built in.
    theme: String,
    /// The path of the app's icon.
    icon: Option<Arc<str>>,
    /// The path of the app's own stylesheet.
    stylesheet: Option<Arc<str>>,
}

/// The version of an app's sources that a page was made from. Under `pagetide dev`, pages carry it, and a
/// script looks for newer versions.
#[derive(Clone, Debug, Serialize)]
pub struct Edition {
    /// A random id of the process.
    pub process: Arc<str>,
    /// The number of the load, from 1.
    pub page: u64,
}

/// The context in which components are rendered.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The viewer of the page.
    pub viewer: &'a Viewer,
    /// The address of the page.
    pub address: &'a Address,
    /// The data of the components that show records, by component.
    pub data: &'a HashMap<ComponentId, ComponentData>,
}

impl Scene<'_> {
    /// Returns a text with its values filled in.
    fn words(&self, phrase: &Phrase) -> String {
        phrase.fill(self.viewer, &self.address.values)
    }

    /// Returns the target of a link with its values filled in.
    fn href(&self, phrase: &Phrase) -> String {
        href::filled(phrase, self.viewer, &self.address.values)
    }
}

/// The data that one component shows to one viewer.
#[derive(Clone, Debug)]
pub struct ComponentData {
    /// The table whose records the component shows.
    pub table: Arc<Table>,
    /// The fields of the table that the viewer may read.
    pub fields: FieldSet,
    /// The fields that have an entry, if the component is a `details` or a `gallery`.
    pub entries: FieldSet,
    /// The fields that the viewer may edit in the component.
    pub editable: FieldSet,
    /// The sorting, filters and page that the viewer chose. `None` unless the component is a data table.
    pub chosen: Option<Chosen>,
    /// The records that the viewer may choose from, for each relationship field.
    pub choices: HashMap<FieldAt, Choices>,
    /// The answer to the component's query.
    pub answer: Answer,
    /// The position of the answer's snapshot: it contains every change up to here.
    pub position: SealedPosition,
    /// The shape of the component, which changes if the component means something else.
    pub shape: Shape,
    /// The values that were sent by the form and could not be saved. `None` unless the component is such
    /// a form.
    pub draft: Option<Draft>,
}

impl ComponentData {
    /// Returns the HTML of a value, without the cell around it.
    fn cell(&self, at: FieldAt, value: &Plain) -> Value {
        let mut html = String::new();
        fields::write_cell(self.table.field(at), value, &mut html);
        Value::from_safe_string(html)
    }
}

impl Renderer {
    /// Creates a renderer with the templates and the theme of an app.
    ///
    /// # Errors
    /// Fails if a template is faulty.
    pub fn new(app: &App, transport: Transport) -> Result<Self, RenderError> {
        let environment = templates::load(&app.templates)?;
        let Theme { icon, stylesheet, .. } = app.theme.clone();
        let look = Look { theme: theme::css(&app.theme), icon, stylesheet };
        Ok(Self { environment, transport, look, edition: None })
    }

    /// Makes pages carry their edition, for `pagetide dev`.
    #[must_use]
    pub fn of_edition(self, edition: Edition) -> Self {
        Self { edition: Some(edition), ..self }
    }

    /// Renders one component with its children, as far as the viewer may see them: the same bytes as on
    /// its page. Empty if the viewer may not see the component.
    ///
    /// # Errors
    /// Fails if a template is faulty.
    pub fn component(
        &self,
        component: &Component,
        scene: Scene<'_>,
    ) -> Result<String, RenderError> {
        if !component.visible.allows(scene.viewer) {
            return Ok(String::new());
        }
        // The result may depend on the viewer only through `scene.data`, which the key of the page cache
        // covers, and through texts with values.
        component_html(component).html(&ComponentWriter { renderer: self, component, scene })
    }

    /// Renders one row of a data table: the same bytes as in the table.
    pub fn row(
        &self,
        data_table: &DataTable,
        table: &Table,
        fields: &FieldSet,
        record: &Record,
    ) -> String {
        let mut html = String::with_capacity(512);
        RowWriter::new(data_table, table, fields).write(record, &mut html);
        html
    }

    fn render(&self, template: &str, context: Value) -> Result<String, RenderError> {
        Ok(self.environment.get_template(template)?.render(context)?)
    }
}

macro_rules! render_components {
    ($($type_name:literal => $module:ident::$kind:ident $(<$held:ident>)?, $given:ident;)*) => {
        /// Returns the component's kind as the trait that renders it.
        fn component_html(component: &Component) -> &dyn ComponentHtml {
            match &component.kind {
                $(ComponentKind::$kind(options) => &**options,)*
            }
        }
    };
}
with_components!(render_components);
