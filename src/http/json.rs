//! Reads the bodies of requests: JSON, HTML forms and forms with files, each up to a number of bytes.

use percent_encoding::percent_decode;
use poem::http::header;
use poem::{Body, Request};
use serde::de::DeserializeOwned;
use tokio::io::AsyncReadExt;
use tokio::sync::Semaphore;

use crate::http::error::HttpError;
use crate::http::names;
use crate::limits::{self, Limit};

/// The most bytes of a body, where the route does not have a limit of its own.
pub(super) const MAX_BODY: usize = Limit::BodyBytes.fixed();
/// The most bytes that are read and dropped after the limit of a body is passed, so that the client gets the
/// answer.
const MAX_PASSED_OVER: u64 = 32 * 1024 * 1024;
/// JSON of more bytes is parsed on a blocking thread, so that it does not hold up other requests.
const LONG: usize = 64 * 1024;
/// The most bytes of long JSON whose requests are in progress at once, for the whole process: one whole
/// batch.
const MOST_AT_WORK: usize = Limit::BatchBytes.fixed();
/// The most values of an HTML form.
const MAX_PAIRS: usize = 2_000;

/// The UTF-8 byte order mark, which some programs write before a text. It is no part of the JSON (RFC 8259,
/// 8.1, lets a reader ignore it).
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Reads a JSON body of at most `most` bytes. A request without `Content-Type` is taken to be JSON.
///
/// # Errors
/// [`HttpError::NotOfType`] or [`HttpError::Encoded`] if the headers say that it is something else or
/// compressed, [`HttpError::TooLarge`], or [`HttpError::Malformed`] with the path of the faulty member.
pub(super) async fn json_of<T: DeserializeOwned + Send + 'static>(
    request: &Request,
    body: Body,
    most: usize,
) -> Result<T, HttpError> {
    must_be_json(request)?;
    parsed(bytes(body, most).await?).await
}

/// Reads a JSON object that may be left out: an empty body is the default of `T`. Errors are those of
/// [`json_of`].
pub(super) async fn json_if_any<T: DeserializeOwned + Default + Send + 'static>(
    request: &Request,
    body: Body,
    most: usize,
) -> Result<T, HttpError> {
    let bytes = bytes(body, most).await?;
    if bytes.is_empty() {
        return Ok(T::default());
    }
    must_be_json(request)?;
    // serde reads a struct from a list too, so `[]` would pass as an object without members.
    let json = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes).trim_ascii_start();
    if json.starts_with(b"[") {
        let message = "the body is not what it should be: an object, not a list";
        return Err(HttpError::Malformed(message.to_owned()));
    }
    parsed(bytes).await
}

/// Checks that a body is JSON by its headers, or a format based on it, such as `application/problem+json`.
fn must_be_json(request: &Request) -> Result<(), HttpError> {
    must_be(request, "application/json", |kind| {
        kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
    })
}

/// Reads a JSON body of at most [`MAX_BODY`] bytes, whatever its `Content-Type`.
pub(super) async fn json<T: DeserializeOwned + Send + 'static>(body: Body) -> Result<T, HttpError> {
    parsed(bytes(body, MAX_BODY).await?).await
}

/// Checks the headers of a body: it must not be compressed, since unpacked it could have any size, and its
/// `Content-Type`, if there is one, must be wanted. `wanted` names the type in the error.
///
/// # Errors
/// [`HttpError::Encoded`] or [`HttpError::NotOfType`], both a 415.
pub(super) fn must_be(
    request: &Request,
    wanted: &'static str,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<(), HttpError> {
    let text = |name| request.headers().get(name).map(|value| value.to_str().unwrap_or("?"));
    let is_plain = |encoding: &str| encoding.trim().eq_ignore_ascii_case("identity");
    if !text(header::CONTENT_ENCODING).is_none_or(is_plain) {
        return Err(HttpError::Encoded);
    }
    let kind = text(header::CONTENT_TYPE).map(|kind| kind.split(';').next().unwrap_or_default());
    let kind = kind.map(|kind| kind.trim().to_ascii_lowercase());
    if kind.is_none_or(|kind| is_wanted(&kind)) {
        Ok(())
    } else {
        Err(HttpError::NotOfType(wanted))
    }
}

/// Parses JSON. Texts of more than [`LONG`] bytes are parsed on blocking threads, two at a time in the
/// process.
///
/// Parsed values take many times the memory of their text. So at most [`MOST_AT_WORK`] bytes of long texts
/// are in progress at once, and a request gives its part back only when it has been answered
/// ([`limits::keep`]).
async fn parsed<T: DeserializeOwned + Send + 'static>(bytes: Vec<u8>) -> Result<T, HttpError> {
    static PARSERS: Semaphore = Semaphore::const_new(2);
    static AT_WORK: Semaphore = Semaphore::const_new(MOST_AT_WORK / LONG);
    if bytes.len() <= LONG {
        return from_json(&bytes);
    }
    let pieces = u32::try_from((bytes.len() / LONG).min(MOST_AT_WORK / LONG)).unwrap_or(1);
    limits::keep(AT_WORK.acquire_many(pieces).await.map_err(|_| HttpError::Internal)?);
    let _place = PARSERS.acquire().await.map_err(|_| HttpError::Internal)?;
    let parsing = tokio::task::spawn_blocking(move || from_json(&bytes));
    parsing.await.map_err(|_| HttpError::Internal)?
}

fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, HttpError> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value: T = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let place = if path == "." { String::new() } else { format!("{path}: ") };
        HttpError::Malformed(format!(
            "the body is not what it should be: {place}{}",
            names::in_words(&error.inner().to_string())
        ))
    })?;
    deserializer.end().map_err(|error| {
        HttpError::Malformed(format!("the body goes on after its JSON: {error}"))
    })?;
    Ok(value)
}

