//! Presence: the people on each page.
//!
//! A person is on a page as long as one of their connections is, and gives a sign of life. Guests
//! hear who is there and are nobody themselves.

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

/// Everyone on every page.
#[derive(Debug, Default)]
pub(super) struct Presence {
    pages: HashMap<Arc<str>, PageRoster>,
    next_place: u64,
}

/// Which connection; given out by the hub.
pub(super) type ConnectionId = u64;

/// Somebody's connection that comes to a page.
pub(super) struct Arrival {
    pub(super) connection: ConnectionId,
    pub(super) viewer: Viewer,
    pub(super) outbox: Arc<Outbox>,
    /// The page is open to them as long as each of these finds a record.
    pub(super) needed: Arc<[Query]>,
    /// The time now, as messages say it.
    pub(super) at: Arc<str>,
}

#[derive(Debug, Default)]
struct PageRoster {
    connections: HashMap<ConnectionId, PresentConnection>,
    /// Everyone signed in, in the order they came.
    people: BTreeMap<u64, PresentPerson>,
    places: HashMap<UserId, u64>,
}

#[derive(Debug)]
struct PresentConnection {
    /// `None` for a guest.
    user: Option<User>,
    outbox: Arc<Outbox>,
    seen: Instant,
    /// Silent for too long: not there until it says something again.
    stale: bool,
    needed: Arc<[Query]>,
    /// Whether a record that the page needs is missing: until it is there, they are not on the page.
    barred: bool,
}

/// A connection on a page, with what the page needs to be open to them.
pub(super) struct PageVisit {
    pub(super) path: Arc<str>,
    pub(super) connection: ConnectionId,
    pub(super) needed: Arc<[Query]>,
}

#[derive(Debug)]
struct PresentPerson {
    shown: PresentUser,
    /// How many connections of theirs are here.
    connections: usize,
}

impl Presence {
    /// Puts a connection on a page: it hears who is there, and the others hear of it.
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

    /// Sends a connection on a page the people who are there; none of them if the page is not open to it.
    pub(super) fn sync(&self, path: &Arc<str>, id: ConnectionId, outbox: &Outbox, most: usize) {
        let is_open = |page: &&PageRoster| page.connections.get(&id).is_some_and(|own| !own.barred);
        let people = self.pages.get(path).filter(is_open).map(|page| page.people.values());
        let users = people.into_iter().flatten().take(most).map(|person| &person.shown).collect();
        outbox.push([Message::new(&Body::PresenceSync { page_path: path, users })]);
    }

    /// The connections whose page may be open to them no longer, or again, after a change.
    pub(super) fn concerned_by(&self, change: &Change) -> Vec<PageVisit> {
        let is_concerned = |query: &Query| {
            let matches = |record: &Option<Record>| {
                record.as_ref().is_some_and(|record| query.filter.matches(record))
            };
            query.table == change.table && matches(&change.old) != matches(&change.new)
        };
        self.held(|needed| needed.iter().any(is_concerned))
    }

    /// Every connection on a page that needs something to be open to it.
    pub(super) fn all_held(&self) -> Vec<PageVisit> {
        self.held(|needed| !needed.is_empty())
    }

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

    /// Takes a connection off a page that is no longer open to it, or lets it in again.
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

    /// Takes a connection off a page.
    pub(super) fn leave(&mut self, path: &Arc<str>, id: ConnectionId, most: usize) {
        let Some(page) = self.pages.get_mut(path) else { return };
        if let Some(connection) = page.connections.remove(&id) {
            page.depart(path, &connection, most);
        }
        if page.connections.is_empty() {
            self.pages.remove(path);
        }
    }

    /// Notes that a connection is alive; one that was given up is there again.
    pub(super) fn touch(&mut self, path: &Arc<str>, id: ConnectionId, at: &Arc<str>, most: usize) {
        let Some(page) = self.pages.get_mut(path) else { return };
        let Some(connection) = page.connections.get_mut(&id) else { return };
        connection.seen = Instant::now();
        if std::mem::take(&mut connection.stale) {
            self.next_place += 1;
            page.arrive(path, id, self.next_place, at, most);
        }
    }

    /// Gives up those that have been silent for this long.
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
    /// Whether it counts as being on its page.
    fn is_here(&self) -> bool {
        !self.stale && !self.barred
    }
}

impl PageRoster {
    /// Counts a connection among its person's; the first of them is told to the others.
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

    /// Takes a connection from its person's; the last of them is told to the others.
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
            // Whoever came next has a place to be shown at now.
            if let Some(next) = self.people.keys().nth(most.saturating_sub(1)).copied() {
                self.tell_join(next, None);
            }
        }
    }

    fn tell_join(&self, place: u64, except: Option<ConnectionId>) {
        if let Some(person) = self.people.get(&place) {
            self.tell(&Message::new(&Body::Join { user: &person.shown }), except);
        }
    }

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

    /// A page, and what each connection has heard since it was last asked.
    #[derive(Default)]
    struct OnePage {
        presence: Presence,
        outboxes: HashMap<ConnectionId, Arc<Outbox>>,
    }

    impl OnePage {
        /// `who` is a name, or nothing for a guest.
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

        /// `sync ada bob`, `join ada`, `leave ada`, one by one.
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
