//! Takes changes from the feed to everyone they concern.
//!
//! Subscriptions with the same scope are one group: a change is matched, masked, rendered and
//! encoded once for all of them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use serde_json::Value as Json;
use tokio::sync::watch;

use crate::feed::Feed;
use crate::live::matcher::{GroupId, Matcher, Told, told};
use crate::live::message::{Body, Change as ChangeBody, CloseReason, Message};
use crate::live::outbox::Outbox;
use crate::model::access::Viewer;
use crate::model::change::Change;
use crate::model::component::DataTable;
use crate::model::filter::Filter;
use crate::model::ids::{ComponentId, Position, TableName};
use crate::model::query::Sort;
use crate::model::record::{Envelope, FieldSet, Record};
use crate::model::refresh::Transport;
use crate::model::sort_key::sort_key;
use crate::model::table::Table;
use crate::render::Renderer;
use crate::store::{Batch, Replay, Store, StoreError};

/// How long a subscriber waits for the feed to reach what it has already read.
const CATCH_UP: Duration = Duration::from_secs(5);

/// What one subscription is about.
#[derive(Clone)]
pub(super) struct Scope {
    pub(super) subscription_id: Option<Arc<str>>,
    pub(super) table: Arc<Table>,
    pub(super) fields: FieldSet,
    pub(super) filter: Filter,
    /// As the client gave it, to be echoed; nothing for components.
    pub(super) filter_json: Option<Json>,
    pub(super) sort: Vec<Sort>,
    /// The component that shows the rows, with the path of its page.
    pub(super) component: Option<(Arc<str>, ComponentId, DataTable)>,
}

/// What makes two subscriptions hear the same bytes.
#[derive(PartialEq, Eq, Hash, Clone)]
struct GroupKey {
    subscription_id: Option<Arc<str>>,
    table: TableName,
    fields: FieldSet,
    filter: Filter,
    sort: Vec<Sort>,
    component: Option<(Arc<str>, ComponentId)>,
}

struct Group {
    key: GroupKey,
    scope: Scope,
    members: HashMap<MemberId, Member>,
}

type MemberId = u64;

struct Member {
    outbox: Arc<Outbox>,
    /// What happened while the past was still being read; nothing once the member is live.
    held_back: Option<Vec<Message>>,
}

#[derive(Default)]
struct State {
    next_id: u64,
    groups: HashMap<GroupId, Group>,
    by_key: HashMap<GroupKey, GroupId>,
    matcher: Matcher,
    connections: HashMap<u64, Connection>,
}

struct Connection {
    /// Whose it is: connections are counted by this.
    owner: Arc<str>,
    /// The session it was opened with.
    session: Arc<str>,
    outbox: Weak<Outbox>,
}

/// Everyone who listens.
pub struct Hub {
    store: Store,
    renderer: Arc<Renderer>,
    transport: Transport,
    state: Mutex<State>,
    position: watch::Sender<Position>,
}

/// A place among the connections; given back when dropped.
pub struct Admission {
    hub: Arc<Hub>,
    id: u64,
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.hub.lock().connections.remove(&self.id);
    }
}

/// A subscription that is live; it ends when dropped.
pub(super) struct Subscription {
    hub: Arc<Hub>,
    group: GroupId,
    member: MemberId,
    pub(super) scope: Scope,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.leave(self.group, self.member);
    }
}

