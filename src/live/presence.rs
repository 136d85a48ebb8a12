//! Who is on which page.
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
use crate::model::access::{User, Viewer};
use crate::model::ids::UserId;

/// Everyone on every page.
#[derive(Debug, Default)]
pub(super) struct Presence {
    pages: HashMap<Arc<str>, Page>,
    next_place: u64,
}

/// Which connection; given out by the hub.
pub(super) type ConnectionId = u64;

/// Somebody's connection that comes to a page.
pub(super) struct Arrival {
    pub(super) connection: ConnectionId,
    pub(super) viewer: Viewer,
    pub(super) outbox: Arc<Outbox>,
    /// The time now, as messages say it.
    pub(super) at: Arc<str>,
}

#[derive(Debug, Default)]
struct Page {
    connections: HashMap<ConnectionId, Connection>,
    /// Everyone signed in, in the order they came.
    people: BTreeMap<u64, Person>,
    places: HashMap<UserId, u64>,
}

#[derive(Debug)]
struct Connection {
    /// Nobody for a guest.
    user: Option<User>,
    outbox: Arc<Outbox>,
    seen: Instant,
    /// Silent for too long: not there until it says something again.
    stale: bool,
}

#[derive(Debug)]
struct Person {
    shown: PresentUser,
    /// How many connections of theirs are here.
    connections: usize,
}

impl Presence {
    /// Puts a connection on a page: it hears who is there, and the others hear of it.
    pub(super) fn join(&mut self, path: &Arc<str>, arrival: Arrival, most: usize) {
        let Arrival { connection: id, viewer, outbox, at } = arrival;
        self.next_place += 1;
        let page = self.pages.entry(path.clone()).or_default();
        if let Entry::Vacant(entry) = page.connections.entry(id) {
            let user = match viewer {
                Viewer::User(user) => Some(user),
                Viewer::Guest => None,
            };
            let (outbox, seen) = (outbox.clone(), Instant::now());
            entry.insert(Connection { user, outbox, seen, stale: false });
            page.arrive(path, id, self.next_place, &at, most);
        }
        self.sync(path, &outbox, most);
    }

    /// Tells a connection who is on a page.
    pub(super) fn sync(&self, path: &Arc<str>, outbox: &Outbox, most: usize) {
        let people = self.pages.get(path).map(|page| page.people.values());
        let users = people.into_iter().flatten().take(most).map(|person| &person.shown).collect();
        outbox.push([Message::new(&Body::PresenceSync { page_path: path, users })]);
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

impl Page {
    /// Counts a connection among its person's; the first of them is told to the others.
    fn arrive(
        &mut self,
        path: &Arc<str>,
        id: ConnectionId,
        place: u64,
        at: &Arc<str>,
        most: usize,
    ) {
        let connection = self.connections.get(&id);
        let Some(user) = connection.and_then(|connection| connection.user.as_ref()) else { return };
        let place = *self.places.entry(user.id.clone()).or_insert(place);
        let person = self.people.entry(place).or_insert_with(|| Person {
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
    fn depart(&mut self, path: &Arc<str>, connection: &Connection, most: usize) {
        let Some(user) = connection.user.as_ref().filter(|_| !connection.stale) else { return };
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
            if Some(*id) != except {
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
    struct Scene {
        presence: Presence,
        outboxes: HashMap<ConnectionId, Arc<Outbox>>,
    }

    impl Scene {
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
            let arrival = Arrival { connection: id, viewer, outbox, at: "now".into() };
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
        let mut scene = Scene::default();
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
        let mut scene = Scene::default();
        scene.join(1, "");
        scene.join(2, "ada");
        scene.join(2, "ada");
        scene.leave(2);
        assert_eq!(scene.heard(1), ["sync", "join ada", "leave ada"]);
        assert_eq!(scene.heard(2), ["sync ada", "sync ada"]);
    }

    #[test]
    fn no_more_are_shown_than_a_page_has_places() {
        let mut scene = Scene::default();
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
        let mut scene = Scene::default();
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
