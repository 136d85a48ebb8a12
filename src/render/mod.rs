//! Page and data to HTML. The only module that knows minijinja.
//!
//! Layout and components are templates; the rows of a table are written directly, by the same code
//! for the page and for a change message.

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

/// A template that cannot be rendered: ours are tested, so this is a fault in the program.
#[derive(Debug, thiserror::Error)]
#[error("the page could not be rendered")]
pub struct RenderError(#[from] minijinja::Error);

/// Turns pages into HTML.
pub struct Renderer {
    environment: Environment<'static>,
    transport: Transport,
    look: Look,
    edition: Option<Edition>,
}

/// What an app says of its look.
struct Look {
    /// Its theme as CSS.
    theme: String,
    /// The path of the picture that stands for it.
    icon: Option<Arc<str>>,
    /// The path of its own stylesheet.
    stylesheet: Option<Arc<str>>,
}

/// Which state of an app's sources a page was made of. Pages carry it while their author works on
/// them, and a script that looks for the next one.
#[derive(Clone, Debug, Serialize)]
pub struct Edition {
    /// Another one for each start of the program.
    pub process: Arc<str>,
    /// Which load it is, from 1.
    pub page: u64,
}

/// What components are rendered for, and of what.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The viewer of the page.
    pub viewer: &'a Viewer,
    /// Where the page is.
    pub address: &'a Address,
    /// What the components that show records show.
    pub data: &'a HashMap<ComponentId, ComponentData>,
}

impl Scene<'_> {
    /// Words with their values.
    fn words(&self, phrase: &Phrase) -> String {
        phrase.fill(self.viewer, &self.address.values)
    }

    /// Where a link leads, with its values.
    fn href(&self, phrase: &Phrase) -> String {
        href::filled(phrase, self.viewer, &self.address.values)
    }
}

/// What one component shows, for one viewer.
#[derive(Clone, Debug)]
pub struct ComponentData {
    /// The table that it is about.
    pub table: Arc<Table>,
    /// What of it the viewer may read.
    pub fields: FieldSet,
    /// What of it has an entry, where it is a `details`.
    pub entries: FieldSet,
    /// What of it the viewer may edit in place.
    pub editable: FieldSet,
    /// What the viewer chose, where it is a table.
    pub chosen: Option<Chosen>,
    /// What the viewer may choose from, by field.
    pub choices: HashMap<FieldAt, Choices>,
    /// What the component asked for.
    pub answer: Answer,
    /// Everything up to here is in the answer.
    pub position: SealedPosition,
    /// What the component means to whoever looks.
    pub shape: Shape,
    /// What was sent by it and could not be saved, where it is a form.
    pub draft: Option<Draft>,
}

impl ComponentData {
    /// A value of a field as the HTML inside a cell.
    fn cell(&self, at: FieldAt, value: &Plain) -> Value {
        let mut html = String::new();
        fields::write_cell(self.table.field(at), value, &mut html);
        Value::from_safe_string(html)
    }
}

impl Renderer {
    /// A renderer with the templates and the theme of an app.
    ///
    /// # Errors
    /// When a template is faulty.
    pub fn new(app: &App, transport: Transport) -> Result<Self, RenderError> {
        let environment = templates::load(&app.templates)?;
        let Theme { icon, stylesheet, .. } = app.theme.clone();
        let look = Look { theme: theme::css(&app.theme), icon, stylesheet };
        Ok(Self { environment, transport, look, edition: None })
    }

    /// The same for pages that their author works on.
    #[must_use]
    pub fn of_edition(self, edition: Edition) -> Self {
        Self { edition: Some(edition), ..self }
    }

    /// One component with all of what it holds that the viewer may see: the same bytes as on its page.
    ///
    /// # Errors
    /// When a template is faulty.
    pub fn component(
        &self,
        component: &Component,
        scene: Scene<'_>,
    ) -> Result<String, RenderError> {
        if !component.visible.allows(scene.viewer) {
            return Ok(String::new());
        }
        // What the viewer sees may depend on them only through `scene.data`, which the cache's key covers, and
        // through words with values.
        component_html(component).html(&ComponentWriter { renderer: self, component, scene })
    }

    /// One row of a data table: the same bytes as within the table.
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
        /// What the component's kind says about its HTML.
        fn component_html(component: &Component) -> &dyn ComponentHtml {
            match &component.kind {
                $(ComponentKind::$kind(options) => &**options,)*
            }
        }
    };
}
with_components!(render_components);