impl Hub {
    /// A hub over this database. It hears nothing until [`Hub::run`] runs.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn new(
        store: Store,
        renderer: Arc<Renderer>,
        transport: Transport,
    ) -> Result<(Arc<Self>, Feed), StoreError> {
        let feed = Feed::from_now(store.clone()).await?;
        let (position, _) = watch::channel(feed.position().clone());
        let state = Mutex::default();
        Ok((Arc::new(Self { store, renderer, transport, state, position }), feed))
    }

    /// Takes changes from the feed to everyone they concern, for ever.
    pub async fn run(&self, mut feed: Feed) {
        loop {
            let batch = feed.next().await;
            // One bad change must not end it for everyone.
            if catch_unwind(AssertUnwindSafe(|| self.publish(&batch))).is_err() {
                self.resync_everyone(&batch.position);
            }
        }
    }

    /// What clients and server agree on.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Lets a connection in, unless its owner has too many.
    pub fn admit(
        self: &Arc<Self>,
        viewer: &Viewer,
        session: &str,
        outbox: &Arc<Outbox>,
    ) -> Option<Admission> {
        let owner: Arc<str> = match viewer {
            Viewer::User(user) => user.id.as_str().into(),
            // A guest is nobody but their token.
            Viewer::Guest => session.into(),
        };
        let mut state = self.lock();
        let open = state.connections.values().filter(|connection| connection.owner == owner);
        if open.count() >= self.transport.max_connections_per_user {
            return None;
        }
        let id = state.take_id();
        let connection =
            Connection { owner, session: session.into(), outbox: Arc::downgrade(outbox) };
        state.connections.insert(id, connection);
        Some(Admission { hub: self.clone(), id })
    }

    /// Closes every connection of a session that has ended.
    pub fn end_session(&self, session: &str) {
        for connection in self.lock().connections.values() {
            if connection.session.as_ref() == session
                && let Some(outbox) = connection.outbox.upgrade()
            {
                outbox.close(CloseReason::SessionEnded);
            }
        }
    }

    /// Everything up to here has been told.
    pub(super) fn position(&self) -> Position {
        self.position.borrow().clone()
    }

    /// Begins a subscription: says `subscribed`, then what happened after `since`, then everything
    /// that follows, with no gap and nothing twice.
    pub(super) async fn subscribe(
        self: &Arc<Self>,
        outbox: &Arc<Outbox>,
        scope: Scope,
        since: Option<Position>,
    ) -> Subscription {
        // Without `since` it begins now: what was committed before is not news.
        let since = match since {
            Some(since) => since,
            None => self.store.log().position().await.unwrap_or_else(|_| self.position()),
        };
        let mut told = self.position.subscribe();
        loop {
            // Join before reading the past, or a change between the two would be lost.
            let (subscription, joined_at) = self.join(outbox, &scope);
            let past = match self.store.log().between(&since, &joined_at, &scope.table.name).await {
                Ok(Replay::Changes(changes)) => Ok(changes),
                Ok(Replay::Gone) => Err("the changes since then are no longer kept"),
                Ok(Replay::Ahead) => {
                    // The reader saw a commit that the feed is about to tell.
                    drop(subscription);
                    told.mark_unchanged();
                    if *told.borrow() == joined_at {
                        // Running out of time only means looking again.
                        let _ = tokio::time::timeout(CATCH_UP, told.changed()).await;
                    }
                    continue;
                }
                Err(error) => {
                    tracing::warn!("cannot replay changes: {error}");
                    Err("the changes since then cannot be read now")
                }
            };
            let first = match past {
                Ok(changes) => self.replay(&scope, &since, &changes),
                Err(reason) => {
                    vec![subscribed(&scope, &joined_at), resync(&scope, reason, &joined_at)]
                }
            };
            self.go_live(&subscription, first);
            return subscription;
        }
    }

    fn replay(&self, scope: &Scope, since: &Position, changes: &[Change]) -> Vec<Message> {
        let past = changes.iter().filter_map(|change| self.encode(scope, change));
        std::iter::once(subscribed(scope, since)).chain(past).collect()
    }

    fn join(self: &Arc<Self>, outbox: &Arc<Outbox>, scope: &Scope) -> (Subscription, Position) {
        let mut state = self.lock();
        let member = state.take_id();
        let group = state.group(scope);
        let joining = Member { outbox: outbox.clone(), held_back: Some(Vec::new()) };
        if let Some(group) = state.groups.get_mut(&group) {
            group.members.insert(member, joining);
        }
        let subscription = Subscription { hub: self.clone(), group, member, scope: scope.clone() };
        (subscription, self.position())
    }

    fn go_live(&self, subscription: &Subscription, first: Vec<Message>) {
        let mut state = self.lock();
        let group = state.groups.get_mut(&subscription.group);
        if let Some(member) = group.and_then(|group| group.members.get_mut(&subscription.member)) {
            let held_back = member.held_back.take().unwrap_or_default();
            member.outbox.push(first.into_iter().chain(held_back));
        }
    }

    fn leave(&self, group: GroupId, member: MemberId) {
        let mut state = self.lock();
        let Entry::Occupied(mut entry) = state.groups.entry(group) else { return };
        entry.get_mut().members.remove(&member);
        if entry.get().members.is_empty() {
            let Group { key, .. } = entry.remove();
            state.by_key.remove(&key);
            state.matcher.remove(group, &key.table, &key.filter);
        }
    }

    fn publish(&self, batch: &Batch) {
        let mut state = self.lock();
        let mut to_send: HashMap<GroupId, Vec<Message>> = HashMap::new();
        for change in &batch.changes {
            for id in state.matcher.candidates(change) {
                let Some(group) = state.groups.get(&id) else { continue };
                if let Some(message) = self.encode(&group.scope, change) {
                    to_send.entry(id).or_default().push(message);
                }
            }
        }
        for (id, messages) in to_send {
            let Some(group) = state.groups.get_mut(&id) else { continue };
            for member in group.members.values_mut() {
                match &mut member.held_back {
                    Some(held_back) => held_back.extend(messages.iter().cloned()),
                    None => member.outbox.push(messages.iter().cloned()),
                }
            }
        }
        // While the state is still locked: whoever joins next joins after all of this.
        self.position.send_replace(batch.position.clone());
    }

    /// Tells everyone to read again, and goes on from there.
    fn resync_everyone(&self, position: &Position) {
        let mut state = self.lock();
        for group in state.groups.values_mut() {
            let message = resync(&group.scope, "a change could not be told", position);
            for member in group.members.values_mut() {
                match &mut member.held_back {
                    Some(held_back) => held_back.push(message.clone()),
                    None => member.outbox.push([message.clone()]),
                }
            }
        }
        self.position.send_replace(position.clone());
    }

    /// The message that a change means to a scope, if it means anything.
    fn encode(&self, scope: &Scope, change: &Change) -> Option<Message> {
        let told = told(&scope.filter, change)?;
        let (event, transition) = match told {
            Told::Enter => ("insert", Some("enter")),
            Told::Update => ("update", None),
            Told::Leave => ("delete", Some("leave")),
        };
        let shown = change.new.as_ref().filter(|_| told != Told::Leave);
        let old = change.old.as_ref().filter(|_| told == Told::Update);
        if let (Some(old), Some(new)) = (old, shown)
            && scope.fields.iter().all(|at| old[at] == new[at])
            && sort_key(old, &scope.sort) == sort_key(new, &scope.sort)
        {
            // Only what this reader may not see has changed.
            return None;
        }
        let envelope = |record| Envelope { table: &scope.table, record, fields: &scope.fields };
        let sort_key =
            shown.filter(|_| !scope.sort.is_empty()).map(|record| sort_key(record, &scope.sort));
        let html = shown.and_then(|record| self.row(scope, record));
        Some(Message::new(&Body::Change(ChangeBody {
            event,
            table: scope.table.name.as_str(),
            subscription_id: scope.subscription_id.as_deref(),
            record: shown.map(envelope),
            old_record: old.map(envelope),
            record_id: (told == Told::Leave).then_some(change.record_id),
            timestamp: &change.at,
            position: &change.position,
            transition,
            html: html.as_deref(),
            sort_key: sort_key.as_deref(),
        })))
    }

    fn row(&self, scope: &Scope, record: &Record) -> Option<String> {
        let (_, _, data_table) = scope.component.as_ref()?;
        Some(self.renderer.row(data_table, &scope.table, &scope.fields, record))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No statement leaves the state half changed, whoever panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn group(&mut self, scope: &Scope) -> GroupId {
        let component = scope.component.as_ref();
        let key = GroupKey {
            subscription_id: scope.subscription_id.clone(),
            table: scope.table.name.clone(),
            fields: scope.fields.clone(),
            filter: scope.filter.clone(),
            sort: scope.sort.clone(),
            component: component.map(|(page, id, _)| (page.clone(), id.clone())),
        };
        if let Some(id) = self.by_key.get(&key) {
            return *id;
        }
        let id = self.take_id();
        self.matcher.add(id, &key.table, &key.filter);
        self.by_key.insert(key.clone(), id);
        self.groups.insert(id, Group { key, scope: scope.clone(), members: HashMap::new() });
        id
    }
}

fn subscribed(scope: &Scope, position: &Position) -> Message {
    Message::new(&Body::Subscribed {
        table: scope.table.name.as_str(),
        subscription_id: scope.subscription_id.as_deref(),
        filter: scope.filter_json.as_ref(),
        fields: scope.fields.iter().map(|at| scope.table.field(at).name.as_str()).collect(),
        position,
    })
}

/// Tells a subscription to read again.
pub(super) fn resync(scope: &Scope, reason: &str, position: &Position) -> Message {
    let subscription_id = scope.subscription_id.as_deref();
    Message::new(&Body::Resync { subscription_id, reason, position })
}
