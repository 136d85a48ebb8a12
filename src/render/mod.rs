//! Page and data to HTML. The only module that knows minijinja.
//!
//! Layout and components are templates; the rows of a table are written directly, by the same code
//! for the page and for a change message.

use std::collections::HashMap;
use std::sync::Arc;

use minijinja::{Environment, Value, context};
use serde::Serialize;

use crate::client;
use crate::model::access::Viewer;
use crate::model::address::Address;
use crate::model::app::App;
use crate::model::component::{
    Component, ComponentKind, Container, Layout, Link, Text, TextVariant,
};
use crate::model::data_table::{Chosen, DataTable};
use crate::model::form::Draft;
use crate::model::ids::{ComponentId, Position};
use crate::model::page::Page;
use crate::model::query::Answer;
use crate::model::record::{FieldSet, Record};
use crate::model::refresh::{Refresh, Transport};
use crate::model::table::Table;
use crate::model::theme::Theme;

mod admin;
mod built_in;
mod button;
mod chart;
mod data_table;
mod details;
mod form;
mod href;
mod kpi;
mod list;
mod rows;
mod scale;
mod series;
mod still;
mod templates;
mod theme;

pub use templates::{BadTemplate, check_template, template_names};

pub use admin::{
    AdminPage, ChangeRow, ConnectionRow, Figures, PersonRow, RecordPast, Said, SentFile,
    SessionRow, TokenRow,
};
pub use built_in::{Form, OwnAccount, OwnSession, OwnToken, Way};
pub use button::Confirm;
pub use href::path;

use rows::RowWriter;

/// No part of any app: it is shown when there is none.
const WAITING: &str = include_str!("../../templates/waiting.html");
const MOVED: &str = include_str!("../../templates/moved.html");
const API: &str = include_str!("../../templates/api.html");

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

/// What every page is wrapped in.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The app, for its name.
    pub app: &'a App,
    /// Who looks.
    pub viewer: &'a Viewer,
    /// Where the menu leads.
    pub menu: &'a [MenuItem],
    /// What inline scripts must carry to be run.
    pub nonce: &'a str,
    /// What was just done, if it is to be told.
    pub toast: Option<&'a str>,
    /// What stands below the components, as HTML.
    pub below: Option<&'a str>,
}

/// One way in the menu.
#[derive(Clone, Debug)]
pub struct MenuItem {
    /// The page's name.
    pub label: Arc<str>,
    /// The page's path.
    pub path: Arc<str>,
    /// Whether it is the page being shown.
    pub current: bool,
}

/// What components are rendered for, and of what.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// Who looks.
    pub viewer: &'a Viewer,
    /// Where the page is.
    pub address: &'a Address,
    /// What the components that show records show.
    pub data: &'a HashMap<ComponentId, ComponentData>,
}

/// What one component shows, for one viewer.
#[derive(Clone, Debug)]
pub struct ComponentData {
    /// The table that it is about.
    pub table: Arc<Table>,
    /// What of it the viewer may read.
    pub fields: FieldSet,
    /// What of it the viewer may edit in place.
    pub editable: FieldSet,
    /// What the viewer chose, where it is a table.
    pub chosen: Option<Chosen>,
    /// What the component asked for.
    pub answer: Answer,
    /// Everything up to here is in the answer.
    pub position: Position,
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

    /// What is shown as long as there is no app that could be served.
    ///
    /// # Errors
    /// When a template is faulty.
    pub fn waiting(process: &Arc<str>, nonce: &str) -> Result<String, RenderError> {
        let edition = Edition { process: process.clone(), page: 0 };
        let config = Value::from_safe_string(script_json(&serde_json::json!({ "dev": edition })));
        let dev_script = client::dev_script();
        let inside = context! { config, dev_script, nonce };
        Ok(Environment::new().render_named_str("waiting.html", WAITING, inside)?)
    }

    /// A page that leads to another at once.
    ///
    /// # Errors
    /// When the template is faulty.
    pub fn moved(to: &str) -> Result<String, RenderError> {
        Ok(Environment::new().render_named_str("moved.html", MOVED, context! { to })?)
    }

