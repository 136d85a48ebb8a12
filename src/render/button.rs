//! Renders buttons, and the question before their action.

use std::sync::Arc;

use minijinja::{Value, context};

use crate::model::components::button::{Button, ButtonTarget, ButtonVariant};
use crate::model::query::Rows;
use crate::model::record::Record;
use crate::render::component_html::{ComponentHtml, ComponentWriter};
use crate::render::{RenderError, Scene};

/// A question that people must confirm before an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirm {
    /// The question that people read.
    pub text: String,
    /// The label of the button that confirms it.
    pub label: Arc<str>,
    /// Whether the action deletes something.
    pub is_deletion: bool,
}

impl ComponentHtml for Button {
    fn html(&self, writer: &ComponentWriter<'_>) -> Result<String, RenderError> {
        let inside = context(self, writer.scene);
        match (self.act(), writer.rows()) {
            (None, _) => writer.fill("button.html", inside),
            (Some(_), Some((data, rows))) => {
                let inside = context! { ..inside, ..record(self, rows) };
                writer.fill_with_data("button.html", data, inside)
            }
            (Some(_), None) => Ok(String::new()),
        }
    }

    fn stylesheets(&self) -> Vec<&'static str> {
        vec!["form.css"]
    }
}

/// Returns what the template of a button needs in addition to what all components have.
fn context(button: &Button, scene: Scene<'_>) -> Value {
    let href = match &button.does {
        ButtonTarget::Lead(href) => Some(scene.href(href)),
        ButtonTarget::Act(_) => None,
    };
    context! { label => scene.words(&button.label), variant => name_of(button.variant), href }
}

/// Returns the record of the button's action. It is empty if there is no record, or if the action would
/// change nothing.
fn record(button: &Button, rows: &Rows) -> Value {
    let is_done = |record: &Record| button.act().is_none_or(|act| act.action.is_done(record));
    let record = rows.records.first().filter(|record| !is_done(record));
    context! { record => record.map(|record| record.id().to_string()) }
}

fn name_of(variant: ButtonVariant) -> &'static str {
    match variant {
        ButtonVariant::Primary => "primary",
        ButtonVariant::Secondary => "secondary",
        ButtonVariant::Danger => "danger",
        ButtonVariant::Quiet => "quiet",
    }
}
