//! Which pages there are to export: each page once, and one with parameters for each record that
//! its filters name.

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

/// How many records are read at once.
const AT_ONCE: u32 = 500;
/// How many pages one path with parameters may stand for.
const MAX_PAGES: usize = 50_000;

/// The paths that a page stands for, as a guest finds them; nothing if it does not say which.
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
            // Another page may say more of the path literally.
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

/// The first data source whose filter says, for each parameter of the path, which field it is.
fn named(page: &Page) -> Option<(&DataSource, Vec<FieldAt>)> {
    page.all().into_iter().find_map(|component| {
        let source = component.data_source()?;
        let fields = page.params().map(|name| source.filter.field_of_param(name));
        Some((source, fields.collect::<Option<Vec<_>>>()?))
    })
}

/// The path of a page, with a field for each of its parameters.
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
