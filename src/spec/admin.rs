//! Generates the pages for admins about the tables of an app, as YAML that is checked like an author's.
//!
//! A table or field that admins may not read does not appear. An operation that they may not do has no
//! page.

use std::path::Path;

use serde_json::{Value as Json, json};

use crate::fields::editor::editor;
use crate::model::access::View;
use crate::model::components::data_table::has_control;
use crate::model::field::{Field, FieldAt, FieldKind};
use crate::model::ids::{Role, UserId};
use crate::model::page::Page;
use crate::model::permissions::Operation;
use crate::model::problem::{Place, Problems};
use crate::model::storage::Storage;
use crate::model::viewer::{User, Viewer};
use crate::spec::app_check::AppCheck;
use crate::spec::source::{MAX_FILE_BYTES, Sources};
use crate::spec::table::Tables;
use crate::spec::unit::Unit;
use crate::spec::{page, reference};

/// The most filter controls above a table.
const MAX_FILTERS: usize = 4;
/// The path of the pages of a table, without its name.
const TABLES: &str = "/admin/tables";

/// Returns the admin pages of an app with these tables.
pub(super) fn pages(tables: &Tables, roles: &[Role], folder: &Path) -> Vec<Page> {
    let views: Vec<_> = tables.iter().filter_map(|table| table.view(&admin())).collect();
    let of_tables = views.iter().flat_map(of_table);
    let all = std::iter::once(overview(&views)).chain(of_tables);
    all.filter_map(|page| checked(&page, tables, roles, folder)).collect()
}

/// Checks a page like an author's. `None` if it has a fault.
fn checked(page: &Json, tables: &Tables, roles: &[Role], folder: &Path) -> Option<Page> {
    let mut sources = Sources::new(folder).ok()?;
    let (mut faults, mut problems) = (Vec::new(), Problems::default());
    let text = page.to_string();
    let (file, _) = sources.take("<admin>", text.as_bytes(), MAX_FILE_BYTES).ok()?;
    let node = reference::read_whole(file, &mut sources, &mut faults)?;
    let unit = Unit { node: &node, place: Place::top() };
    let check = &mut AppCheck {
        roles,
        sources: &mut sources,
        faults: &mut faults,
        problems: &mut problems,
    };
    let page = page::check(&unit, tables, check);
    page.filter(|_| faults.is_empty() && problems.errors() == 0)
}

/// Returns a viewer who stands for all admins, since permissions depend on the role only.
fn admin() -> Viewer {
    let role = "admin".parse().expect("`admin` is a role");
    Viewer::User(User { id: UserId::new(""), email: "".into(), name: "".into(), role })
}

fn overview(views: &[View]) -> Json {
    let figure = |view: &View| {
        let table = view.table.name.as_str();
        json!({
            "type": "kpi",
            "label": table,
            "value": { "aggregate": "count" },
            "dataSource": { "table": table, "refreshMode": "realtime" },
        })
    };
    let links = views.iter().map(|view| {
        let table = view.table.name.as_str();
        json!({ "type": "button", "href": format!("{TABLES}/{table}"), "label": table })
    });
    let figures: Vec<_> = views.iter().map(figure).collect();
    let api = json!({ "type": "button", "href": "/api/docs", "label": "API", "variant": "quiet" });
    let title = heading("title", "Overview");
    let links = links.chain([api]).collect::<Vec<_>>();
    let tables = json!({ "type": "container", "layout": "grid", "children": figures });
    let ways = json!({ "type": "container", "layout": "row", "children": links });
    let components = if views.is_empty() { vec![title] } else { vec![title, tables, ways] };
    page_of("Overview", "/admin", components)
}

/// Returns the pages of one table: its records, a single record, and a form for a new record.
fn of_table(view: &View) -> Vec<Json> {
    let mut pages = vec![records(view), record(view)];
    if may_create(view) {
        pages.push(new_record(view));
    }
    pages
}

