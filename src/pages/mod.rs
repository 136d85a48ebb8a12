//! Pages: finds the page at a path, reads the records that its components show to a viewer, and renders them to
//! HTML. The server and an export both use this module.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use crate::client;
use crate::feed::{Version, Versions};
use crate::limits;
use crate::model::access::View;
use crate::model::app::App;
use crate::model::components::component::Component;
use crate::model::ids::{ComponentId, TableName};
use crate::model::page::Page;
use crate::model::query::Snapshot;
use crate::model::shape::Shape;
use crate::model::viewer::Viewer;
use crate::queries::{ComponentQuery, Opening};
use crate::records::{Records, RecordsError};
use crate::render::{BuiltInForm, ComponentData, Frame, MenuItem, RenderError, Renderer, Scene};
use crate::router::Address;

mod actions;
mod another;
mod built_in;
mod cache;
mod form_data;
mod fragment_index;
mod idempotency;
mod save;
mod submission;
mod submit;

use cache::{Cache, CacheKey, Rendered, ViewKey};
use fragment_index::{Spot, Spots};
use idempotency::Repeats;
pub use submission::{Done, Submission, Submitted};

/// The pages of one app.
#[derive(Clone)]
pub struct Pages {
    app: Arc<App>,
    records: Records,
    renderer: Arc<Renderer>,
    versions: Versions,
    cache: Cache,
    spots: Spots,
    repeats: Repeats,
}

/// A request for a page.
#[derive(Clone, Copy, Debug, Default)]
pub struct PageRequest<'a> {
    /// The path, with its query string.
    pub url: &'a str,
    /// The ETag of the page that the browser has.
    pub known: Option<&'a str>,
    /// The nonce that inline scripts must carry to be run (Content Security Policy).
    pub nonce: &'a str,
    /// The message to show once, such as `Saved`.
    pub toast: Option<&'a str>,
    /// HTML to show below the components.
    pub below: Option<&'a str>,
}

/// The answer to a request for a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageResponse {
    /// The HTML of the page, with its ETag. There is no ETag if the page also shows a message or HTML from the
    /// request.
    Html(String, Option<String>),
    /// The browser has the current page. With its ETag.
    Unchanged(String),
    /// The path that the browser should open instead.
    Redirect(Arc<str>),
    /// The page is only for people who have signed in.
    SignIn,
    /// The page does not exist, or the viewer may not know of it.
    NotFound,
}

/// The answer to a request for a fragment: a component by itself, as its page shows it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fragment {
    /// The HTML of the component, with its ETag.
    Html(Arc<str>, String),
    /// The client has the current fragment. With its ETag.
    Unchanged(String),
}

/// The error of a page that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PagesError {
    /// The records could not be read or written.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// The page could not be rendered.
    #[error(transparent)]
    Render(#[from] RenderError),
}

impl Pages {
    /// Creates the pages of an app.
    pub fn new(
        app: Arc<App>,
        records: Records,
        renderer: Arc<Renderer>,
        versions: Versions,
    ) -> Self {
        let (cache, spots) = (Cache::default(), Spots::default());
        let repeats = Repeats::default();
        Self { app, records, renderer, versions, cache, spots, repeats }
    }

    /// Returns the page at a URL, for a viewer.
    ///
    /// # Errors
    /// If the database does not answer, or the page cannot be rendered.
    pub async fn open(
        &self,
        viewer: &Viewer,
        request: PageRequest<'_>,
    ) -> Result<PageResponse, PagesError> {
        let PageRequest { url, known, nonce, toast, below } = request;
        let Some(address) = self.app.at(url) else {
            return Ok(self.without_page(viewer, url));
        };
        let page = &address.page;
        if !self.app.may_open(page, viewer) {
            return Ok(turned_away(page, viewer, &address.path));
        }
        let of = page.components.iter().collect();
        let shown = RenderRequest::new(viewer, &address, None, of);
        let (place, tables) = self.place(&shown);
        // The version is read before the rows. So the rows may be newer than the version of their rendering,
        // and never older: a rendering that is too old would be kept.
        let version = self.versions.of(tables.iter()).await;
        // The future of a rendering is large and mostly not needed. Boxed, it is not part of the future of
        // every request.
        let body = match Box::pin(self.rendered(&shown, &place, version.as_ref())).await {
            Err(PagesError::Records(RecordsError::NotFound)) => return Ok(PageResponse::NotFound),
            body => body?,
        };
        let beside = (client::stylesheet(), client::script(), viewer);
        // A message is shown once, and HTML from the request is not covered by the key, so such a page has no
        // ETag.
        let is_state = toast.is_none() && below.is_none();
        let tag = is_state.then(|| self.cache.tag(&place, &body, beside));
        if let Some(tag) = tag.as_deref().filter(|tag| known == Some(tag)) {
            return Ok(PageResponse::Unchanged(tag.to_owned()));
        }
        let menu = self.menu(viewer, &address.path);
        let frame = Frame { toast, below, ..self.frame(viewer, &menu, nonce) };
        let html = self.renderer.page(&frame, &address, &body.html)?;
        Ok(PageResponse::Html(html, tag))
    }

