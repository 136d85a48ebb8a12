//! What an app is: plain values that every other module speaks in.
//!
//! No IO, no SQL, no HTML, no YAML. A value of these types holds: whoever made it has checked it.

pub mod access;
pub mod action;
pub mod app;
pub mod canonical;
pub mod change;
pub mod colour;
pub mod compare;
pub mod component;
pub mod data_table;
pub mod decimal;
pub mod filter;
pub mod form;
pub mod ids;
pub mod input;
pub mod operand;
pub mod origin;
pub mod page;
pub mod phrase;
pub mod problem;
pub mod query;
pub mod record;
pub mod refresh;
pub mod related;
pub mod route;
pub mod shape;
mod shown;
pub mod site_names;
pub mod sort_key;
pub mod table;
pub mod theme;
pub mod value;
