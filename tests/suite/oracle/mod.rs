//! Whatever happens, what a client holds is what the query returns.
//!
//! A random table with random rules; random writes by the API and by another program, in
//! transactions too; clients on every transport, with random filters and fields, that come, go, stall
//! and resume; the server killed and started again. `ORACLE_SEED` repeats a run, `ORACLE_STEPS` makes
//! it longer.

use futures_util::FutureExt;
use reqwest::Method;
use serde_json::{Map, Value as Json, json};

use crate::server::{Client, within};

pub mod dice;
mod listener;
mod program;
mod world;

use dice::Dice;
use listener::{Listener, WAYS};
use program::Program;
use world::{MEMBER, Who, World, sql_value};

const STEPS: u64 = 1_000;
/// How many random apps one run goes through.
const WORLDS: u64 = 3;
/// How many listen to each.
const LISTENERS: u64 = 16;

/// One random app, and everybody around it.
struct Scene {
    world: World,
    program: Program,
    admin: Client,
    admin_id: String,
    member: Client,
    listeners: Vec<Listener>,
}

impl Scene {
    async fn new(dice: &mut Dice) -> Self {
        let world = World::new(dice);
        println!("{}", world.yaml());
        let program = Program::start(&world.yaml());
        let admin = Client::at(program.address).into_admin().await;
        let (_, session) = admin.get("/api/auth/session").await;
        let admin_id = session["user"]["id"].as_str().unwrap().to_owned();
        let cookie = program.sign_in(MEMBER, "member");
        let member = Client::at(program.address).with_cookie(cookie);
        let listeners = Vec::new();
        let mut scene = Self { world, program, admin, admin_id, member, listeners };
        for nth in 0..LISTENERS {
            let listener = scene.listener(nth, dice).await;
            scene.listeners.push(listener);
        }
        scene
    }

    async fn listener(&self, nth: u64, dice: &mut Dice) -> Listener {
        let guest = async || Client::at(self.program.address).into_guest().await;
        // No user may hold more than ten connections.
        let (client, who) = match nth % 8 {
            0 => (self.admin.clone(), Who::Admin),
            1..4 => (self.member.clone(), Who::Member),
            _ => (guest().await, Who::Guest),
        };
        let (filter, shown) = (self.world.filter(dice), self.world.some_fields(dice));
        let rule = self.world.rule(who, &self.admin_id);
        Listener::new((client, who), dice.roll(WAYS), filter, shown, (&self.world, &rule))
    }

    async fn step(&mut self, dice: &mut Dice) {
        let somebody = dice.roll(self.listeners.len() as u64) as usize;
        let listener = &mut self.listeners[somebody];
        match dice.roll(20) {
            0..3 => self.write_by_sql(dice),
            3..6 => self.write_by_api(dice).await,
            6..9 if !listener.is_connected() => within("a connection", listener.connect()).await,
            9 => listener.leave(),
            10 if dice.one_in(20) => self.program.kill_and_restart(),
            11 if dice.one_in(20) => self.storm(dice),
            10..19 => {
                // Only what is there already: a reader may stall at any time.
                while listener.is_connected() {
                    match listener.hear().now_or_never() {
                        Some(true) => {}
                        Some(false) => listener.leave(),
                        None => break,
                    }
                }
            }
            _ => {}
        }
    }

    /// Lets everyone catch up who is connected, and holds them against the database.
    async fn settle(&mut self) {
        for listener in &mut self.listeners {
            listener.settle(&self.program).await;
        }
    }

    async fn all_connect_anew(&mut self) {
        for listener in &mut self.listeners {
            listener.leave();
            within("a connection", listener.connect()).await;
        }
    }

    fn write_by_sql(&self, dice: &mut Dice) {
        let many = 1 + dice.roll(6);
        let statements: String = (0..many).map(|_| self.statement(dice)).collect();
        let end = if dice.one_in(5) { "rollback" } else { "commit" };
        self.program.sql(&format!("begin immediate; {statements} {end};"));
    }

    /// More changes in one commit than anybody is told at once.
    fn storm(&self, dice: &mut Dice) {
        let mut statements = String::new();
        for _ in 0..12 {
            let values = self.world.values(dice, &self.admin_id);
            let set = values.iter().map(|(name, json)| format!("{name} = {}", sql_value(json)));
            let set = set.collect::<Vec<_>>().join(", ");
            statements
                .push_str(&format!("update items set {set} where id % 4 <> {};", dice.roll(4)));
        }
        self.program.sql(&format!("begin immediate; {statements} commit;"));
    }

    fn statement(&self, dice: &mut Dice) -> String {
        let values = self.world.values(dice, &self.admin_id);
        let some = "(select id from items order by random() limit 1)";
        let names = values.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        let listed = values.iter().map(|(_, json)| sql_value(json)).collect::<Vec<_>>().join(", ");
        let set = values.iter().map(|(name, json)| format!("{name} = {}", sql_value(json)));
        let set = set.collect::<Vec<_>>().join(", ");
        match dice.roll(12) {
            0..4 => format!("insert into items ({names}) values ({listed});"),
            4..7 => format!("update items set {set} where id = {some};"),
            7 => format!("update items set {set} where {};", self.world.filter(dice).sql),
            8 => format!("delete from items where id = {some};"),
            9 => format!(
                "delete from items where id % 7 = {} and {};",
                dice.roll(7),
                self.world.filter(dice).sql
            ),
            10 => format!(
                "update or ignore items set id = id + 1000 where id = {some} and id < 1000;"
            ),
            _ => format!("insert or replace into items (id, {names}) values ({some}, {listed});"),
        }
    }

    async fn write_by_api(&self, dice: &mut Dice) {
        let is_admin = dice.one_in(2);
        let client = if is_admin { &self.admin } else { &self.member };
        let values = self.world.values(dice, &self.admin_id).into_iter();
        // Whoever may not read a field cannot set it either.
        let fields: Map<String, Json> =
            values.filter(|(name, _)| is_admin || name != "secret").collect();
        let id = self.program.sql("select id from items order by random() limit 1");
        let one = format!("/api/tables/items/records/{}", id.trim());
        let body = Some(json!({ "fields": fields }));
        let (status, answer) = match dice.roll(5) {
            0 | 1 => client.send(Method::POST, "/api/tables/items/records", body).await,
            _ if id.trim().is_empty() || fields.is_empty() => return,
            4 => client.send(Method::DELETE, &one, None).await,
            _ => client.send(Method::PATCH, &one, body).await,
        };
        // A row out of sight is not there.
        assert!(status < 300 || status == 404, "{status} {answer}");
    }
}

#[tokio::test]
async fn what_a_client_holds_is_what_the_query_returns() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seed: u64 = number("ORACLE_SEED").unwrap_or_else(rand::random);
    println!("ORACLE_SEED={seed}");
    let mut dice = Dice(seed);
    for _ in 0..WORLDS {
        let mut scene = Scene::new(&mut dice).await;
        for step in 1..=number("ORACLE_STEPS").unwrap_or(STEPS) {
            scene.step(&mut dice).await;
            if step % 250 == 0 {
                scene.program.kill_and_restart();
                scene.all_connect_anew().await;
                scene.write_by_sql(&mut dice);
            }
            if step % 50 == 0 {
                scene.settle().await;
            }
        }
        scene.all_connect_anew().await;
        scene.settle().await;
    }
}
