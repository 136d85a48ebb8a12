//! Renders pages that belong to no app and use none of its templates.

use std::sync::Arc;

use minijinja::{Environment, Value, context};

use crate::client;
use crate::render::layout::script_json;
use crate::render::{Edition, RenderError, Renderer};

const WAITING: &str = include_str!("../../templates/standalone/waiting.html");
const MOVED: &str = include_str!("../../templates/standalone/moved.html");
const API: &str = include_str!("../../templates/standalone/api.html");

impl Renderer {
    /// Renders the page that `pagetide dev` shows while no app can be served.
    ///
    /// # Errors
    /// Fails if the template is faulty.
    pub fn waiting(process: &Arc<str>, nonce: &str) -> Result<String, RenderError> {
        let edition = Edition { process: process.clone(), page: 0 };
        let config = Value::from_safe_string(script_json(&serde_json::json!({ "dev": edition })));
        let dev_script = client::dev_script();
        let inside = context! { config, dev_script, nonce };
        Ok(Environment::new().render_named_str("waiting.html", WAITING, inside)?)
    }

    /// Renders a page that redirects to another one at once.
    ///
    /// # Errors
    /// Fails if the template is faulty.
    pub fn moved(to: &str) -> Result<String, RenderError> {
        Ok(Environment::new().render_named_str("moved.html", MOVED, context! { to })?)
    }

    /// Renders the page about the API of an app.
    ///
    /// # Errors
    /// Fails if the template is faulty.
    pub fn api(app_name: &str, nonce: &str) -> Result<String, RenderError> {
        let [stylesheet, swagger_script] = client::swagger();
        let script = client::api_script();
        let inside = context! { app_name, nonce, stylesheet, swagger_script, script };
        Ok(Environment::new().render_named_str("api.html", API, inside)?)
    }
}
