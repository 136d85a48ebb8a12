//! What one connection may do: subscribe, change its mind, leave. Whatever transport it came by.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value as Json;

use crate::live::hub::{Hub, Scope, Subscription, resync};
use crate::live::message::{Body, Message};
use crate::live::outbox::Outbox;
use crate::model::access::Viewer;
use crate::model::app::App;
use crate::model::component::{ComponentKind, DataTable};
use crate::model::ids::{ComponentId, Position};
use crate::records::{Records, RecordsError, View};

/// How many subscriptions one connection may hold.
const MAX_SUBSCRIPTIONS: usize = 100;
/// The longest `subscriptionId`, in bytes.
const MAX_SUBSCRIPTION_ID: usize = 128;

/// What a client says to subscribe or unsubscribe.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Handshake {
    /// `subscribe`, which may be left out, or `unsubscribe`.
    pub r#type: Option<String>,
    /// The table.
    pub table: Option<String>,
    /// The client's own name for the subscription.
    pub subscription_id: Option<String>,
    /// Which records: a filter as in YAML and the API.
    pub filter: Option<Json>,
    /// Which fields; absent: all that may be read.
    pub fields: Option<Vec<String>>,
    /// `field:direction` terms; changes then carry a `sortKey`.
    pub sort: Option<String>,
    /// Replays what came after this position.
    pub since: Option<Position>,
    /// The id of a component on the page at `url`, instead of a table: the page says which records.
    pub component: Option<String>,
    /// The path and query of the page that holds the component.
    pub url: Option<String>,
}

/// Why a handshake cannot be honoured.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The frame is no handshake.
    #[error("{0}")]
    Malformed(String),
    /// The table, its fields or the filter.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// The connection holds as many subscriptions as it may.
    #[error("a connection may hold at most {MAX_SUBSCRIPTIONS} subscriptions")]
    TooMany,
}

/// The subscriptions of one connection.
pub struct Session {
    hub: Arc<Hub>,
    app: Arc<App>,
    records: Records,
    viewer: Viewer,
    outbox: Arc<Outbox>,
    /// The table of a per-table socket.
    table: Option<String>,
    subscriptions: HashMap<Key, Subscription>,
}

/// A subscription goes by the client's name for it, else by its table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Named(Arc<str>),
    Table(String),
}

impl Session {
    /// A session that has subscribed to nothing. `table` is that of a per-table connection.
    pub fn new(
        hub: Arc<Hub>,
        app: Arc<App>,
        records: Records,
        viewer: Viewer,
        outbox: Arc<Outbox>,
        table: Option<String>,
    ) -> Self {
        Self { hub, app, records, viewer, outbox, table, subscriptions: HashMap::new() }
    }

    /// Whether anything is subscribed.
    pub fn is_idle(&self) -> bool {
        self.subscriptions.is_empty()
    }

    /// Takes a frame from the client. What is wrong with it is answered, not returned.
    pub async fn receive(&mut self, text: &str) {
        let handshake: Handshake = match serde_json::from_str(text) {
            Ok(handshake) => handshake,
            Err(error) => return self.refuse(None, &LiveError::Malformed(error.to_string())),
        };
        let subscription_id = handshake.subscription_id.clone();
        if let Err(error) = self.handle(handshake).await {
            self.refuse(subscription_id.as_deref(), &error);
        }
    }

