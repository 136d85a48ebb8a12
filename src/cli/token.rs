//! `pagetide token`: manages the tokens that programs send.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use crate::auth::{self, MAX_TOKEN_DAYS};
use crate::cli::people::{AccountAdmin, ListFormat, Of, aligned, day, time};
use crate::store::ApiToken;

/// Manage the tokens that programs send
///
/// A program that sends a token as `Authorization: Bearer …` has the permissions of the account that owns
/// the token. You can run these commands while a server runs on the same database.
#[derive(clap::Args)]
pub(super) struct TokenArgs {
    #[command(flatten)]
    of: Of,
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Subcommand)]
enum TokenCommand {
    /// Create a token and print it; it cannot be shown again
    Create {
        /// The email address of the account that owns the token
        email: String,
        /// A name that says what the token is for
        #[arg(long)]
        name: String,
        /// The number of days after which the token ends
        #[arg(long, default_value = "90", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_TOKEN_DAYS)))]
        days: u32,
        /// Create a token that is valid until it is revoked
        #[arg(long, conflicts_with = "days")]
        without_end: bool,
    },
    /// List the tokens of all accounts, or of one
    List {
        /// The email address of an account; without it, the list contains the tokens of all accounts
        email: Option<String>,
        /// The format of the list
        #[arg(long, value_enum, default_value = "human")]
        format: ListFormat,
    },
    /// End a token; streams that were opened with it end within a second
    Revoke {
        /// The id of the token, as `list` shows it
        id: String,
    },
}

pub(super) fn run(args: TokenArgs) -> anyhow::Result<ExitCode> {
    let TokenArgs { of, command } = args;
    of.run(async |people| obey(people, command).await)
}

/// Runs the command and returns the text to print.
async fn obey(people: &AccountAdmin, command: TokenCommand) -> anyhow::Result<String> {
    let auth = &people.auth;
    match command {
        TokenCommand::Create { email, name, days, without_end } => {
            let owner = auth.person(&email).await?;
            let days = (!without_end).then_some(days);
            Ok(format!("{}\n", auth.make_token(&owner.id, &name, days).await?.secret))
        }
        TokenCommand::List { email, format } => {
            let owner = match email {
                Some(email) => Some(auth.person(&email).await?.id),
                None => None,
            };
            Ok(listed(&auth.tokens(owner.as_ref()).await?, format))
        }
        TokenCommand::Revoke { id } => {
            auth.revoke(&id, None).await?;
            Ok(format!("the token {id} is revoked\n"))
        }
    }
}

fn listed(tokens: &[ApiToken], format: ListFormat) -> String {
    if format == ListFormat::Json {
        let token = |token: &ApiToken| {
            json!({
                "id": token.id,
                "name": token.name,
                "email": *token.user.email,
                "createdAt": time(token.created_at),
                "expiresAt": token.expires_at.map(time),
                "lastUsedAt": token.last_used_at.map(time),
            })
        };
        let tokens: Vec<_> = tokens.iter().map(token).collect();
        return format!("{:#}\n", json!({ "tokens": tokens }));
    }
    if tokens.is_empty() {
        return "there are no tokens\n".to_owned();
    }
    let heads = ["ID", "NAME", "WHOSE", "ENDS", "LAST USED"].map(str::to_owned).to_vec();
    let row = |token: &ApiToken| {
        let ends = token.expires_at.map_or_else(|| "never".to_owned(), day);
        let ended = token.expires_at.is_some_and(|at| at <= auth::now());
        let used = token.last_used_at.map_or_else(|| "never".to_owned(), day);
        let ends = if ended { format!("{ends} (over)") } else { ends };
        vec![token.id.clone(), token.name.clone(), token.user.email.to_string(), ends, used]
    };
    aligned(&std::iter::once(heads).chain(tokens.iter().map(row)).collect::<Vec<_>>())
}
