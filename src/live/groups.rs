//! Groups of subscriptions. Subscriptions with the same scope form one group, so that a change is matched,
//! reduced to the readable fields, rendered and encoded once for all of them.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value as Json;

use crate::limits::{Flow, Requester, requester};
use crate::live::matcher::{Effect, GroupId, Matcher, SoughtChange, effect};
use crate::live::message::{ChangeMessage as ChangeBody, Encoded, Message, Name, resync};
use crate::live::outbox::{Burst, Outbox};
use crate::model::action::OpenActions;
use crate::model::change::Change;
use crate::model::components::data_table::DataTable;
use crate::model::field::FieldAt;
use crate::model::filter::Filter;
use crate::model::ids::{ComponentId, RecordId, SealedPosition, TableName};
use crate::model::query::Sort;
use crate::model::record::FieldSet;
use crate::model::related::Related;
use crate::model::shape::Shape;
use crate::model::sort_key::sort_key;
use crate::model::table::Table;
use crate::records::envelope::Envelope;
use crate::render::Renderer;
use crate::store::{LabelChange, PositionSeal, ReadScope, RelatedLoader};

/// The scope of a subscription: its table, filter, fields and order.
#[derive(Clone)]
pub(super) struct SubscriptionScope {
    pub(super) table: Arc<Table>,
    pub(super) fields: FieldSet,
    pub(super) filter: Filter,
    /// The records and fields of the table that the client may read, also those outside the subscription.
    pub(super) readable: (Filter, FieldSet),
    /// The filter as the client sent it, which `subscribed` repeats. `None` for a component.
    pub(super) filter_json: Option<Json>,
    pub(super) sort: Vec<Sort>,
    /// The component that shows the records. `None` for a subscription to a table.
    pub(super) component: Option<ComponentScope>,
    /// The relationships whose records are shown by their labels.
    pub(super) related: Vec<Related>,
}

impl SubscriptionScope {
    /// The scope that the positions of this subscription move with. It covers all that the client may read,
    /// whether or not the filter of the subscription matches it.
    pub(super) fn reads(&self) -> ReadScope<'_> {
        let Self { table, readable: (rows, fields), related, .. } = self;
        ReadScope { table, rows, fields, related }
    }
}

/// The component of a page that a subscription is for.
#[derive(Clone)]
pub(super) struct ComponentScope {
    pub(super) page: Arc<str>,
    pub(super) id: ComponentId,
    /// The shape of the component, as the viewer sees it.
    pub(super) shape: Shape,
    /// The data table, as its viewers see it. `None` for other components: a client reads their fragment again
    /// after a change.
    pub(super) rows: Option<DataTable>,
}

impl ComponentScope {
    /// The fields of the columns. Empty if the component is no data table.
    fn columns(&self) -> Vec<FieldAt> {
        let columns = self.rows.iter().flat_map(|table| &table.columns);
        columns.map(|column| column.field).collect()
    }

    /// The actions in the rows. Empty if the component is no data table.
    fn actions(&self) -> OpenActions {
        self.rows.as_ref().map(|table| table.open.clone()).unwrap_or_default()
    }
}

/// The key of a group. Subscriptions with the same key receive the same messages, apart from the
/// `subscriptionId` in them.
#[derive(PartialEq, Eq, Hash, Clone)]
struct Key {
    table: TableName,
    fields: FieldSet,
    filter: Filter,
    sort: Vec<Sort>,
    component: Option<(Arc<str>, ComponentId)>,
    columns: Vec<FieldAt>,
    actions: OpenActions,
    related: Vec<Related>,
}

/// A group of subscriptions with the same key.
struct SubscriptionGroup {
    key: Key,
    audience: Arc<Audience>,
    /// The subscriptions by name: those of the same name receive the same bytes.
    members: HashMap<Name, HashMap<MemberId, Member>>,
}

type MemberId = u64;

/// A subscription in its group.
struct Member {
    outbox: Arc<Outbox>,
    /// The messages that are held back while the replay is being read. `None` once the member is live.
    held_back: Option<Vec<Burst>>,
}

/// All groups, with the indexes that find those which a change concerns.
#[derive(Default)]
pub(super) struct SubscriptionGroups {
    next_id: u64,
    groups: HashMap<GroupId, SubscriptionGroup>,
    by_key: HashMap<Key, GroupId>,
    matcher: Matcher,
    /// The groups that show labels of a table's records.
    by_related: HashMap<TableName, HashSet<GroupId>>,
}

