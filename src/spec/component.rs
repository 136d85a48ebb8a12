//! Components: read as the type each names, with its page and the app's tables around it.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use crate::components::grant::RawGrant;
use crate::components::schema::{COMMON_KEYS, RawCommon};
use crate::components::{self, CheckContext, ComponentSpec, NoPresence, Read};
use crate::model::components::component::{Component, ComponentKind, Props};
use crate::model::field::FieldAt;
use crate::model::ids::{ComponentId, Role};
use crate::model::input::Input;
use crate::model::permissions::Grant;
use crate::model::problem::{Place, Problems};
use crate::model::table::Table;
use crate::model::viewer::Viewer;
use crate::spec::fault::Fault;
use crate::spec::source::{BadFile, FileId, MAX_FILE_BYTES, NotUtf8, Sources, Span};
use crate::spec::table::Tables;
use crate::spec::tree::Node;
use crate::spec::unit::Unit;

/// What components must know about the page they are on.
pub(super) struct PageFacts {
    /// One of each kind of viewer who may open it.
    pub(super) audience: Vec<Viewer>,
    /// Whether the author opened it to everyone, in so many words.
    pub(super) is_public: bool,
    /// The names of the parameters of its path.
    pub(super) params: Vec<Arc<str>>,
    /// Whether people on it see who else is.
    pub(super) presence: bool,
}

/// Checks the components of a page. What comes back holds only if nothing was reported.
pub(super) fn check_all(
    page: &Unit,
    roles: &[Role],
    tables: &Tables,
    facts: PageFacts,
    sources: &mut Sources,
    faults: &mut Vec<Fault>,
    problems: &mut Problems,
) -> Vec<Component> {
    let mut ids = HashSet::new();
    collect_ids(page, "components", &mut ids, problems);
    let mut around = PageAround {
        roles,
        tables,
        facts,
        sources,
        faults,
        presence_placed: false,
        titled: has_title(page.node, "components"),
        ids,
        counts: HashMap::new(),
        problems,
    };
    around.list(page, "components")
}

/// Whether a text is said to be the title of the page.
fn has_title(holder: &Node, key: &str) -> bool {
    let says =
        |node: &Node, key: &str, word: &str| node.get(key).and_then(Node::text) == Some(word);
    let items = holder.get(key).map_or(&[][..], Node::items);
    items.iter().any(|node| {
        says(node, "type", "text") && says(node, "variant", "title") || has_title(node, "children")
    })
}

/// What the ids of the elements around components begin with, and nothing else on a page.
const RESERVED_IDS: [&str; 2] = ["pt-", "pagetide-"];

/// The ids that the author gives; reports one that is given twice, or is not the author's to give.
fn collect_ids<'a>(
    holder: &Unit<'a>,
    key: &str,
    ids: &mut HashSet<&'a str>,
    problems: &mut Problems,
) {
    let items = holder.node.get(key).map_or(&[][..], Node::items);
    for (index, node) in items.iter().enumerate() {
        let unit = Unit { node, place: holder.place.key(key).item(index) };
        if let Some(id) = node.get("id").and_then(|id| id.text()) {
            if let Some(reserved) = RESERVED_IDS.iter().find(|prefix| id.starts_with(**prefix)) {
                let message = format!("ids that begin with `{reserved}` belong to Pagetide");
                problems.report(unit.place.key("id"), message);
            }
            if !ids.insert(id) {
                let message = format!("another component of this page has the id `{id}`");
                problems.report(unit.place.key("id"), message);
            }
        }
        collect_ids(&unit, "children", ids, problems);
    }
}

/// What stands around all components of one page.
struct PageAround<'a, 'p> {
    roles: &'p [Role],
    tables: &'p Tables,
    /// Who opens the page and sees the component that is being read.
    facts: PageFacts,
    sources: &'p mut Sources,
    /// What is wrong in files that are no YAML.
    faults: &'p mut Vec<Fault>,
    /// Whether a component shows the people on the page.
    presence_placed: bool,
    /// Whether a component has the title of the page.
    titled: bool,
    /// The ids that the author gives.
    ids: HashSet<&'a str>,
    /// How many components of each type came so far.
    counts: HashMap<String, usize>,
    problems: &'p mut Problems,
}