/// Reads the body of an HTML form into a struct. The caller has checked the `Content-Type` ([`is_form`]).
pub(super) async fn form<T: DeserializeOwned>(body: Body) -> Result<T, HttpError> {
    serde_urlencoded::from_bytes(&bytes(body, MAX_BODY).await?).map_err(|error| {
        let error = error.to_string();
        HttpError::Malformed(format!(
            "the form is not what it should be: {}",
            names::in_words(&error)
        ))
    })
}

/// Returns the names and values of an HTML form of at most [`MAX_BODY`] bytes, in their order.
pub(super) async fn pairs(
    request: &Request,
    body: Body,
) -> Result<Vec<(String, String)>, HttpError> {
    pairs_of(request, body, MAX_BODY).await
}

/// Returns the names and values of an HTML form of at most `most` bytes, in their order. A name may come more
/// than once.
///
/// # Errors
/// [`HttpError::NotOfType`] if it is not `application/x-www-form-urlencoded`, [`HttpError::Malformed`] if it
/// has more than [`MAX_PAIRS`] values or is not encoded as a form.
pub(super) async fn pairs_of(
    request: &Request,
    body: Body,
    most: usize,
) -> Result<Vec<(String, String)>, HttpError> {
    must_be(request, FORM, |kind| kind == FORM)?;
    if request.content_type().is_none() {
        return Err(HttpError::NotOfType(FORM));
    }
    let bytes = bytes(body, most).await?;
    let parts: Vec<_> = bytes.split(|byte| *byte == b'&').filter(|part| !part.is_empty()).collect();
    if parts.len() > MAX_PAIRS {
        return Err(HttpError::Malformed(format!("a form may have {MAX_PAIRS} values")));
    }
    let pair = |part: &[u8]| {
        let middle = part.iter().position(|byte| *byte == b'=').unwrap_or(part.len());
        let (name, value) = part.split_at(middle);
        Ok((decoded(name)?, decoded(value.get(1..).unwrap_or_default())?))
    };
    parts.into_iter().map(pair).collect()
}

/// Returns the parts of a `multipart/form-data` body (RFC 7578): the name and the bytes of each, a file as it
/// is. `most` is the limit of the whole body, in bytes.
pub(super) async fn parts(
    request: &Request,
    body: Body,
    most: usize,
) -> Result<Vec<(String, Vec<u8>)>, HttpError> {
    let wrong = |error: multer::Error| {
        HttpError::Malformed(format!("the form is not what it should be: {error}"))
    };
    let boundary = request.content_type().map(multer::parse_boundary);
    let boundary = boundary.ok_or(HttpError::NotOfType(PARTS))?.map_err(wrong)?;
    // Read as a whole first: the limit then holds for the body, boundaries included.
    let bytes = bytes(body, most).await?;
    let whole = futures_util::stream::iter([Ok::<_, std::io::Error>(bytes)]);
    let mut form = multer::Multipart::new(whole, boundary);
    let mut parts = Vec::new();
    while let Some(part) = form.next_field().await.map_err(wrong)? {
        let name = part.name().unwrap_or_default().to_owned();
        parts.push((name, part.bytes().await.map_err(wrong)?.to_vec()));
    }
    Ok(parts)
}

/// Decodes a name or a value of a form: `+` is a space, `%C3%A4` is `ä` (URL standard, 5.1).
///
/// # Errors
/// [`HttpError::Malformed`] if a `%` is not followed by two hexadecimal digits, or the text is not UTF-8. A
/// lenient decoder would store something else than was typed.
fn decoded(encoded: &[u8]) -> Result<String, HttpError> {
    let is_code = |code: &[u8]| matches!(code, [one, two, ..] if one.is_ascii_hexdigit() && two.is_ascii_hexdigit());
    let is_sound = encoded.split(|byte| *byte == b'%').skip(1).all(is_code);
    let spaced: Vec<_> =
        encoded.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let text = percent_decode(&spaced).decode_utf8().ok().filter(|_| is_sound);
    let text = text.map(|text| text.into_owned());
    text.ok_or_else(|| HttpError::Malformed("the form is not encoded as forms are".to_owned()))
}

const FORM: &str = "application/x-www-form-urlencoded";
const PARTS: &str = "multipart/form-data";

/// Whether the body is an HTML form. A browser then shows the answer as a page, so it gets HTML instead of
/// JSON.
pub(super) fn is_form(request: &Request) -> bool {
    request.content_type().is_some_and(|content_type| content_type.starts_with(FORM))
}

/// Reads a body of at most `most` bytes.
///
/// # Errors
/// [`HttpError::TooLarge`] if it has more, [`HttpError::Malformed`] if the connection ends before it does.
pub(super) async fn bytes(body: Body, most: usize) -> Result<Vec<u8>, HttpError> {
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let mut reader = body.into_async_read();
    let mut bytes = Vec::new();
    let read = (&mut reader).take(limit).read_to_end(&mut bytes).await;
    read.map_err(|error| HttpError::Malformed(format!("the body could not be read: {error}")))?;
    if bytes.len() <= most {
        return Ok(bytes);
    }
    // A client that is cut off while it sends never reads the answer, so the rest is read and dropped. If the
    // client goes away meanwhile, nobody needs the answer.
    let _ = tokio::io::copy(&mut reader.take(MAX_PASSED_OVER), &mut tokio::io::sink()).await;
    Err(HttpError::TooLarge(most / (1024 * 1024)))
}
