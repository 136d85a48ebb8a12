//! Checks pages: their paths, who may open them, and what they show.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use validator::{Validate, ValidationErrors};

use crate::components::grant::RawGrant;
use crate::components::list_of::Each;
use crate::components::phrase;
use crate::components::schema::AnyComponent;
use crate::model::ids::{FieldName, Role, UserId};
use crate::model::page::{Meta, Page, PageAccess};
use crate::model::permissions::Grant;
use crate::model::problem::{Place, Problems};
use crate::model::viewer::{User, Viewer};
use crate::spec::app_check::AppCheck;
use crate::spec::component::{self, PageFacts};
use crate::spec::table::Tables;
use crate::spec::unit::Unit;

/// The paths below which an author cannot declare pages.
const RESERVED: [&str; 2] = ["/api", "/_pagetide"];

/// One page of the app.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Page", deny_unknown_fields)]
pub(super) struct RawPage {
    /// The name of the page in menus and on the browser's tab, as in `Dashboard`.
    #[validate(
        required,
        length(min = 1, max = 100, message = "must have from 1 to 100 characters")
    )]
    name: Option<String>,
    /// The path of the page, as in `/dashboard`. A part that begins with a colon, as in `/orders/:id`,
    /// stands for any value, which filters can use as `$params.id`.
    #[validate(required)]
    #[schemars(regex(pattern = r"^/"))]
    path: Option<String>,
    /// The title and description for search engines and link previews.
    #[validate(nested)]
    meta: Option<RawMeta>,
    /// Who may open the page. By default, everyone who may read some of the data on it.
    #[validate(nested)]
    access: Option<RawAccess>,
    /// Whether people on the page see who else is on it; `false` if you do not say.
    presence: Option<bool>,
    /// The components of the page, from top to bottom.
    #[expect(dead_code, reason = "the items are read one by one")]
    components: Option<Each<AnyComponent>>,
}

/// The title and description of a page for search engines and link previews.
#[derive(Default, Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Meta", deny_unknown_fields)]
struct RawMeta {
    /// The title on the browser's tab. The default is the page's name. May contain values, as in `Order
    /// {$params.id}`.
    title: Option<String>,
    /// One or two sentences about the page. May contain values.
    description: Option<String>,
}

/// The `access` of a page as written: a grant alone, or a mapping.
enum RawAccess {
    Grant(RawGrant),
    Full(FullAccess),
}

/// Who may open a page, and the page to which others are redirected.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Access", deny_unknown_fields)]
struct FullAccess {
    /// Who may open the page, as in `authenticated`.
    #[validate(required)]
    require: Option<RawGrant>,
    /// The path to which others are redirected. The default is the sign-in page.
    redirect_to: Option<String>,
}

/// Checks one page. The returned page is valid only if nothing was reported.
pub(super) fn check(unit: &Unit, tables: &Tables, check: &mut AppCheck<'_>) -> Option<Page> {
    let AppCheck { roles, problems, .. } = check;
    let raw: RawPage = unit.read(problems)?;
    let path = raw.path.and_then(|path| check_path(&path, &unit.place.key("path"), problems));
    let access = raw.access.and_then(|access| check_access(access, unit, roles, problems));
    let audience = audience(access.as_ref(), roles);
    let is_public = access.as_ref().is_some_and(|access| access.require == Grant::All);
    let presence = raw.presence.unwrap_or(false);
    let params = path.as_deref().map(params).unwrap_or_default();
    let params: Vec<_> = params.into_iter().map(Arc::from).collect();
    let meta = check_meta(raw.meta.unwrap_or_default(), &params, &unit.place, problems);
    let facts = PageFacts { audience, is_public, params, presence };
    let components = component::check_all(unit, tables, facts, check);
    Some(Page { name: raw.name?.into(), path: path?, meta, access, presence, components })
}

fn check_meta(raw: RawMeta, params: &[Arc<str>], place: &Place, problems: &mut Problems) -> Meta {
    let place = place.key("meta");
    let mut read = |text: Option<String>, key| {
        text.map(|text| phrase::read(&text, params, &place.key(key), problems))
    };
    Meta { title: read(raw.title, "title"), description: read(raw.description, "description") }
}

/// Reports pages whose paths match the same addresses.
pub(super) fn check_paths(top: &Unit, problems: &mut Problems) {
    let mut seen: HashMap<String, (usize, &str)> = HashMap::new();
    let pages = top.node.get("pages").map_or(&[][..], |pages| pages.items());
    for (index, page) in pages.iter().enumerate() {
        let Some(path) = page.get("path").and_then(|path| path.text()) else { continue };
        let path = canonical(path);
        match seen.get(&shape(path)) {
            None => drop(seen.insert(shape(path), (index, path))),
            Some((earlier, at)) => {
                let name = pages[*earlier].get("name").and_then(|name| name.text());
                let page =
                    name.map_or("another page".to_owned(), |name| format!("the page `{name}`"));
                let message = match *at == path {
                    true => format!("{page} is at {path} already"),
                    false => format!("{page} is at {at}, which matches the same addresses"),
                };
                let place = top.place.key("pages").item(index).key("path");
                problems.report(place, message).help("every page needs a path of its own");
            }
        }
    }
}

