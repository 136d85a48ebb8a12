//! Renders the built-in pages for people: sign-in, sign-up and their own account.

use jiff::Timestamp;
use minijinja::{Value, context};

use crate::model::viewer::User;
use crate::render::{Frame, RenderError, Renderer};

/// A built-in form: sign-in, sign-up, or the creation of the first admin.
#[derive(Clone, Debug, Default)]
pub struct BuiltInForm<'a> {
    /// The title of the page.
    pub title: &'a str,
    /// One sentence that explains the form.
    pub hint: &'a str,
    /// The path that the form is sent to.
    pub action: &'a str,
    /// The label of the button.
    pub submit: &'a str,
    /// Whether the form asks for a name.
    pub asks_name: bool,
    /// The name that was sent before.
    pub name: &'a str,
    /// The email address that was sent before.
    pub email: &'a str,
    /// Names and values of hidden inputs.
    pub hidden: Vec<(&'a str, &'a str)>,
    /// The error of the last attempt, `None` if there was none.
    pub problem: Option<&'a str>,
    /// A link for people who need another page.
    pub instead: Option<FormLink<'a>>,
}

/// A link to another page, with a question that says for whom it is.
#[derive(Clone, Copy, Debug)]
pub struct FormLink<'a> {
    /// The question before the link, as in `No account yet?`.
    pub question: &'a str,
    /// The path that the link leads to.
    pub path: &'a str,
    /// The label of the link.
    pub label: &'a str,
}

/// The account of the signed-in person, as the page `/account` shows it.
#[derive(Clone, Debug)]
pub struct OwnAccount<'a> {
    /// The account that the page belongs to.
    pub user: &'a User,
    /// A message about what was just done.
    pub notice: Option<&'a str>,
    /// The reason why the password was not changed.
    pub password_problem: Option<&'a str>,
    /// The reason why no token was created.
    pub token_problem: Option<&'a str>,
    /// A token that was just created; it is shown only now.
    pub fresh_token: Option<&'a str>,
    /// The sessions of the account.
    pub sessions: Vec<OwnSession>,
    /// The API tokens of the account.
    pub tokens: Vec<OwnToken>,
}

/// A session of the account.
#[derive(Clone, Debug)]
pub struct OwnSession {
    /// Whether it is the session of this request.
    pub is_this: bool,
    /// When the session began, in Unix seconds; `None` if that is not known.
    pub begun_at: Option<i64>,
    /// The `User-Agent` of the browser.
    pub agent: Option<String>,
}

/// An API token of the account.
#[derive(Clone, Debug)]
pub struct OwnToken {
    /// The id of the token, by which it is revoked.
    pub id: String,
    /// The name that says what the token is for.
    pub name: String,
    /// When the token ends, in Unix seconds; `None` if it does not.
    pub expires_at: Option<i64>,
    /// Whether the token has ended.
    pub has_ended: bool,
    /// When the token was last used, in Unix seconds; `None` if never.
    pub last_used_at: Option<i64>,
}

impl Renderer {
    /// Renders a page with one built-in form.
    ///
    /// # Errors
    /// Fails if a template is faulty.
    pub fn form(&self, frame: &Frame<'_>, form: &BuiltInForm<'_>) -> Result<String, RenderError> {
        let hidden =
            form.hidden.iter().map(|(name, value)| context! { name => *name, value => *value });
        let instead = form.instead.map(|way| {
            context! { question => way.question, path => way.path, label => way.label }
        });
        self.framed(
            "form.html",
            frame,
            form.title,
            context! {
                hint => form.hint,
                action => form.action,
                submit => form.submit,
                asks_name => form.asks_name,
                name => form.name,
                email => form.email,
                hidden => hidden.collect::<Vec<_>>(),
                problem => form.problem,
                instead,
            },
        )
    }

    /// Renders the page of the signed-in person's account.
    ///
    /// # Errors
    /// Fails if a template is faulty.
    pub fn account(
        &self,
        frame: &Frame<'_>,
        account: &OwnAccount<'_>,
    ) -> Result<String, RenderError> {
        let user = account.user;
        self.framed(
            "account.html",
            frame,
            "Your account",
            context! {
                name => user.name.as_ref(),
                email => user.email.as_ref(),
                role => user.role.as_str(),
                notice => account.notice,
                password_problem => account.password_problem,
                token_problem => account.token_problem,
                fresh_token => account.fresh_token,
                sessions => account.sessions.iter().map(session).collect::<Vec<_>>(),
                tokens => account.tokens.iter().map(token).collect::<Vec<_>>(),
            },
        )
    }
}

fn session(session: &OwnSession) -> Value {
    let agent = session.agent.as_deref().map(browser);
    context! { is_this => session.is_this, begun => session.begun_at.map(moment), agent }
}

fn token(token: &OwnToken) -> Value {
    context! {
        id => token.id.as_str(),
        name => token.name.as_str(),
        expires => token.expires_at.map(moment),
        has_ended => token.has_ended,
        last_used => token.last_used_at.map(moment),
    }
}

/// Returns a time (in Unix seconds) for templates: `exact` for programs and `day` for people.
pub(super) fn moment(seconds: i64) -> Value {
    let exact = Timestamp::from_second(seconds).unwrap_or_default().to_string();
    let day = exact.split('T').next().unwrap_or_default().to_owned();
    context! { exact, day }
}

/// Returns the common name of a browser and its system, from its `User-Agent`. An unknown one is returned
/// itself, cut to 60 characters.
pub(super) fn browser(agent: &str) -> String {
    const NAMES: [(&str, &str); 6] = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ];
    const SYSTEMS: [(&str, &str); 6] = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ];
    let known = |names: &[(&'static str, &'static str)]| {
        names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
    };
    match (known(&NAMES), known(&SYSTEMS)) {
        (Some(name), Some(system)) => format!("{name} on {system}"),
        (Some(name), None) => name.to_owned(),
        _ => agent.chars().take(60).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_called_as_people_call_them() {
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        assert_eq!(browser(firefox), "Firefox on Linux");
        let edge = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) \
                    Chrome/140.0 Safari/537.36 Edg/140.0";
        assert_eq!(browser(edge), "Edge on Windows");
        assert_eq!(browser("curl/8.5.0"), "curl");
        assert_eq!(browser(&"é".repeat(200)), "é".repeat(60));
    }
}