    /// The page about the API of an app.
    ///
    /// # Errors
    /// When the template is faulty.
    pub fn api(app_name: &str, nonce: &str) -> Result<String, RenderError> {
        let [stylesheet, swagger_script] = client::swagger();
        let script = client::api_script();
        let inside = context! { app_name, nonce, stylesheet, swagger_script, script };
        Ok(Environment::new().render_named_str("api.html", API, inside)?)
    }

    /// A whole page around its components.
    ///
    /// # Errors
    /// When a template is faulty.
    pub fn page(
        &self,
        frame: &Frame<'_>,
        Address { page, path, .. }: &Address,
        components: &str,
    ) -> Result<String, RenderError> {
        let title = page.meta.title.as_ref().unwrap_or(&page.name);
        self.framed(
            "page.html",
            frame,
            title,
            context! {
                description => page.meta.description.as_deref(),
                path => path.as_ref(),
                stylesheets => stylesheets(page),
                presence => page.presence && !page.places_presence(),
                body => Value::from_safe_string(components.to_owned()),
                admin_stylesheet => frame.below.map(|_| client::admin_stylesheet()),
                below => frame.below.map(|html| Value::from_safe_string(html.to_owned())),
            },
        )
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
            ComponentKind::Text(text) => self.text(component, text),
            ComponentKind::Link(link) => self.link(component, link),
            ComponentKind::Button(button) if button.act().is_none() => {
                let inside = button::inside(button);
                self.render("button.html", context! { ..inside, ..props(component) })
            }
            ComponentKind::Image(image) => {
                self.render("image.html", context! { ..still::image(image), ..props(component) })
            }
            ComponentKind::Divider(divider) => {
                let label = divider.label.as_deref();
                self.render("divider.html", context! { label, ..props(component) })
            }
            ComponentKind::Markdown(markdown) => {
                let content = still::markdown(markdown);
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
        match (&component.kind, &data.answer) {
            (ComponentKind::DataTable(_), Answer::Rows(rows)) => {
                let Some(chosen) = &data.chosen else { return Ok(String::new()) };
                let inside = data_table::inside(component, scene.address, data, chosen, rows);
                self.render("data_table.html", context! { ..inside, ..source(component, data) })
            }
            (ComponentKind::List(list), Answer::Rows(rows)) => {
                let inside = list::entries(list, data, rows);
                self.render("list.html", context! { ..inside, ..source(component, data) })
            }
            (ComponentKind::Button(button), Answer::Rows(rows)) => {
                let inside = context! { ..button::inside(button), ..button::record(button, rows) };
                self.render("button.html", context! { ..inside, ..source(component, data) })
            }
            (ComponentKind::Form(form), Answer::Rows(rows)) => {
                match form::inside(form, data, rows.records.first()) {
                    Some(inside) => {
                        self.render("record_form.html", context! { ..inside, ..props(component) })
                    }
                    // There is no record to change.
                    None => Ok(String::new()),
                }
            }
            (ComponentKind::Details(details), Answer::Rows(rows)) => {
                let inside = details::inside(details, scene.viewer, data, rows);
                self.render("details.html", context! { ..inside, ..source(component, data) })
            }
            (ComponentKind::Kpi(kpi), Answer::Figure(figure)) => {
                let inside = kpi::inside(kpi, data, figure);
                self.render("kpi.html", context! { ..inside, ..source(component, data) })
            }
            (ComponentKind::Chart(chart), Answer::Groups(groups)) => {
                let (template, inside) = chart::inside(chart, data, groups);
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

    /// A page that asks whether what was sent by a button is meant, and sends it again to `url`.
    ///
    /// # Errors
    /// When a template is faulty.
    pub fn confirm(
        &self,
        frame: &Frame<'_>,
        confirm: &Confirm,
        url: &str,
        pairs: &[(String, String)],
    ) -> Result<String, RenderError> {
        let pair = |(name, value): &(String, String)| vec![name.clone(), value.clone()];
        let inside = context! {
            form_stylesheet => client::form_stylesheet(),
            label => confirm.label.as_ref(),
            variant => if confirm.is_deletion { "danger" } else { "primary" },
            url,
            pairs => pairs.iter().map(pair).collect::<Vec<_>>(),
        };
        self.framed("confirm.html", frame, &confirm.text, inside)
    }

    /// A page that says what went wrong.
    ///
    /// # Errors
    /// When a template is faulty.
    pub fn error(
        &self,
        frame: &Frame<'_>,
        status: u16,
        title: &str,
        message: &str,
    ) -> Result<String, RenderError> {
        self.framed("error.html", frame, title, context! { status, message })
    }

    fn framed(
        &self,
        template: &str,
        frame: &Frame<'_>,
        title: &str,
        inside: Value,
    ) -> Result<String, RenderError> {
        let (user, viewer) = match frame.viewer {
            Viewer::User(user) => (Some(user.name.as_ref()), user.id.as_str()),
            Viewer::Guest => (None, "guest"),
        };
        let (transport, dev) = (&self.transport, self.edition.as_ref());
        let config = ClientConfig { transport, viewer, dev };
        let around = context! {
            title,
            app_name => frame.app.name.as_ref(),
            menu => frame.menu.iter().map(item).collect::<Vec<_>>(),
            nonce => frame.nonce,
            user,
            toast => frame.toast,
            stylesheet => client::stylesheet(),
            theme => Value::from_safe_string(self.look.theme.clone()),
            icon => self.look.icon.as_deref(),
            own_stylesheet => self.look.stylesheet.as_deref(),
            script => client::script(),
            modules => client::modules().collect::<Vec<_>>(),
            dev_script => dev.map(|_| client::dev_script()),
            config => Value::from_safe_string(script_json(&config)),
        };
        self.render(template, context! { ..inside, ..around })
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

    fn text(&self, component: &Component, text: &Text) -> Result<String, RenderError> {
        let (tag, variant) = match text.variant {
            TextVariant::Title => ("h1", "title"),
            TextVariant::Heading => ("h2", "heading"),
            TextVariant::Body => ("p", "body"),
            TextVariant::Muted => ("p", "muted"),
        };
        let content = text.content.as_ref();
        self.render("text.html", context! { tag, variant, content, ..props(component) })
    }

    fn link(&self, component: &Component, link: &Link) -> Result<String, RenderError> {
        let (href, label) = (link.href.as_ref(), link.label.as_ref());
        self.render("link.html", context! { href, label, ..props(component) })
    }

    fn render(&self, template: &str, context: Value) -> Result<String, RenderError> {
        Ok(self.environment.get_template(template)?.render(context)?)
    }
}

/// The stylesheets that this page needs beside the one of all pages.
fn stylesheets(page: &Page) -> Vec<String> {
    let still = page.all().into_iter().any(still::is_still).then(client::still_stylesheet);
    let forms = page.has_forms().then(client::form_stylesheet);
    let tables = page.all().into_iter().any(has_tools).then(client::tables_stylesheet);
    still.into_iter().chain(forms).chain(tables).collect()
}

/// Whether it shows more of records than rows with something above them.
fn has_tools(component: &Component) -> bool {
    match &component.kind {
        ComponentKind::DataTable(table) => table.is_browsable() || table.row_link.is_some(),
        ComponentKind::Details(_) => true,
        _ => false,
    }
}

/// What the browser's scripts are told.
#[derive(Serialize)]
struct ClientConfig<'a> {
    #[serde(flatten)]
    transport: &'a Transport,
    /// For whom the page is: a user's id, or `guest`. Tabs of the same viewer share a connection.
    viewer: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dev: Option<&'a Edition>,
}

/// JSON that can stand in a script element.
fn script_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default().replace('<', "\\u003c")
}

fn item(item: &MenuItem) -> Value {
    context! { label => item.label.as_ref(), path => item.path.as_ref(), current => item.current }
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
