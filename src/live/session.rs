//! The session of one connection, over any transport. It carries out handshakes: to subscribe and
//! unsubscribe, to enter and leave pages, and to announce edits.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value as Json;

use crate::limits::{Exceeded, Limit, Share, requester};
use crate::live::editing::{ActiveEdit, TooManyEdits};
use crate::live::groups::{ComponentScope, SubscriptionScope};
use crate::live::hub::{ConnectionPermit, Hub, PresenceGuard, Subscription};
use crate::live::message::{Body, Message, Name, resync};
use crate::live::outbox::Outbox;
use crate::live::replay::{CatchUp, Started};
use crate::model::access::View;
use crate::model::app::App;
use crate::model::ids::{Position, RecordId, SealedPosition};
use crate::model::refresh::Transport;
use crate::model::shape::Shape;
use crate::model::table::Table;
use crate::model::viewer::Viewer;
use crate::queries::{ComponentQuery, Opening};
use crate::records::{Records, RecordsError};
use crate::router::Address;

/// The longest `subscriptionId`, in bytes.
const MAX_SUBSCRIPTION_ID: usize = 128;

/// A handshake of a client: to subscribe, to unsubscribe, to enter a page, or to announce an edit.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(
    rename_all = "camelCase",
    deny_unknown_fields,
    default,
    expecting = r#"an object like {"table": "orders"}"#
)]
pub struct Handshake {
    /// `subscribe` (the default), `unsubscribe`, `presence` or `editing`.
    pub r#type: Option<String>,
    /// The table to subscribe to.
    pub table: Option<String>,
    /// The client's own name for the subscription.
    pub subscription_id: Option<String>,
    /// The filter that records must match, as in YAML and the API.
    pub filter: Option<Json>,
    /// The fields to send; by default all that the viewer may read. For `editing`, the fields that are being
    /// edited; none end the edit.
    pub fields: Option<Vec<String>>,
    /// The order, as terms `field:direction`. Changes then have a `sortKey`.
    pub sort: Option<String>,
    /// The position from which the client continues: later changes are replayed first.
    pub since: Option<SealedPosition>,
    /// The id of a component on the page at `url`, instead of a table. The page decides which records it shows.
    pub component: Option<String>,
    /// The path and query of the page that holds the component.
    pub url: Option<String>,
    /// The shape that the component had when the client read it, from the page or from `subscribed`.
    pub shape: Option<String>,
    /// The path of the page to enter or to leave.
    pub page_path: Option<String>,
    /// The id of the record that is being edited, as a number or a string.
    pub record_id: Option<Json>,
}

/// Returns the length of the parts of a handshake that make up its filter, in bytes: `filter` and `url`.
fn length(handshake: &Handshake) -> u64 {
    let filter = handshake.filter.as_ref().map_or(0, |filter| filter.to_string().len());
    (filter + handshake.url.as_ref().map_or(0, String::len)) as u64
}

/// The error of a handshake that cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The message is no handshake, or lacks what its type needs.
    #[error("{0}")]
    Malformed(String),
    /// The table, component or page is not there for this viewer, or a field or the filter does not fit it.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// The connection has announced as many edits as it may.
    #[error(transparent)]
    TooManyEdits(#[from] TooManyEdits),
    /// The handshake would exceed a limit.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
}

/// The subscriptions of one connection, and the pages it is on.
pub struct Session {
    hub: Arc<Hub>,
    app: Arc<App>,
    records: Records,
    viewer: Viewer,
    outbox: Arc<Outbox>,
    /// The table of a connection for one table. `None` for a connection for any subscriptions.
    table: Option<String>,
    subscriptions: HashMap<Name, Subscription>,
    /// The share of [`Limit::FilterBytes`] that each subscription holds.
    filters: HashMap<Name, Share>,
    /// The subscriptions whose replay is still being sent in parts. The first one gets the next part.
    behind: VecDeque<CatchUp>,
    /// The presence on each page, by its path.
    pages: HashMap<Arc<str>, PresenceGuard>,
    /// The message that follows the first answer to a handshake; `None` once it is sent.
    connected: Option<Message>,
    // Fields are dropped in order. The permit is the last, so that the connection counts until its
    // subscriptions and its presence have ended.
    admission: ConnectionPermit,
}

