//! Compressed answers: gzip or Brotli, as the reader prefers (RFC 9110, 12.5.3).
//!
//! poem's own middleware would run a 304 through a compressor too, tells no cache what the answer depends on, and
//! brings a compressor for each encoding that there is.

use async_compression::Level;
use async_compression::tokio::bufread::{BrotliEncoder, GzipEncoder};
use poem::http::{HeaderMap, HeaderValue, StatusCode, header};
use poem::{Body, Endpoint, IntoResponse, Request, Response, Result};
use tokio::io::BufReader;

use crate::http::Sockets;
use crate::http::error::HttpError;
use crate::limits;

/// An encoding that answers are sent in; of two with the same weight, the later one is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Encoding {
    Gzip,
    Brotli,
}

impl Encoding {
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

/// Compresses an answer by the encoding that its reader prefers, in the time of the fastest level.
pub(super) async fn compressed(endpoint: impl Endpoint, request: Request) -> Result<Response> {
    at_level(Level::Fastest, endpoint, request).await
}

/// Compresses what a browser fetches once: it takes more time, and is a fifth smaller.
pub(super) async fn compressed_well(endpoint: impl Endpoint, request: Request) -> Result<Response> {
    at_level(Level::Precise(5), endpoint, request).await
}

async fn at_level(level: Level, endpoint: impl Endpoint, request: Request) -> Result<Response> {
    let encoding = best_encoding(request.headers());
    let budget = request.data::<Sockets>().map(|sockets| sockets.budget.clone());
    let mut response = endpoint.call(request).await?.into_response();
    if let Some(budget) = budget.filter(|_| encoding.is_some()) {
        // What is compressed is held as a whole all the same.
        response = budget.send(response, &limits::requester()).map_err(HttpError::from)?;
    }
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

/// Whether it is a whole text: pictures are compressed already, and the place of a part is counted in
/// what is not.
fn is_worth_compressing(response: &Response) -> bool {
    let kind = response.content_type().unwrap_or_default();
    let is_text = kind.starts_with("text/")
        || ["json", "javascript", "xml", "svg", "wasm"].iter().any(|text| kind.contains(text));
    response.status() == StatusCode::OK && is_text || response.status().is_client_error()
}

/// What is compressed has other bytes than the tag says, though it means the same (RFC 9110, 8.8.1).
fn weaken_tag(headers: &mut HeaderMap) {
    let tag = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok());
    let weak = tag.filter(|tag| !tag.starts_with("W/")).map(|tag| format!("W/{tag}"));
    if let Some(weak) = weak.and_then(|tag| HeaderValue::try_from(tag).ok()) {
        headers.insert(header::ETAG, weak);
    }
}

/// The encoding of the highest weight (RFC 9110, 12.5.3), Brotli rather than gzip.
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
