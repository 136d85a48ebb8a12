//! Pages that are no part of any app, and need nothing of one.

use std::sync::Arc;

use minijinja::{Environment, Value, context};

use crate::client;
use crate::render::layout::script_json;
use crate::render::{Edition, RenderError, Renderer};

const WAITING: &str = include_str!("../../templates/standalone/waiting.html");
const MOVED: &str = include_str!("../../templates/standalone/moved.html");
const API: &str = include_str!("../../templates/standalone/api.html");

impl Renderer {
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
}
