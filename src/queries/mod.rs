//! Reads queries of tables from the text of requests: lists from parameters, components from their page's address.
//!
//! The results are filters, sorts and fields that the viewer may use, so `records` does not check them again.

mod component_query;
mod list_params;
mod opening;
mod params;
mod table_choice;

pub use component_query::{ComponentQuery, view_of};
pub use list_params::ListParams;
pub use opening::Opening;
pub use params::{MAX_SEARCH, MAX_SORTS};
