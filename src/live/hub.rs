//! The centre of live updates: admits connections, keeps their subscriptions and their presence on pages, and
//! sends the changes from the feed to the subscriptions that they concern.

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

/// The number of changes that are put into the outboxes before other tasks get a turn to send them. With more,
/// even the outbox of a client that reads fast enough could overflow.
const TOLD_AT_ONCE: usize = 64;

/// The period for which [`Limit::HandshakesPerRequester`] and [`Limit::Handshakes`] are counted.
const HANDSHAKES_PERIOD: Duration = Duration::from_secs(60);

/// The unit in which [`Limit::MatchingBytes`] is counted, in bytes.
const MATCHING_UNIT: u64 = 1024;
/// The most bytes that are matched without handing the work to another thread. They take some hundred
/// microseconds.
const AT_ONCE: usize = 256 * 1024;

/// The reason of a `resync` after a change that could not be matched or encoded.
const UNTOLD: &str = "a change could not be told";

/// The number of times that presence is swept within [`Transport::presence_stale_ms`].
const SWEEPS_PER_SILENCE: u32 = 60;

/// The state of a hub behind one lock, so that joining, sending and the position stay in step.
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
    /// The bytes of the filters of all subscriptions, by requester.
    pub(super) filters: Shares,
    /// The rate at which each requester begins subscriptions.
    handshakes: Flow,
    /// The position up to which all changes were sent. Replays wait for it to move.
    pub(super) position: watch::Sender<Position>,
}

/// The permit of an open connection. The connection is counted until the permit is dropped.
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

/// The presence of a connection on a page. It ends when the guard is dropped.
pub(super) struct PresenceGuard {
    hub: Arc<Hub>,
    connection: ConnectionId,
    path: Arc<str>,
}

impl PresenceGuard {
    /// Notes a sign of life of the connection.
    pub(super) fn touch(&self) {
        let most = self.hub.transport.max_presence_entries;
        self.hub.presence().touch(&self.path, self.connection, &now().into(), most);
    }

    /// Sends the connection the people on the page again (`presence-sync`).
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

/// A subscription that has joined its group. It ends when this is dropped.
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
    /// Creates a hub over a database, and the feed to pass to [`Hub::run`]. Until that runs, the hub sends no
    /// changes.
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
    /// Fails with the limit that was met if the requester, or all requesters together, have begun too many
    /// within a minute.
    pub(super) fn may_begin(&self, admission: &ConnectionPermit) -> Result<(), Exceeded> {
        let address = self.lock().connections.address(admission.id);
        // Connections from this machine are not limited: they are the operator's own programs, or come from a
        // proxy that stands for many clients.
        if address.is_none_or(|address| address.is_loopback()) {
            return Ok(());
        }
        self.handshakes.take(&requester(), 1)
    }

    /// Sends the changes of the feed to the subscriptions that they concern, and reviews the presence that
    /// depends on the changed records. Never returns.
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
                // Every part but the last one ends at the position of its last change. After the last part,
                // clients know the whole batch, which may end later than its last change.
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

    /// Sends changes to all subscriptions that they concern, and moves the position of the hub to `position`.
    ///
    /// This takes three steps. The groups are looked up under the lock of the state. Their messages are made
    /// without it, on a blocking thread if that takes long. They are put into the outboxes under the lock
    /// again.
    ///
    /// A subscription that joins between these steps misses nothing. It joins at the position before the
    /// changes. If its group was already looked up, it receives the messages of the group, held back until it
    /// is live. If its group is newer, the last step matches the changes for that group before it moves the
    /// position.
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
            // A panic over one change must not end live updates for all clients: they get `resync` instead.
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

    /// Reads the related records that are needed to encode changes. `None` if they cannot be read.
    async fn leads(&self, changes: &[Arc<Change>]) -> Option<RelatedLoader> {
        let mut leads = self.lock().groups.leads(changes);
        let read = self.store.load(&mut leads).await;
        read.inspect_err(|error| tracing::warn!("cannot read what records refer to: {error}"))
            .ok()?;
        Some(leads)
    }

    /// Removes connections from the presence of their pages when they have given no sign of life for
    /// [`Transport::presence_stale_ms`]. Never returns.
    pub async fn run_presence(&self) {
        let stale = Duration::from_millis(self.transport.presence_stale_ms);
        let step = stale / SWEEPS_PER_SILENCE;
        loop {
            tokio::time::sleep(step).await;
            // The next sweep is one step later, so connections whose time ends before it are removed now.
            self.presence().sweep(stale - step, self.transport.max_presence_entries);
        }
    }

