//! The paths to export: one for a page without parameters, one for each record for a page with parameters.
//!
//! The parameters of a path get their values from the records that the page itself shows: some component filters a
//! table by `eq` on each parameter, and so says which field holds its values.

use std::collections::BTreeSet;

use crate::export::ExportError;
use crate::model::data_source::{DataSource, HrefPart};
use crate::model::field::FieldAt;
use crate::model::page::Page;
use crate::model::query::{Answer, Ask, Query, Window};
use crate::model::route::RouteValues;
use crate::model::viewer::Viewer;
use crate::render;
use crate::runtime::Runtime;

/// The number of records that one query reads.
const AT_ONCE: u32 = 500;
/// The most pages that one path with parameters may stand for: a limit against tables that were never meant to be
/// exported.
const MAX_PAGES: usize = 50_000;

/// Returns the paths that a page stands for, from the records that a guest may read. `None` if no filter on the page
/// names a field for each of its parameters.
///
/// # Errors
/// If the records cannot be read, or there are more than [`MAX_PAGES`] paths.
pub(super) async fn of(
    page: &Page,
    runtime: &Runtime,
) -> Result<Option<BTreeSet<String>>, ExportError> {
    if !page.has_params() {
        return Ok(Some([page.path.to_string()].into()));
    }
    let Some((source, fields)) = named(page) else { return Ok(None) };
    let view = runtime.records.view(&Viewer::Guest, &source.table)?;
    let parts = parts(page, &fields);
    let mut paths = BTreeSet::new();
    for offset in (0..).step_by(AT_ONCE as usize) {
        let filter = source.filter.without_params().fill(&Viewer::Guest, &RouteValues::default());
        let window = Window { sort: Vec::new(), limit: AT_ONCE, offset, after: None };
        let table = source.table.clone();
        let filter = view.rows.clone().and(filter);
        let query = Query { table, filter, ask: Ask::Rows(window) };
        let answer = runtime.records.snapshot(&[&query]).await?.answers.into_iter().next();
        let rows = answer.and_then(Answer::rows).map_or(Vec::new(), |rows| rows.records);
        for record in &rows {
            let path = render::path(&parts, &view.fields, record);
            let address = path.and_then(|path| runtime.app.at(&path));
            // A page that has more of the path as literal text takes it: `/orders/new` before `/orders/:id`.
            paths.extend(
                address.filter(|at| at.page.path == page.path).map(|at| at.path.to_string()),
            );
        }
        if paths.len() > MAX_PAGES {
            return Err(ExportError::TooMany(page.path.to_string(), MAX_PAGES));
        }
        if rows.len() < AT_ONCE as usize {
            break;
        }
    }
    Ok(Some(paths))
}

/// Returns the first data source whose filter compares a field to each parameter of the path, and these fields in
/// the order of the parameters. `None` if there is none.
fn named(page: &Page) -> Option<(&DataSource, Vec<FieldAt>)> {
    page.all().into_iter().find_map(|component| {
        let source = component.data_source()?;
        let fields = page.params().map(|name| source.filter.field_of_param(name));
        Some((source, fields.collect::<Option<Vec<_>>>()?))
    })
}

/// The path of a page as parts of a link, with a field in the place of each parameter.
fn parts(page: &Page, fields: &[FieldAt]) -> Vec<HrefPart> {
    let mut fields = fields.iter();
    let segments = page.path.split('/').skip(1);
    let parts = segments.flat_map(|segment| {
        let field = segment.strip_prefix(':').and_then(|_| fields.next());
        let part = field.map_or_else(|| HrefPart::Text(segment.into()), |at| HrefPart::Field(*at));
        [HrefPart::Text("/".into()), part]
    });
    parts.collect()
}
