//! Renders the frame of a page around its components: the head, the menu, and the settings of the
//! scripts.

use std::collections::BTreeSet;
use std::sync::Arc;

use minijinja::{Value, context};
use serde::Serialize;

use crate::client;
use crate::model::app::App;
use crate::model::page::Page;
use crate::model::phrase::Phrase;
use crate::model::refresh::Transport;
use crate::model::viewer::Viewer;
use crate::render::component_html::ComponentHtml;
use crate::render::{Confirm, Edition, RenderError, Renderer, component_html};
use crate::router::Address;

/// The parts of a page's frame.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The app, for its name.
    pub app: &'a App,
    /// The viewer of the page.
    pub viewer: &'a Viewer,
    /// The items of the menu.
    pub menu: &'a [MenuItem],
    /// The nonce of the content security policy, which inline scripts need.
    pub nonce: &'a str,
    /// A message about what was just done. `None` if there is none to show.
    pub toast: Option<&'a str>,
    /// HTML below the components. `None` if there is none.
    pub below: Option<&'a str>,
}

/// One item of the menu.
#[derive(Clone, Debug)]
pub struct MenuItem {
    /// The name of the page.
    pub label: Arc<str>,
    /// The path of the page.
    pub path: Arc<str>,
    /// Whether this is the page that is being shown.
    pub current: bool,
}

impl Renderer {
    /// Renders a whole page around the HTML of its components.
    ///
    /// # Errors
    /// Fails if a template is faulty.
    pub fn page(
        &self,
        frame: &Frame<'_>,
        Address { page, path, values }: &Address,
        components: &str,
    ) -> Result<String, RenderError> {
        let told = |phrase: &Phrase| phrase.fill(frame.viewer, values);
        let title = page.meta.title.as_ref().map_or_else(|| page.name.to_string(), told);
        self.framed(
            "page.html",
            frame,
            &title,
            context! {
                description => page.meta.description.as_ref().map(told),
                path => path.as_ref(),
                stylesheets => stylesheets(page),
                presence => page.presence && !page.places_presence(),
                body => Value::from_safe_string(components.to_owned()),
                admin_stylesheet => frame.below.map(|_| client::admin_stylesheet()),
                below => frame.below.map(|html| Value::from_safe_string(html.to_owned())),
            },
        )
    }

    /// Renders a page that asks people to confirm the action of a button. Its form sends `pairs`, the
    /// values of the first request, to `url`.
    ///
    /// # Errors
    /// Fails if a template is faulty.
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

    /// Renders a page with an error.
    ///
    /// # Errors
    /// Fails if a template is faulty.
    pub fn error(
        &self,
        frame: &Frame<'_>,
        status: u16,
        title: &str,
        message: &str,
    ) -> Result<String, RenderError> {
        self.framed("error.html", frame, title, context! { status, message })
    }

    pub(super) fn framed(
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
        let transport = &self.transport;
        let dev = self.edition.as_ref();
        let config = ClientConfig { transport, viewer, dev };
        let around = context! {
            title,
            app_name => frame.app.name.as_ref(),
            menu => frame.menu.iter().map(item).collect::<Vec<_>>(),
            menu_size => menu_size(frame.menu),
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
}

/// Returns the paths of the stylesheets that this page needs in addition to the one of all pages.
fn stylesheets(page: &Page) -> Vec<String> {
    let components = page.all().into_iter().map(component_html);
    let names: BTreeSet<_> = components.flat_map(ComponentHtml::stylesheets).collect();
    names.into_iter().map(client::component_stylesheet).collect()
}

/// The most items of a menu that stands beside the app's name, its greatest width there, and its greatest
/// width in two rows, both in pixels.
const MOST_BESIDE_NAME: usize = 7;
const ROOM_BESIDE_NAME: usize = 700;
const TWO_ROWS: usize = 2_000;

/// The settings of the scripts in the browser.
#[derive(Serialize)]
struct ClientConfig<'a> {
    #[serde(flatten)]
    transport: &'a Transport,
    /// The viewer of the page: a user's id, or `guest`. Tabs of the same viewer share a connection.
    viewer: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dev: Option<&'a Edition>,
}

/// Returns JSON that is safe inside a `<script>` element.
pub(super) fn script_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default().replace('<', "\\u003c")
}

/// Returns the layout of a menu that has no room beside the app's name: `many` for rows below the name,
/// `long` for a button that opens it, since two rows cannot hold it. `None` if it has room.
fn menu_size(menu: &[MenuItem]) -> Option<&'static str> {
    // An estimate in pixels: the width of a wide letter in the usual fonts, and the space around the
    // item.
    let width = |item: &MenuItem| item.label.chars().count() * 9 + 28;
    match menu.iter().map(width).sum() {
        ..=ROOM_BESIDE_NAME if menu.len() <= MOST_BESIDE_NAME => None,
        ..=TWO_ROWS => Some("many"),
        _ => Some("long"),
    }
}

fn item(item: &MenuItem) -> Value {
    context! { label => item.label.as_ref(), path => item.path.as_ref(), current => item.current }
}