    /// Returns one component of the page at a URL, for a viewer. `shape` is the shape of the component on the
    /// page that the client has open, `known` the ETag of the fragment that it has.
    ///
    /// # Errors
    /// - [`RecordsError::NotFound`] if there is no such component for this viewer.
    /// - [`RecordsError::PageChanged`] if `shape` is given and the component has another one, or is gone.
    /// - If the database does not answer, or the component cannot be rendered.
    pub async fn fragment(
        &self,
        viewer: &Viewer,
        url: &str,
        component: &str,
        shape: Option<&str>,
        known: Option<&str>,
    ) -> Result<Fragment, PagesError> {
        let spot = match self.spots.get(viewer, url, component) {
            Some(spot) => spot,
            None => match self.spot(viewer, url, component) {
                Ok(spot) => self.spots.keep(viewer, url, component, spot),
                // A client has the shape from an open page, so the component was there when that was made.
                Err(RecordsError::NotFound) if shape.is_some() => {
                    return Err(RecordsError::PageChanged.into());
                }
                Err(error) => return Err(error.into()),
            },
        };
        if shape.is_some_and(|shape| shape != spot.shape.as_str()) {
            return Err(RecordsError::PageChanged.into());
        }
        let version = self.versions.of(spot.tables.iter()).await;
        let (address, id) = (&spot.address, &spot.component);
        let component = address.page.component(id, viewer).ok_or(RecordsError::NotFound)?;
        let shown = RenderRequest::new(viewer, address, Some(id), vec![component]);
        let made = Box::pin(self.rendered(&shown, &spot.place, version.as_ref())).await?;
        let tag = self.cache.tag(&spot.place, &made, ());
        if known == Some(&tag) {
            return Ok(Fragment::Unchanged(tag));
        }
        Ok(Fragment::Html(made.html, tag))
    }

    /// Finds the component that a fragment is requested for.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`] if there is no such component for this viewer, or it shows no records.
    fn spot(&self, viewer: &Viewer, url: &str, component: &str) -> Result<Spot, RecordsError> {
        let address = self.app.at(url).filter(|at| self.app.may_open(&at.page, viewer));
        let address = address.ok_or(RecordsError::NotFound)?;
        let id = component.parse::<ComponentId>().map_err(|_| RecordsError::NotFound)?;
        let found = address.page.component(&id, viewer).ok_or(RecordsError::NotFound)?;
        let shown = RenderRequest::new(viewer, &address, Some(&id), vec![found]);
        let query = shown.query_of(found, &self.records).ok_or(RecordsError::NotFound)?;
        let shape = Shape::of(&address.page, found, &query.view);
        let (place, tables) = self.place(&shown);
        Ok(Spot { component: id, place, tables, shape, address })
    }

    /// Renders the page of a built-in form, such as signing in.
    ///
    /// # Errors
    /// If it cannot be rendered.
    pub fn form(
        &self,
        viewer: &Viewer,
        form: &BuiltInForm<'_>,
        nonce: &str,
    ) -> Result<String, PagesError> {
        let menu = self.menu(viewer, "");
        Ok(self.renderer.form(&self.frame(viewer, &menu, nonce), form)?)
    }

    /// Renders the page that reports an error.
    ///
    /// # Errors
    /// If it cannot be rendered.
    pub fn error(
        &self,
        viewer: &Viewer,
        status: u16,
        (title, message): (&str, &str),
        nonce: &str,
    ) -> Result<String, PagesError> {
        let menu = self.menu(viewer, "");
        Ok(self.renderer.error(&self.frame(viewer, &menu, nonce), status, title, message)?)
    }

    /// Returns the answer for a URL that is no page. A trailing slash is removed by a redirect. `/` leads to
    /// the first page that the viewer may open.
    fn without_page(&self, viewer: &Viewer, url: &str) -> PageResponse {
        let path = url.split(['?', '#']).next().unwrap_or_default();
        if path != "/" {
            let shorter = path.strip_suffix('/').and_then(|path| self.app.at(path));
            return shorter
                .map_or(PageResponse::NotFound, |address| PageResponse::Redirect(address.path));
        }
        let first = self.open_pages(viewer).next();
        match first {
            Some(page) => PageResponse::Redirect(page.path.clone()),
            None if *viewer == Viewer::Guest && !self.app.pages.is_empty() => PageResponse::SignIn,
            None => PageResponse::NotFound,
        }
    }