/// A message to all members of a group, without their names.
pub(super) enum Notice {
    Change(Encoded),
    /// A `resync`: its reason, and the position from which the client continues.
    Again(&'static str, SealedPosition),
}

/// The parts of the server that are needed to match and encode changes.
#[derive(Clone)]
pub(super) struct Telling {
    pub(super) renderer: Arc<Renderer>,
    /// The rate limit on the bytes that are searched to match changes.
    pub(super) matching: Arc<Flow>,
    pub(super) seal: PositionSeal,
}

/// A change and a group that it may concern.
pub(super) struct Concern {
    /// The index of the change in the batch.
    change: usize,
    group: GroupId,
    audience: Arc<Audience>,
    /// True if the group may show the label of the changed record. False if it may show the record itself.
    is_related: bool,
}

/// The scope of a group, and the requester that the cost of matching it is counted for.
struct Audience {
    scope: SubscriptionScope,
    /// The requester whose subscription opened the group.
    requester: Requester,
}

/// The most bytes that one match may search without being counted.
const FREE_OF_CHARGE: usize = 16 * 1024;

/// The reason of a `resync` to a group whose requester has used up the limit on matching.
pub(super) const TOO_COSTLY: &str = "this filter costs too much to be held against every change";

/// Returns the most bytes that must be searched and written to match and encode these changes.
pub(super) fn work(changes: &[Arc<Change>], concerned: &[Concern]) -> usize {
    let sought: Vec<_> = changes.iter().map(|change| SoughtChange::new(change)).collect();
    let each = concerned.iter().map(|Concern { change, audience, .. }| {
        sought[*change].length + sought[*change].work(&audience.scope.filter)
    });
    each.sum()
}

/// Returns whether the limits allow a match that searches `work` bytes, and counts it. Small matches are always
/// allowed, so that costly filters of some requesters do not stop the plain subscriptions of others.
pub(super) fn may_be_matched(work: usize, requester: &Requester, matching: &Flow) -> bool {
    work <= FREE_OF_CHARGE || matching.take(requester, work as u64).is_ok()
}

/// Returns the notices to each group, in the order of the changes. Consecutive notices to the same group
/// share one entry.
///
/// If a match would exceed the requester's limit per second, it is skipped and the group gets `resync`. The
/// client then reads from the database, which has limits of its own.
pub(super) fn say(
    changes: &[Arc<Change>],
    concerned: &[Concern],
    leads: &RelatedLoader,
    Telling { renderer, matching, seal }: &Telling,
) -> Vec<(GroupId, Vec<Notice>)> {
    let sought: Vec<_> = changes.iter().map(|change| SoughtChange::new(change)).collect();
    // A position is encrypted once for all groups, and only if some group needs it.
    let sealed: Vec<OnceCell<_>> = changes.iter().map(|_| OnceCell::new()).collect();
    let mut said: Vec<(GroupId, Vec<Notice>)> = Vec::new();
    for Concern { change: at, group, audience, is_related } in concerned {
        let Audience { scope, requester } = &**audience;
        let (change, sought) = (&changes[*at], &sought[*at]);
        let position = || sealed[*at].get_or_init(|| seal.seal(&change.position));
        let again = |reason| Notice::Again(reason, position().clone());
        let word = if *is_related {
            let is_shown = |renamed| leads.may_have_referrers(&renamed);
            renamed(scope, change).any(is_shown).then(|| again(RENAMED))
        } else if !may_be_matched(sought.work(&scope.filter), requester, matching) {
            Some(again(TOO_COSTLY))
        } else {
            encode(scope, sought, leads, renderer, position()).map(|encoded| {
                // A group that has joined since the related records were read may lack some of their labels.
                let is_covered = is_covered(scope, change, leads);
                if is_covered { Notice::Change(encoded) } else { again(RENAMED) }
            })
        };
        let Some(word) = word else { continue };
        match said.last_mut() {
            Some((last, together)) if last == group => together.push(word),
            _ => said.push((*group, vec![word])),
        }
    }
    said
}

/// The place of a subscription: its group, and its number in there.
pub(super) struct Membership {
    pub(super) group: GroupId,
    member: MemberId,
}

impl SubscriptionGroups {
    /// The number of groups.
    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    /// Adds a subscription to the group of its scope. Its messages are held back until it goes live.
    pub(super) fn join(
        &mut self,
        scope: &SubscriptionScope,
        name: &Name,
        outbox: &Arc<Outbox>,
    ) -> Membership {
        let group = self.group(scope);
        let member = self.take_id();
        let joining = Member { outbox: outbox.clone(), held_back: Some(Vec::new()) };
        if let Some(group) = self.groups.get_mut(&group) {
            group.members.entry(name.clone()).or_default().insert(member, joining);
        }
        Membership { group, member }
    }

