//! Presence: the people on each page.
//!
//! A person is on a page as long as one of their connections is there and gives signs of life. Guests receive
//! the names of the people on a page, and are not listed themselves.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::live::message::{Body, Message, PresentUser};
use crate::live::outbox::Outbox;
use crate::model::change::Change;
use crate::model::ids::UserId;
use crate::model::query::Query;
use crate::model::record::Record;
use crate::model::viewer::{User, Viewer};

/// The presence on all pages.
#[derive(Debug, Default)]
pub(super) struct Presence {
    pages: HashMap<Arc<str>, PageRoster>,
    /// The number that was given last to an arrival. A person's place on a page is the number of their arrival.
    next_place: u64,
}

/// The number of a connection, unique within the process. A newer connection has a greater number.
pub(super) type ConnectionId = u64;

/// A connection that enters a page.
pub(super) struct Arrival {
    pub(super) connection: ConnectionId,
    pub(super) viewer: Viewer,
    pub(super) outbox: Arc<Outbox>,
    /// The queries that must each find a record for the page to be open to the viewer.
    pub(super) needed: Arc<[Query]>,
    /// The time of arrival, in the format of messages (RFC 3339, milliseconds, UTC).
    pub(super) at: Arc<str>,
}

/// The connections and people on one page.
#[derive(Debug, Default)]
struct PageRoster {
    connections: HashMap<ConnectionId, PresentConnection>,
    /// The people who have signed in, by their place: in the order of arrival.
    people: BTreeMap<u64, PresentPerson>,
    places: HashMap<UserId, u64>,
}

/// A connection that has entered a page.
#[derive(Debug)]
struct PresentConnection {
    /// The user who opened the connection. `None` for a guest.
    user: Option<User>,
    outbox: Arc<Outbox>,
    /// The time of the last sign of life.
    seen: Instant,
    /// True after too long a silence. The connection does not count as present until its next sign of life.
    stale: bool,
    /// The queries that must each find a record for the page to be open to the viewer.
    needed: Arc<[Query]>,
    /// True while a record that the page needs is missing. The connection does not count as present, and
    /// receives no names.
    barred: bool,
}

/// A connection on a page that needs records, with the queries for them.
pub(super) struct PageVisit {
    pub(super) path: Arc<str>,
    pub(super) connection: ConnectionId,
    pub(super) needed: Arc<[Query]>,
}

/// A person on a page.
#[derive(Debug)]
struct PresentPerson {
    shown: PresentUser,
    /// The number of connections by which they are present.
    connections: usize,
}

impl Presence {
    /// Enters a connection into a page. It receives `presence-sync`; the others receive `join` if the person
    /// was not there yet. `most` is the most people that clients are shown, here and below.
    pub(super) fn join(&mut self, path: &Arc<str>, arrival: Arrival, most: usize) {
        let Arrival { connection: id, viewer, outbox, needed, at } = arrival;
        self.next_place += 1;
        let page = self.pages.entry(path.clone()).or_default();
        if let Entry::Vacant(entry) = page.connections.entry(id) {
            let user = match viewer {
                Viewer::User(user) => Some(user),
                Viewer::Guest => None,
            };
            entry.insert(PresentConnection {
                user,
                outbox: outbox.clone(),
                seen: Instant::now(),
                stale: false,
                needed,
                barred: false,
            });
            page.arrive(path, id, self.next_place, &at, most);
        }
        self.sync(path, id, &outbox, most);
    }

    /// Sends `presence-sync` to a connection: the people on the page, or nobody if the page is not open to it.
    pub(super) fn sync(&self, path: &Arc<str>, id: ConnectionId, outbox: &Outbox, most: usize) {
        let is_open = |page: &&PageRoster| page.connections.get(&id).is_some_and(|own| !own.barred);
        let people = self.pages.get(path).filter(is_open).map(|page| page.people.values());
        let users = people.into_iter().flatten().take(most).map(|person| &person.shown).collect();
        outbox.push([Message::new(&Body::PresenceSync { page_path: path, users })]);
    }

    /// Returns the connections whose page may close or open to them by a change.
    pub(super) fn concerned_by(&self, change: &Change) -> Vec<PageVisit> {
        let is_concerned = |query: &Query| {
            let matches = |record: &Option<Record>| {
                record.as_ref().is_some_and(|record| query.filter.matches(record))
            };
            query.table == change.table && matches(&change.old) != matches(&change.new)
        };
        self.held(|needed| needed.iter().any(is_concerned))
    }

    /// Returns all connections on pages that need a record.
    pub(super) fn all_held(&self) -> Vec<PageVisit> {
        self.held(|needed| !needed.is_empty())
    }

