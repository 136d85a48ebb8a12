//! Loads templates: the built-in ones, and those of an app that replace them.

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use crate::model::app::Template;

/// The built-in templates by name: each file of `templates`.
const TEMPLATES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/templates.rs"));

/// The error of a template that cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadTemplate {
    /// The line of the error, from 1.
    pub line: usize,
    /// The message of the template engine: what is wrong with the template.
    pub message: String,
}

/// Returns the names of the built-in templates, which an app may replace.
pub fn template_names() -> impl Iterator<Item = &'static str> {
    TEMPLATES.iter().map(|(name, _)| *name)
}

/// Checks that a template can be parsed. Unknown names in it are found only when it is rendered.
///
/// # Errors
/// Fails with the first error of the template.
pub fn check_template(name: &str, source: &str) -> Result<(), BadTemplate> {
    let checked = environment().and_then(|mut environment| {
        environment.add_template_owned(name.to_owned(), source.to_owned())
    });
    checked.map_err(|error| BadTemplate {
        line: error.line().unwrap_or(1),
        message: error.detail().map_or_else(|| error.kind().to_string(), str::to_owned),
    })
}

/// Loads all templates of an app.
pub(super) fn load(own: &[Template]) -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = environment()?;
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
    }
    for Template { name, source } in own {
        environment.add_template_owned(name.to_string(), source.to_string())?;
    }
    Ok(environment)
}

/// Returns the settings of templates: all values are escaped, and an unknown name is an error.
fn environment() -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    Ok(environment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_template_can_be_read() {
        for (name, source) in TEMPLATES {
            assert_eq!(check_template(name, source), Ok(()), "{name}");
        }
    }

    #[test]
    fn a_fault_is_told_with_its_line() {
        let bad = check_template("x.html", "<p>\n{{ a }}\n{% if b %}\n</p>\n").unwrap_err();
        assert!(bad.line >= 3, "{bad:?}");
        let bad = check_template("x.html", "a\n{{ b | }}\n").unwrap_err();
        assert_eq!(bad.line, 2, "{bad:?}");
    }
}
