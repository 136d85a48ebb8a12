//! The centre of live updates: admits connections, holds subscriptions from their beginning to their end and people on
//! pages, and takes changes from the feed to all of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;

use crate::feed::{Feed, Next};
use crate::limits::{Exceeded, Flow, Limit, Limits, Shares, requester};
use crate::live::connections::{ConnectionRegistry, Credential, OpenConnection};
use crate::live::editing::{ActiveEdit, Editing, TooManyEdits, conflict};
use crate::live::groups::{
    Membership, Notice, SubscriptionGroups, SubscriptionScope, Telling, say, work,
};
use crate::live::matcher::GroupId;
use crate::live::message::{CloseReason, Name, now, resync};
use crate::live::metrics::Metrics;
use crate::live::outbox::Outbox;
use crate::live::presence::{Arrival, ConnectionId, Presence};
use crate::live::replay_cache::ReplayCache;
use crate::model::change::Change;
use crate::model::ids::{Position, RecordId, TableName};
use crate::model::query::Query;
use crate::model::refresh::Transport;
use crate::model::viewer::Viewer;
use crate::records::Stale;
use crate::records::envelope::Envelope;
use crate::render::Renderer;
use crate::store::{Batch, RelatedLoader, Store, StoreError};

/// How many changes are told before their readers get a turn to send them on. More at once could
/// fill the queue of a reader that keeps up.
const TOLD_AT_ONCE: usize = 64;

/// After how long a requester may begin as many subscriptions as at once.
const HANDSHAKES_PERIOD: Duration = Duration::from_secs(60);

/// In which steps what is looked through is counted, in bytes.
const MATCHING_UNIT: u64 = 1024;
/// What is looked through for changes without handing it to another thread, in bytes: some hundred
/// microseconds.
const AT_ONCE: usize = 256 * 1024;

/// Why everyone is to read again.
const UNTOLD: &str = "a change could not be told";

/// How often people on pages are looked through for those who have gone silent.
const SWEEPS_PER_SILENCE: u32 = 60;

#[derive(Default)]
pub(super) struct HubState {
    pub(super) groups: SubscriptionGroups,
    connections: ConnectionRegistry,
    editing: Editing,
    pub(super) past: ReplayCache,
}

/// The centre of live updates: receives committed changes and sends them to every subscription they concern.
pub struct Hub {
    pub(super) store: Store,
    pub(super) telling: Telling,
    pub(super) transport: Transport,
    state: Mutex<HubState>,
    presence: Mutex<Presence>,
    pub(super) metrics: Metrics,
    /// The bytes of each requester's filters.
    pub(super) filters: Shares,
    /// How many subscriptions each requester begins.
    handshakes: Flow,
    pub(super) position: watch::Sender<Position>,
}

/// A place among the connections; given back when dropped.
pub struct ConnectionPermit {
    hub: Arc<Hub>,
    pub(super) id: ConnectionId,
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut state = self.hub.lock();
        state.connections.remove(self.id);
        state.editing.end(self.id);
        self.hub.metrics.disconnected();
    }
}

/// Being on a page; it ends when dropped.
pub(super) struct PresenceGuard {
    hub: Arc<Hub>,
    connection: ConnectionId,
    path: Arc<str>,
}

impl PresenceGuard {
    /// A sign of life.
    pub(super) fn touch(&self) {
        let most = self.hub.transport.max_presence_entries;
        self.hub.presence().touch(&self.path, self.connection, &now().into(), most);
    }

    /// Tells the connection once more who is there.
    pub(super) fn sync(&self, outbox: &Outbox) {
        let most = self.hub.transport.max_presence_entries;
        self.hub.presence().sync(&self.path, self.connection, outbox, most);
    }
}

impl Drop for PresenceGuard {
    fn drop(&mut self) {
        let most = self.hub.transport.max_presence_entries;
        self.hub.presence().leave(&self.path, self.connection, most);
    }
}

/// A subscription that is live; it ends when dropped.
pub(super) struct Subscription {
    hub: Arc<Hub>,
    pub(super) seat: Membership,
    connection: ConnectionId,
    pub(super) name: Name,
    pub(super) scope: SubscriptionScope,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.leave(self);
    }
}

