//! Pagetide: a live page server. YAML pages, served as complete HTML and kept current.
//!
//! The modules in the order in which to read them; each imports only those before it. ARCHITECTURE.md says which may
//! import which, and what always holds.
//!
//! - What an app is: [`model`] (plain values), [`router`] (which page an address leads to), [`limits`]; what differs between
//!   operating systems: [`system`].
//! - What authors write: [`fields`] and [`components`] (a file for each), [`spec`] (YAML to an app, or to all of its
//!   faults).
//! - What people see: [`client`] (scripts and styles), [`render`] (a page and its data to HTML).
//! - The data: [`store`] (the database and its change log), [`feed`] (all changes in order), [`auth`], [`records`]
//!   (what a viewer may read and do), [`queries`] (what is asked of tables, read from text), [`openapi`].
//! - What stays current: [`live`] (subscriptions), [`pages`] (pages and what forms send, cached).
//! - A running server: [`runtime`] (wires an app to its database), [`export`] (pages as files), [`http`], [`dev`] (reloads
//!   while an author works), [`cli`].

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
pub mod queries;
pub mod records;
pub mod render;
pub mod router;
pub mod runtime;
pub mod spec;
pub mod store;
pub mod system;
