//! The parts of an app as plain values: tables, fields, records, filters, pages, components, viewers.
//!
//! No IO, no SQL, no HTML, no YAML. A value of these types is valid: the module that made it has checked it.

pub mod access;
pub mod action;
pub mod app;
pub mod canonical;
pub mod change;
pub mod colour;
pub mod compare;
pub mod components;
pub mod data_source;
pub mod decimal;
pub mod field;
pub mod filter;
pub mod format;
pub mod ids;
pub mod input;
pub mod operand;
pub mod operator;
pub mod origin;
pub mod page;
pub mod permissions;
pub mod phrase;
pub mod problem;
pub mod query;
pub mod record;
pub mod refresh;
pub mod related;
pub mod route;
pub mod shape;
pub mod site_names;
pub mod sort_key;
pub mod storage;
pub mod table;
pub mod theme;
pub mod value;
pub mod viewer;
