//! Renders the pages for admins that are not about tables (people, sessions, tokens, connections,
//! imports), and the parts that are added to those about tables.

use minijinja::{Value, context};

use crate::client;
use crate::fields;
use crate::model::ids::{Role, TableName};
use crate::model::value::Value as FieldValue;
use crate::model::viewer::{User, Viewer};
use crate::render::built_in::{browser, moment};
use crate::render::{Frame, RenderError, Renderer};

/// A page for admins, with its data.
#[derive(Clone, Debug)]
pub enum AdminPage {
    /// The accounts of the app.
    People {
        /// The accounts, one row for each.
        people: Vec<PersonRow>,
        /// The roles that an account can have.
        roles: Vec<Role>,
    },
    /// The sessions, one row for each.
    Sessions(Vec<SessionRow>),
    /// The tokens that programs send.
    Tokens {
        /// The tokens, one row for each.
        tokens: Vec<TokenRow>,
        /// The email addresses of the accounts that can own a token.
        owners: Vec<String>,
        /// A token that was just created; it is shown only now.
        fresh: Option<String>,
    },
    /// The open connections, one row for each.
    Connections(Vec<ConnectionRow>),
    /// The import of a CSV file.
    Import {
        /// The table that is imported into.
        table: TableName,
        /// The greatest size of the file, in MiB.
        most: usize,
        /// The fields by which lines can be matched with existing records.
        unique: Vec<String>,
        /// The file that was sent before, `None` at first.
        sent: Option<SentFile>,
    },
}

/// The message about the last action of the admin.
#[derive(Clone, Copy, Debug, Default)]
pub struct AdminNotice<'a> {
    /// The sentence that says what was done.
    pub notice: Option<&'a str>,
    /// The sentence that says why the action failed.
    pub problem: Option<&'a str>,
}

/// A row of the table of accounts.
#[derive(Clone, Debug)]
pub struct PersonRow {
    /// The account of the row.
    pub user: User,
    /// Whether it is the account of the admin who views the page.
    pub is_self: bool,
    /// Whether the account is disabled.
    pub is_disabled: bool,
    /// When the account was created, as a timestamp (RFC 3339).
    pub created_at: String,
    /// The number of sessions that have not ended.
    pub sessions: i64,
}

/// A row of the table of sessions.
#[derive(Clone, Debug)]
pub struct SessionRow {
    /// The account that is signed in.
    pub user: User,
    /// When the session began, in Unix seconds; `None` if that is not known.
    pub begun_at: Option<i64>,
    /// When the session ends, in Unix seconds.
    pub expires_at: i64,
    /// The `User-Agent` of the browser.
    pub agent: Option<String>,
}

/// A row of the table of API tokens.
#[derive(Clone, Debug)]
pub struct TokenRow {
    /// The id of the token, by which it is revoked.
    pub id: String,
    /// The name that says what the token is for.
    pub name: String,
    /// The account that owns the token.
    pub user: User,
    /// When the token ends, in Unix seconds; `None` if it does not.
    pub expires_at: Option<i64>,
    /// Whether the token has ended.
    pub has_ended: bool,
    /// When the token was last used, in Unix seconds; `None` if never.
    pub last_used_at: Option<i64>,
}

/// A row of the table of open connections.
#[derive(Clone, Debug)]
pub struct ConnectionRow {
    /// The viewer who opened it.
    pub viewer: Viewer,
    /// The IP address of the client.
    pub address: String,
    /// When the connection was opened, in Unix seconds.
    pub since: i64,
    /// The tables that the connection is subscribed to.
    pub tables: Vec<TableName>,
}

/// A CSV file that was sent, and the result of its import.
#[derive(Clone, Debug, Default)]
pub struct SentFile {
    /// The text of the file, which the form shows again. Empty if it is not UTF-8.
    pub text: String,
    /// The field by which lines are matched with existing records. Empty if every line is a new record.
    pub merge_on: String,
    /// Whether the import was a dry run.
    pub tried: bool,
    /// How many records were added and how many changed, or would be. `None` if the file has faults.
    pub done: Option<(usize, usize)>,
    /// The faults of the file, each with its line, or 0 if it has none.
    pub faults: Vec<(u64, String)>,
}

/// A row of a record's history.
#[derive(Clone, Debug)]
pub struct ChangeRow {
    /// The kind of the change: `insert`, `update` or `delete`.
    pub event: &'static str,
    /// When the change was made.
    pub at: String,
    /// The name of the person who made the change. `None` if another program made it.
    pub by: Option<String>,
    /// The fields that changed, each with its old and its new value.
    pub turns: Vec<(String, FieldValue, FieldValue)>,
}

/// The history of a record.
#[derive(Clone, Debug)]
pub struct RecordPast {
    /// The changes, the newest first.
    pub changes: Vec<ChangeRow>,
    /// For how many hours the log keeps changes.
    pub hours: i64,
    /// Whether the record still exists.
    pub is_there: bool,
    /// The path to which the form that deletes the record is sent. `None` if the viewer may not delete
    /// it.
    pub delete: Option<String>,
}

/// The figures on the overview that are not about tables.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// The number of accounts that are not disabled.
    pub people: usize,
    /// The number of sessions that have not ended.
    pub sessions: usize,
    /// The number of open connections.
    pub connections: usize,
}

impl Renderer {
    /// Renders a page for admins.
    ///
    /// # Errors
    /// Fails if a template is faulty.
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
                let table = table.as_str();
                let sent = sent.as_ref().map(file);
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

    /// Renders the figures that stand beside those of the tables.
    ///
    /// # Errors
    /// Fails if a template is faulty.
    pub fn admin_figures(&self, figures: Figures) -> Result<String, RenderError> {
        let Figures { people, sessions, connections } = figures;
        self.render("admin_figures.html", context! { people, sessions, connections })
    }

    /// Renders the history of a record.
    ///
    /// # Errors
    /// Fails if a template is faulty.
    pub fn admin_history(&self, past: &RecordPast) -> Result<String, RenderError> {
        let changes: Vec<_> = past.changes.iter().map(change).collect();
        let RecordPast { hours, is_there, delete, .. } = past;
        let delete = delete.as_deref();
        self.render("admin_history.html", context! { changes, hours, is_there, delete })
    }
}

fn change(change: &ChangeRow) -> Value {
    let turns = change.turns.iter().map(|(field, old, new)| {
        let field = field.as_str();
        let old = fields::plain_text(old);
        let new = fields::plain_text(new);
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