    /// Returns the cache key of a rendering, and the tables that the rendering depends on.
    fn place(&self, shown: &RenderRequest<'_>) -> (CacheKey, Vec<TableName>) {
        let Address { path, values, .. } = shown.address;
        let components = shown.all();
        let bound = shown.queries(&self.records);
        let scope = |(component, query): &(&Component, Option<ComponentQuery>)| {
            query.as_ref().map(|query| ViewKey::new(component, query))
        };
        let scopes = bound.iter().map(scope).collect();
        let phrases = components.iter().flat_map(|component| component.phrases());
        let place = CacheKey {
            path: path.clone(),
            values: values.clone(),
            component: shown.component.cloned(),
            seen: components.iter().map(|component| component.id.clone()).collect(),
            said: phrases.flat_map(|phrase| phrase.about(shown.viewer)).collect(),
            scopes,
        };
        // A form that adds records shows none, so its page does not depend on its table.
        let own = bound.iter().filter(|(component, _)| !component.adds_records());
        let own = own.filter_map(|(component, _)| Some(component.data_source()?.table.clone()));
        // The labels of related records stand in other tables.
        let related = place.scopes.iter().flatten().flat_map(|scope| &scope.related);
        let other = related.map(|related| related.table.name.clone());
        let tables = own.chain(other).collect();
        (place, tables)
    }

    /// Returns a rendering from the cache, or makes it.
    ///
    /// # Errors
    /// [`RecordsError::NotFound`] if the page needs a record that is not there for this viewer.
    async fn rendered(
        &self,
        shown: &RenderRequest<'_>,
        place: &CacheKey,
        version: Option<&Version>,
    ) -> Result<Rendered, PagesError> {
        let make = async || {
            // Whether the page may be opened is checked here, before its rendering is kept. So it need not be
            // checked again for a rendering from the cache, nor for a page that a browser has of this version.
            if shown.component.is_none() {
                match Opening::of(&self.app, &self.records, shown.viewer, shown.address).await? {
                    Opening::Open(_) => {}
                    Opening::Missing | Opening::Barred => return Err(RecordsError::NotFound.into()),
                }
            }
            let data = self.data(shown).await?;
            let RenderRequest { viewer, address, .. } = *shown;
            let scene = Scene { viewer, address, data: &data };
            limits::beside(|| {
                let mut html = String::new();
                for component in &shown.of {
                    html.push_str(&self.renderer.component(component, scene)?);
                }
                Ok(html)
            })
        };
        self.cache.get(place, version, make).await
    }

    /// Reads what all components of a request show, from one snapshot. Components for which the viewer lacks
    /// permissions on a table or field are left out.
    async fn data(
        &self,
        shown: &RenderRequest<'_>,
    ) -> Result<HashMap<ComponentId, ComponentData>, PagesError> {
        let queries = shown.queries(&self.records).iter();
        let asked = queries.filter_map(|(component, query)| Some((*component, query.clone()?)));
        let mut asked: Vec<_> = asked.collect();
        if asked.is_empty() {
            return Ok(HashMap::new());
        }
        let mut snapshot = self.answers(&asked).await?;
        // If a table has fewer pages than the address asks for, its last page is shown. All components are read
        // again, so that they still come from one snapshot.
        let answered = asked.iter_mut().zip(&snapshot.answers);
        let turned =
            answered.filter_map(|((_, asked), answer)| asked.turn_back(answer).then_some(()));
        if turned.count() > 0 {
            snapshot = self.answers(&asked).await?;
        }
        let related = asked.iter().map(|(component, asked)| component.related(&asked.view));
        let related: Vec<_> = related.collect();
        let mut positions = Vec::with_capacity(asked.len());
        for ((_, asked), related) in asked.iter().zip(&related) {
            positions.push(self.records.position(&snapshot.position, &asked.view, related).await);
        }
        let mut to_label: Vec<_> = related.into_iter().zip(&mut snapshot.answers).collect();
        self.records.label_all(&mut to_label).await?;
        let mut data = HashMap::with_capacity(asked.len());
        let answered = asked.into_iter().zip(snapshot.answers).zip(positions);
        for (((component, asked), answer), position) in answered {
            let ComponentQuery { view, chosen, .. } = asked;
            let entries = component.entry_fields(&view);
            let editable = component.editable_fields(&view);
            let choices = self.records.choices(&component.chosen_from(&view)).await?;
            let shape = Shape::of(&shown.address.page, component, &view);
            let View { table, fields, .. } = view;
            let own = ComponentData {
                table,
                fields,
                entries,
                editable,
                chosen,
                choices,
                answer,
                position,
                shape,
                draft: None,
            };
            data.insert(component.id.clone(), own);
        }
        Ok(data)
    }