/// Returns the path without the names of its parameters. Two paths with the same shape match the same
/// addresses.
fn shape(path: &str) -> String {
    let segments =
        path.split('/').map(|segment| if segment.starts_with(':') { ":" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

/// Returns the names of the parameters of a path.
fn params(path: &str) -> Vec<&str> {
    path.split('/').filter_map(|segment| segment.strip_prefix(':')).collect()
}

/// Returns the path without a slash at its end. `/` stays as it is.
pub(super) fn canonical(path: &str) -> &str {
    path.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(path)
}

/// Checks a path and returns its canonical form. `None` if it was reported.
fn check_path(path: &str, place: &Place, problems: &mut Problems) -> Option<Arc<str>> {
    let canonical = canonical(path);
    let under = |reserved: &&str| {
        canonical
            .strip_prefix(*reserved)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let allowed = |c: char| c.is_alphanumeric() || "-_.~".contains(c);
    let unfit = |segment: &str| segment.is_empty() || matches!(segment, "." | "..");
    let Some(below) = canonical.strip_prefix('/') else {
        let problem = problems.report(place.clone(), "a path begins with /");
        problem.help(format!("write `/{canonical}`"));
        return None;
    };
    if let Some(reserved) = RESERVED.iter().find(|reserved| under(reserved)) {
        let message = format!("paths under {reserved} belong to Pagetide");
        problems.report(place.clone(), message).help("choose another path");
    } else if canonical == "/" {
        return Some("/".into());
    } else if below.split('/').any(unfit) {
        problems
            .report(place.clone(), "a path cannot have an empty part, `.` or `..` between slashes");
    } else if let Some(bad) = literals(below).find(|c| *c != '/' && !allowed(*c)) {
        let message = format!("a path cannot hold `{}`", bad.escape_debug());
        problems.report(place.clone(), message).help(match bad {
            '{' | '}' | '*' | '<' => "a parameter begins with a colon, as in `/orders/:id`",
            _ => "use letters, digits, - _ . ~ and /",
        });
    } else if check_params(&params(below), place, problems) {
        return Some(canonical.into());
    }
    None
}

/// Returns the characters of the parts of a path that are no parameters.
fn literals(path: &str) -> impl Iterator<Item = char> {
    path.split('/').filter(|segment| !segment.starts_with(':')).flat_map(str::chars)
}

/// Whether every parameter of a path has a valid name of its own. Reports the first that has not.
fn check_params(params: &[&str], place: &Place, problems: &mut Problems) -> bool {
    for (index, name) in params.iter().enumerate() {
        if name.parse::<FieldName>().is_err() {
            let message = format!("`:{name}` is not a parameter");
            let problem = problems.report(place.clone(), message);
            problem.help("after the colon come letters, digits and _, a letter first");
            return false;
        }
        if params[..index].contains(name) {
            let message = format!("the path has two parameters `:{name}`");
            problems.report(place.clone(), message).help("give each a name of its own");
            return false;
        }
    }
    true
}

fn check_access(
    raw: RawAccess,
    unit: &Unit,
    roles: &[Role],
    problems: &mut Problems,
) -> Option<PageAccess> {
    let place = unit.place.key("access");
    let (grant, at, redirect_to) = match raw {
        RawAccess::Grant(grant) => (grant, place.clone(), None),
        RawAccess::Full(full) => (full.require?, place.key("require"), full.redirect_to),
    };
    if matches!(&grant, RawGrant::Roles(names) if names.is_empty()) {
        problems.report(at, "nobody may open this page: no role is listed");
        return None;
    }
    let require = grant.check(roles, &at, problems);
    if let Some(path) = &redirect_to
        && (!path.starts_with('/') || path.starts_with("//") || path.contains(['\\', '\n', '\r']))
    {
        let problem =
            problems.report(place.key("redirectTo"), "redirectTo must be a path of this app");
        problem.help("as in `redirectTo: /welcome`");
    }
    Some(PageAccess { require, redirect_to: redirect_to.map(Into::into) })
}

/// Returns the viewers who may open the page: a guest, and one user for each role.
fn audience(access: Option<&PageAccess>, roles: &[Role]) -> Vec<Viewer> {
    let user = |role: &Role| {
        Viewer::User(User {
            id: UserId::new(""),
            email: "".into(),
            name: "".into(),
            role: role.clone(),
        })
    };
    let viewers = std::iter::once(Viewer::Guest).chain(roles.iter().map(user));
    viewers.filter(|viewer| access.is_none_or(|access| access.require.allows(viewer))).collect()
}

impl<'de> Deserialize<'de> for RawAccess {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AccessVisitor;

        impl<'de> Visitor<'de> for AccessVisitor {
            type Value = RawAccess;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("all, authenticated, a list of roles or {require, redirectTo}")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<RawAccess, E> {
                Ok(RawAccess::Grant(RawGrant::Word(word.to_owned())))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<RawAccess, A::Error> {
                RawGrant::from_list(list).map(RawAccess::Grant)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawAccess, A::Error> {
                FullAccess::deserialize(MapAccessDeserializer::new(map)).map(RawAccess::Full)
            }
        }

        deserializer.deserialize_any(AccessVisitor)
    }
}

impl Validate for RawAccess {
    fn validate(&self) -> Result<(), ValidationErrors> {
        match self {
            Self::Grant(_) => Ok(()),
            Self::Full(full) => full.validate(),
        }
    }
}

impl JsonSchema for RawAccess {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "AccessOrGrant".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let grant = generator.subschema_for::<RawGrant>();
        let full = generator.subschema_for::<FullAccess>();
        json_schema!({ "anyOf": [grant, full] })
    }
}
