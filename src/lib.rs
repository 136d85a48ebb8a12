//! Pagetide: a live page server. YAML pages, served as complete HTML and kept current.
//!
//! ARCHITECTURE.md tells where each thing lives and which module may know which.

pub mod fields;
pub mod model;
pub mod store;
