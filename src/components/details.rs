//! `details`: one record, field by field. As an author writes it, and its checks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validator::Validate;

use crate::components::data_source::{self, RawDataSource};
use crate::components::field_ref::{Named, NamedItem};
use crate::components::grant::RawGrant;
use crate::components::{CheckContext, ComponentSpec, column, visibility};
use crate::model::components::component::ComponentKind;
use crate::model::components::details::{Detail, Details};
use crate::model::field::{Field, FieldAt};
use crate::model::format::ValueFormat;
use crate::model::permissions::Grant;
use crate::model::problem::Place;
use crate::model::query::Window;
use crate::model::table::Table;

/// The text in place of the record where there is none and the author gives no `emptyMessage`.
const DEFAULT_EMPTY_MESSAGE: &str = "There is no such record.";

/// Shows one record, field by field: the first one of its data source. If the filter of the data source uses
/// `$params` and no record passes it, the page answers 404 Not Found.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct RawDetails {
    /// The field shown as a heading above the others, as in `customer`. It is the title of the page if the
    /// page has no other title. By default, there is no heading.
    title_field: Option<String>,
    /// The record to show and how it stays current, as in
    /// `{table: orders, filter: [{field: id, operator: eq, value: $params.id}]}`.
    #[validate(required, nested)]
    data_source: Option<RawDataSource>,
    /// The fields from top to bottom: names of fields, or `{field, label, format, visible}`; every field that
    /// the viewer may read except `id` and `titleField` if you do not say.
    #[validate(
        length(
            min = 1,
            message = "must name at least one field\nwithout `fields` every field is shown"
        ),
        nested
    )]
    fields: Option<Vec<Named<RawDetail>>>,
    /// The text in place of the record when there is none; `There is no such record.` if you do not say.
    empty_message: Option<String>,
}

/// A field of the record and its settings, as in `{field: total, label: Worth, format: whole}`.
#[derive(Default, Deserialize, Serialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Detail", deny_unknown_fields)]
pub(super) struct RawDetail {
    /// The field whose value is shown, as in `total`.
    #[validate(required)]
    field: Option<String>,
    /// The label of the value; the field's own label if you do not say.
    label: Option<String>,
    /// The format of the value: `short`, `long`, `iso` or `relative` for dates and times, `compact`, `whole` or
    /// `plain` for numbers, `truncate` for texts; the usual format of the field if you do not say.
    format: Option<ValueFormat>,
    /// The viewers who see the value, as in `[admin]`; everyone who may read the field if you do not say.
    visible: Option<RawGrant>,
}

impl NamedItem for RawDetail {
    fn name(&mut self) -> &mut Option<String> {
        &mut self.field
    }
}

impl ComponentSpec for RawDetails {
    fn check(self, around: &mut dyn CheckContext) -> Option<ComponentKind> {
        let place = around.place();
        let at = place.key("dataSource");
        let (data_source, table, sort) = data_source::check(self.data_source?, &at, around)?;
        let title_field = self
            .title_field
            .and_then(|name| visibility::field(&table, &name, place.key("titleField"), around));
        let fields = match self.fields {
            Some(fields) => check_fields(fields, &table, &place.key("fields"), around),
            None => visible_details(&table, title_field, around),
        };
        let empty_message = self.empty_message.as_deref().unwrap_or(DEFAULT_EMPTY_MESSAGE).into();
        let window = Window::first(1, sort);
        // Only a component with a heading may claim the title, or the page would be left without one.
        let is_title = title_field.is_some() && around.take_title();
        let details = Details { title_field, is_title, data_source, window, fields, empty_message };
        Some(details.into())
    }
}

/// Returns each field, except `id` and the title, that at least one viewer of the page may read.
fn visible_details(
    table: &Table,
    title: Option<FieldAt>,
    around: &dyn CheckContext,
) -> Vec<Detail> {
    let audience = around.audience();
    let shown = table.all().filter(|(at, _)| {
        *at != FieldAt::ID && Some(*at) != title && visibility::is_seen(table, *at, &audience)
    });
    let detail = |(field, declared): (FieldAt, &Field)| {
        let label = declared.label.clone();
        Detail { field, label, format: None, visible: Grant::All }
    };
    shown.map(detail).collect()
}

/// Checks the fields that `details` or a card of a `gallery` shows, and returns those without a fault.
pub(super) fn check_fields(
    raw: Vec<Named<RawDetail>>,
    table: &Table,
    place: &Place,
    around: &mut dyn CheckContext,
) -> Vec<Detail> {
    let mut details: Vec<Detail> = Vec::with_capacity(raw.len());
    for (index, named) in raw.into_iter().enumerate() {
        let at = place.item(index);
        let (named_at, raw) = named.whole(&at);
        let Some(name) = raw.field else { continue };
        let Some(field) = visibility::field(table, &name, named_at.clone(), around) else {
            continue;
        };
        if details.iter().any(|detail| detail.field == field) {
            around.problems().report(named_at, format!("`{name}` is shown already"));
            continue;
        }
        let declared = table.field(field);
        details.push(Detail {
            field,
            label: raw.label.map_or_else(|| declared.label.clone(), Into::into),
            format: column::check_format(raw.format, declared, &at.key("format"), around),
            visible: around.visible(raw.visible, &at.key("visible")),
        });
    }
    details
}