/// The parts that a new session needs.
pub struct SessionContext {
    /// The hub that sends the changes.
    pub hub: Arc<Hub>,
    /// The app, with its pages and tables.
    pub app: Arc<App>,
    /// The records of the app, under its permissions.
    pub records: Records,
    /// The viewer who opened the connection.
    pub viewer: Viewer,
    /// The queue of messages to the client.
    pub outbox: Arc<Outbox>,
    /// The permit of the connection.
    pub admission: ConnectionPermit,
    /// The transport, as `connection-status` names it: `websocket` or `sse`.
    pub via: &'static str,
}

impl Session {
    /// Creates a session without subscriptions. `table` is the table of a connection for one table.
    pub fn new(opened: SessionContext, table: Option<String>) -> Self {
        let SessionContext { hub, app, records, viewer, outbox, admission, via } = opened;
        Self {
            hub,
            app,
            records,
            viewer,
            outbox,
            table,
            subscriptions: HashMap::new(),
            filters: HashMap::new(),
            behind: VecDeque::new(),
            pages: HashMap::new(),
            connected: Some(Message::connected(via)),
            admission,
        }
    }

    /// The queue of messages to send.
    pub fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }

    /// The constants that clients and server share.
    pub fn transport(&self) -> &Transport {
        self.hub.transport()
    }

    /// Returns the time until the first heartbeat, and the interval from each to the next. The first is random,
    /// so that connections that were opened at the same time do not all send at the same time.
    pub fn heartbeats(&self) -> (Duration, Duration) {
        let every = Duration::from_millis(self.transport().heartbeat_interval_ms);
        (every.mul_f64(rand::random_range(0.5..1.0)), every)
    }

    /// Returns whether the connection has no subscription and is on no page.
    pub fn is_idle(&self) -> bool {
        self.subscriptions.is_empty() && self.behind.is_empty() && self.pages.is_empty()
    }

    /// The position up to which all changes are in the outbox or were sent.
    pub fn position(&self) -> Position {
        self.hub.position()
    }

    /// Returns the sealed position from which a live subscription continues that has received everything up to
    /// `position`. `None` if there is no live subscription of this name: while a replay is sent in parts, only
    /// the positions in its own messages are valid.
    pub async fn resume(&self, name: &Name, position: &Position) -> Option<SealedPosition> {
        let scope = &self.subscriptions.get(name)?.scope;
        Some(self.hub.store.log().hand_out(position, scope.reads()).await)
    }

    /// Notes a sign of life of the client, on all pages that it is on.
    pub fn touch(&self) {
        self.pages.values().for_each(PresenceGuard::touch);
    }

    /// Carries out a handshake that the client sent as JSON text. A failure is answered with `error`.
    pub async fn receive(&mut self, text: &str) {
        match serde_json::from_str(text) {
            Ok(handshake) => self.take(handshake).await,
            Err(error) => self.refuse(None, &LiveError::Malformed(error.to_string())),
        }
    }

    /// Carries out a handshake. A failure is answered with `error`.
    pub async fn take(&mut self, handshake: Handshake) {
        let subscription_id = handshake.subscription_id.clone();
        if let Err(error) = self.handle(handshake).await {
            self.refuse(subscription_id.as_deref(), &error);
        }
    }

    /// Carries out a handshake.
    ///
    /// # Errors
    /// If it cannot be carried out. Other subscriptions of the connection stay as they are.
    pub async fn handle(&mut self, handshake: Handshake) -> Result<(), LiveError> {
        let name = handshake.subscription_id.as_deref().unwrap_or_default();
        if name.len() > MAX_SUBSCRIPTION_ID {
            let message = format!("subscriptionId may have at most {MAX_SUBSCRIPTION_ID} bytes");
            return Err(LiveError::Malformed(message));
        }
        match handshake.r#type.as_deref() {
            None | Some("subscribe") => self.subscribe(handshake).await,
            Some("unsubscribe") => self.unsubscribe(&handshake),
            Some("presence") => self.enter(&handshake).await,
            Some("editing") => self.edit(&handshake),
            Some(other) => Err(LiveError::Malformed(format!(
                "unknown type `{other}`; use subscribe, unsubscribe, presence or editing"
            ))),
        }
    }

    /// Sends `resync` for every subscription and `presence-sync` for every page, after messages to this
    /// connection were dropped.
    pub async fn resync_all(&mut self) {
        let position = self.hub.position();
        let log = self.hub.store.log();
        let mut told = Vec::with_capacity(self.subscriptions.len() + self.behind.len());
        for (name, subscription) in &self.subscriptions {
            let sealed = log.hand_out(&position, subscription.scope.reads()).await;
            told.push(resync(name, "this connection reads too slowly", &sealed));
        }
        for behind in &mut self.behind {
            let sealed = log.hand_out(&position, behind.reads()).await;
            told.push(behind.skip(position.clone(), sealed));
        }
        let counts = self.hub.counts();
        counts.dropped();
        told.iter().for_each(|_| counts.resync());
        self.outbox.push(told);
        self.pages.values().for_each(|stay| stay.sync(&self.outbox));
    }

    /// Returns the name of the subscription that a handshake begins. `None` if it has no `subscriptionId` and
    /// its scope cannot be made out.
    pub fn name(&self, handshake: &Handshake) -> Option<Name> {
        let given = handshake.subscription_id.as_deref().map(|id| Name::Given(id.into()));
        // A component's handshake does not name a table, so its scope has to be looked up.
        given.or_else(|| Some(Name::Table(self.scope(handshake).ok()?.table.name.clone())))
    }

    /// Begins a subscription. One of the same name ends.
    async fn subscribe(&mut self, handshake: Handshake) -> Result<(), LiveError> {
        let scope = self.scope(&handshake)?;
        let name = match &handshake.subscription_id {
            Some(id) => Name::Given(id.as_str().into()),
            None => Name::Table(scope.table.name.clone()),
        };
        self.hub.may_begin(&self.admission)?;
        // The old subscription of this name ends before anything is counted, so that a client that has all it
        // may have can still replace one.
        self.end(&name);
        let share = self.hub.filters.take(requester(), length(&handshake))?;
        self.has_room(self.subscriptions.len() + self.behind.len())?;
        let connection = (&self.admission, &self.outbox);
        let since = handshake.since;
        let connected = self.connected.take();
        let begun = self.hub.subscribe(connection, name.clone(), scope, since, connected).await;
        self.filters.insert(name, share);
        self.keep(begun);
        Ok(())
    }

    /// Returns whether a subscription still waits for parts of its replay, and the outbox is empty.
    pub fn can_catch_up(&self) -> bool {
        !self.behind.is_empty() && self.outbox.is_empty()
    }

    /// Sends the next part of a replay to the first subscription that waits for one. This is cancel safe: if
    /// the future is dropped, nothing was sent.
    pub async fn catch_up(&mut self) {
        // A copy, so that the subscription stays in its place if this future is dropped.
        let Some(behind) = self.behind.front().cloned() else { return };
        let begun = self.hub.go_on((&self.admission, &self.outbox), behind).await;
        self.behind.pop_front();
        self.keep(begun);
    }

    /// Keeps a subscription among the live ones, or as the last of those that wait for parts of their replay.
    fn keep(&mut self, begun: Started) {
        match begun {
            Started::Live(subscription) => {
                self.subscriptions.insert(subscription.name.clone(), subscription);
            }
            Started::Behind(behind) => self.behind.push_back(behind),
        }
    }

    /// Ends the subscription of a name, and returns its table. `None` if there is no such subscription.
    fn end(&mut self, name: &Name) -> Option<Arc<Table>> {
        self.filters.remove(name);
        if let Some(at) = self.behind.iter().position(|behind| behind.name == *name) {
            return self.behind.remove(at).map(|behind| behind.scope.table);
        }
        self.subscriptions.remove(name).map(|ended| ended.scope.table.clone())
    }

    /// Returns whether the viewer may open the page at an address, and the records that this depends on.
    async fn opening(&self, address: &Address) -> Result<Opening, RecordsError> {
        Opening::of(&self.app, &self.records, &self.viewer, address).await
    }

    /// Returns the table of a name, as the viewer sees it.
    fn view(&self, table: &str) -> Result<View, RecordsError> {
        let name = table.parse().map_err(|_| RecordsError::NotFound)?;
        self.records.view(&self.viewer, &name)
    }

    /// Enters a page, if it has `presence` and the viewer may open it.
    async fn enter(&mut self, handshake: &Handshake) -> Result<(), LiveError> {
        let path = handshake.page_path.as_deref().ok_or_else(|| {
            LiveError::Malformed("presence needs the pagePath of a page".to_owned())
        })?;
        let address = self.app.at(path).filter(|address| address.page.presence);
        let address = address.ok_or(RecordsError::NotFound)?;
        let path = address.path.clone();
        let Opening::Open(needed) = self.opening(&address).await? else {
            self.pages.remove(&path);
            return Err(RecordsError::NotFound.into());
        };
        // If the connection is on the page already, only the client gets a message, not everyone on the page.
        if let Some(stay) = self.pages.get(&path) {
            stay.sync(&self.outbox);
            return Ok(());
        }
        self.has_room(self.pages.len())?;
        let is_held = !needed.is_empty();
        let stay = self.hub.stay(&self.admission, &path, &self.viewer, &self.outbox, needed);
        // A change between the first look and the arrival was not reviewed for this connection, so the page is
        // looked at once more.
        if is_held && !matches!(self.opening(&address).await?, Opening::Open(_)) {
            return Err(RecordsError::NotFound.into());
        }
        self.pages.insert(path, stay);
        self.outbox.push(self.connected.take());
        Ok(())
    }

    /// Announces which fields of a record are being edited.
    fn edit(&self, handshake: &Handshake) -> Result<(), LiveError> {
        let malformed = |message: &str| LiveError::Malformed(message.to_owned());
        let table = self.table_name(handshake).ok_or_else(|| malformed("editing needs a table"))?;
        let view = self.view(table)?;
        let Viewer::User(user) = &self.viewer else {
            return Err(RecordsError::Unauthenticated.into());
        };
        let id = match &handshake.record_id {
            Some(Json::String(text)) => text.parse().ok(),
            Some(Json::Number(number)) => number.as_i64().map(RecordId::from),
            _ => None,
        };
        let id = id.ok_or_else(|| malformed("editing needs a recordId"))?;
        let names = handshake.fields.as_deref().unwrap_or_default();
        let editing = view.select(names.iter().map(String::as_str))?;
        let (user, outbox) = (user.id.clone(), self.outbox.clone());
        let name = view.table.name.clone();
        let editor = ActiveEdit { user, editing, view, outbox };
        Ok(self.hub.edit(&self.admission, &name, id, editor)?)
    }

    /// Leaves the page of a handshake, or ends its subscription.
    fn unsubscribe(&mut self, handshake: &Handshake) -> Result<(), LiveError> {
        if let Some(path) = &handshake.page_path {
            let none = || LiveError::Malformed("you are not on that page".to_owned());
            let path = self.app.at(path).map(|address| address.path);
            let left = path.and_then(|path| self.pages.remove(&path));
            return left.map(drop).ok_or_else(none);
        }
        let name = match (&handshake.subscription_id, self.table_name(handshake)) {
            (Some(id), _) => Some(Name::Given(id.as_str().into())),
            (None, Some(table)) => table.parse().ok().map(Name::Table),
            (None, None) => {
                let message = "unsubscribe needs a subscriptionId, a table or a pagePath";
                return Err(LiveError::Malformed(message.to_owned()));
            }
        };
        let ended = name.and_then(|name| Some((self.end(&name)?, name)));
        let Some((table, name)) = ended else {
            return Err(LiveError::Malformed("there is no such subscription".to_owned()));
        };
        let table = table.name.as_str();
        let subscription_id = name.id();
        self.outbox.push([Message::new(&Body::Unsubscribed { table, subscription_id })]);
        Ok(())
    }

    /// Returns the scope that a handshake subscribes to: that of a component, or of a table.
    fn scope(&self, handshake: &Handshake) -> Result<SubscriptionScope, LiveError> {
        if let Some(component) = &handshake.component {
            return self.component_scope(handshake, component);
        }
        let table = self.table_name(handshake).ok_or_else(|| {
            LiveError::Malformed("a handshake needs a table, or a component and its url".to_owned())
        })?;
        if self.table.as_deref().is_some_and(|own| own != table) {
            let message = "this socket is for one table; use /api/realtime/subscribe".to_owned();
            return Err(LiveError::Malformed(message));
        }
        let view = self.view(table)?;
        let filter_json = handshake.filter.clone().unwrap_or_else(|| Json::Array(Vec::new()));
        let filter = view.filter_json(&filter_json)?;
        let fields = match &handshake.fields {
            Some(names) => view.select(names.iter().map(String::as_str))?,
            None => view.fields.clone(),
        };
        let sort = handshake.sort.as_deref().map_or(Ok(Vec::new()), |sort| view.sort(sort))?;
        Ok(SubscriptionScope {
            readable: (view.rows, view.fields),
            table: view.table,
            fields,
            filter,
            filter_json: Some(filter_json),
            sort,
            component: None,
            related: Vec::new(),
        })
    }

    /// Returns the scope of a component. Table, filter, order and fields come from the page, never from the
    /// client.
    ///
    /// # Errors
    /// [`RecordsError::PageChanged`] if the client sends a `shape` and the component now has another one, or no
    /// longer exists. [`RecordsError::NotFound`] if it does not exist and the client sends no `shape`.
    fn component_scope(
        &self,
        handshake: &Handshake,
        id: &str,
    ) -> Result<SubscriptionScope, LiveError> {
        let shape = handshake.shape.as_deref();
        match self.any_component_scope(handshake, id) {
            Ok((_, now)) if shape.is_some_and(|shape| shape != now.as_str()) => {
                Err(RecordsError::PageChanged.into())
            }
            Ok((scope, _)) => Ok(scope),
            // A client has the shape from an open page, so the component was there when that was made.
            Err(LiveError::Records(RecordsError::NotFound)) if shape.is_some() => {
                Err(RecordsError::PageChanged.into())
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the scope of a component and its shape, whatever shape the client sends.
    fn any_component_scope(
        &self,
        handshake: &Handshake,
        id: &str,
    ) -> Result<(SubscriptionScope, Shape), LiveError> {
        let address = self.address(handshake.url.as_deref().unwrap_or_default());
        let address = address.ok_or(RecordsError::NotFound)?;
        let page = &address.page;
        let component = id.parse().ok().and_then(|id| page.component(&id, &self.viewer));
        let component = component.ok_or(RecordsError::NotFound)?;
        let ComponentQuery { view, query, chosen } =
            ComponentQuery::new(component, &self.records, &self.viewer, &address)?;
        let window = query.ask.window();
        let rows = chosen.map(|chosen| chosen.table);
        let shape = Shape::of(page, component, &view);
        let own = ComponentScope {
            page: page.path.clone(),
            id: component.id.clone(),
            shape: shape.clone(),
            rows,
        };
        let scope = SubscriptionScope {
            fields: component.shown_fields(&view),
            sort: window.map(|window| window.sort.clone()).unwrap_or_default(),
            filter: query.filter,
            filter_json: None,
            component: Some(own),
            related: component.related(&view),
            readable: (view.rows, view.fields),
            table: view.table,
        };
        Ok((scope, shape))
    }

    /// Checks that the connection may have one more subscription or page, if it has `count` of them.
    ///
    /// # Errors
    /// If it has as many as [`Limit::SubscriptionsPerConnection`] allows.
    fn has_room(&self, count: usize) -> Result<(), Exceeded> {
        let limits = self.hub.limits();
        let limit = Limit::SubscriptionsPerConnection;
        if count < limits.count(limit) { Ok(()) } else { Err(limits.refuse(limit)) }
    }

    /// Returns the address of the page at a URL. `None` if the viewer may not open the page.
    fn address(&self, url: &str) -> Option<Address> {
        self.app.at(url).filter(|address| self.app.may_open(&address.page, &self.viewer))
    }

    /// Returns the table that a handshake names, or that of a connection for one table.
    fn table_name<'a>(&'a self, handshake: &'a Handshake) -> Option<&'a str> {
        handshake.table.as_deref().or(self.table.as_deref())
    }

    /// Sends `error` for a handshake. Failures that the API has too get the same code as there.
    fn refuse(&self, subscription_id: Option<&str>, error: &LiveError) {
        let code = match error {
            LiveError::Malformed(_) => "BAD_REQUEST",
            LiveError::TooManyEdits(_) => "TOO_MANY_EDITS",
            LiveError::Exceeded(exceeded) => exceeded.limit.code(),
            LiveError::Records(error) => error.code(),
        };
        let message = error.to_string();
        self.outbox.push([Message::new(&Body::Error { subscription_id, code, message: &message })]);
    }
}
