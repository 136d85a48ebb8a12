//! The pages for admins that are not about tables: people, sessions, tokens, connections; and what
//! stands beside those that are.

use minijinja::{Value, context};

use crate::client;
use crate::fields;
use crate::model::ids::{Role, TableName};
use crate::model::value::Value as FieldValue;
use crate::model::viewer::{User, Viewer};
use crate::render::built_in::{browser, moment};
use crate::render::{Frame, RenderError, Renderer};

/// What such a page is about.
#[derive(Clone, Debug)]
pub enum AdminPage {
    /// Who may sign in.
    People {
        /// The accounts, one row for each.
        people: Vec<PersonRow>,
        /// What they can be.
        roles: Vec<Role>,
    },
    /// Where they are signed in.
    Sessions(Vec<SessionRow>),
    /// The tokens that programs send.
    Tokens {
        /// The tokens, one row for each.
        tokens: Vec<TokenRow>,
        /// The addresses of those who can have one.
        owners: Vec<String>,
        /// One that was just made, to be read once.
        fresh: Option<String>,
    },
    /// The open connections, one row for each.
    Connections(Vec<ConnectionRow>),
    /// A file to be read into a table.
    Import {
        /// The table that is imported into.
        table: TableName,
        /// The most that the file may have, in MiB.
        most: usize,
        /// The fields by which lines can be those of records that are there.
        unique: Vec<String>,
        /// What was sent before.
        sent: Option<SentFile>,
    },
}

/// What is said about what was done last.
#[derive(Clone, Copy, Debug, Default)]
pub struct AdminNotice<'a> {
    /// What was done last, as a sentence.
    pub notice: Option<&'a str>,
    /// Why it was not.
    pub problem: Option<&'a str>,
}

/// Somebody with an account.
#[derive(Clone, Debug)]
pub struct PersonRow {
    /// The account of the row.
    pub user: User,
    /// Whether it is whoever looks.
    pub is_self: bool,
    /// Whether the account is shut.
    pub is_disabled: bool,
    /// When it was made.
    pub created_at: String,
    /// How many sessions have not ended.
    pub sessions: i64,
}

/// A session. Times are in Unix seconds.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// The account that is signed in.
    pub user: User,
    /// When the session began, in Unix seconds; `None` if that is not known.
    pub begun_at: Option<i64>,
    /// When it will end.
    pub expires_at: i64,
    /// What the browser calls itself.
    pub agent: Option<String>,
}

/// A token of the API. Times are in Unix seconds.
#[derive(Clone, Debug)]
pub struct TokenRow {
    /// What it is spoken of by.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// The account that owns the token.
    pub user: User,
    /// When the token ends, in Unix seconds; `None` if it does not.
    pub expires_at: Option<i64>,
    /// Whether the token has ended.
    pub has_ended: bool,
    /// When it was used last.
    pub last_used_at: Option<i64>,
}

/// An open connection for live updates.
#[derive(Clone, Debug)]
pub struct ConnectionRow {
    /// The viewer who opened it.
    pub viewer: Viewer,
    /// The address that it comes from.
    pub address: String,
    /// Since when, in Unix seconds.
    pub since: i64,
    /// What it hears of.
    pub tables: Vec<TableName>,
}

/// A file that was sent, and what came of it.
#[derive(Clone, Debug, Default)]
pub struct SentFile {
    /// The text of the cell.
    pub text: String,
    /// By which field its lines were to be merged; empty for new records only.
    pub merge_on: String,
    /// Whether it was only tried.
    pub tried: bool,
    /// How many records were added, or would be, and how many changed; nothing if it is at fault.
    pub done: Option<(usize, usize)>,
    /// What is wrong, each with its line.
    pub faults: Vec<(u64, String)>,
}

/// One change of a record.
#[derive(Clone, Debug)]
pub struct ChangeRow {
    /// What happened: `insert`, `update` or `delete`.
    pub event: &'static str,
    /// When the change was made.
    pub at: String,
    /// Who did it; nobody knows where another program did.
    pub by: Option<String>,
    /// Each field that became another: its name, what it was and what it is.
    pub turns: Vec<(String, FieldValue, FieldValue)>,
}

/// What happened to a record.
#[derive(Clone, Debug)]
pub struct RecordPast {
    /// The changes, the newest first.
    pub changes: Vec<ChangeRow>,
    /// For how many hours that is kept.
    pub hours: i64,
    /// Whether the record is still there.
    pub is_there: bool,
    /// Where to send that it is to be deleted; nothing if it may not be.
    pub delete: Option<String>,
}

/// Figures beside those of the tables.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// People with an account that is open.
    pub people: usize,
    /// Sessions that have not ended.
    pub sessions: usize,
    /// Connections that are open.
    pub connections: usize,
}