    /// Makes a subscription live: sends it the bursts in `first`, then the messages that were held back. All
    /// later messages are sent at once.
    pub(super) fn go_live(&mut self, seat: &Membership, name: &Name, first: [Burst; 2]) {
        let group = self.groups.get_mut(&seat.group);
        let members = group.and_then(|group| group.members.get_mut(name));
        if let Some(member) = members.and_then(|members| members.get_mut(&seat.member)) {
            let held_back = member.held_back.take().unwrap_or_default();
            let all = first.into_iter().chain(held_back);
            all.for_each(|burst| member.outbox.push_burst(burst));
        }
    }

    /// Removes a subscription. Its group ends with its last member.
    pub(super) fn leave(&mut self, seat: &Membership, name: &Name) {
        let Entry::Occupied(mut group) = self.groups.entry(seat.group) else { return };
        if let Entry::Occupied(mut members) = group.get_mut().members.entry(name.clone()) {
            members.get_mut().remove(&seat.member);
            if members.get().is_empty() {
                members.remove();
            }
        }
        if group.get().members.is_empty() {
            let SubscriptionGroup { key, .. } = group.remove();
            self.by_key.remove(&key);
            self.matcher.remove(seat.group, &key.table, &key.filter);
            for related in &key.related {
                if let Some(groups) = self.by_related.get_mut(&related.table.name) {
                    groups.remove(&seat.group);
                }
            }
        }
    }

    /// Returns the groups that these changes may concern, if they are newer than the group `newer`. Pass 0
    /// for all.
    pub(super) fn concerned(&self, changes: &[Arc<Change>], newer: GroupId) -> Vec<Concern> {
        let mut concerned = Vec::new();
        for (at, change) in changes.iter().enumerate() {
            let related = self.by_related.get(&change.table).into_iter().flatten().copied();
            let matched = self.matcher.candidates(change).into_iter();
            let all = matched.map(|id| (id, false)).chain(related.map(|id| (id, true)));
            for (id, is_related) in all.filter(|(id, _)| *id > newer) {
                if let Some(group) = self.groups.get(&id) {
                    let audience = group.audience.clone();
                    concerned.push(Concern { change: at, group: id, audience, is_related });
                }
            }
        }
        concerned
    }

    /// The number that was given out last: groups that begin later have greater ones.
    pub(super) fn newest(&self) -> GroupId {
        self.next_id
    }

    /// Puts the notices to each group into the outboxes of its members. Returns the number of notices.
    pub(super) fn deliver(&mut self, said: Vec<(GroupId, Vec<Notice>)>) -> usize {
        let encoded = said.iter().map(|(_, changes)| changes.len()).sum();
        for (id, changes) in said {
            let Some(group) = self.groups.get_mut(&id) else { continue };
            for (name, members) in &mut group.members {
                let named = changes.iter().map(|said| match said {
                    Notice::Change(change) => change.named(name),
                    Notice::Again(reason, position) => resync(name, reason, position),
                });
                let burst = Burst::new(named.collect());
                members.values_mut().for_each(|member| member.push(&burst));
            }
        }
        encoded
    }

    /// Sends a message to every subscription. Returns the number of subscriptions.
    pub(super) fn tell_all(&mut self, message: impl Fn(&Name) -> Message) -> usize {
        let mut told = 0;
        for (name, members) in self.groups.values_mut().flat_map(|group| &mut group.members) {
            let burst = Burst::new(vec![message(name)]);
            told += members.len();
            members.values_mut().for_each(|member| member.push(&burst));
        }
        told
    }

    /// Returns the related records that must be read before the changes can be encoded.
    pub(super) fn leads(&self, changes: &[Arc<Change>]) -> RelatedLoader {
        let mut leads = RelatedLoader::default();
        if self.by_related.values().all(HashSet::is_empty) {
            return leads;
        }
        for change in changes {
            for id in self.by_related.get(&change.table).into_iter().flatten() {
                let scope = self.groups.get(id).map(|group| &group.audience.scope);
                let renamed = scope.into_iter().flat_map(|scope| renamed(scope, change));
                renamed.for_each(|renamed| leads.want_referrers(renamed));
            }
            let Some(new) = &change.new else { continue };
            for id in self.matcher.candidates(change) {
                let group = self.groups.get(&id);
                let related = group.into_iter().flat_map(|group| &group.audience.scope.related);
                related.for_each(|related| leads.request(related, &new[related.field]));
            }
        }
        leads
    }

