//! The HTML that authors write into `html` components is set aside before pages are made, and put in
//! again by whoever makes files of them: so nothing of it is ever taken for what Pagetide wrote.

use std::sync::Arc;

use crate::model::app::App;
use crate::model::components::component::{Component, ComponentKind};

const MARK: &str = "pagetide-html:";
/// The template that the HTML stands in.
const TEMPLATE: &str = "html.html";

/// An app without the HTML that its author wrote.
#[derive(Clone, Debug)]
pub struct SetAside {
    /// The app, with a mark in the place of each.
    pub app: Arc<App>,
    /// What belongs there, in order.
    pub(super) authored: Vec<Arc<str>>,
}

impl SetAside {
    /// Of this app. Where it has a template of its own for `html`, nothing is: that may do with the HTML
    /// whatever it likes.
    pub fn of(app: &App) -> Self {
        let mut app = app.clone();
        let mut authored = Vec::new();
        if !app.templates.iter().any(|template| template.name.as_ref() == TEMPLATE) {
            for page in &mut app.pages {
                set_aside(&mut Arc::make_mut(page).components, &mut authored);
            }
        }
        Self { app: Arc::new(app), authored }
    }
}

fn set_aside(components: &mut [Component], authored: &mut Vec<Arc<str>>) {
    for component in components {
        if let ComponentKind::Html(html) = &mut component.kind {
            let mark: Arc<str> = place(authored.len()).into();
            authored.push(std::mem::replace(&mut html.content, mark));
        } else if let ComponentKind::Container(container) = &mut component.kind {
            set_aside(&mut container.children, authored);
        }
    }
}

/// What stands in the place of what was set aside.
pub(super) fn place(index: usize) -> String {
    format!("<!--{MARK}{index}-->")
}

/// What belongs in the place of a comment; `None` if it is only a comment.
pub(super) fn of<'a>(comment: &str, authored: &'a [Arc<str>]) -> Option<&'a str> {
    let index: usize = comment.strip_prefix(MARK)?.parse().ok()?;
    authored.get(index).map(AsRef::as_ref)
}
