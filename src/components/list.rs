//! `list`: records as entries of a list. As an author writes it, and its checks.

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

/// The number of entries where the author gives no `pageSize`.
const DEFAULT_PAGE_SIZE: u32 = 10;

/// Shows records as entries of a list, each with up to four fields.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct RawList {
    /// The heading above the list. By default, there is none.
    title: Option<String>,
    /// The records to show and how they stay current, as in `{table: orders}`.
    #[validate(required, nested)]
    data_source: Option<RawDataSource>,
    /// The fields of each entry, as in `{title: customer, meta: total, badge: status}`.
    #[validate(required, nested)]
    item: Option<RawItem>,
    /// The text in place of the entries when there are none; `Nothing here yet.` if you do not say.
    empty_message: Option<String>,
    /// The most entries that are shown, from 1 to 200; 10 if you do not say.
    #[validate(range(min = 1, max = 200, message = "must be from 1 to 200"))]
    page_size: Option<i64>,
}

/// The fields that an entry of a list shows of its record, and the page that it opens.
#[derive(Deserialize, Serialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Item", deny_unknown_fields)]
struct RawItem {
    /// The field that is the title of the entry, as in `customer`.
    #[validate(required)]
    title: Option<String>,
    /// The field shown below the title, as in `city`.
    subtitle: Option<String>,
    /// The field shown at the right, as in `total`.
    meta: Option<String>,
    /// The field shown at the right after `meta`, as in `status`. An option is shown as a badge.
    badge: Option<String>,
    /// The page that an entry opens: a path of this app, with fields of the record in braces, as in
    /// `/orders?find={id}`. By default, entries open nothing.
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
