//! All routes of the server, with the query parameters that each accepts.
//!
//! `taking` names the type whose members are a route's parameters; a route without it refuses any parameter.
//! `taking_any` is for routes that ignore unknown ones, or read the query themselves.

use poem::middleware::AddData;
use poem::{Endpoint, EndpointExt, Route};

use crate::client;
use crate::http::methods::{delete, get, post};
use crate::http::page::{self, FragmentQuery};
use crate::http::records::file::{ExportQuery, ImportQuery};
use crate::http::records::{ListQuery, OneQuery, batch, file, history};
use crate::http::subscribe::{StreamQuery, TableQuery};
use crate::http::{
    Site, Sockets, accounts, admin, assets, compression, dev, forms, health, middleware, openapi,
    profile, public, records, subscribe,
};

/// Returns the endpoint that answers every request of a site.
pub(super) fn routes(site: Site, sockets: Sockets) -> impl Endpoint {
    Route::new()
        .at("/healthz", get(health::alive).taking_any())
        .at("/readyz", get(health::ready).taking_any())
        .at("/metrics", get(health::metrics).taking_any())
        .at(
            "/api/tables/:table/records",
            get(records::list).taking::<ListQuery>().post(records::create),
        )
        .at(
            "/api/tables/:table/records/batch",
            post(batch::create).patch(batch::update).delete(batch::delete),
        )
        .at("/api/tables/:table/records/upsert", post(batch::upsert))
        .at("/api/tables/:table/records/import", post(file::import).taking::<ImportQuery>())
        .at(
            "/api/tables/:table/records.csv",
            get(file::export).taking::<ExportQuery>().around(compression::compressed),
        )
        .at(
            "/api/tables/:table/records/:id",
            get(records::one).taking::<OneQuery>().patch(records::update).delete(records::delete),
        )
        .at("/api/tables/:table/records/:id/history", get(history::of_record))
        .at("/api/tables/:table/subscribe", get(subscribe::one_table).taking::<TableQuery>())
        .at(
            "/api/tables/:table/subscribe/sse",
            get(subscribe::one_table_sse).taking::<TableQuery>(),
        )
        .at("/api/realtime/subscribe", get(subscribe::everything))
        .at("/api/realtime/subscribe/sse", get(subscribe::everything_sse).taking::<StreamQuery>())
        .at(
            "/api/fragments",
            get(page::fragment).taking::<FragmentQuery>().around(compression::compressed),
        )
        .at("/api/auth/sign-in/email", post(accounts::sign_in))
        .at("/api/auth/sign-up/email", post(accounts::sign_up))
        .at("/api/auth/sign-out", post(accounts::sign_out))
        .at("/api/auth/guest", get(accounts::guest))
        .at("/api/auth/sign-out-everywhere", post(profile::sign_out_everywhere))
        .at("/api/auth/change-password", post(profile::change_password))
        .at("/api/auth/session", get(accounts::who_am_i))
        .at("/api/auth/set-up", post(accounts::set_up))
        .at("/api/auth/tokens", get(profile::list_tokens).post(profile::make_token))
        .at("/api/auth/tokens/:id", delete(profile::revoke_token))
        .at("/api/auth/tokens/:id/revoke", post(profile::revoke_token))
        .at("/api/admin/people", post(admin::people::add))
        .at("/api/admin/people/:id", post(admin::people::change))
        .at("/api/admin/tokens", post(admin::tokens::make))
        .at("/api/admin/tokens/:id/revoke", post(admin::tokens::revoke))
        .at("/api/admin/tables/:table/import", post(admin::import::send))
        .at("/api/admin/tables/:table/records/:id/delete", post(admin::record::remove))
        .at("/api/openapi.json", get(openapi::document).around(compression::compressed))
        .at("/api/docs", get(openapi::browse).around(compression::compressed))
        .at("/api/*rest", middleware::no_such_route)
        .at(
            format!("{}*path", client::FOLDER),
            get(assets::file).taking_any().around(compression::compressed_well),
        )
        .at(
            "/*path",
            get(page::show)
                .taking_any()
                .post(forms::submit)
                .taking_any()
                .around(public::or_else)
                .around(compression::compressed),
        )
        .at(dev::PATH, get(dev::channel).taking_any())
        .around(middleware::every_request)
        .with(AddData::new(site))
        .with(AddData::new(sockets))
}
