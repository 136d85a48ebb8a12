//! What a component of a page means, in one short word.

use std::fmt::Debug;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::model::access::View;
use crate::model::components::component::Component;
use crate::model::page::Page;
use crate::model::table::Table;

/// Everything that decides what a component shows of which records, how it may be edited and what
/// its buttons do, as a hash. An open page says it wherever it goes on from what it shows: if the app
/// was deployed anew meanwhile and means something else by the same id, that is noticed.
///
/// What an address gives, and who the viewer is beyond what they may do, are not in it: viewers with
/// the same rights share what is rendered for them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shape(Arc<str>);

impl Shape {
    /// The shape of a component of a page, for somebody with this view of its table.
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
        let hash = Sha256::digest(format!("{told:?}"));
        Self(URL_SAFE_NO_PAD.encode(&hash[..9]).into())
    }

    /// The word that pages carry.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Everything that decides what anybody may read of these tables, as a hash: what one who was away knows
/// was read by the same rules only while this is the same.
pub fn rights(tables: &[Arc<Table>]) -> String {
    let mut told: Vec<_> = tables.iter().map(|table| format!("{:?}", declared(table))).collect();
    told.sort_unstable();
    URL_SAFE_NO_PAD.encode(&Sha256::digest(told.join("\n"))[..12])
}

/// What of a table's declaration decides what is shown of its records.
fn declared(table: &Table) -> impl Debug {
    let Table { name, fields, permissions, display_field, .. } = table;
    (name, fields, permissions, display_field)
}
