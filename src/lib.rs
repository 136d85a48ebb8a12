//! Pagetide: a live page server. YAML pages, served as complete HTML and kept current.
//!
//! ARCHITECTURE.md tells where each thing lives and which module may know which.

pub mod auth;
pub mod cli;
pub mod client;
pub mod components;
pub mod dev;
pub mod export;
pub mod feed;
pub mod fields;
pub mod http;
pub mod limits;
pub mod live;
pub mod model;
pub mod openapi;
pub mod pages;
pub mod records;
pub mod render;
pub mod router;
pub mod runtime;
pub mod spec;
pub mod store;