impl<'a> PageAround<'a, '_> {
    fn list(&mut self, holder: &Unit<'a>, key: &str) -> Vec<Component> {
        let units = holder.each(key, self.problems);
        units.into_iter().filter_map(|unit| self.component(unit)).collect()
    }

    fn component(&mut self, unit: Unit<'a>) -> Option<Component> {
        let common: RawCommon = unit.read_only(COMMON_KEYS, self.problems)?;
        let type_name = common.r#type?;
        let id = self.id(&type_name, common.id);
        let place = unit.place.clone();
        let around = self.facts.audience.clone();
        let visible = self.visible(common.visible, &place.key("visible"));
        self.facts.audience.retain(|viewer| visible.allows(viewer));
        let kind = components::read(&type_name, &mut Here { unit, page: self });
        self.facts.audience = around;
        if kind.is_none() {
            let message = format!("there is no component `{type_name}`");
            let problem = self.problems.report(place.key("type"), message);
            problem.suggest(&type_name, components::TYPES.iter().copied());
        }
        let props = common.props.unwrap_or_default();
        let props = Props {
            class_name: props.class_name.map(Into::into),
            style: props.style.map(Into::into),
        };
        Some(Component { id, visible, props, kind: kind?? })
    }

    /// Whom of the audience an author lets see something.
    fn visible(&mut self, given: Option<RawGrant>, place: &Place) -> Grant {
        let Some(given) = given else { return Grant::All };
        if matches!(&given, RawGrant::Roles(names) if names.is_empty()) {
            let problem =
                self.problems.report(place.clone(), "nobody may see this: no role is listed");
            problem.help("without `visible` everyone sees it who may open the page");
            return Grant::All;
        }
        let grant = given.check(self.roles, place, self.problems);
        if !self.facts.audience.iter().any(|viewer| grant.allows(viewer)) {
            let message = "nobody who may open this page may see this";
            let problem = self.problems.report(place.clone(), message);
            problem.help("see `access` of the page, and `visible` of what holds this");
            return Grant::All;
        }
        grant
    }

    /// The author's id, or one after the type and its place among its like: `dataTable-2`.
    fn id(&mut self, type_name: &str, given: Option<ComponentId>) -> ComponentId {
        let count = self.counts.entry(type_name.to_owned()).or_default();
        *count += 1;
        if let Some(given) = given {
            return given;
        }
        let mut id = format!("{type_name}-{count}");
        while self.ids.contains(id.as_str()) {
            *count += 1;
            id = format!("{type_name}-{count}");
        }
        // An unknown type need not be fit for an id, and is reported in a moment.
        id.parse().unwrap_or_else(|_| "unknown".parse().expect("it is an id"))
    }
}

/// What stands around one component.
struct Here<'a, 'p, 'q> {
    unit: Unit<'a>,
    page: &'q mut PageAround<'a, 'p>,
}

impl Here<'_, '_, '_> {
    /// A file beside the one in which the component stands.
    fn find_file(&mut self, link: &str) -> Result<(FileId, Option<NotUtf8>), BadFile> {
        let sources = &mut *self.page.sources;
        let path = sources.find(self.unit.node.at.file, link)?;
        sources.read(&path, MAX_FILE_BYTES)
    }
}

impl Read for Here<'_, '_, '_> {
    fn read<T: ComponentSpec>(&mut self) -> Option<ComponentKind> {
        let given: T = self.unit.read_except(COMMON_KEYS, self.page.problems)?;
        given.check(self)
    }
}

impl CheckContext for Here<'_, '_, '_> {
    fn place(&self) -> Place {
        self.unit.place.clone()
    }

    fn problems(&mut self) -> &mut Problems {
        self.page.problems
    }

    fn table(&mut self, name: &str, place: Place) -> Option<Arc<Table>> {
        self.page.tables.find(name, place, self.page.problems)
    }

    fn field(&mut self, table: &Table, name: &str, place: Place) -> Option<FieldAt> {
        self.page.tables.find_field(table, name, place, self.page.problems)
    }

    fn audience(&self) -> Vec<Viewer> {
        self.page.facts.audience.clone()
    }

    fn is_public(&self) -> bool {
        self.page.facts.is_public
    }

    fn visible(&mut self, given: Option<RawGrant>, place: &Place) -> Grant {
        self.page.visible(given, place)
    }

    fn written(&self, place: &Place) -> Option<Input> {
        let steps = place.steps().strip_prefix(self.unit.place.steps())?;
        self.unit.node.down(steps)?.node.written()
    }

    fn params(&self) -> Vec<Arc<str>> {
        self.page.facts.params.clone()
    }

    fn place_presence(&mut self) -> Result<(), NoPresence> {
        if !self.page.facts.presence {
            return Err(NoPresence::Off);
        }
        match std::mem::replace(&mut self.page.presence_placed, true) {
            false => Ok(()),
            true => Err(NoPresence::Placed),
        }
    }

    fn text_file(&mut self, link: &str, place: Place) -> Option<Arc<str>> {
        match self.find_file(link) {
            Ok((file, None)) => Some(self.page.sources.get(file).text.clone()),
            Ok((_, Some(bad))) => {
                self.page.faults.push(bad.into());
                None
            }
            Err(error) => {
                self.page.problems.report(place, error.to_string()).help = error.help();
                None
            }
        }
    }

    fn report_in(&mut self, link: &str, bytes: Range<usize>, message: String, help: String) {
        if let Ok((file, _)) = self.find_file(link) {
            let at = Span { file, start: bytes.start, end: bytes.end };
            self.page.faults.push(Fault::new(at, message).help(help));
        }
    }

    fn take_title(&mut self) -> bool {
        !std::mem::replace(&mut self.page.titled, true)
    }

    fn children(&mut self) -> Vec<Component> {
        let unit = self.unit.clone();
        self.page.list(&unit, "children")
    }
}
