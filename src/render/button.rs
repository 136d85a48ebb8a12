//! Buttons, and the question before what they do.

use std::sync::Arc;

use minijinja::{Value, context};

use crate::model::components::button::{Button, ButtonTarget, ButtonVariant};
use crate::model::query::Rows;
use crate::model::record::Record;
use crate::render::component_html::{ComponentHtml, ComponentWriter};
use crate::render::{RenderError, Scene};

/// What people are asked before something is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirm {
    /// The question that is asked first.
    pub text: String,
    /// What is on the button that does it.
    pub label: Arc<str>,
    /// Whether something is deleted by it.
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

/// What the template of a button needs beside what all components have.
fn context(button: &Button, scene: Scene<'_>) -> Value {
    let href = match &button.does {
        ButtonTarget::Lead(href) => Some(scene.href(href)),
        ButtonTarget::Act(_) => None,
    };
    context! { label => scene.words(&button.label), variant => name_of(button.variant), href }
}

/// The record that it is about; none where there is nothing to do.
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
