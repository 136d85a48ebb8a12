//! Subscriptions with the same scope are one group: a change is matched, masked, rendered and
//! encoded once for all of them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::live::matcher::{GroupId, Matcher, Told, told};
use crate::live::message::{Change as ChangeBody, Encoded, Message, Name};
use crate::live::outbox::{Burst, Outbox};
use crate::model::action::OpenActions;
use crate::model::change::Change;
use crate::model::data_table::DataTable;
use crate::model::filter::Filter;
use crate::model::ids::{ComponentId, TableName};
use crate::model::query::Sort;
use crate::model::record::{Envelope, FieldSet};
use crate::model::sort_key::sort_key;
use crate::model::table::{FieldAt, Table};
use crate::render::Renderer;

/// What one subscription is about.
#[derive(Clone)]
pub(super) struct Scope {
    pub(super) table: Arc<Table>,
    pub(super) fields: FieldSet,
    pub(super) filter: Filter,
    /// As the client gave it, to be echoed; nothing for components.
    pub(super) filter_json: Option<Json>,
    pub(super) sort: Vec<Sort>,
    /// The component that shows the records.
    pub(super) component: Option<ComponentScope>,
}

/// A component of a page, as a subscription knows it.
#[derive(Clone)]
pub(super) struct ComponentScope {
    pub(super) page: Arc<str>,
    pub(super) id: ComponentId,
    /// What its rows look like; nothing for one that is read again as a whole.
    pub(super) rows: Option<DataTable>,
}

impl ComponentScope {
    /// What its rows are made of.
    fn columns(&self) -> Vec<FieldAt> {
        let columns = self.rows.iter().flat_map(|table| &table.columns);
        columns.map(|column| column.field).collect()
    }

    /// What can be done in its rows.
    fn actions(&self) -> OpenActions {
        self.rows.as_ref().map(|table| table.open.clone()).unwrap_or_default()
    }
}

/// What makes two subscriptions hear the same, but for the names that they gave them.
#[derive(PartialEq, Eq, Hash, Clone)]
struct Key {
    table: TableName,
    fields: FieldSet,
    filter: Filter,
    sort: Vec<Sort>,
    component: Option<(Arc<str>, ComponentId)>,
    columns: Vec<FieldAt>,
    actions: OpenActions,
}

struct Group {
    key: Key,
    scope: Scope,
    members: HashMap<Name, HashMap<MemberId, Member>>,
}

type MemberId = u64;

struct Member {
    outbox: Arc<Outbox>,
    /// What happened while the past was still being read; nothing once the member is live.
    held_back: Option<Vec<Burst>>,
}

/// All groups, and the way to those that a change concerns.
#[derive(Default)]
pub(super) struct Groups {
    next_id: u64,
    groups: HashMap<GroupId, Group>,
    by_key: HashMap<Key, GroupId>,
    matcher: Matcher,
}

/// Where a subscription sits among the groups.
pub(super) struct Seat {
    pub(super) group: GroupId,
    member: MemberId,
}

impl Groups {
    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    /// Puts a subscription among those of its scope. Until it goes live, what happens is held back.
    pub(super) fn join(&mut self, scope: &Scope, name: &Name, outbox: &Arc<Outbox>) -> Seat {
        let (group, member) = (self.group(scope), self.take_id());
        let joining = Member { outbox: outbox.clone(), held_back: Some(Vec::new()) };
        if let Some(group) = self.groups.get_mut(&group) {
            group.members.entry(name.clone()).or_default().insert(member, joining);
        }
        Seat { group, member }
    }

    /// Sends a subscription these first, then what was held back, then all that follows.
    pub(super) fn go_live(&mut self, seat: &Seat, name: &Name, first: [Burst; 2]) {
        let group = self.groups.get_mut(&seat.group);
        let members = group.and_then(|group| group.members.get_mut(name));
        if let Some(member) = members.and_then(|members| members.get_mut(&seat.member)) {
            let held_back = member.held_back.take().unwrap_or_default();
            let all = first.into_iter().chain(held_back);
            all.for_each(|burst| member.outbox.push_burst(burst));
        }
    }

