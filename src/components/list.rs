//! `list`: records as entries of a list.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use crate::components::data_source::{self, NO_RECORDS, RawDataSource};
use crate::components::{CheckContext, ComponentSpec, href, visibility};
use crate::model::components::component::ComponentKind;
use crate::model::components::list::{Item, List};
use crate::model::problem::Place;
use crate::model::query::Window;
use crate::model::table::Table;

/// How many entries are shown where the author does not say.
const DEFAULT_PAGE_SIZE: u32 = 10;

/// Records as entries of a quiet list.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct RawList {
    /// What stands above the list.
    title: Option<String>,
    /// Which records are shown and how they stay current, as in `{table: orders}`.
    #[validate(required, nested)]
    data_source: Option<RawDataSource>,
    /// What is shown of each record, as in `{title: customer}`.
    #[validate(required, nested)]
    item: Option<RawItem>,
    /// What stands where the entries would, when there are none; `Nothing here yet.` if you do not
    /// say.
    empty_message: Option<String>,
    /// How many entries are shown at most; 10 if you do not say.
    #[validate(range(min = 1, max = 200, message = "must be from 1 to 200"))]
    page_size: Option<i64>,
}

/// What a list shows of each record: names of fields.
#[derive(Deserialize, Serialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Item", deny_unknown_fields)]
struct RawItem {
    /// The field that names the record.
    #[validate(required)]
    title: Option<String>,
    /// The field shown below the title.
    subtitle: Option<String>,
    /// The field shown at the right.
    meta: Option<String>,
    /// The field shown as a badge.
    badge: Option<String>,
    /// Where an entry leads: a path of this app, with fields in braces, as in `/orders?find={id}`.
    href: Option<String>,
}

impl ComponentSpec for RawList {
    fn check(self, around: &mut dyn CheckContext) -> Option<ComponentKind> {
        let place = around.place();
        let at = place.key("dataSource");
        let (data_source, table, sort) = data_source::check(self.data_source?, &at, around)?;
        let item = check_item(self.item?, &table, &place.key("item"), around)?;
        let limit = self.page_size.and_then(|size| u32::try_from(size).ok());
        let window = Window::first(limit.unwrap_or(DEFAULT_PAGE_SIZE), sort);
        let empty_message = self.empty_message.as_deref().unwrap_or(NO_RECORDS).into();
        let title = self.title.map(Into::into);
        Some(List { title, data_source, window, item, empty_message }.into())
    }
}

fn check_item(
    raw: RawItem,
    table: &Table,
    place: &Place,
    around: &mut dyn CheckContext,
) -> Option<Item> {
    let mut field = |key: &str, name: Option<String>| {
        name.and_then(|name| visibility::field(table, &name, place.key(key), around))
    };
    let title = field("title", raw.title);
    let subtitle = field("subtitle", raw.subtitle);
    let meta = field("meta", raw.meta);
    let badge = field("badge", raw.badge);
    let href = raw.href.and_then(|path| href::check(&path, table, &place.key("href"), around));
    Some(Item { title: title?, subtitle, meta, badge, href })
}