    /// Does what a handshake asks.
    ///
    /// # Errors
    /// When it cannot be honoured; what was subscribed before stays.
    pub async fn handle(&mut self, handshake: Handshake) -> Result<(), LiveError> {
        let name = handshake.subscription_id.as_deref().unwrap_or_default();
        if name.len() > MAX_SUBSCRIPTION_ID {
            let message = format!("subscriptionId may have at most {MAX_SUBSCRIPTION_ID} bytes");
            return Err(LiveError::Malformed(message));
        }
        match handshake.r#type.as_deref() {
            None | Some("subscribe") => self.subscribe(handshake).await,
            Some("unsubscribe") => self.unsubscribe(&handshake),
            Some(other) => Err(LiveError::Malformed(format!(
                "unknown type `{other}`; use subscribe or unsubscribe"
            ))),
        }
    }

    /// Tells every subscription to read again, since messages to this connection were dropped.
    pub fn resync_all(&self) {
        let position = self.hub.position();
        let reason = "this connection reads too slowly";
        let scopes = self.subscriptions.values().map(|subscription| &subscription.scope);
        self.outbox.push(scopes.map(|scope| resync(scope, reason, &position)));
    }

    async fn subscribe(&mut self, handshake: Handshake) -> Result<(), LiveError> {
        let scope = self.scope(&handshake)?;
        let key = match &scope.subscription_id {
            Some(name) => Key::Named(name.clone()),
            None => Key::Table(scope.table.name.to_string()),
        };
        // Subscribing anew under the same name changes the scope; the old one ends first.
        self.subscriptions.remove(&key);
        if self.subscriptions.len() >= MAX_SUBSCRIPTIONS {
            return Err(LiveError::TooMany);
        }
        let subscription = self.hub.subscribe(&self.outbox, scope, handshake.since).await;
        self.subscriptions.insert(key, subscription);
        Ok(())
    }

    fn unsubscribe(&mut self, handshake: &Handshake) -> Result<(), LiveError> {
        let key = match (&handshake.subscription_id, self.table_name(handshake)) {
            (Some(name), _) => Key::Named(name.as_str().into()),
            (None, Some(table)) => Key::Table(table.to_owned()),
            (None, None) => {
                let message = "unsubscribe needs a subscriptionId or a table".to_owned();
                return Err(LiveError::Malformed(message));
            }
        };
        let Some(subscription) = self.subscriptions.remove(&key) else {
            return Err(LiveError::Malformed("there is no such subscription".to_owned()));
        };
        self.outbox.push([Message::new(&Body::Unsubscribed {
            table: subscription.scope.table.name.as_str(),
            subscription_id: subscription.scope.subscription_id.as_deref(),
        })]);
        Ok(())
    }

    fn scope(&self, handshake: &Handshake) -> Result<Scope, LiveError> {
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
        let View { table, fields } = self.records.view(&self.viewer, table)?;
        let view = View { table, fields };
        let filter_json = handshake.filter.clone().unwrap_or_else(|| Json::Array(Vec::new()));
        let filter = view.filter_json(&filter_json)?;
        let fields = match &handshake.fields {
            Some(names) => view.select(names.iter().map(String::as_str))?,
            None => view.fields.clone(),
        };
        let sort = handshake.sort.as_deref().map_or(Ok(Vec::new()), |sort| view.sort(sort))?;
        Ok(Scope {
            subscription_id: handshake.subscription_id.as_deref().map(Into::into),
            table: view.table,
            fields,
            filter,
            filter_json: Some(filter_json),
            sort,
            component: None,
        })
    }

    /// Table, filter, sort and columns are the page's, never the client's.
    fn component_scope(&self, handshake: &Handshake, id: &str) -> Result<Scope, LiveError> {
        let url = handshake.url.as_deref().unwrap_or_default();
        let path = url.split(['?', '#']).next().unwrap_or_default();
        let found = self.find_component(path, id).ok_or(RecordsError::NotFound)?;
        let query = &found.1.data_source.query;
        let View { table, fields } = self.records.view(&self.viewer, query.table.as_str())?;
        let component = Some((path.into(), found.0, found.1.clone()));
        Ok(Scope {
            subscription_id: handshake.subscription_id.as_deref().map(Into::into),
            table,
            fields,
            filter: query.filter.clone(),
            filter_json: None,
            sort: query.sort.clone(),
            component,
        })
    }

    fn find_component(&self, path: &str, id: &str) -> Option<(ComponentId, DataTable)> {
        let page = self.app.page(path).filter(|page| self.app.may_open(page, &self.viewer))?;
        let component = page.component(&id.parse().ok()?)?;
        match &component.kind {
            ComponentKind::DataTable(data_table) => {
                Some((component.id.clone(), data_table.clone()))
            }
            _ => None,
        }
    }

    fn table_name<'a>(&'a self, handshake: &'a Handshake) -> Option<&'a str> {
        handshake.table.as_deref().or(self.table.as_deref())
    }

    fn refuse(&self, subscription_id: Option<&str>, error: &LiveError) {
        let code = match error {
            LiveError::Malformed(_) => "BAD_REQUEST",
            LiveError::TooMany => "TOO_MANY_SUBSCRIPTIONS",
            LiveError::Records(error) => error.code(),
        };
        let message = error.to_string();
        self.outbox.push([Message::new(&Body::Error { subscription_id, code, message: &message })]);
    }
}
