//! The OpenAPI 3.1 document of an app's API, as one viewer may use it. Tables and fields that the viewer may not read
//! are absent, and so are operations that they may not do.
//!
//! Each file describes one group of routes: its `describe` adds the operations to `Paths`. The texts in it are read
//! by people who write programs against the API. `tests/contract` holds the server to this document.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

use crate::auth::COOKIE;
use crate::model::access::View;
use crate::model::app::App;
use crate::model::ids::Role;
use crate::model::viewer::Viewer;

mod accounts;
mod answers;
mod asked;
mod files;
mod many;
mod pages;
mod records;
mod schemas;
mod streams;

/// The operations of the document, by path and then by method.
type Paths = Map<String, Json>;

/// The documents of an app, one for each role and one for guests.
pub struct Descriptions {
    app: Arc<App>,
    /// The documents that were asked for so far. The role alone decides what a document holds; guests have `None`.
    made: Mutex<HashMap<Option<Role>, Arc<Description>>>,
}

/// The document for one role, as it is served.
pub struct Description {
    /// The document as JSON.
    pub json: Bytes,
    /// The ETag, without its quotes: a hash of the document.
    pub tag: String,
}

impl Descriptions {
    /// The documents of this app. Each is made when a viewer first asks for it.
    pub fn new(app: Arc<App>) -> Self {
        Self { app, made: Mutex::default() }
    }

    /// Returns the document for this viewer.
    pub fn of(&self, viewer: &Viewer) -> Arc<Description> {
        let role = match viewer {
            Viewer::Guest => None,
            Viewer::User(user) => Some(user.role.clone()),
        };
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let description = || Arc::new(Description::of(&document(&self.app, viewer)));
        made.entry(role).or_insert_with(description).clone()
    }
}

impl Description {
    fn of(document: &Json) -> Self {
        let json = document.to_string();
        let tag = URL_SAFE_NO_PAD.encode(&Sha256::digest(&json)[..12]);
        Self { json: json.into(), tag }
    }
}

/// Makes the OpenAPI document of this app for this viewer.
pub fn document(app: &App, viewer: &Viewer) -> Json {
    // A viewer who may only add records to a table gets its operations, but no schema of its records.
    let views: Vec<_> = app.tables.iter().filter_map(|table| table.view_to_add(viewer)).collect();
    let mut paths = Paths::new();
    for view in &views {
        records::describe(view, &mut paths);
        many::describe(view, &mut paths);
        if view.is_open {
            files::describe(view, &mut paths);
            streams::describe(view, &mut paths);
        }
    }
    streams::describe_shared(&mut paths);
    accounts::describe(app, viewer, &mut paths);
    pages::describe(&mut paths);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": &*app.name,
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What you may read and do here. Every change is told to whoever listens, \
                and to every live page.",
        },
        "servers": [{ "url": "/" }],
        "security": [{ "session": [] }, { "token": [] }, {}],
        "tags": tags(&views),
        "paths": paths,
        "components": {
            "schemas": schemas::schemas(&views),
            "responses": answers::responses(),
            "securitySchemes": {
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": COOKIE,
                    "description": "The session that signing in begins. Whoever writes with it says \
                        where they belong, by `Origin` with the scheme and host of this server; \
                        browsers do.",
                },
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of the API, for programs.",
                },
            },
        },
    })
}

/// The tags that group operations: one for each table, and the shared ones.
fn tags(views: &[View]) -> Json {
    let shared = [
        ("Accounts", "Who is asking."),
        ("Streams", "What changes, as it does."),
        ("Pages", "Parts of pages, and this description."),
    ];
    let tables = views.iter().map(|view| json!({ "name": view.table.name.as_str() }));
    let shared = shared.map(|(name, about)| json!({ "name": name, "description": about }));
    tables.chain(shared).collect()
}

/// Returns the path of a route of this table; `rest` is its end, without a slash before it.
fn path(view: &View, rest: &str) -> String {
    format!("/api/tables/{}/{rest}", view.table.name)
}

/// Returns a reference to a schema of this table, such as `Record`: see [`schemas::schemas`].
fn schema(view: &View, name: &str) -> Json {
    json!({ "$ref": format!("#/components/schemas/{}.{name}", view.table.name) })
}

/// Returns the description of a required JSON body.
fn body(schema: &Json, example: &Json) -> Json {
    json!({
        "required": true,
        "content": { "application/json": { "schema": schema, "example": example } },
    })
}
