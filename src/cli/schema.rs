//! `pagetide schema`: prints JSON Schemas, for editors and for programs.

use std::io::stdout;
use std::process::ExitCode;

use clap::Subcommand;

use crate::live;
use crate::spec::{self, AppPart};

/// Print a JSON Schema
#[derive(clap::Args)]
pub(super) struct SchemaArgs {
    #[command(subcommand)]
    schema: Schema,
}

#[derive(Subcommand)]
enum Schema {
    /// The schema of app.yaml
    App,
    /// The schema of a file with a page, to include with `$ref` in `pages`
    Page,
    /// The schema of a file with a table, to include with `$ref` in `tables`
    Table,
    /// The schema of a file with a field, to include with `$ref` in `fields`
    Field,
    /// The schema of a file with a component, to include with `$ref` in `components`
    Component,
    /// The schema of the messages that the server sends over WebSocket
    Messages,
}

pub(super) fn run(args: &SchemaArgs) -> anyhow::Result<ExitCode> {
    let schema = match args.schema {
        Schema::App => spec::app_schema(),
        Schema::Page => spec::part_schema(AppPart::Page),
        Schema::Table => spec::part_schema(AppPart::Table),
        Schema::Field => spec::part_schema(AppPart::Field),
        Schema::Component => spec::part_schema(AppPart::Component),
        Schema::Messages => live::messages_schema(),
    };
    super::say(stdout(), &format!("{schema:#}\n"))?;
    Ok(ExitCode::SUCCESS)
}