impl Renderer {
    /// A page for admins.
    ///
    /// # Errors
    /// When a template is faulty.
    pub fn admin(
        &self,
        frame: &Frame<'_>,
        page: &AdminPage,
        said: AdminNotice<'_>,
    ) -> Result<String, RenderError> {
        let (template, title, inside) = match page {
            AdminPage::People { people, roles } => {
                let people: Vec<_> = people.iter().map(person).collect();
                let roles: Vec<_> = roles.iter().map(|role| Value::from(role.as_str())).collect();
                ("admin_people.html", "People", context! { people, roles })
            }
            AdminPage::Sessions(sessions) => {
                let sessions: Vec<_> = sessions.iter().map(session).collect();
                ("admin_sessions.html", "Sessions", context! { sessions })
            }
            AdminPage::Tokens { tokens, owners, fresh } => {
                let tokens: Vec<_> = tokens.iter().map(token).collect();
                let owners: Vec<_> =
                    owners.iter().map(|owner| Value::from(owner.as_str())).collect();
                let fresh = fresh.as_deref();
                ("admin_tokens.html", "Tokens", context! { tokens, owners, fresh })
            }
            AdminPage::Connections(open) => {
                let connections: Vec<_> = open.iter().map(connection).collect();
                ("admin_connections.html", "Connections", context! { connections })
            }
            AdminPage::Import { table, most, unique, sent } => {
                let unique: Vec<_> =
                    unique.iter().map(|field| Value::from(field.as_str())).collect();
                let (table, sent) = (table.as_str(), sent.as_ref().map(file));
                ("admin_import.html", "Import", context! { table, most, unique, sent })
            }
        };
        let said = context! {
            notice => said.notice,
            problem => said.problem,
            admin_stylesheet => client::admin_stylesheet(),
        };
        self.framed(template, frame, title, context! { ..inside, ..said })
    }

    /// The figures that stand beside those of the tables.
    ///
    /// # Errors
    /// When a template is faulty.
    pub fn admin_figures(&self, figures: Figures) -> Result<String, RenderError> {
        let Figures { people, sessions, connections } = figures;
        self.render("admin_figures.html", context! { people, sessions, connections })
    }

    /// What happened to a record.
    ///
    /// # Errors
    /// When a template is faulty.
    pub fn admin_history(&self, past: &RecordPast) -> Result<String, RenderError> {
        let changes: Vec<_> = past.changes.iter().map(change).collect();
        let RecordPast { hours, is_there, delete, .. } = past;
        let delete = delete.as_deref();
        self.render("admin_history.html", context! { changes, hours, is_there, delete })
    }
}

fn change(change: &ChangeRow) -> Value {
    let turns = change.turns.iter().map(|(field, old, new)| {
        let (field, old, new) = (field.as_str(), fields::plain_text(old), fields::plain_text(new));
        context! { field, old, new }
    });
    context! {
        event => change.event,
        at => change.at.as_str(),
        by => change.by.as_deref(),
        turns => turns.collect::<Vec<_>>(),
    }
}

fn person(person: &PersonRow) -> Value {
    let day = person.created_at.split('T').next().unwrap_or_default();
    context! {
        id => person.user.id.as_str(),
        name => person.user.name.as_ref(),
        email => person.user.email.as_ref(),
        role => person.user.role.as_str(),
        is_self => person.is_self,
        is_disabled => person.is_disabled,
        sessions => person.sessions,
        since => context! { exact => person.created_at.as_str(), day },
    }
}

fn session(session: &SessionRow) -> Value {
    context! {
        name => session.user.name.as_ref(),
        email => session.user.email.as_ref(),
        agent => session.agent.as_deref().map(browser),
        begun => session.begun_at.map(moment),
        expires => moment(session.expires_at),
    }
}

fn token(token: &TokenRow) -> Value {
    context! {
        id => token.id.as_str(),
        name => token.name.as_str(),
        email => token.user.email.as_ref(),
        expires => token.expires_at.map(moment),
        has_ended => token.has_ended,
        last_used => token.last_used_at.map(moment),
    }
}

fn connection(connection: &ConnectionRow) -> Value {
    let who = match &connection.viewer {
        Viewer::User(user) => Some(user.name.as_ref()),
        Viewer::Guest => None,
    };
    let tables: Vec<_> = connection.tables.iter().map(TableName::as_str).collect();
    let since = moment(connection.since);
    context! { who, address => connection.address.as_str(), since, tables => tables.join(", ") }
}

fn file(sent: &SentFile) -> Value {
    let faults = sent.faults.iter().map(|(line, message)| context! { line, message });
    let done = sent.done.map(|(created, updated)| context! { created, updated });
    context! {
        text => sent.text.as_str(),
        merge_on => sent.merge_on.as_str(),
        tried => sent.tried,
        done,
        faults => faults.collect::<Vec<_>>(),
    }
}
