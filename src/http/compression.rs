//! Middleware that compresses answers with gzip or Brotli, as the client prefers (RFC 9110, 12.5.3).
//!
//! poem's own middleware was left: it compresses a 304 too, does not send `Vary`, and brings a compressor for
//! each encoding that there is.

use async_compression::Level;
use async_compression::tokio::bufread::{BrotliEncoder, GzipEncoder};
use poem::http::{HeaderMap, HeaderValue, StatusCode, header};
use poem::{Body, Endpoint, IntoResponse, Request, Response, Result};
use tokio::io::BufReader;

use crate::http::Sockets;
use crate::http::error::HttpError;
use crate::limits;

/// A content encoding of answers. If a client gives two the same weight, the later variant is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Encoding {
    Gzip,
    Brotli,
}

impl Encoding {
    /// The encoding with this name, in any case. `None` if this server does not have it.
    fn named(name: &str) -> Option<Self> {
        let all = [Self::Gzip, Self::Brotli];
        all.into_iter().find(|encoding| name.eq_ignore_ascii_case(encoding.name()))
    }

    /// The name in `Accept-Encoding` and `Content-Encoding`.
    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Brotli => "br",
        }
    }
}

/// Compresses an answer at the fastest level. For answers that are made for each request.
pub(super) async fn compressed(endpoint: impl Endpoint, request: Request) -> Result<Response> {
    at_level(Level::Fastest, endpoint, request).await
}

/// Compresses an answer at level 5, which takes more time and makes it a fifth smaller. For files that a
/// browser fetches once.
pub(super) async fn compressed_well(endpoint: impl Endpoint, request: Request) -> Result<Response> {
    at_level(Level::Precise(5), endpoint, request).await
}

async fn at_level(level: Level, endpoint: impl Endpoint, request: Request) -> Result<Response> {
    let encoding = best_encoding(request.headers());
    let budget = request.data::<Sockets>().map(|sockets| sockets.budget.clone());
    let mut response = endpoint.call(request).await?.into_response();
    if let Some(budget) = budget.filter(|_| encoding.is_some()) {
        // Compressed, the body becomes a stream without a length, which `budget` no longer counts. The whole
        // text stays in memory until it is sent all the same, so it is counted here.
        response = budget.send(response, &limits::requester()).map_err(HttpError::from)?;
    }
    // Also where nothing is compressed: a cache must not give this answer to clients with other preferences.
    response.headers_mut().append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    let Some(encoding) = encoding.filter(|_| is_worth_compressing(&response)) else {
        return Ok(response);
    };
    let headers = response.headers_mut();
    weaken_tag(headers);
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
    let body = BufReader::new(response.take_body().into_async_read());
    response.set_body(match encoding {
        Encoding::Gzip => Body::from_async_read(GzipEncoder::with_quality(body, level)),
        Encoding::Brotli => Body::from_async_read(BrotliEncoder::with_quality(body, level)),
    });
    Ok(response)
}

/// Whether an answer is a text in full, or an error. Images are compressed already, and the bytes of a part
/// (206) are counted in the uncompressed file.
fn is_worth_compressing(response: &Response) -> bool {
    let kind = response.content_type().unwrap_or_default();
    let is_text = kind.starts_with("text/")
        || ["json", "javascript", "xml", "svg", "wasm"].iter().any(|text| kind.contains(text));
    response.status() == StatusCode::OK && is_text || response.status().is_client_error()
}

/// Makes the ETag weak. A strong one promises the same bytes, and the compressed ones are others (RFC 9110,
/// 8.8.1).
fn weaken_tag(headers: &mut HeaderMap) {
    let tag = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok());
    let weak = tag.filter(|tag| !tag.starts_with("W/")).map(|tag| format!("W/{tag}"));
    if let Some(weak) = weak.and_then(|tag| HeaderValue::try_from(tag).ok()) {
        headers.insert(header::ETAG, weak);
    }
}

/// The encoding with the highest weight in `Accept-Encoding` (RFC 9110, 12.5.3), and Brotli if both have the
/// same. `None` if the client accepts neither by name; `*` alone does not count.
fn best_encoding(headers: &HeaderMap) -> Option<Encoding> {
    let all = headers.get_all(header::ACCEPT_ENCODING).into_iter();
    let accepted = all.filter_map(|value| value.to_str().ok()).flat_map(|all| all.split(','));
    let known = accepted.filter_map(|item| {
        let (name, weight) = item.split_once(';').unwrap_or((item, "q=1"));
        let weight: f32 = weight.trim().strip_prefix("q=")?.parse().ok()?;
        let encoding = Encoding::named(name.trim())?;
        (weight > 0.0).then_some(((weight * 1_000.0) as u32, encoding))
    });
    known.max().map(|(_, encoding)| encoding)
}
