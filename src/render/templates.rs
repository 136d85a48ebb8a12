//! The templates: built-in ones, and those of an app that take their place.

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use crate::model::app::Template;

/// The built-in templates by name.
const TEMPLATES: &[(&str, &str)] = &[
    ("layout.html", include_str!("../../templates/layout.html")),
    ("head.html", include_str!("../../templates/head.html")),
    ("page.html", include_str!("../../templates/page.html")),
    ("container.html", include_str!("../../templates/container.html")),
    ("text.html", include_str!("../../templates/text.html")),
    ("link.html", include_str!("../../templates/link.html")),
    ("image.html", include_str!("../../templates/image.html")),
    ("divider.html", include_str!("../../templates/divider.html")),
    ("markdown.html", include_str!("../../templates/markdown.html")),
    ("html.html", include_str!("../../templates/html.html")),
    ("data_table.html", include_str!("../../templates/data_table.html")),
    ("data_table_tools.html", include_str!("../../templates/data_table_tools.html")),
    ("data_table_pager.html", include_str!("../../templates/data_table_pager.html")),
    ("details.html", include_str!("../../templates/details.html")),
    ("list.html", include_str!("../../templates/list.html")),
    ("button.html", include_str!("../../templates/button.html")),
    ("confirm.html", include_str!("../../templates/confirm.html")),
    ("record_form.html", include_str!("../../templates/record_form.html")),
    ("form_field.html", include_str!("../../templates/form_field.html")),
    ("kpi.html", include_str!("../../templates/kpi.html")),
    ("chart.html", include_str!("../../templates/chart.html")),
    ("chart_empty.html", include_str!("../../templates/chart_empty.html")),
    ("chart_time.html", include_str!("../../templates/chart_time.html")),
    ("chart_bars.html", include_str!("../../templates/chart_bars.html")),
    ("chart_ring.html", include_str!("../../templates/chart_ring.html")),
    ("presence.html", include_str!("../../templates/presence.html")),
    ("state.html", include_str!("../../templates/state.html")),
    ("account.html", include_str!("../../templates/account.html")),
    ("admin.html", include_str!("../../templates/admin.html")),
    ("admin_time.html", include_str!("../../templates/admin_time.html")),
    ("admin_people.html", include_str!("../../templates/admin_people.html")),
    ("admin_sessions.html", include_str!("../../templates/admin_sessions.html")),
    ("admin_tokens.html", include_str!("../../templates/admin_tokens.html")),
    ("admin_connections.html", include_str!("../../templates/admin_connections.html")),
    ("admin_figures.html", include_str!("../../templates/admin_figures.html")),
    ("admin_history.html", include_str!("../../templates/admin_history.html")),
    ("admin_import.html", include_str!("../../templates/admin_import.html")),
    ("form.html", include_str!("../../templates/form.html")),
    ("error.html", include_str!("../../templates/error.html")),
];

/// Why a template cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadTemplate {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it, as a sentence.
    pub message: String,
}

/// The names of the built-in templates, which are those that an app may replace.
pub fn template_names() -> impl Iterator<Item = &'static str> {
    TEMPLATES.iter().map(|(name, _)| *name)
}

/// Whether a template can be read. What it stands for is only known when it is rendered.
///
/// # Errors
/// When it cannot.
pub fn check_template(name: &str, source: &str) -> Result<(), BadTemplate> {
    let checked = environment().and_then(|mut environment| {
        environment.add_template_owned(name.to_owned(), source.to_owned())
    });
    checked.map_err(|error| BadTemplate {
        line: error.line().unwrap_or(1),
        message: error.detail().map_or_else(|| error.kind().to_string(), str::to_owned),
    })
}

/// All templates of an app.
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

/// How templates are written: everything is escaped, and what is not there is a fault.
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
