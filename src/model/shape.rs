//! Shapes: short hashes of the meaning of a component, by which an open page notices that the app changed.

use std::fmt::Debug;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::model::access::View;
use crate::model::components::component::Component;
use crate::model::page::Page;
use crate::model::table::Table;

/// The hash of everything that decides what records a component shows, what of them, which values can be
/// edited and what its buttons do.
///
/// An open page sends the shape with each request that goes on from what it shows, such as a subscription.
/// If the app was deployed anew and the same id now means another component, the shapes differ, and the
/// server refuses to go on.
///
/// Values of the address, and the viewer beyond their rights, are not in it: viewers with the same rights
/// share one rendering, which carries the shape.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shape(Arc<str>);

impl Shape {
    /// Makes the shape of a component of a page, for a viewer with this view of its table.
    pub fn of(page: &Page, component: &Component, view: &View) -> Self {
        let open = component.open_actions(view);
        let entries = component.entry_fields(view);
        let editable = component.editable_fields(view);
        let rights = (&view.fields, &view.known, view.is_open, entries, editable);
        let related = view
            .related
            .iter()
            .map(|related| (related.field, related.display, declared(&related.table)));
        let related: Vec<_> = related.collect();
        let place = (&page.path, page.prefix(&component.id));
        let told = (place, component, declared(&view.table), rights, open.row, open.bulk, related);
        // The debug text names every member, so a new option of a component changes the shape by itself.
        let hash = Sha256::digest(format!("{told:?}"));
        Self(URL_SAFE_NO_PAD.encode(&hash[..9]).into())
    }

    /// The text of the shape, as pages carry it: 12 characters of base64url.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns a hash of everything that decides what viewers may read of these tables. A reader who returns with
/// an older position has read by the same rules only if the hash has not changed.
pub fn rights(tables: &[Arc<Table>]) -> String {
    let mut told: Vec<_> = tables.iter().map(|table| format!("{:?}", declared(table))).collect();
    // The order of declaration has no influence on permissions.
    told.sort_unstable();
    URL_SAFE_NO_PAD.encode(&Sha256::digest(told.join("\n"))[..12])
}

/// The parts of a table's declaration that decide what is shown of its records. The seed and former names do
/// not.
fn declared(table: &Table) -> impl Debug {
    let Table { name, fields, permissions, display_field, .. } = table;
    (name, fields, permissions, display_field)
}
