//! Reads `templates/`, whose files replace the built-in templates of the same names.

use std::fs;
use std::path::PathBuf;

use crate::model::app::Template;
use crate::model::problem::suggestion;
use crate::render;
use crate::spec::fault::Fault;
use crate::spec::source::{FileId, MAX_FILE_BYTES, Sources, Span};

/// The folder of an app's own templates.
const FOLDER: &str = "templates";

/// Reads an app's own templates. Reports those that are not valid, and warns of those that are not used.
pub(super) fn read_all(sources: &mut Sources, faults: &mut Vec<Fault>) -> Vec<Template> {
    let mut read = Vec::new();
    for path in files(sources) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match sources
            .find_in_folder(FOLDER, &name)
            .and_then(|path| sources.read(&path, MAX_FILE_BYTES))
        {
            Ok((_, Some(bad))) => faults.push(bad.into()),
            Ok((file, None)) => {
                let source = sources.get(file).text.clone();
                if let Err(bad) = render::check_template(&name, &source) {
                    let message = format!("this is not a valid template: {}", bad.message);
                    faults.push(Fault::new(line(&source, file, bad.line), message));
                }
                read.push((file, Template { name: name.into(), source }));
            }
            Err(error) => {
                let at = sources.unread(&path);
                faults.push(Fault::new(at, error.to_string()));
            }
        }
    }
    faults.extend(unused(&read));
    read.into_iter().map(|(_, template)| template).collect()
}

/// Returns the files of the folder that may be templates, sorted by name.
fn files(sources: &Sources) -> Vec<PathBuf> {
    let entries = fs::read_dir(sources.folder().join(FOLDER)).into_iter().flatten().flatten();
    let is_template =
        |path: &PathBuf| path.extension().is_some_and(|extension| extension == "html");
    let is_shown =
        |path: &PathBuf| !path.file_name().unwrap_or_default().as_encoded_bytes().starts_with(b".");
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| is_template(path) && is_shown(path));
    files.sort();
    files
}

/// Returns a warning for each template that neither replaces a built-in one nor is named in another.
fn unused(read: &[(FileId, Template)]) -> Vec<Fault> {
    let is_built_in = |name: &str| render::template_names().any(|known| known == name);
    let is_named = |name: &str| {
        let quoted = [format!("\"{name}\""), format!("'{name}'")];
        read.iter().any(|(_, other)| quoted.iter().any(|quoted| other.source.contains(quoted)))
    };
    let unused = read.iter().filter(|(_, own)| !is_built_in(&own.name) && !is_named(&own.name));
    let warned = unused.map(|(file, own)| {
        let at = Span { file: *file, start: 0, end: 0 };
        let message = format!(
            "there is no built-in template `{}`, and no other template uses this one",
            own.name
        );
        let fault = Fault::warning(at, message);
        match suggestion(&own.name, render::template_names()) {
            Some(help) => fault.help(help),
            None => fault,
        }
    });
    warned.collect()
}

/// Returns the place of a line, which is counted from 1.
fn line(text: &str, file: FileId, number: usize) -> Span {
    let before = text.split_inclusive('\n').take(number.saturating_sub(1));
    let start = before.map(str::len).sum::<usize>();
    let length = text[start..].lines().next().map_or(0, str::len);
    Span { file, start, end: start + length }
}