    /// The constants that clients and server share.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Admits a connection. `None` if its owner has [`Transport::max_connections_per_user`] connections, or its
    /// address has [`Limit::ConnectionsPerAddress`].
    pub fn admit(
        self: &Arc<Self>,
        credential: Credential,
        outbox: &Arc<Outbox>,
    ) -> Option<ConnectionPermit> {
        let mut state = self.lock();
        let (of_owner, from_there) = state.connections.count(&credential);
        // Anyone can get any number of guest sessions, so the address is limited too. Connections from this
        // machine are exempt: a proxy here stands for many clients.
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

    /// The open connections, the newest first.
    pub fn connections(&self) -> Vec<OpenConnection> {
        self.lock().connections.list()
    }

    /// Closes all connections, and gives them a reason.
    pub fn close_all(&self, reason: CloseReason) {
        self.lock().connections.outboxes().for_each(|outbox| outbox.close(reason));
    }

    /// Closes the connections whose session has ended at the time `now`, in Unix seconds.
    pub fn close_expired(&self, now: i64) {
        let has_ended = |credential: &Credential| credential.expires_at <= now;
        let state = self.lock();
        let ended = state.connections.outboxes_with(has_ended);
        ended.for_each(|outbox| outbox.close(CloseReason::SessionEnded));
    }

    /// Closes all connections that were opened with a session token.
    pub fn close(&self, token: &str, reason: CloseReason) {
        let state = self.lock();
        let own = state.connections.outboxes_with(|credential| *credential.token == *token);
        own.for_each(|outbox| outbox.close(reason));
    }

    /// Sends `conflict` to the connections of the session that sent a stale write and subscribe to its table.
    /// The message names the fields that the write would have overwritten.
    pub async fn tell_conflict(&self, token: &str, stale: &Stale) {
        let Stale { shown, overwritten } = stale;
        let table = &shown.view.table;
        let id = shown.record.id();
        // If the log cannot be read, the message leaves the author out: the client must learn of the conflict
        // all the same.
        let last = self.store.log().last_change(&table.name, id).await.ok().flatten();
        let by = last.as_ref().and_then(|change| change.by.as_ref());
        let at = last.as_ref().map_or_else(now, |change| change.at.to_string());
        let envelope = Envelope { table, record: &shown.record, fields: &shown.view.fields };
        let message = conflict(&envelope, overwritten.iter().copied(), by, &at);
        for outbox in self.lock().connections.listeners(token, &table.name) {
            outbox.push([message.clone()]);
        }
    }

    /// The metrics of live updates and of all limits, in the text format of OpenMetrics.
    pub fn metrics(&self) -> String {
        let state = self.lock();
        let depth = state.connections.outboxes().map(|outbox| outbox.depth()).max().unwrap_or(0);
        self.metrics.groups(state.groups.len());
        self.metrics.queue_depth(depth);
        drop(state);
        self.metrics.text()
    }

    /// The metrics, to count events in.
    pub(super) fn counts(&self) -> &Metrics {
        &self.metrics
    }

    /// Enters a connection into the presence of a page. The page is open to it as long as each query in
    /// `needed` finds a record.
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

    /// Notes which fields of a record a user is editing. An edit of no fields ends the earlier one.
    ///
    /// # Errors
    /// If the connection has announced as many edits as it may.
    pub(super) fn edit(
        &self,
        admission: &ConnectionPermit,
        table: &TableName,
        id: RecordId,
        editor: ActiveEdit,
    ) -> Result<(), TooManyEdits> {
        self.lock().editing.announce(admission.id, table, id, editor)
    }

    /// The position up to which all changes were put into the outboxes.
    pub(super) fn position(&self) -> Position {
        self.position.borrow().clone()
    }

    /// Adds a subscription to the group of its scope. Returns it, and the position at which it joined: it
    /// receives all later changes. They are held back until it goes live.
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
        // Still under the lock, so no change is sent between joining and reading the position.
        (subscription, self.position())
    }

    fn leave(&self, subscription: &Subscription) {
        let Subscription { seat, name, connection, scope, .. } = subscription;
        self.metrics.unsubscribed();
        let mut state = self.lock();
        state.connections.listens_no_more(*connection, &scope.table.name);
        state.groups.leave(seat, name);
    }

    /// Puts notices into the outboxes of the members of their groups, and matches the changes for groups that
    /// are newer than `newest`.
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
        // The position moves while the state is still locked, so a subscription that joins next joins after
        // all of these changes.
        self.position.send_replace(position.clone());
    }

    /// Sends `resync` to all subscriptions, and moves the position of the hub to `position`.
    fn resync_everyone(&self, reason: &str, position: &Position) {
        let sealed = self.telling.seal.seal(position);
        let mut state = self.lock();
        state.past.forget();
        let told = state.groups.tell_all(|name| resync(name, reason, &sealed));
        (0..told).for_each(|_| self.metrics.resync());
        self.position.send_replace(position.clone());
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, HubState> {
        // A poisoned lock is no fault: no statement that may panic leaves the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn presence(&self) -> MutexGuard<'_, Presence> {
        self.presence.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