    /// Returns the connections whose needed queries pass the test `is_meant`.
    fn held(&self, is_meant: impl Fn(&[Query]) -> bool) -> Vec<PageVisit> {
        let all = self.pages.iter().flat_map(|(path, page)| {
            page.connections.iter().map(move |(id, connection)| (path, *id, &connection.needed))
        });
        let meant = all.filter(|(_, _, needed)| is_meant(needed));
        let held = meant.map(|(path, connection, needed)| PageVisit {
            path: path.clone(),
            connection,
            needed: needed.clone(),
        });
        held.collect()
    }

    /// Notes whether a page is closed to a connection. If that has changed, the connection receives
    /// `presence-sync`, and the others `leave` or `join`.
    pub(super) fn bar(
        &mut self,
        PageVisit { path, connection: id, .. }: &PageVisit,
        barred: bool,
        at: &Arc<str>,
        most: usize,
    ) {
        let Some(page) = self.pages.get_mut(path) else { return };
        let Some(mut connection) = page.connections.remove(id) else { return };
        let is_same = connection.barred == barred;
        let outbox = connection.outbox.clone();
        // It departs before it is marked as barred, since a barred connection does not count as present.
        if !is_same && barred {
            page.depart(path, &connection, most);
        }
        connection.barred = barred;
        page.connections.insert(*id, connection);
        if is_same {
            return;
        }
        if !barred {
            self.next_place += 1;
            page.arrive(path, *id, self.next_place, at, most);
        }
        self.sync(path, *id, &outbox, most);
    }

    /// Removes a connection from a page.
    pub(super) fn leave(&mut self, path: &Arc<str>, id: ConnectionId, most: usize) {
        let Some(page) = self.pages.get_mut(path) else { return };
        if let Some(connection) = page.connections.remove(&id) {
            page.depart(path, &connection, most);
        }
        if page.connections.is_empty() {
            self.pages.remove(path);
        }
    }

    /// Notes a sign of life of a connection. If it was stale, it is present again.
    pub(super) fn touch(&mut self, path: &Arc<str>, id: ConnectionId, at: &Arc<str>, most: usize) {
        let Some(page) = self.pages.get_mut(path) else { return };
        let Some(connection) = page.connections.get_mut(&id) else { return };
        connection.seen = Instant::now();
        if std::mem::take(&mut connection.stale) {
            self.next_place += 1;
            page.arrive(path, id, self.next_place, at, most);
        }
    }

    /// Marks the connections as stale that have given no sign of life for `silence`. They no longer count as
    /// present.
    pub(super) fn sweep(&mut self, silence: Duration, most: usize) {
        let now = Instant::now();
        for (path, page) in &mut self.pages {
            let silent = page.connections.iter().filter(|(_, connection)| {
                !connection.stale && now.duration_since(connection.seen) >= silence
            });
            let silent: Vec<_> = silent.map(|(id, _)| *id).collect();
            for id in silent {
                if let Some(mut connection) = page.connections.remove(&id) {
                    page.depart(path, &connection, most);
                    connection.stale = true;
                    page.connections.insert(id, connection);
                }
            }
        }
    }
}

impl PresentConnection {
    /// Returns whether the connection counts as present on its page.
    fn is_here(&self) -> bool {
        !self.stale && !self.barred
    }
}

impl PageRoster {
    /// Counts a connection for its person. The first connection of a person is sent to the others as `join`, if
    /// the person is among the first `most`.
    fn arrive(
        &mut self,
        path: &Arc<str>,
        id: ConnectionId,
        place: u64,
        at: &Arc<str>,
        most: usize,
    ) {
        let connection = self.connections.get(&id).filter(|connection| connection.is_here());
        let Some(user) = connection.and_then(|connection| connection.user.as_ref()) else { return };
        let place = *self.places.entry(user.id.clone()).or_insert(place);
        let person = self.people.entry(place).or_insert_with(|| PresentPerson {
            shown: PresentUser {
                id: user.id.as_str().into(),
                name: user.name.clone(),
                page_path: path.clone(),
                joined_at: at.clone(),
            },
            connections: 0,
        });
        person.connections += 1;
        if person.connections == 1 && self.people.range(..=place).count() <= most {
            self.tell_join(place, Some(id));
        }
    }

    /// Counts one connection of a person less. After the last one, the others receive `leave`, if the person
    /// was shown.
    fn depart(&mut self, path: &Arc<str>, connection: &PresentConnection, most: usize) {
        let Some(user) = connection.user.as_ref().filter(|_| connection.is_here()) else { return };
        let Some(place) = self.places.get(&user.id).copied() else { return };
        let Some(person) = self.people.get_mut(&place) else { return };
        person.connections -= 1;
        if person.connections > 0 {
            return;
        }
        let was_shown = self.people.range(..=place).count() <= most;
        self.people.remove(&place);
        self.places.remove(&user.id);
        if was_shown {
            let leave = Body::Leave { user_id: user.id.as_str(), page_path: path };
            self.tell(&Message::new(&leave), None);
            // The person who was one too many so far moves up among those who are shown.
            if let Some(next) = self.people.keys().nth(most.saturating_sub(1)).copied() {
                self.tell_join(next, None);
            }
        }
    }

