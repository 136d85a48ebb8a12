//! `pagetide user`: manages the people who may sign in.

use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use serde_json::json;

use crate::auth::NewPerson;
use crate::cli::people::{AccountAdmin, ListFormat, Of, PasswordSource, aligned};
use crate::store::AccountSummary;

/// Manage the people who may sign in
///
/// You can run these commands while a server runs on the same database. The server applies a change
/// within a second.
#[derive(clap::Args)]
pub(super) struct UserArgs {
    #[command(flatten)]
    of: Of,
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Subcommand)]
enum UserCommand {
    /// Create an account; the command asks for the password
    Add {
        /// The email address that the person signs in with
        email: String,
        /// The name that others see; the default is the part of the email address before the @
        #[arg(long)]
        name: Option<String>,
        /// The role of the account
        #[arg(long, default_value = "member")]
        role: String,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// List the accounts of the app
    List {
        /// The format of the list
        #[arg(long, value_enum, default_value = "human")]
        format: ListFormat,
    },
    /// Change the role of an account
    Role {
        /// The email address of the account
        email: String,
        /// The name of the new role
        role: String,
    },
    /// Change the password of an account and end its sessions
    Password {
        /// The email address of the account
        email: String,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Disable an account; its sessions and open streams end within a second
    Disable {
        /// The email address of the account
        email: String,
    },
    /// Enable a disabled account again
    Enable {
        /// The email address of the account
        email: String,
    },
}

pub(super) fn run(args: UserArgs) -> anyhow::Result<ExitCode> {
    let UserArgs { of, command } = args;
    of.run(async |people| obey(people, command).await)
}

/// Runs the command and returns the text to print.
async fn obey(people: &AccountAdmin, command: UserCommand) -> anyhow::Result<String> {
    let auth = &people.auth;
    match command {
        UserCommand::Add { email, name, role, password } => {
            let role = people.role(&role)?;
            let before_at = email.split('@').next().unwrap_or_default().to_owned();
            let name = name.unwrap_or(before_at);
            let person = NewPerson { name, email: email.clone(), password: password.get()? };
            auth.add(person, &role).await.context("cannot create this account")?;
            Ok(format!("{} may sign in now, with the role {role}\n", email.trim()))
        }
        UserCommand::List { format } => Ok(listed(&auth.people().await?, format)),
        UserCommand::Role { email, role } => {
            let role = people.role(&role)?;
            auth.set_role(&auth.person(&email).await?.id, &role).await?;
            Ok(format!("{email} has the role {role} now\n{}", without_admin(people).await?))
        }
        UserCommand::Password { email, password } => {
            let id = auth.person(&email).await?.id;
            auth.set_password(&id, password.get()?).await?;
            Ok(format!("{email} has another password now, and no session\n"))
        }
        UserCommand::Disable { email } => {
            auth.disable(&auth.person(&email).await?.id).await?;
            Ok(format!("{email} is shut out\n{}", without_admin(people).await?))
        }
        UserCommand::Enable { email } => {
            auth.enable(&auth.person(&email).await?.id).await?;
            Ok(format!("{email} may sign in again\n"))
        }
    }
}

/// Returns a warning if no enabled account is an admin any more; otherwise an empty text.
async fn without_admin(people: &AccountAdmin) -> anyhow::Result<&'static str> {
    let all = people.auth.people().await?;
    let is_admin =
        |person: &AccountSummary| !person.is_disabled && person.user.role.as_str() == "admin";
    Ok(if all.iter().any(is_admin) { "" } else { "nobody is an admin any more\n" })
}

fn listed(people: &[AccountSummary], format: ListFormat) -> String {
    if format == ListFormat::Json {
        let user = |person: &AccountSummary| {
            json!({
                "id": person.user.id.as_str(),
                "email": *person.user.email,
                "name": *person.user.name,
                "role": person.user.role.as_str(),
                "disabled": person.is_disabled,
                "sessions": person.sessions,
                "createdAt": person.created_at,
            })
        };
        let users: Vec<_> = people.iter().map(user).collect();
        return format!("{:#}\n", json!({ "users": users }));
    }
    if people.is_empty() {
        return "nobody has an account yet\n".to_owned();
    }
    let heads = ["EMAIL", "NAME", "ROLE", "SESSIONS", ""].map(str::to_owned).to_vec();
    let row = |person: &AccountSummary| {
        let state = if person.is_disabled { "shut out" } else { "" };
        let user = &person.user;
        let sessions = person.sessions.to_string();
        vec![
            user.email.to_string(),
            user.name.to_string(),
            user.role.to_string(),
            sessions,
            state.to_owned(),
        ]
    };
    aligned(&std::iter::once(heads).chain(people.iter().map(row)).collect::<Vec<_>>())
}
