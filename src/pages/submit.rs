//! The entry point of submissions: finds the component that sent one, and saves the form or does the action.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::access::View;
use crate::model::components::component::{Component, ComponentKind};
use crate::model::ids::ComponentId;
use crate::model::shape::Shape;
use crate::model::viewer::Viewer;
use crate::pages::save::Target;
use crate::pages::submission::{Submission, Submitted};
use crate::pages::{Pages, PagesError, RenderRequest};
use crate::queries;
use crate::records::RecordsError;
use crate::render::{ComponentData, Frame, Scene};
use crate::router::Address;

impl Pages {
    /// Carries out a submission to a page.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`] if the page or component is not there for this viewer, or the viewer may
    /// set no field of the form. Also if the database does not answer, or the answer cannot be rendered.
    pub async fn submit(
        &self,
        viewer: &Viewer,
        submission: &Submission<'_>,
    ) -> Result<Submitted, PagesError> {
        let address = self.app.at(submission.url).ok_or(RecordsError::NotFound)?;
        if !self.app.may_open(&address.page, viewer) {
            return match viewer {
                Viewer::Guest => Ok(Submitted::SignIn),
                Viewer::User(_) => Err(RecordsError::NotFound.into()),
            };
        }
        let (component, view) = self.sender(viewer, &address, submission.component)?;
        let ComponentKind::Form(form) = &component.kind else {
            return self.press(viewer, submission, &address, component, view).await;
        };
        let open = form.open_fields(&view);
        if open.is_empty() {
            return Err(RecordsError::NotFound.into());
        }
        let is_of_another = submission.is_of_another(&Shape::of(&address.page, component, &view));
        let target = Target { address: &address, component, form, view, open };
        if is_of_another {
            return self.sent_from_another(viewer, submission, &target).await;
        }
        self.save(viewer, submission, target).await
    }

    /// Returns the message that follows an action of a component. `None` if the viewer may not use it.
    pub fn toast(
        &self,
        viewer: &Viewer,
        url: &str,
        component: &str,
        action: &str,
    ) -> Option<Arc<str>> {
        let address = self.app.at(url).filter(|at| self.app.may_open(&at.page, viewer))?;
        let (component, view) = self.sender(viewer, &address, component).ok()?;
        if let ComponentKind::Form(form) = &component.kind {
            let is_open = !form.open_fields(&view).is_empty();
            return is_open.then(|| form.on_success.toast.clone());
        }
        let (action, on_success) = component.open_action(&view, action)?;
        Some(on_success.map_or_else(|| action.toast(), |then| then.toast.clone()))
    }

    /// Returns the component of an id, and its table as the viewer sees it.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`] if there is none for this viewer, or it has no table.
    fn sender<'a>(
        &self,
        viewer: &Viewer,
        address: &'a Address,
        component: &str,
    ) -> Result<(&'a Component, View), RecordsError> {
        let id = component.parse::<ComponentId>().ok();
        let component = id.and_then(|id| address.page.component(&id, viewer));
        let component = component.ok_or(RecordsError::NotFound)?;
        let view = queries::view_of(component, &self.records, viewer)?;
        Ok((component, view))
    }

    /// Renders the answer to a submission, with a message on the page. A script gets the components alone,
    /// without the message.
    pub(super) fn shown_again(
        &self,
        submission: &Submission<'_>,
        shown: &RenderRequest<'_>,
        data: &HashMap<ComponentId, ComponentData>,
        toast: Option<&str>,
    ) -> Result<String, PagesError> {
        let RenderRequest { viewer, address, .. } = *shown;
        let mut html = String::new();
        for component in &shown.of {
            html.push_str(&self.renderer.component(component, Scene { viewer, address, data })?);
        }
        if submission.by_script {
            return Ok(html);
        }
        let menu = self.menu(viewer, &address.path);
        let frame = Frame { toast, ..self.frame(viewer, &menu, submission.nonce) };
        Ok(self.renderer.page(&frame, address, &html)?)
    }
}
