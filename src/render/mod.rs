//! Page and data to HTML. The only module that knows minijinja.
//!
//! Layout and components are templates; the rows of a table are written directly, by the same code
//! for the page and for a change message.

use std::collections::HashMap;
use std::sync::Arc;

use minijinja::{Environment, Value, context};
use serde::Serialize;

use crate::model::app::App;
use crate::model::components::component::{Component, ComponentKind, Container, Layout};
use crate::model::components::data_table::{Chosen, DataTable};
use crate::model::components::link::Link;
use crate::model::components::text::{Text, TextVariant};
use crate::model::field::FieldAt;
use crate::model::ids::{ComponentId, SealedPosition};
use crate::model::phrase::Phrase;
use crate::model::query::Answer;
use crate::model::record::{FieldSet, Record};
use crate::model::refresh::{Refresh, Transport};
use crate::model::related::Choices;
use crate::model::shape::Shape;
use crate::model::table::Table;
use crate::model::theme::Theme;
use crate::model::viewer::Viewer;
use crate::router::Address;

mod admin;
mod built_in;
mod button;
mod chart;
mod data_table;
mod details;
mod form;
mod href;
mod kpi;
mod layout;
mod list;
mod picker;
mod rows;
mod scale;
mod series;
mod standalone;
mod static_content;
mod templates;
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
        match &component.kind {
            ComponentKind::Container(container) => self.container(component, container, scene),
            ComponentKind::Text(text) => self.text(component, text, scene),
            ComponentKind::Link(link) => self.link(component, link, scene),
            ComponentKind::Button(button) if button.act().is_none() => {
                let inside = button::context(button, scene);
                self.render("button.html", context! { ..inside, ..props(component) })
            }
            ComponentKind::Image(image) => self.render(
                "image.html",
                context! { ..static_content::image(image), ..props(component) },
            ),
            ComponentKind::Divider(divider) => {
                let label = divider.label.as_deref();
                self.render("divider.html", context! { label, ..props(component) })
            }
            ComponentKind::Markdown(markdown) => {
                let content = static_content::markdown(markdown);
                self.render("markdown.html", context! { content, ..props(component) })
            }
            ComponentKind::Html(html) => {
                let content = Value::from_safe_string(html.content.to_string());
                self.render("html.html", context! { content, ..props(component) })
            }
            ComponentKind::Presence => {
                let page = scene.address.path.as_ref();
                self.render("presence.html", context! { page, ..props(component) })
            }
            ComponentKind::DataTable(_)
            | ComponentKind::List(_)
            | ComponentKind::Details(_)
            | ComponentKind::Form(_)
            | ComponentKind::Button(_)
            | ComponentKind::Kpi(_)
            | ComponentKind::Chart(_) => match scene.data.get(&component.id) {
                Some(data) => self.with_data(component, scene, data),
                // It is of what the viewer may not read.
                None => Ok(String::new()),
            },
        }
    }

    /// A component with the answer to what it asked.
    fn with_data(
        &self,
        component: &Component,
        scene: Scene<'_>,
        data: &ComponentData,
    ) -> Result<String, RenderError> {
        // What these show may go by the viewer only through `data`, which the cache's key covers.
        match (&component.kind, &data.answer) {
            (ComponentKind::DataTable(_), Answer::Rows(rows)) => {
                let Some(chosen) = &data.chosen else { return Ok(String::new()) };
                let inside = data_table::context(component, scene.address, data, chosen, rows);
                self.render("data_table.html", context! { ..inside, ..source(component, data) })
            }
            (ComponentKind::List(list), Answer::Rows(rows)) => {
                let inside = list::entries(list, data, rows);
                self.render("list.html", context! { ..inside, ..source(component, data) })
            }
            (ComponentKind::Button(button), Answer::Rows(rows)) => {
                let inside =
                    context! { ..button::context(button, scene), ..button::record(button, rows) };
                self.render("button.html", context! { ..inside, ..source(component, data) })
            }
            (ComponentKind::Form(form), Answer::Rows(rows)) => {
                match form::context(form, data, rows.records.first()) {
                    Some(inside) => {
                        let meaning = data.shape.as_str();
                        let inside = context! { meaning, ..inside };
                        self.render("record_form.html", context! { ..inside, ..props(component) })
                    }
                    // There is no record to change.
                    None => Ok(String::new()),
                }
            }
            (ComponentKind::Details(details), Answer::Rows(rows)) => {
                let inside = details::context(details, data, rows);
                self.render("details.html", context! { ..inside, ..source(component, data) })
            }
            (ComponentKind::Kpi(kpi), Answer::Figure(figure)) => {
                let inside = kpi::context(kpi, data, figure);
                self.render("kpi.html", context! { ..inside, ..source(component, data) })
            }
            (ComponentKind::Chart(chart), Answer::Groups(groups)) => {
                let (template, inside) = chart::context(chart, data, groups);
                let inside = context! { ..inside, ..source(component, data) };
                let drawing = Value::from_safe_string(self.render(template, inside.clone())?);
                self.render("chart.html", context! { drawing, ..inside })
            }
            _ => Ok(String::new()),
        }
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

    fn container(
        &self,
        component: &Component,
        container: &Container,
        scene: Scene<'_>,
    ) -> Result<String, RenderError> {
        let mut children = String::new();
        for child in &container.children {
            children.push_str(&self.component(child, scene)?);
        }
        let layout = match container.layout {
            Layout::Stack => "stack",
            Layout::Row => "row",
            Layout::Grid => "grid",
            Layout::Card => "card",
        };
        let children = Value::from_safe_string(children);
        self.render("container.html", context! { children, layout, ..props(component) })
    }

    fn text(
        &self,
        component: &Component,
        text: &Text,
        scene: Scene<'_>,
    ) -> Result<String, RenderError> {
        let (tag, variant) = match text.variant {
            TextVariant::Title => ("h1", "title"),
            TextVariant::Heading => ("h2", "heading"),
            TextVariant::Body => ("p", "body"),
            TextVariant::Muted => ("p", "muted"),
        };
        let content = scene.words(&text.content);
        self.render("text.html", context! { tag, variant, content, ..props(component) })
    }

    fn link(
        &self,
        component: &Component,
        link: &Link,
        scene: Scene<'_>,
    ) -> Result<String, RenderError> {
        let (href, label) = (scene.href(&link.href), scene.words(&link.label));
        self.render("link.html", context! { href, label, ..props(component) })
    }

    fn render(&self, template: &str, context: Value) -> Result<String, RenderError> {
        Ok(self.environment.get_template(template)?.render(context)?)
    }
}

/// What the element of a component says about its data and how it stays current.
fn source(component: &Component, data: &ComponentData) -> Value {
    let refresh = component.data_source().map(|source| source.refresh).unwrap_or_default();
    let (refresh, interval_ms) = match refresh {
        Refresh::Static => ("static", None),
        Refresh::Poll { interval_ms } => ("poll", Some(interval_ms)),
        Refresh::Realtime => ("realtime", None),
    };
    context! {
        table => data.table.name.as_str(),
        position => data.position.as_str(),
        meaning => data.shape.as_str(),
        refresh,
        interval_ms,
        ..props(component)
    }
}

fn props(component: &Component) -> Value {
    context! {
        id => component.id.as_str(),
        class_name => component.props.class_name.as_deref(),
        style => component.props.style.as_deref(),
    }
}
