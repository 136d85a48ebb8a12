//! Takes the HTML that authors write into `html` components out of an app before its pages are rendered.
//!
//! A mark stands in its place, and the export puts the HTML back when it rewrites a page. So an element that an
//! author wrote is never mistaken for one of Pagetide's own, which may be left out.

use std::sync::Arc;

use crate::model::app::App;
use crate::model::components::component::{Component, ComponentKind};

/// The beginning of the comment that stands in the place of an author's HTML; its number follows.
const MARK: &str = "pagetide-html:";
/// The template of `html` components.
const TEMPLATE: &str = "html.html";

/// An app without the HTML of its `html` components, and that HTML.
#[derive(Clone, Debug)]
pub struct SetAside {
    /// The app, with a mark as the content of each `html` component.
    pub app: Arc<App>,
    /// The HTML by the number in its mark.
    pub(super) authored: Vec<Arc<str>>,
}

impl SetAside {
    /// Sets aside the HTML of this app. Does nothing if the app has its own template for `html`, since that may do
    /// more with the content than print it, and must get the real one.
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

/// The mark for the HTML of this number.
pub(super) fn place(index: usize) -> String {
    format!("<!--{MARK}{index}-->")
}

/// Returns the HTML that belongs in the place of a comment. `None` if the comment is no mark.
pub(super) fn of<'a>(comment: &str, authored: &'a [Arc<str>]) -> Option<&'a str> {
    let index: usize = comment.strip_prefix(MARK)?.parse().ok()?;
    authored.get(index).map(AsRef::as_ref)
}
