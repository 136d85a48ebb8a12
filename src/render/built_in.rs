//! The pages that every app has: signing in and up, and one's own account.

use jiff::Timestamp;
use minijinja::{Value, context};

use crate::model::viewer::User;
use crate::render::{Frame, RenderError, Renderer};

/// A built-in form: sign-in, sign-up, or the making of the first admin.
#[derive(Clone, Debug, Default)]
pub struct BuiltInForm<'a> {
    /// What it is for.
    pub title: &'a str,
    /// One sentence that helps.
    pub hint: &'a str,
    /// Where it is sent.
    pub action: &'a str,
    /// What the button says.
    pub submit: &'a str,
    /// Whether it asks for a name.
    pub asks_name: bool,
    /// The name given before.
    pub name: &'a str,
    /// The address given before.
    pub email: &'a str,
    /// Names and values that are sent along without being shown.
    pub hidden: Vec<(&'a str, &'a str)>,
    /// What was wrong the last time.
    pub problem: Option<&'a str>,
    /// Where to go for those who are wrong here.
    pub instead: Option<FormLink<'a>>,
}

/// Where else to go, and for whom that is.
#[derive(Clone, Copy, Debug)]
pub struct FormLink<'a> {
    /// For whom, as a question.
    pub question: &'a str,
    /// The path that it leads to.
    pub path: &'a str,
    /// What the link says.
    pub label: &'a str,
}

/// Somebody's own account, as its page shows it.
#[derive(Clone, Debug)]
pub struct OwnAccount<'a> {
    /// The account that the page belongs to.
    pub user: &'a User,
    /// What was just done.
    pub notice: Option<&'a str>,
    /// Why the password was not changed.
    pub password_problem: Option<&'a str>,
    /// Why no token was made.
    pub token_problem: Option<&'a str>,
    /// A token that was just made, to be read once.
    pub fresh_token: Option<&'a str>,
    /// Where they are signed in.
    pub sessions: Vec<OwnSession>,
    /// Their tokens of the API.
    pub tokens: Vec<OwnToken>,
}

/// A session of one's own. Times are in Unix seconds.
#[derive(Clone, Debug)]
pub struct OwnSession {
    /// Whether it is the one that asks.
    pub is_this: bool,
    /// When the session began, in Unix seconds; `None` if that is not known.
    pub begun_at: Option<i64>,
    /// What the browser calls itself.
    pub agent: Option<String>,
}

/// A token of one's own. Times are in Unix seconds.
#[derive(Clone, Debug)]
pub struct OwnToken {
    /// What it is spoken of by.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// When the token ends, in Unix seconds; `None` if it does not.
    pub expires_at: Option<i64>,
    /// Whether the token has ended.
    pub has_ended: bool,
    /// When it was used last.
    pub last_used_at: Option<i64>,
}

impl Renderer {
    /// A page with one built-in form.
    ///
    /// # Errors
    /// When a template is faulty.
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

    /// The page of one's own account.
    ///
    /// # Errors
    /// When a template is faulty.
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

/// A time for machines, and its day for people.
pub(super) fn moment(seconds: i64) -> Value {
    let exact = Timestamp::from_second(seconds).unwrap_or_default().to_string();
    let day = exact.split('T').next().unwrap_or_default().to_owned();
    context! { exact, day }
}

/// What a browser is called by people: the last of the names that it knows itself by is its own, except
/// for those that most of them share.
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