    /// Sends `join` for the person at a place to all connections except one.
    fn tell_join(&self, place: u64, except: Option<ConnectionId>) {
        if let Some(person) = self.people.get(&place) {
            self.tell(&Message::new(&Body::Join { user: &person.shown }), except);
        }
    }

    /// Sends a message to all connections that the page is open to, except one.
    fn tell(&self, message: &Message, except: Option<ConnectionId>) {
        for (id, connection) in &self.connections {
            if Some(*id) != except && !connection.barred {
                connection.outbox.push([message.clone()]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 2;

    /// A page, and the outboxes of the connections on it.
    #[derive(Default)]
    struct OnePage {
        presence: Presence,
        outboxes: HashMap<ConnectionId, Arc<Outbox>>,
    }

    impl OnePage {
        /// Enters a connection of the user `who`, or of a guest if the name is empty.
        fn join(&mut self, id: ConnectionId, who: &str) {
            let viewer = match who {
                "" => Viewer::Guest,
                name => Viewer::User(User {
                    id: UserId::new(name),
                    email: "x@example.org".into(),
                    name: name.into(),
                    role: "member".parse().unwrap(),
                }),
            };
            let outbox = self.outboxes.entry(id).or_default().clone();
            let (needed, at) = ([].into(), "now".into());
            let arrival = Arrival { connection: id, viewer, outbox, needed, at };
            self.presence.join(&"/".into(), arrival, MOST);
        }

        fn leave(&mut self, id: ConnectionId) {
            self.presence.leave(&"/".into(), id, MOST);
        }

        /// The messages to a connection since the last call, such as `sync ada bob` and `leave ada`.
        fn heard(&self, id: ConnectionId) -> Vec<String> {
            let read = |message: &Message| {
                let json: serde_json::Value = serde_json::from_slice(message.text()).unwrap();
                let text = |json: &serde_json::Value| json.as_str().unwrap().to_owned();
                match json["type"].as_str().unwrap() {
                    "presence-sync" => json["users"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .fold("sync".to_owned(), |all, user| {
                            format!("{all} {}", text(&user["id"]))
                        }),
                    "join" => format!("join {}", text(&json["user"]["id"])),
                    _ => format!("leave {}", text(&json["userId"])),
                }
            };
            self.outboxes[&id].waiting().iter().map(read).collect()
        }
    }

    #[test]
    fn a_person_is_there_once_however_many_tabs() {
        let mut scene = OnePage::default();
        scene.join(1, "");
        scene.join(2, "ada");
        scene.join(3, "ada");
        assert_eq!(scene.heard(1), ["sync", "join ada"]);
        assert_eq!(scene.heard(2), ["sync ada"]);
        assert_eq!(scene.heard(3), ["sync ada"]);
        scene.leave(2);
        assert!(scene.heard(1).is_empty());
        scene.leave(3);
        assert_eq!(scene.heard(1), ["leave ada"]);
    }

    #[test]
    fn whoever_joins_again_is_not_told_again() {
        let mut scene = OnePage::default();
        scene.join(1, "");
        scene.join(2, "ada");
        scene.join(2, "ada");
        scene.leave(2);
        assert_eq!(scene.heard(1), ["sync", "join ada", "leave ada"]);
        assert_eq!(scene.heard(2), ["sync ada", "sync ada"]);
    }

    #[test]
    fn no_more_are_shown_than_a_page_has_places() {
        let mut scene = OnePage::default();
        scene.join(1, "");
        for (id, name) in [(2, "ada"), (3, "bob"), (4, "eve")] {
            scene.join(id, name);
        }
        assert_eq!(scene.heard(1), ["sync", "join ada", "join bob"]);
        assert_eq!(scene.heard(4), ["sync ada bob"]);
        scene.leave(2);
        assert_eq!(scene.heard(1), ["leave ada", "join eve"]);
        scene.leave(4);
        assert_eq!(scene.heard(1), ["leave eve"]);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_a_departure_until_it_ends() {
        let mut scene = OnePage::default();
        let minute = Duration::from_secs(60);
        scene.join(1, "");
        scene.join(2, "ada");
        tokio::time::advance(minute / 2).await;
        scene.presence.touch(&"/".into(), 1, &"now".into(), MOST);
        scene.presence.sweep(minute, MOST);
        assert_eq!(scene.heard(1), ["sync", "join ada"]);
        tokio::time::advance(minute / 2).await;
        scene.presence.sweep(minute, MOST);
        scene.presence.sweep(minute, MOST);
        assert_eq!(scene.heard(1), ["leave ada"]);
        scene.presence.touch(&"/".into(), 2, &"later".into(), MOST);
        assert_eq!(scene.heard(1), ["join ada"]);
        scene.leave(2);
        assert_eq!(scene.heard(1), ["leave ada"]);
    }
}
