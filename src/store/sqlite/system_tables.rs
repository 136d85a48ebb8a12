//! Our own tables, beside those of the app: the change log, accounts, sessions and API tokens.

use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::store::StoreError;
use crate::store::sqlite::unrounded::NOTED;

/// Creates our tables if they do not exist. Names of an app's tables cannot begin with `_`.
const TABLES: &str = "
create table if not exists _pagetide_meta (key text primary key, value text not null) without rowid;
create table if not exists _pagetide_changes (
  seq integer primary key autoincrement,
  table_name text not null,
  key integer not null,
  old text,
  new text,
  by text,
  at text not null
);
create index if not exists _pagetide_changes_by_record on _pagetide_changes (table_name, key);
create table if not exists _pagetide_replaced (table_name text, key integer, old text);
create table if not exists _pagetide_actor (only integer primary key check (only = 1), user_id text);
insert or ignore into _pagetide_actor (only) values (1);
create table if not exists _pagetide_users (
  id text primary key,
  email text not null unique collate nocase,
  name text not null,
  role text not null,
  password_hash text not null,
  created_at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  disabled_at text
) without rowid;
create table if not exists _pagetide_sessions (
  token_hash text primary key,
  user_id text not null references _pagetide_users (id) on delete cascade,
  expires_at integer not null,
  begun_at integer,
  agent text
) without rowid;
create table if not exists _pagetide_tokens (
  token_hash text primary key,
  id text not null unique,
  user_id text not null references _pagetide_users (id) on delete cascade,
  name text not null,
  created_at integer not null,
  expires_at integer,
  last_used_at integer
) without rowid;
";

/// Columns that tables of earlier versions lack: the table, the column and its type.
const LATER_COLUMNS: [(&str, &str, &str); 3] = [
    ("_pagetide_users", "disabled_at", "text"),
    ("_pagetide_sessions", "begun_at", "integer"),
    ("_pagetide_sessions", "agent", "text"),
];

/// The view and the triggers on these tables. A number in `_pagetide_meta` grows with each change that may
/// end a session or token, or make it one of another user, by any program.
const AROUND: &str = "
create view if not exists _pagetide_credentials as
  select token_hash, user_id, expires_at from _pagetide_sessions
  union all
  select token_hash, user_id, coalesce(expires_at, 9223372036854775807) from _pagetide_tokens;
create trigger if not exists _pagetide_session_ended after delete on _pagetide_sessions begin
  insert into _pagetide_meta (key, value) values ('accounts', 1)
    on conflict (key) do update set value = value + 1;
end;
create trigger if not exists _pagetide_token_ended after delete on _pagetide_tokens begin
  insert into _pagetide_meta (key, value) values ('accounts', 1)
    on conflict (key) do update set value = value + 1;
end;
create trigger if not exists _pagetide_token_changed
after update of token_hash, user_id, expires_at on _pagetide_tokens begin
  insert into _pagetide_meta (key, value) values ('accounts', 1)
    on conflict (key) do update set value = value + 1;
end;
create trigger if not exists _pagetide_account_made after insert on _pagetide_users begin
  insert into _pagetide_meta (key, value) values ('accounts', 1)
    on conflict (key) do update set value = value + 1;
end;
create trigger if not exists _pagetide_account_changed after update on _pagetide_users begin
  insert into _pagetide_meta (key, value) values ('accounts', 1)
    on conflict (key) do update set value = value + 1;
end;
create trigger if not exists _pagetide_password_changed
after update of password_hash on _pagetide_users
when new.password_hash is not old.password_hash begin
  delete from _pagetide_sessions where user_id = new.id;
end;
create trigger if not exists _pagetide_account_gone after delete on _pagetide_users begin
  delete from _pagetide_sessions where user_id = old.id;
  insert into _pagetide_meta (key, value) values ('accounts', 1)
    on conflict (key) do update set value = value + 1;
end;
create trigger if not exists _pagetide_account_gone_tokens after delete on _pagetide_users begin
  delete from _pagetide_tokens where user_id = old.id;
end;
";

/// Creates and extends our own tables as this version needs them.
pub(super) async fn create_missing(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    sqlx::raw_sql(TABLES).execute(&mut *connection).await?;
    sqlx::raw_sql(NOTED).execute(&mut *connection).await?;
    for (table, column, kind) in LATER_COLUMNS {
        let known = "select exists (select 1 from pragma_table_info(?) where name = ?)";
        let known = sqlx::query_scalar::<_, bool>(known).bind(table).bind(column);
        if !known.fetch_one(&mut *connection).await? {
            let add = format!("alter table {table} add column {column} {kind}");
            sqlx::raw_sql(AssertSqlSafe(add)).execute(&mut *connection).await?;
        }
    }
    sqlx::raw_sql(AROUND).execute(connection).await?;
    Ok(())
}
