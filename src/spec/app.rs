//! Checks the top level of an app, and its parts in order.

use std::collections::HashSet;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use crate::components::list_of::Each;
use crate::model::app::App;
use crate::model::ids::{BUILT_IN_ROLES, Role};
use crate::model::origin::Origin;
use crate::model::problem::{Place, Problems};
use crate::spec::app_check::AppCheck;
use crate::spec::fault::Fault;
use crate::spec::page::{self, RawPage};
use crate::spec::source::Sources;
use crate::spec::table::{self, RawTable, Tables};
use crate::spec::theme::{self, RawTheme};
use crate::spec::unit::Unit;
use crate::spec::{admin, exportable, template};

/// The role of people who sign themselves up, if the app names no other.
const DEFAULT_ROLE: &str = "member";
/// The role with all rights, which people who sign themselves up cannot have.
const ADMIN: &str = "admin";

/// A Pagetide app: its tables and its pages.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "App", deny_unknown_fields)]
pub(super) struct RawApp {
    /// The name of the app, as in `order-desk`.
    #[validate(
        required,
        length(min = 1, max = 100, message = "must have from 1 to 100 characters")
    )]
    name: Option<String>,
    /// The database of the app.
    #[validate(nested)]
    database: Option<RawDatabase>,
    /// How people sign in, and what roles they have.
    #[validate(nested)]
    auth: Option<RawAuth>,
    /// The tables of the app, each with its fields.
    #[expect(dead_code, reason = "the items are read one by one")]
    tables: Option<Each<RawTable>>,
    /// The pages of the app.
    #[expect(dead_code, reason = "the items are read one by one")]
    pages: Option<Each<RawPage>>,
    /// Sites with exported pages that this app keeps current (`pagetide build --live`).
    #[validate(nested)]
    live: Option<RawLive>,
    /// The colours, fonts and spacing of all pages.
    #[validate(nested)]
    theme: Option<RawTheme>,
}

/// The database of the app.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Database", deny_unknown_fields)]
struct RawDatabase {
    /// The URL of the database, as in `sqlite:./data.db`; `sqlite:.pagetide/data.db` if you do not say.
    /// The path is relative to the app's folder.
    #[validate(length(min = 1, message = "must not be empty"))]
    url: Option<String>,
}

/// How people sign in, and what roles they have.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Auth", deny_unknown_fields)]
struct RawAuth {
    /// The methods to sign in.
    #[validate(nested)]
    strategies: Option<Vec<RawStrategy>>,
    /// Roles in addition to `admin`, `member` and `viewer`, which every app has.
    #[schemars(inner(regex(pattern = r"^[a-z][a-z0-9_-]{0,62}$")), with = "Option<Vec<String>>")]
    roles: Option<Vec<Role>>,
    /// Whether people may create their own account, on `/sign-up`; `false` if you do not say.
    sign_up: Option<bool>,
    /// The role of people who create their own account; `member` if you do not say. It must not be
    /// `admin`.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9_-]{0,62}$"), with = "Option<String>")]
    default_role: Option<Role>,
}

/// Sites with exported pages that this app keeps current.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Live", deny_unknown_fields)]
struct RawLive {
    /// The origins of the sites with exported pages, as in `[https://example.org]`. Their pages show what
    /// guests see.
    #[schemars(
        inner(regex(pattern = r"^https?://[a-z0-9.:\[\]-]+$")),
        with = "Option<Vec<String>>"
    )]
    origins: Option<Vec<Origin>>,
}

/// One method to sign in.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Strategy", deny_unknown_fields)]
struct RawStrategy {
    /// The name of the method: `emailAndPassword`.
    #[validate(required)]
    r#type: Option<RawStrategyType>,
}

/// The name of a method to sign in.
#[derive(Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "StrategyType")]
enum RawStrategyType {
    /// With an email address and a password.
    EmailAndPassword,
}

/// Checks a whole app and reports every problem. The returned app is valid only if there was no error.
/// `faults` gets the problems in files that are not YAML, such as seeds.
pub(super) fn check(
    top: &Unit,
    sources: &mut Sources,
    faults: &mut Vec<Fault>,
    problems: &mut Problems,
) -> Option<App> {
    let raw: RawApp = top.read(problems)?;
    let mut auth = raw.auth;
    let own_roles = check_roles(auth.as_mut().and_then(|auth| auth.roles.take()), problems);
    let built_in = BUILT_IN_ROLES.iter().map(|role| role.parse().expect("it is a role"));
    let roles: Vec<Role> = built_in.chain(own_roles.iter().cloned()).collect();
    let sign_up = auth.and_then(|auth| check_sign_up(&auth, &roles, problems));
    let mut tables = Tables::default();
    let mut pages = Vec::new();
    let check = &mut AppCheck { roles: &roles, sources, faults, problems };
    for unit in top.each("tables", check.problems) {
        table::check(&unit, &mut tables, check);
    }
    tables.check_links(check.faults, check.problems);
    for unit in top.each("pages", check.problems) {
        pages.extend(page::check(&unit, &tables, check));
    }
    page::check_paths(top, problems);
    exportable::check(top, sources.folder(), problems);
    let theme = theme::check(raw.theme, top, sources, problems);
    let templates = template::read_all(sources, faults);
    let is_sound = problems.errors() == 0 && faults.iter().all(Fault::is_warning);
    let admin_pages = match is_sound {
        true => admin::pages(&tables, &roles, sources.folder()),
        false => Vec::new(),
    };
    Some(App {
        name: raw.name?.into(),
        folder: sources.folder().to_owned(),
        database_url: raw.database.and_then(|database| database.url),
        roles: own_roles,
        sign_up,
        tables: tables.into_all(),
        pages: pages.into_iter().map(Arc::new).collect(),
        live_origins: raw.live.and_then(|live| live.origins).unwrap_or_default(),
        theme,
        templates,
        admin_pages: admin_pages.into_iter().map(Arc::new).collect(),
    })
}

fn check_roles(given: Option<Vec<Role>>, problems: &mut Problems) -> Vec<Role> {
    let (mut roles, mut seen) = (Vec::new(), HashSet::new());
    let place = Place::top().key("auth").key("roles");
    for (index, role) in given.unwrap_or_default().into_iter().enumerate() {
        if BUILT_IN_ROLES.contains(&role.as_str()) {
            let message = format!("every app has the role `{role}` already");
            problems.report(place.item(index), message).help("remove it here");
        } else if !seen.insert(role.clone()) {
            problems.report(place.item(index), format!("the role `{role}` is listed already"));
        } else {
            roles.push(role);
        }
    }
    roles
}

/// Returns the role of people who sign themselves up. `None` if the app does not allow that.
fn check_sign_up(auth: &RawAuth, roles: &[Role], problems: &mut Problems) -> Option<Role> {
    let may = auth.sign_up.unwrap_or_default();
    let Some(role) = &auth.default_role else {
        return may.then(|| DEFAULT_ROLE.parse().expect("it is a role"));
    };
    let place = Place::top().key("auth").key("defaultRole");
    if role.as_str() == ADMIN {
        let message = "people who sign themselves up cannot be admins";
        problems.report(place, message).help("choose another role, such as `member`");
        return None;
    }
    if !roles.contains(role) {
        let known = roles.iter().map(Role::as_str);
        problems.report(place, format!("there is no role `{role}`")).suggest(role.as_str(), known);
        return None;
    }
    if !may {
        let message = "`defaultRole` has no effect, because people may not sign themselves up";
        problems.warn(place, message).help("add `signUp: true`, or remove it");
    }
    may.then(|| role.clone())
}
