//! The open connections: the owner and the address of each, the time at which it was opened, and the tables
//! that it subscribes to.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Weak};

use jiff::Timestamp;

use crate::live::outbox::Outbox;
use crate::live::presence::ConnectionId;
use crate::model::ids::TableName;
use crate::model::viewer::Viewer;

/// The credential that a connection was opened with.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The token of the session.
    pub token: Arc<str>,
    /// The viewer that the token stood for.
    pub viewer: Viewer,
    /// The end of the session, in Unix seconds.
    pub expires_at: i64,
    /// The IP address of the client.
    pub address: IpAddr,
}

/// An open connection, as an admin sees it.
#[derive(Clone, Debug)]
pub struct OpenConnection {
    /// The viewer who opened the connection.
    pub viewer: Viewer,
    /// The IP address of the client.
    pub address: IpAddr,
    /// The time at which the connection was opened, in Unix seconds.
    pub since: i64,
    /// The tables that the connection subscribes to, each once, in order of their names.
    pub tables: Vec<TableName>,
}

/// The open connections, counted by owner and by address.
#[derive(Default)]
pub(super) struct ConnectionRegistry {
    last_id: ConnectionId,
    open: HashMap<ConnectionId, ConnectionEntry>,
    /// The number of connections of each owner; an owner without any has no entry.
    owners: HashMap<Arc<str>, usize>,
    /// The number of connections from each address; an address without any has no entry.
    addresses: HashMap<IpAddr, usize>,
}

/// An open connection in the registry.
struct ConnectionEntry {
    /// The owner that the connection is counted for.
    owner: Arc<str>,
    credential: Credential,
    /// The time at which the connection was opened.
    since: Timestamp,
    /// The table of each subscription. A table appears once for each of its subscriptions.
    tables: Vec<TableName>,
    /// Weak, so that the registry does not keep the outbox of a connection that has ended.
    outbox: Weak<Outbox>,
}

impl ConnectionRegistry {
    /// The number of connections that the owner of a credential has, and the number from its address.
    pub(super) fn count(&self, credential: &Credential) -> (usize, usize) {
        let of_owner = self.owners.get(&owner_of(credential)).copied().unwrap_or_default();
        let from_there = self.addresses.get(&credential.address).copied().unwrap_or_default();
        (of_owner, from_there)
    }

    /// Adds a connection, and returns its id.
    pub(super) fn add(&mut self, credential: Credential, outbox: &Arc<Outbox>) -> ConnectionId {
        let owner = owner_of(&credential);
        *self.owners.entry(owner.clone()).or_default() += 1;
        *self.addresses.entry(credential.address).or_default() += 1;
        self.last_id += 1;
        let connection = ConnectionEntry {
            owner,
            credential,
            since: Timestamp::now(),
            tables: Vec::new(),
            outbox: Arc::downgrade(outbox),
        };
        self.open.insert(self.last_id, connection);
        self.last_id
    }

    /// Removes a connection that has closed.
    pub(super) fn remove(&mut self, id: ConnectionId) {
        if let Some(connection) = self.open.remove(&id) {
            one_less(&mut self.owners, connection.owner);
            one_less(&mut self.addresses, connection.credential.address);
        }
    }

    /// The IP address of a connection. `None` if the connection is closed.
    pub(super) fn address(&self, id: ConnectionId) -> Option<IpAddr> {
        self.open.get(&id).map(|connection| connection.credential.address)
    }

    /// Notes that a connection has subscribed to a table.
    pub(super) fn listens(&mut self, id: ConnectionId, table: &TableName) {
        if let Some(connection) = self.open.get_mut(&id) {
            connection.tables.push(table.clone());
        }
    }

    /// Notes that a subscription of a connection to a table has ended.
    pub(super) fn listens_no_more(&mut self, id: ConnectionId, table: &TableName) {
        if let Some(connection) = self.open.get_mut(&id)
            && let Some(at) = connection.tables.iter().position(|known| known == table)
        {
            connection.tables.swap_remove(at);
        }
    }

    /// The credentials of all connections.
    pub(super) fn credentials(&self) -> Vec<Credential> {
        self.open.values().map(|connection| connection.credential.clone()).collect()
    }

    /// The open connections, the newest first.
    pub(super) fn list(&self) -> Vec<OpenConnection> {
        let mut open: Vec<_> = self.open.iter().collect();
        open.sort_unstable_by(|(left, _), (right, _)| right.cmp(left));
        let seen = open.into_iter().map(|(_, connection)| {
            let mut tables = connection.tables.clone();
            tables.sort_unstable_by(|left, right| left.as_str().cmp(right.as_str()));
            tables.dedup();
            OpenConnection {
                viewer: connection.credential.viewer.clone(),
                address: connection.credential.address,
                since: connection.since.as_second(),
                tables,
            }
        });
        seen.collect()
    }

    /// The outboxes of all connections.
    pub(super) fn outboxes(&self) -> impl Iterator<Item = Arc<Outbox>> {
        self.outboxes_of(|_| true)
    }

    /// The outboxes of the connections whose credential passes the test `is_meant`.
    pub(super) fn outboxes_with(
        &self,
        is_meant: impl Fn(&Credential) -> bool,
    ) -> impl Iterator<Item = Arc<Outbox>> {
        self.outboxes_of(move |connection| is_meant(&connection.credential))
    }

    /// The outboxes of the connections of a session that subscribe to a table.
    pub(super) fn listeners(
        &self,
        token: &str,
        table: &TableName,
    ) -> impl Iterator<Item = Arc<Outbox>> {
        self.outboxes_of(move |connection| {
            *connection.credential.token == *token && connection.tables.contains(table)
        })
    }

    /// The outboxes of the connections that pass the test `is_meant`.
    fn outboxes_of(
        &self,
        is_meant: impl Fn(&ConnectionEntry) -> bool,
    ) -> impl Iterator<Item = Arc<Outbox>> {
        let meant = self.open.values().filter(move |connection| is_meant(connection));
        meant.filter_map(|connection| connection.outbox.upgrade())
    }
}

/// Returns the owner of a connection: the id of the account, or the session token of a guest, who has no
/// account.
fn owner_of(credential: &Credential) -> Arc<str> {
    match &credential.viewer {
        Viewer::User(user) => user.id.as_str().into(),
        Viewer::Guest => credential.token.clone(),
    }
}

/// Takes one from a count, and removes the entry at zero.
fn one_less<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: K) {
    if let Entry::Occupied(mut open) = counts.entry(key) {
        *open.get_mut() -= 1;
        if *open.get() == 0 {
            open.remove();
        }
    }
}