impl Hub {
    /// A hub over this database. It hears nothing until [`Hub::run`] runs.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn new(
        store: Store,
        renderer: Arc<Renderer>,
        transport: Transport,
    ) -> Result<(Arc<Self>, Feed), StoreError> {
        let feed = Feed::from_now(store.clone()).await?;
        let (position, _) = watch::channel(feed.position().clone());
        let limits = store.limits();
        let metrics = Metrics::new(limits.clone());
        let (each, all) = (Limit::MatchingBytesPerRequester, Limit::MatchingBytes);
        let matching =
            Arc::new(Flow::new(limits, (each, all), MATCHING_UNIT, Duration::from_secs(1)));
        let telling = Telling { renderer, matching, seal: store.log().seal().clone() };
        let (all, each) = (Limit::FilterBytes, Limit::FilterBytesPerRequester);
        let filters = Shares::new(limits.clone(), all, each);
        let (each, all) = (Limit::HandshakesPerRequester, Limit::Handshakes);
        let handshakes = Flow::new(limits, (each, all), 1, HANDSHAKES_PERIOD);
        let hub = Self {
            store,
            telling,
            transport,
            state: Mutex::default(),
            presence: Mutex::default(),
            metrics,
            filters,
            handshakes,
            position,
        };
        Ok((Arc::new(hub), feed))
    }

    /// The limits of the server.
    pub(super) fn limits(&self) -> &Limits {
        self.store.limits()
    }

    /// Counts a subscription that begins, for the requester of this task.
    ///
    /// # Errors
    /// If they have begun too many within a minute.
    pub(super) fn may_begin(&self, admission: &ConnectionPermit) -> Result<(), Exceeded> {
        let address = self.lock().connections.address(admission.id);
        // Programs on this machine are its owner's, and a proxy here speaks for many.
        if address.is_none_or(|address| address.is_loopback()) {
            return Ok(());
        }
        self.handshakes.take(&requester(), 1)
    }

    /// Takes changes from the feed to everyone they concern, for ever.
    pub async fn run(&self, mut feed: Feed) {
        loop {
            let Batch { changes, position } = match feed.next().await {
                Next::Changes(batch) => batch,
                Next::Anew(position) => {
                    self.resync_everyone("the database is another by now", &position);
                    self.review_stays(&[], true).await;
                    continue;
                }
            };
            let mut parts = changes.chunks(TOLD_AT_ONCE).peekable();
            while let Some(part) = parts.next() {
                let last = part.last().filter(|_| parts.peek().is_some());
                let leads = self.leads(part).await;
                let position = last.map_or(&position, |change| &change.position);
                let are_led = leads.is_some();
                self.publish(part, leads, position).await;
                self.review_stays(part, !are_led).await;
                tokio::task::yield_now().await;
            }
            if changes.is_empty() {
                self.position.send_replace(position);
            }
        }
    }

    /// Sends these changes to all subscriptions; after them, their clients know everything up to a position.
    ///
    /// The groups are looked up while the state is locked, what the changes mean to each is found out while it
    /// is not, and away from the threads that serve where that takes long, and told while it is locked again.
    /// Nobody falls between: who joins meanwhile is told that the position is still the one before these
    /// changes, and hears them held back, if the group was there; a group that is new by then is looked
    /// through in the end, before the position moves on.
    async fn publish(
        &self,
        changes: &[Arc<Change>],
        leads: Option<RelatedLoader>,
        position: &Position,
    ) {
        let Some(leads) = leads else { return self.resync_everyone(UNTOLD, position) };
        let (concerned, newest) = {
            let state = self.lock();
            (state.groups.concerned(changes, 0), state.groups.newest())
        };
        let telling = self.telling.clone();
        let told = if work(changes, &concerned) <= AT_ONCE {
            // One bad change must not end it for everyone.
            catch_unwind(AssertUnwindSafe(|| say(changes, &concerned, &leads, &telling)))
                .map(|said| (said, leads))
        } else {
            let changes = changes.to_vec();
            let looking =
                spawn_blocking(move || (say(&changes, &concerned, &leads, &telling), leads));
            looking.await.map_err(|error| error.into_panic())
        };
        let told = told.and_then(|(said, leads)| {
            catch_unwind(AssertUnwindSafe(|| self.tell(changes, said, newest, &leads, position)))
        });
        if told.is_err() {
            self.resync_everyone(UNTOLD, position);
        }
    }

    /// Reads the records whose labels the changed records show. `None` if they cannot be read.
    async fn leads(&self, changes: &[Arc<Change>]) -> Option<RelatedLoader> {
        let mut leads = self.lock().groups.leads(changes);
        let read = self.store.load(&mut leads).await;
        read.inspect_err(|error| tracing::warn!("cannot read what records refer to: {error}"))
            .ok()?;
        Some(leads)
    }

    /// Takes people off pages who give no sign of life, for ever.
    pub async fn run_presence(&self) {
        let stale = Duration::from_millis(self.transport.presence_stale_ms);
        let step = stale / SWEEPS_PER_SILENCE;
        loop {
            tokio::time::sleep(step).await;
            // The next look is a step away, and then it must not be too late.
            self.presence().sweep(stale - step, self.transport.max_presence_entries);
        }
    }

    /// The constants that clients and server share.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Lets a connection in, unless its owner has too many.
    pub fn admit(
        self: &Arc<Self>,
        credential: Credential,
        outbox: &Arc<Outbox>,
    ) -> Option<ConnectionPermit> {
        let mut state = self.lock();
        let (of_owner, from_there) = state.connections.count(&credential);
        // Guests are as many as they like, so it counts where they are. A proxy on this machine speaks for many.
        let is_full = !credential.address.is_loopback()
            && from_there >= self.limits().count(Limit::ConnectionsPerAddress);
        if is_full {
            let _ = self.limits().refuse(Limit::ConnectionsPerAddress);
        }
        if of_owner >= self.transport.max_connections_per_user || is_full {
            return None;
        }
        let id = state.connections.add(credential, outbox);
        self.metrics.connected();
        Some(ConnectionPermit { hub: self.clone(), id })
    }

    /// The credentials of all open connections.
    pub fn credentials(&self) -> Vec<Credential> {
        self.lock().connections.credentials()
    }

    /// Every open connection, the newest first.
    pub fn connections(&self) -> Vec<OpenConnection> {
        self.lock().connections.list()
    }

    /// Closes every connection for this reason.
    pub fn close_all(&self, reason: CloseReason) {
        self.lock().connections.outboxes().for_each(|outbox| outbox.close(reason));
    }

    /// Closes the connections whose session has ended by a time, in Unix seconds.
    pub fn close_expired(&self, now: i64) {
        let has_ended = |credential: &Credential| credential.expires_at <= now;
        let state = self.lock();
        let ended = state.connections.outboxes_with(has_ended);
        ended.for_each(|outbox| outbox.close(CloseReason::SessionEnded));
    }

    /// Closes every connection that was opened with a token.
    pub fn close(&self, token: &str, reason: CloseReason) {
        let state = self.lock();
        let own = state.connections.outboxes_with(|credential| *credential.token == *token);
        own.for_each(|outbox| outbox.close(reason));
    }

    /// Sends `conflict` to the connections of the session that sent a stale write: what it would have overwritten.
    pub async fn tell_conflict(&self, token: &str, stale: &Stale) {
        let Stale { shown, overwritten } = stale;
        let table = &shown.view.table;
        let id = shown.record.id();
        // Without the log nobody learns who it was; the conflict is one all the same.
        let last = self.store.log().last_change(&table.name, id).await.ok().flatten();
        let by = last.as_ref().and_then(|change| change.by.as_ref());
        let at = last.as_ref().map_or_else(now, |change| change.at.to_string());
        let envelope = Envelope { table, record: &shown.record, fields: &shown.view.fields };
        let message = conflict(&envelope, overwritten.iter().copied(), by, &at);
        for outbox in self.lock().connections.listeners(token, &table.name) {
            outbox.push([message.clone()]);
        }
    }

    /// The figures of everything live, as Prometheus reads them.
    pub fn metrics(&self) -> String {
        let state = self.lock();
        let depth = state.connections.outboxes().map(|outbox| outbox.depth()).max().unwrap_or(0);
        self.metrics.groups(state.groups.len());
        self.metrics.queue_depth(depth);
        drop(state);
        self.metrics.text()
    }

    /// The counters that `/metrics` shows.
    pub(super) fn counts(&self) -> &Metrics {
        &self.metrics
    }

    /// Puts a connection on a page that is open to it as long as each of the needed finds a record.
    pub(super) fn stay(
        self: &Arc<Self>,
        admission: &ConnectionPermit,
        path: &Arc<str>,
        viewer: &Viewer,
        outbox: &Arc<Outbox>,
        needed: Vec<Query>,
    ) -> PresenceGuard {
        let connection = admission.id;
        let viewer = viewer.clone();
        let outbox = outbox.clone();
        let needed = needed.into();
        let at = now().into();
        let arrival = Arrival { connection, viewer, outbox, needed, at };
        self.presence().join(path, arrival, self.transport.max_presence_entries);
        PresenceGuard { hub: self.clone(), connection, path: path.clone() }
    }

    /// Notes which fields of a record a user is editing; no fields end the edit.
    ///
    /// # Errors
    /// If the connection announces too many.
    pub(super) fn edit(
        &self,
        admission: &ConnectionPermit,
        table: &TableName,
        id: RecordId,
        editor: ActiveEdit,
    ) -> Result<(), TooManyEdits> {
        self.lock().editing.announce(admission.id, table, id, editor)
    }

    /// Everything up to here has been told.
    pub(super) fn position(&self) -> Position {
        self.position.borrow().clone()
    }

    /// Puts a subscription among the others, and says up to where they have been told. Until it goes
    /// live, what happens is held back.
    pub(super) fn join(
        self: &Arc<Self>,
        connection: ConnectionId,
        outbox: &Arc<Outbox>,
        name: &Name,
        scope: &SubscriptionScope,
    ) -> (Subscription, Position) {
        let mut state = self.lock();
        let seat = state.groups.join(scope, name, outbox);
        state.connections.listens(connection, &scope.table.name);
        self.metrics.subscribed();
        let (name, scope) = (name.clone(), scope.clone());
        let subscription = Subscription { hub: self.clone(), seat, connection, name, scope };
        (subscription, self.position())
    }

    fn leave(&self, subscription: &Subscription) {
        let Subscription { seat, name, connection, scope, .. } = subscription;
        self.metrics.unsubscribed();
        let mut state = self.lock();
        state.connections.listens_no_more(*connection, &scope.table.name);
        state.groups.leave(seat, name);
    }

    fn tell(
        &self,
        changes: &[Arc<Change>],
        said: Vec<(GroupId, Vec<Notice>)>,
        newest: GroupId,
        leads: &RelatedLoader,
        position: &Position,
    ) {
        let mut state = self.lock();
        state.past.forget();
        let fresh = state.groups.concerned(changes, newest);
        let to_fresh = say(changes, &fresh, leads, &self.telling);
        let encoded = state.groups.deliver(said) + state.groups.deliver(to_fresh);
        self.metrics.encoded(encoded);
        for change in changes {
            state.editing.tell(change);
        }
        if let Some(last) = changes.last() {
            self.metrics.told(changes.len(), &last.at);
        }
        // While the state is still locked: whoever joins next joins after all of this.
        self.position.send_replace(position.clone());
    }

    /// Tells everyone to read again, and goes on from there.
    fn resync_everyone(&self, reason: &str, position: &Position) {
        let sealed = self.telling.seal.seal(position);
        let mut state = self.lock();
        state.past.forget();
        let told = state.groups.tell_all(|name| resync(name, reason, &sealed));
        (0..told).for_each(|_| self.metrics.resync());
        self.position.send_replace(position.clone());
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, HubState> {
        // No statement leaves the state half changed, whoever panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn presence(&self) -> MutexGuard<'_, Presence> {
        self.presence.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