fn records(view: &View) -> Json {
    let name = view.table.name.as_str();
    let here = format!("{TABLES}/{name}");
    let way = |label: &str, href: String| json!({ "type": "button", "label": label, "href": href });
    let mut ways = vec![heading("title", name)];
    if may_create(view) {
        let mut new = way("New record", format!("{here}/new"));
        new["variant"] = json!("primary");
        ways.push(new);
        ways.push(way("Import", format!("/admin/import/{name}")));
    }
    ways.push(way("Export", format!("/api/tables/{name}/records.csv")));
    let mut table = json!({
        "type": "dataTable",
        "id": "records",
        "title": "Records",
        "props": { "className": "pt-brief" },
        "dataSource": {
            "table": name,
            "sort": [{ "field": "id", "direction": "desc" }],
            "refreshMode": "realtime",
        },
        "columns": columns(view),
        "sortable": true,
        "pageSizes": [25, 50, 100],
        "rowLink": format!("{here}/{{id}}"),
        "emptyMessage": "There are no records yet.",
    });
    if readable(view).any(|(_, field)| is_free_text(field)) {
        table["search"] = json!(true);
    }
    let choices = readable(view).filter(|(_, field)| is_choice(field) && has_control(field));
    let filters: Vec<_> = choices.map(|(_, field)| json!(field.name.as_str())).collect();
    if !filters.is_empty() {
        table["filters"] = filters.into_iter().take(MAX_FILTERS).collect();
    }
    if view.table.allows(&view.viewer, Operation::Delete) {
        table["rowActions"] = json!([{ "type": "delete" }]);
        table["bulkActions"] = json!([{ "type": "delete" }]);
    }
    let head = json!({ "type": "container", "layout": "row", "children": ways });
    page_of(name, &here, vec![head, table])
}

fn new_record(view: &View) -> Json {
    let name = view.table.name.as_str();
    let form = json!({
        "type": "form",
        "id": "new",
        "table": name,
        "onSuccess": { "navigate": format!("{TABLES}/{name}"), "toast": "The record is added." },
    });
    page_of(
        &format!("New in {name}"),
        &format!("{TABLES}/{name}/new"),
        vec![back(name), heading("title", "New record"), form],
    )
}

fn record(view: &View) -> Json {
    let name = view.table.name.as_str();
    let one = json!([{ "field": "id", "operator": "eq", "value": "$params.id" }]);
    let source = json!({ "table": name, "filter": one });
    let mut live = source.clone();
    live["refreshMode"] = json!("realtime");
    let mut details = json!({ "type": "details", "id": "record", "dataSource": live });
    let title = readable(view).find(|(_, field)| field.kind == FieldKind::SingleLineText);
    if let Some((_, title)) = title {
        details["titleField"] = json!(title.name.as_str());
    }
    let mut components = vec![back(name), heading("title", "Record"), details];
    if view.table.all().any(|(at, field)| view.may_set(at) && editor(field).is_some()) {
        components.push(json!({
            "type": "form",
            "id": "edit",
            "title": "Change it",
            "dataSource": source,
            "onSuccess": { "toast": "Saved" },
        }));
    }
    page_of(&format!("A record of {name}"), &format!("{TABLES}/{name}/:id"), components)
}

/// Returns a link back to the records of a table.
fn back(name: &str) -> Json {
    json!({ "type": "link", "label": name, "href": format!("{TABLES}/{name}") })
}

fn page_of(name: &str, path: &str, components: Vec<Json>) -> Json {
    // The name of a page has at most 100 characters, and this one contains a table's name.
    let name: String = name.chars().take(100).collect();
    json!({ "name": name, "path": path, "access": ["admin"], "components": components })
}

fn heading(variant: &str, content: &str) -> Json {
    json!({ "type": "text", "variant": variant, "content": content })
}

fn columns(view: &View) -> Vec<Json> {
    let column = |(at, field): (FieldAt, &Field)| {
        let mut column = json!({ "field": field.name.as_str() });
        let fits = !matches!(field.kind, FieldKind::Json | FieldKind::Relationship(..));
        if fits && view.may_set(at) && editor(field).is_some() {
            column["editable"] = json!(true);
        }
        if is_free_text(field) {
            column["format"] = json!("truncate");
        }
        if at == FieldAt::ID {
            column["width"] = json!("5rem");
        }
        column
    };
    readable(view).map(column).collect()
}

fn readable(view: &View) -> impl Iterator<Item = (FieldAt, &Field)> {
    view.table.all().filter(|(at, _)| view.fields.contains(*at))
}

/// Whether the viewer may create records and set every field that a new record must have.
fn may_create(view: &View) -> bool {
    view.table.allows(&view.viewer, Operation::Create)
        && view.table.needed().all(|at| view.may_give(at))
        && view.table.all().any(|(at, field)| view.may_give(at) && editor(field).is_some())
}

fn is_free_text(field: &Field) -> bool {
    field.kind.storage() == Storage::Text && field.kind.options().is_empty()
}

/// Whether the field has only a few possible values.
fn is_choice(field: &Field) -> bool {
    !field.kind.options().is_empty() || field.kind.storage() == Storage::Boolean
}
