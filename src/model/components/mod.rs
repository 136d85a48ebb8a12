//! Components as declared and checked: one file per kind.

pub mod button;
pub mod chart;
pub mod component;
pub mod data_table;
pub mod details;
pub mod divider;
pub mod form;
pub mod html;
pub mod image;
pub mod kpi;
pub mod link;
pub mod list;
pub mod markdown;
pub mod text;
