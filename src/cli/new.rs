//! `pagetide new`: creates a small app to start from.

use std::fs;
use std::io::stdout;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::ValueEnum;
use serde_json::Value as Json;

use crate::spec;

/// The most characters that the app's name may have.
const MAX_NAME: usize = 100;

/// Create a small app to start from
///
/// Writes app.yaml, sample data, a JSON Schema for your editor, and a workflow that checks the app on
/// every push.
#[derive(clap::Args)]
pub(super) struct NewArgs {
    /// The folder for the app: a new one, or an empty one
    folder: PathBuf,
    /// The app to start from
    #[arg(long, value_enum, default_value_t = Starter::Blank)]
    template: Starter,
}

/// An app to start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Starter {
    /// One table on one page
    Blank,
    /// A support desk: figures, charts and a table that people edit
    Dashboard,
    /// A directory of makers and towns: a list, a table, and fields that guests do not see
    Directory,
}

/// The files that every new app gets, by path.
const COMMON: [(&str, &str); 3] = [
    ("README.md", include_str!("new/common/README.md")),
    // The file has another name here, because git would apply a `.gitignore` to this folder.
    (".gitignore", include_str!("new/common/gitignore")),
    (".github/workflows/check.yml", include_str!("new/common/check.yml")),
];

impl Starter {
    /// One sentence about the app, for its README.
    fn about(self) -> &'static str {
        match self {
            Self::Blank => "A first app: one table on one page.",
            Self::Dashboard => {
                "A support desk: open tickets, their progress, and the next due dates."
            }
            Self::Directory => "A directory of makers, with their crafts and towns.",
        }
    }

    /// The files that only this template has, by path.
    fn files(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Blank => &[
                ("app.yaml", include_str!("new/blank/app.yaml")),
                ("data/notes.csv", include_str!("new/blank/data/notes.csv")),
            ],
            Self::Dashboard => &[
                ("app.yaml", include_str!("new/dashboard/app.yaml")),
                ("data/tickets.csv", include_str!("new/dashboard/data/tickets.csv")),
            ],
            Self::Directory => &[
                ("app.yaml", include_str!("new/directory/app.yaml")),
                ("data/makers.csv", include_str!("new/directory/data/makers.csv")),
                ("data/towns.csv", include_str!("new/directory/data/towns.csv")),
            ],
        }
    }
}

pub(super) fn run(args: &NewArgs) -> anyhow::Result<ExitCode> {
    let folder = &args.folder;
    let shown = folder.display();
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder `{shown}`"))?;
    let mut there = fs::read_dir(folder).with_context(|| format!("cannot look into `{shown}`"))?;
    if there.next().is_some() {
        bail!("`{shown}` is not empty, so nothing was written");
    }
    let name = name(folder);
    let schema = format!("{:#}\n", spec::app_schema());
    let files = args.template.files().iter().copied().chain(COMMON);
    for (file, text) in files.chain([("app.schema.json", schema.as_str())]) {
        write(&folder.join(file), &filled(text, &name, args.template))?;
    }
    let told = format!(
        "{name} is in {shown}. To see it, run\n\n  pagetide dev {shown}\n\nand open http://127.0.0.1:3000. The \
         page shows each change to {shown}/app.yaml as you save it.\n"
    );
    super::say(stdout(), &told)?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the name of the app, which is that of its folder. `my-app` if the folder has no name.
fn name(folder: &Path) -> String {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let name = whole.file_name().unwrap_or_default().to_string_lossy();
    let fit: String = name.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect();
    if fit.is_empty() { "my-app".to_owned() } else { fit }
}

fn filled(text: &str, name: &str, template: Starter) -> String {
    // Every JSON string is a valid YAML string.
    let quoted = Json::from(name).to_string();
    let text = text.replace("{{about}}", template.about());
    text.replace("{{name}}", &quoted).replace("{{title}}", name)
}

fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    let cannot = || format!("cannot write `{}`", file.display());
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(cannot)?;
    }
    fs::write(file, text).with_context(cannot)
}
