//! `pagetide schema`: prints JSON Schemas, for editors and for programs.

use std::io::{Write, stdout};
use std::process::ExitCode;

use clap::Subcommand;

use crate::live;
use crate::spec;

/// Print a JSON Schema
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    schema: Schema,
}

#[derive(Subcommand)]
enum Schema {
    /// The schema of app.yaml
    App,
    /// The schema of what the server sends over WebSocket
    Messages,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let schema = match args.schema {
        Schema::App => spec::app_schema(),
        Schema::Messages => live::messages_schema(),
    };
    writeln!(stdout().lock(), "{}", serde_json::to_string_pretty(&schema)?)?;
    Ok(ExitCode::SUCCESS)
}
