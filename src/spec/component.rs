//! Checks components: reads each as the type that it names, in the context of its page and the app's
//! tables.

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
use crate::spec::app_check::AppCheck;
use crate::spec::fault::Fault;
use crate::spec::source::{BadFile, FileId, MAX_FILE_BYTES, NotUtf8, Sources, Span};
use crate::spec::table::Tables;
use crate::spec::tree::Node;
use crate::spec::unit::Unit;

/// The facts about a page that its components are checked with.
pub(super) struct PageFacts {
    /// The viewers who may open the page: a guest, and one user for each role.
    pub(super) audience: Vec<Viewer>,
    /// Whether `access` of the page says `all`.
    pub(super) is_public: bool,
    /// The names of the parameters of the page's path.
    pub(super) params: Vec<Arc<str>>,
    /// Whether the page has `presence: true`.
    pub(super) presence: bool,
}

/// Checks the components of a page. The returned components are valid only if nothing was reported.
pub(super) fn check_all(
    page: &Unit,
    tables: &Tables,
    facts: PageFacts,
    check: &mut AppCheck<'_>,
) -> Vec<Component> {
    let AppCheck { roles, sources, faults, problems } = check;
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

/// Whether a `text` component is the title of the page.
fn has_title(holder: &Node, key: &str) -> bool {
    let says =
        |node: &Node, key: &str, word: &str| node.get(key).and_then(Node::text) == Some(word);
    let items = holder.get(key).map_or(&[][..], Node::items);
    items.iter().any(|node| {
        says(node, "type", "text") && says(node, "variant", "title") || has_title(node, "children")
    })
}

/// The prefixes of the ids that the layout of a page and the scripts use.
const RESERVED_IDS: [&str; 2] = ["pt-", "pagetide-"];

/// Collects the ids that the author gives. Reports an id that is given twice, and one with a reserved
/// prefix.
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

/// The context that all components of one page share.
struct PageAround<'a, 'p> {
    roles: &'p [Role],
    tables: &'p Tables,
    /// The facts about the page. Its audience is narrowed to those who see the component that is being
    /// read.
    facts: PageFacts,
    sources: &'p mut Sources,
    /// The problems in files that are not YAML.
    faults: &'p mut Vec<Fault>,
    /// Whether a component that shows the people on the page was found.
    presence_placed: bool,
    /// Whether a component that is the title of the page was found.
    titled: bool,
    /// The ids that the author gives.
    ids: HashSet<&'a str>,
    /// How many components of each type were read so far.
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

    /// Checks a `visible` key. Reports one that lets no viewer of the audience see the component.
    fn visible(&mut self, given: Option<RawGrant>, place: &Place) -> Grant {
        let Some(given) = given else { return Grant::All };
        if matches!(&given, RawGrant::Roles(names) if names.is_empty()) {
            let problem =
                self.problems.report(place.clone(), "nobody may see this: no role is listed");
            problem.help("without `visible`, everyone who may open the page sees it");
            return Grant::All;
        }
        let grant = given.check(self.roles, place, self.problems);
        if !self.facts.audience.iter().any(|viewer| grant.allows(viewer)) {
            let message = "nobody who may open this page may see this";
            let problem = self.problems.report(place.clone(), message);
            problem.help(
                "check `access` of the page, and `visible` of the components around this one",
            );
            return Grant::All;
        }
        grant
    }

    /// Returns the author's id, or one made from the type and its number on the page: `dataTable-2`.
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
        // An unknown type may not be a valid id; it is reported soon afterwards.
        id.parse().unwrap_or_else(|_| "unknown".parse().expect("it is an id"))
    }
}

/// The context of one component.
struct Here<'a, 'p, 'q> {
    unit: Unit<'a>,
    page: &'q mut PageAround<'a, 'p>,
}

impl Here<'_, '_, '_> {
    /// Reads a file, named relative to the file that contains the component.
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