    pub(super) fn leave(&mut self, seat: &Seat, name: &Name) {
        let Entry::Occupied(mut group) = self.groups.entry(seat.group) else { return };
        if let Entry::Occupied(mut members) = group.get_mut().members.entry(name.clone()) {
            members.get_mut().remove(&seat.member);
            if members.get().is_empty() {
                members.remove();
            }
        }
        if group.get().members.is_empty() {
            let Group { key, .. } = group.remove();
            self.by_key.remove(&key);
            self.matcher.remove(seat.group, &key.table, &key.filter);
        }
    }

    /// Tells every group what the changes mean to it: in the order of the changes, those that follow
    /// each other in one group together. Says how many messages that took.
    pub(super) fn tell(&mut self, changes: &[Change], renderer: &Renderer) -> usize {
        let mut to_send: Vec<(GroupId, Vec<Encoded>)> = Vec::new();
        for change in changes {
            for id in self.matcher.candidates(change) {
                let Some(group) = self.groups.get(&id) else { continue };
                let Some(encoded) = encode(&group.scope, change, renderer) else { continue };
                match to_send.last_mut() {
                    Some((last, together)) if *last == id => together.push(encoded),
                    _ => to_send.push((id, vec![encoded])),
                }
            }
        }
        let encoded = to_send.iter().map(|(_, changes)| changes.len()).sum();
        for (id, changes) in to_send {
            let Some(group) = self.groups.get_mut(&id) else { continue };
            for (name, members) in &mut group.members {
                let named = changes.iter().map(|change| change.named(name));
                let burst = Burst::new(named.collect());
                members.values_mut().for_each(|member| member.push(&burst));
            }
        }
        encoded
    }

    /// Tells every subscription something, and says how many there are.
    pub(super) fn tell_all(&mut self, message: impl Fn(&Name) -> Message) -> usize {
        let mut told = 0;
        for (name, members) in self.groups.values_mut().flat_map(|group| &mut group.members) {
            let burst = Burst::new(vec![message(name)]);
            told += members.len();
            members.values_mut().for_each(|member| member.push(&burst));
        }
        told
    }

    fn take_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn group(&mut self, scope: &Scope) -> GroupId {
        let component = scope.component.as_ref();
        let key = Key {
            table: scope.table.name.clone(),
            fields: scope.fields.clone(),
            filter: scope.filter.clone(),
            sort: scope.sort.clone(),
            component: component.map(|component| (component.page.clone(), component.id.clone())),
            columns: component.map(ComponentScope::columns).unwrap_or_default(),
            actions: component.map(ComponentScope::actions).unwrap_or_default(),
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

impl Member {
    fn push(&mut self, burst: &Burst) {
        match &mut self.held_back {
            Some(held_back) => held_back.push(burst.clone()),
            None => self.outbox.push_burst(burst.clone()),
        }
    }
}

/// The message that a change means to a scope, if it means anything.
pub(super) fn encode(scope: &Scope, change: &Change, renderer: &Renderer) -> Option<Encoded> {
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
    let component = scope.component.as_ref();
    let placed = component.is_none_or(|component| component.rows.is_some());
    let sort_key = shown
        .filter(|_| placed && !scope.sort.is_empty())
        .map(|record| sort_key(record, &scope.sort));
    let rows = component.and_then(|component| component.rows.as_ref());
    let html = shown
        .zip(rows)
        .map(|(record, data_table)| renderer.row(data_table, &scope.table, &scope.fields, record));
    Some(Encoded::new(ChangeBody {
        event,
        table: scope.table.name.as_str(),
        subscription_id: None,
        record: shown.map(envelope),
        old_record: old.map(envelope),
        record_id: (told == Told::Leave).then_some(change.record_id),
        timestamp: &change.at,
        position: &change.position,
        transition,
        html: html.as_deref(),
        sort_key: sort_key.as_deref(),
    }))
}
