//! Everything that crosses modules: one binary, one module per feature.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod server;

mod accounts;
mod admin;
mod attacks;
mod batch;
mod browse;
mod cli;
mod contact;
mod crash;
mod editable;
mod examples;
mod export;
mod field_types;
mod figures;
mod files;
mod forms;
mod golden;
mod guide;
mod heard;
mod history;
mod hostile;
mod labels;
mod lists;
mod manual;
mod migrate;
mod names;
mod new;
mod offered;
mod openapi;
mod oracle;
mod outside;
mod pages;
mod passwords;
mod people;
mod people_cli;
mod phrases;
mod pickers;
mod proxied;
mod public;
mod records;
mod reference;
mod relationships;
mod rows;
mod shared;
mod sign_up;
mod specs;
mod streams;
mod tokens;
mod values;
mod viewers;
mod visibility;
mod wire;
mod written;