    /// Returns a new number, for a group or a member.
    fn take_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Returns the group of a scope. If there is none, one begins, on the account of the requester of this
    /// task.
    fn group(&mut self, scope: &SubscriptionScope) -> GroupId {
        let component = scope.component.as_ref();
        let key = Key {
            table: scope.table.name.clone(),
            fields: scope.fields.clone(),
            filter: scope.filter.clone(),
            sort: scope.sort.clone(),
            component: component.map(|component| (component.page.clone(), component.id.clone())),
            columns: component.map(ComponentScope::columns).unwrap_or_default(),
            actions: component.map(ComponentScope::actions).unwrap_or_default(),
            related: scope.related.clone(),
        };
        if let Some(id) = self.by_key.get(&key) {
            return *id;
        }
        let id = self.take_id();
        self.matcher.add(id, &key.table, &key.filter);
        for related in &key.related {
            self.by_related.entry(related.table.name.clone()).or_default().insert(id);
        }
        self.by_key.insert(key.clone(), id);
        let audience = Arc::new(Audience { scope: scope.clone(), requester: requester() });
        self.groups.insert(id, SubscriptionGroup { key, audience, members: HashMap::new() });
        id
    }
}

impl Member {
    /// Sends a burst, or holds it back until the member is live.
    fn push(&mut self, burst: &Burst) {
        match &mut self.held_back {
            Some(held_back) => held_back.push(burst.clone()),
            None => self.outbox.push_burst(burst.clone()),
        }
    }
}

/// The reason of a `resync` to a component that shows a label which may have changed.
pub(super) const RENAMED: &str = "a record that others refer to has changed";

/// Returns the label changes in a change: one for each relationship of a scope that shows the label.
pub(super) fn renamed<'a>(
    scope: &'a SubscriptionScope,
    change: &'a Change,
) -> impl Iterator<Item = LabelChange> + 'a {
    scope.related.iter().filter_map(|related| LabelChange::of(related, change, &scope.table))
}

/// Returns whether all related records that the new record of a change shows were read.
fn is_covered(scope: &SubscriptionScope, change: &Change, leads: &RelatedLoader) -> bool {
    change.new.as_ref().is_none_or(|new| leads.cover(&scope.related, new))
}

/// Encodes a change for the clients of a scope. `None` if nothing that they can see has changed.
pub(super) fn encode(
    scope: &SubscriptionScope,
    sought: &SoughtChange<'_>,
    leads: &RelatedLoader,
    renderer: &Renderer,
    position: &SealedPosition,
) -> Option<Encoded> {
    let told = effect(&scope.filter, sought)?;
    let change = sought.change;
    let (event, transition) = match told {
        Effect::Enter => ("insert", Some("enter")),
        Effect::Update => ("update", None),
        Effect::Leave => ("delete", Some("leave")),
    };
    let component = scope.component.as_ref();
    let rows = component.and_then(|component| component.rows.as_ref());
    let shown = change.new.as_ref().filter(|_| told != Effect::Leave);
    let old = change.old.as_ref().filter(|_| told == Effect::Update);
    if let (Some(old), Some(new)) = (old, shown)
        && scope.fields.iter().all(|at| old[at] == new[at])
        && sort_key(old, &scope.sort) == sort_key(new, &scope.sort)
        && rows.is_none_or(|rows| rows.may_do_the_same(old, new))
    {
        // Only fields have changed that the client does not read, and they move no row and change no action.
        return None;
    }
    let envelope = |record| Envelope { table: &scope.table, record, fields: &scope.fields };
    // Components without rows are read again as a whole, so a place in the order is no use to them.
    let placed = component.is_none_or(|component| component.rows.is_some());
    let sort_key = shown
        .filter(|_| placed && !scope.sort.is_empty())
        .map(|record| sort_key(record, &scope.sort));
    let html = shown.zip(rows).map(|(record, data_table)| {
        let mut record = Cow::Borrowed(record);
        if !scope.related.is_empty() {
            leads.label(&scope.related, record.to_mut());
        }
        renderer.row(data_table, &scope.table, &scope.fields, &record)
    });
    let left = (told == Effect::Leave).then_some(change.record_id);
    Some(Encoded::new(ChangeBody {
        event,
        table: scope.table.name.as_str(),
        subscription_id: None,
        record: shown.map(envelope),
        old_record: old.filter(|_| !sought.is_past).map(envelope),
        record_id: left,
        id: left.and_then(RecordId::beyond_doubles),
        timestamp: &change.at,
        position,
        transition,
        html: html.as_deref(),
        sort_key: sort_key.as_deref(),
    }))
}