    /// Answers the queries of components from one snapshot.
    async fn answers(
        &self,
        asked: &[(&Component, ComponentQuery)],
    ) -> Result<Snapshot, RecordsError> {
        let queries: Vec<_> = asked.iter().map(|(_, asked)| &asked.query).collect();
        self.records.snapshot(&queries).await
    }

    /// Returns the frame of a page without messages.
    fn frame<'a>(&'a self, viewer: &'a Viewer, menu: &'a [MenuItem], nonce: &'a str) -> Frame<'a> {
        Frame { app: &self.app, viewer, menu, nonce, toast: None, below: None }
    }

    /// Returns the menu for a viewer on the page at a path: the pages without parameters, and `Admin` for
    /// admins. The pages for admins have a menu of their own.
    fn menu(&self, viewer: &Viewer, path: &str) -> Vec<MenuItem> {
        if let Some(menu) = self.admin_menu(viewer, path) {
            return menu;
        }
        let admins = self.app.admin_pages.iter().take(1).map(Arc::as_ref);
        let admins = admins.filter(|page| self.app.is_for_admins(&page.path));
        let admins = admins.filter(|page| self.app.may_open(page, viewer));
        let own = self.open_pages(viewer).map(|page| menu_item(page, path));
        own.chain(admins.map(|page| MenuItem { label: "Admin".into(), ..menu_item(page, path) }))
            .collect()
    }

    /// Returns the pages without parameters that the viewer may open.
    fn open_pages(&self, viewer: &Viewer) -> impl Iterator<Item = &Page> {
        let pages = self.app.pages.iter().map(Arc::as_ref);
        pages.filter(move |page| !page.has_params() && self.app.may_open(page, viewer))
    }
}

/// The components of a page to render for a viewer.
struct RenderRequest<'a> {
    viewer: &'a Viewer,
    address: &'a Address,
    /// The component of a fragment. `None` for a whole page.
    component: Option<&'a ComponentId>,
    /// The components to render, at the top level.
    of: Vec<&'a Component>,
    queries: OnceLock<Vec<(&'a Component, Option<ComponentQuery>)>>,
}

impl<'a> RenderRequest<'a> {
    fn new(
        viewer: &'a Viewer,
        address: &'a Address,
        component: Option<&'a ComponentId>,
        of: Vec<&'a Component>,
    ) -> Self {
        Self { viewer, address, component, of, queries: OnceLock::new() }
    }

    /// The components that have a table, each with its query. The query is `None` if the viewer may not read
    /// what the component shows. The queries are made once, for the cache key and for the rendering.
    fn queries(&self, records: &Records) -> &[(&'a Component, Option<ComponentQuery>)] {
        self.queries.get_or_init(|| {
            let mut bound = self.all();
            bound.retain(|component| component.data_source().is_some());
            let query = |component: &'a Component| {
                (component, ComponentQuery::new(component, records, self.viewer, self.address).ok())
            };
            bound.into_iter().map(query).collect()
        })
    }

    /// The query of a component. `None` if it has no table, or the viewer may not read what it shows.
    fn query_of(&self, component: &Component, records: &Records) -> Option<&ComponentQuery> {
        let mut own = self.queries(records).iter().filter(|(of, _)| of.id == component.id);
        own.next()?.1.as_ref()
    }

    /// All components that the viewer may see, including those inside others.
    fn all(&self) -> Vec<&'a Component> {
        self.of.iter().flat_map(|component| component.seen_by(self.viewer)).collect()
    }
}

/// Returns the answer to a viewer who may not open a page: the `redirectTo` of the page, if it is another page;
/// signing in for a guest; otherwise not found.
fn turned_away(page: &Page, viewer: &Viewer, path: &Arc<str>) -> PageResponse {
    let redirect_to = page.access.as_ref().and_then(|access| access.redirect_to.clone());
    match (redirect_to, viewer) {
        (Some(other), _) if other != *path => PageResponse::Redirect(other),
        (_, Viewer::Guest) => PageResponse::SignIn,
        (_, Viewer::User(_)) => PageResponse::NotFound,
    }
}

/// Returns the menu item of a page. It is marked as current on the page at `path`.
fn menu_item(page: &Page, path: &str) -> MenuItem {
    let current = page.path.as_ref() == path;
    MenuItem { label: page.name.clone(), path: page.path.clone(), current }
}
