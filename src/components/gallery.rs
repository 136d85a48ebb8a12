//! `gallery`: records as cards. As an author writes it, and its checks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use crate::components::data_source::{self, NO_RECORDS, RawDataSource};
use crate::components::details::{RawDetail, check_fields};
use crate::components::field_ref::Named;
use crate::components::{CheckContext, ComponentSpec, href, visibility};
use crate::model::components::component::ComponentKind;
use crate::model::components::gallery::{Card, Gallery};
use crate::model::problem::Place;
use crate::model::query::Window;
use crate::model::table::Table;

/// The number of cards where the author gives no `pageSize`.
const DEFAULT_PAGE_SIZE: u32 = 12;

/// Shows records as cards, as many in a row as fit.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct RawGallery {
    /// The heading above the cards. By default, there is none.
    title: Option<String>,
    /// The records to show and how they stay current, as in `{table: orders}`.
    #[validate(required, nested)]
    data_source: Option<RawDataSource>,
    /// The fields of each card, as in `{title: name, fields: [price, colour]}`.
    #[validate(required, nested)]
    card: Option<RawCard>,
    /// The text in place of the cards when there are none; `Nothing here yet.` if you do not say.
    empty_message: Option<String>,
    /// The most cards that are shown, from 1 to 200; 12 if you do not say.
    #[validate(range(min = 1, max = 200, message = "must be from 1 to 200"))]
    page_size: Option<i64>,
}

/// The fields that a card of a gallery shows of its record, and the page that it opens.
#[derive(Deserialize, Serialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Card", deny_unknown_fields)]
struct RawCard {
    /// The field that is the heading of the card, as in `name`.
    #[validate(required)]
    title: Option<String>,
    /// The fields below the title: their names, or `{field, label, format, visible}`.
    #[validate(nested)]
    fields: Option<Vec<Named<RawDetail>>>,
    /// The page that a card opens: a path of this app, with fields of the record in braces, as in
    /// `/boats/{id}`. By default, cards open nothing.
    href: Option<String>,
}

impl ComponentSpec for RawGallery {
    fn check(self, around: &mut dyn CheckContext) -> Option<ComponentKind> {
        let place = around.place();
        let at = place.key("dataSource");
        let (data_source, table, sort) = data_source::check(self.data_source?, &at, around)?;
        let card = check_card(self.card?, &table, &place.key("card"), around)?;
        let limit = self.page_size.and_then(|size| u32::try_from(size).ok());
        let window = Window::first(limit.unwrap_or(DEFAULT_PAGE_SIZE), sort);
        let empty_message = self.empty_message.as_deref().unwrap_or(NO_RECORDS).into();
        let title = self.title.map(Into::into);
        Some(Gallery { title, data_source, window, card, empty_message }.into())
    }
}

fn check_card(
    raw: RawCard,
    table: &Table,
    place: &Place,
    around: &mut dyn CheckContext,
) -> Option<Card> {
    let title =
        raw.title.and_then(|name| visibility::field(table, &name, place.key("title"), around));
    let fields = raw.fields.unwrap_or_default();
    let fields = check_fields(fields, table, &place.key("fields"), around);
    let href = raw.href.and_then(|path| href::check(&path, table, &place.key("href"), around));
    Some(Card { title: title?, fields, href })
}
