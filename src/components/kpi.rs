//! `kpi`: one figure over records. As an author writes it, and its checks.

use schemars::JsonSchema;
use serde::Deserialize;
use validator::Validate;

use crate::components::data_source::{self, RawDataSource};
use crate::components::measure::{self, RawMeasure, Suits};
use crate::components::{CheckContext, ComponentSpec};
use crate::model::components::component::ComponentKind;
use crate::model::components::kpi::Kpi;

/// Shows one large figure over records, such as their number or a sum.
#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct RawKpi {
    /// The label of the figure, as in `Open orders`.
    #[validate(required, length(min = 1, message = "must not be empty"))]
    label: Option<String>,
    /// The figure, as in `{aggregate: count}` or `{aggregate: sum, field: total}`.
    #[validate(required, nested)]
    value: Option<RawMeasure>,
    /// The records that count and how the figure stays current, as in `{table: orders}`. It takes no `sort`.
    #[validate(required, nested)]
    data_source: Option<RawDataSource>,
    /// A few words below the figure, as in `not shipped yet`. By default, there are none.
    hint: Option<String>,
}

impl ComponentSpec for RawKpi {
    fn check(self, around: &mut dyn CheckContext) -> Option<ComponentKind> {
        let place = around.place();
        let at = place.key("dataSource");
        let (data_source, table) = data_source::check_unsorted(self.data_source?, &at, around)?;
        let at = place.key("value");
        let measure = measure::check(self.value?, &table, &at, Suits::AnyFigure, around)?;
        let hint = self.hint.map(Into::into);
        Some(Kpi { label: self.label?.into(), data_source, measure, hint }.into())
    }
}
