//! Queries of tables, read from text: of a list from its parameters, of a component from the address of its page.
//!
//! The text of requests ends here: what comes out are filters, sorts and fields that the viewer may use, which
//! `records` takes as they are.

mod component_query;
mod list_params;
mod opening;
mod params;
mod table_choice;

pub use component_query::{ComponentQuery, view_of};
pub use list_params::ListParams;
pub use opening::Opening;
pub use params::{MAX_SEARCH, MAX_SORTS};
