//! Takes Swagger UI out of the crate that carries it, for `client` to embed.

use std::error::Error;
use std::fs::File;
use std::io::{self, Cursor};
use std::path::Path;

use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

const FILES: [&str; 2] = ["swagger-ui-bundle.js", "swagger-ui.css"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let folder = std::env::var("OUT_DIR")?;
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    let mut missing = FILES.to_vec();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let name = entry.name()?.into_owned();
        let Some(file) = FILES.iter().find(|file| name.ends_with(&format!("/dist/{file}"))) else {
            continue;
        };
        io::copy(&mut entry, &mut File::create(Path::new(&folder).join(file))?)?;
        missing.retain(|other| other != file);
    }
    if missing.is_empty() { Ok(()) } else { Err(format!("Swagger UI has no {missing:?}").into()) }
}
