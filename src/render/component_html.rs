//! The trait that renders components, and what its implementations are given.

use minijinja::{Value, context};

use crate::model::components::component::Component;
use crate::model::query::{Answer, Groups, Rows};
use crate::model::refresh::Refresh;
use crate::model::value::Value as FieldValue;
use crate::render::{ComponentData, RenderError, Renderer, Scene};

/// A kind of component that can be rendered.
pub(super) trait ComponentHtml {
    /// Returns the HTML for the viewer of the scene. Empty if there is nothing to show to them.
    ///
    /// # Errors
    /// Fails if a template is faulty.
    fn html(&self, writer: &ComponentWriter<'_>) -> Result<String, RenderError>;

    /// Returns the names of the stylesheets that the component needs in addition to the one of all pages.
    fn stylesheets(&self) -> Vec<&'static str> {
        Vec::new()
    }
}

/// A component that is being rendered, with its context.
pub(super) struct ComponentWriter<'a> {
    pub(super) renderer: &'a Renderer,
    pub(super) component: &'a Component,
    pub(super) scene: Scene<'a>,
}

impl<'a> ComponentWriter<'a> {
    /// Returns the data of the component. `None` if it shows no records, or none that the viewer may
    /// read.
    pub(super) fn data(&self) -> Option<&'a ComponentData> {
        self.scene.data.get(&self.component.id)
    }

    /// Returns the records that the component shows. `None` if its data is of another kind.
    pub(super) fn rows(&self) -> Option<(&'a ComponentData, &'a Rows)> {
        match self.data().map(|data| (data, &data.answer))? {
            (data, Answer::Rows(rows)) => Some((data, rows)),
            (_, Answer::Figure(_) | Answer::Groups(_)) => None,
        }
    }

    /// Returns the figure that the component shows. `None` if its data is of another kind.
    pub(super) fn figure(&self) -> Option<(&'a ComponentData, &'a FieldValue)> {
        match self.data().map(|data| (data, &data.answer))? {
            (data, Answer::Figure(figure)) => Some((data, figure)),
            (_, Answer::Rows(_) | Answer::Groups(_)) => None,
        }
    }

    /// Returns the groups that the component shows. `None` if its data is of another kind.
    pub(super) fn groups(&self) -> Option<(&'a ComponentData, &'a Groups)> {
        match self.data().map(|data| (data, &data.answer))? {
            (data, Answer::Groups(groups)) => Some((data, groups)),
            (_, Answer::Rows(_) | Answer::Figure(_)) => None,
        }
    }

    /// Renders a template with `inside` and what all components have.
    pub(super) fn fill(&self, template: &str, inside: Value) -> Result<String, RenderError> {
        self.renderer.render(template, context! { ..inside, ..self.props() })
    }

    /// Renders a template with `inside`, what all components have, and what components with data have:
    /// their position and how they stay current.
    pub(super) fn fill_with_data(
        &self,
        template: &str,
        data: &ComponentData,
        inside: Value,
    ) -> Result<String, RenderError> {
        let refresh = self.component.data_source().map(|source| source.refresh).unwrap_or_default();
        let (refresh, interval_ms) = match refresh {
            Refresh::Static => ("static", None),
            Refresh::Poll { interval_ms } => ("poll", Some(interval_ms)),
            Refresh::Realtime => ("realtime", None),
        };
        let source = context! {
            table => data.table.name.as_str(),
            position => data.position.as_str(),
            meaning => data.shape.as_str(),
            refresh,
            interval_ms,
        };
        self.fill(template, context! { ..inside, ..source })
    }

    fn props(&self) -> Value {
        let Component { id, props, .. } = self.component;
        context! {
            id => id.as_str(),
            class_name => props.class_name.as_deref(),
            style => props.style.as_deref(),
        }
    }
}
