//! Writes down what is embedded: the templates, the browser's scripts and stylesheets, and Swagger UI out of the
//! crate that carries it. A file is embedded by being there.

use std::error::Error;
use std::fmt::Write;
use std::fs::{self, File};
use std::io::{self, Cursor};
use std::path::Path;

use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

const SWAGGER_UI: [&str; 2] = ["swagger-ui-bundle.js", "swagger-ui.css"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let folder = std::env::var("OUT_DIR")?;
    let folder = Path::new(&folder);
    fs::write(folder.join("templates.rs"), files("templates", &["html"])?)?;
    fs::write(folder.join("client.rs"), files("src/client", &["css", "js"])?)?;
    extract_swagger_ui(folder)
}

/// A slice of the names and texts of the files with these extensions in a folder, by name, as Rust.
fn files(folder: &str, extensions: &[&str]) -> Result<String, Box<dyn Error>> {
    println!("cargo::rerun-if-changed={folder}");
    let folder = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join(folder);
    let paths = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    let mut written = "&[\n".to_owned();
    for path in paths {
        let (name, extension) = (path.file_name(), path.extension().and_then(|end| end.to_str()));
        if let Some(name) = name.filter(|_| extension.is_some_and(|end| extensions.contains(&end)))
        {
            writeln!(written, "    ({name:?}, include_str!({path:?})),")?;
        }
    }
    written.push(']');
    Ok(written)
}

fn extract_swagger_ui(folder: &Path) -> Result<(), Box<dyn Error>> {
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    let mut missing = SWAGGER_UI.to_vec();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let name = entry.name()?.into_owned();
        let is_file = |file: &&&str| name.ends_with(&format!("/dist/{file}"));
        let Some(file) = SWAGGER_UI.iter().find(is_file) else { continue };
        io::copy(&mut entry, &mut File::create(folder.join(file))?)?;
        missing.retain(|other| other != file);
    }
    if missing.is_empty() { Ok(()) } else { Err(format!("Swagger UI has no {missing:?}").into()) }
}
