//! Serves the files in an app's folder `public/` as they are.
//!
//! Hidden files, paths that lead out of the folder, and symbolic links to files outside of it get the answer
//! of a file that does not exist.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use poem::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use poem::web::{StaticFileRequest, StaticFileResponse};
use poem::{Endpoint, FromRequest, IntoResponse, Request, Response, Result};

use crate::http::ranges::{self, ByteRange};
use crate::model::site_names::is_file_name;
use crate::runtime::Runtime;

/// The name of the folder within that of the app.
const FOLDER: &str = "public";
/// The one hidden folder that is served. It holds files by which other services check a site (RFC 8615).
const WELL_KNOWN: &str = ".well-known";

/// Middleware that answers with a file, or else by the endpoint, which serves pages. If the path ends like a
/// file name (`.css`), the file is looked for first; else the page, and the file only if there is no page.
pub(super) async fn or_else(endpoint: impl Endpoint, request: Request) -> Result<Response> {
    let runtime = request.data::<Arc<Runtime>>().cloned();
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let Some(runtime) = runtime.filter(|_| is_read) else {
        return endpoint.call(request).await.map(IntoResponse::into_response);
    };
    let path = percent_decode_str(request.uri().path()).decode_utf8_lossy().into_owned();
    let asked = FileRequest::of(&request);
    if is_file_name(&path)
        && let Some(file) = find(&runtime.app.folder, &path)
    {
        return asked.served(&file).await;
    }
    let response = endpoint.call(request).await?.into_response();
    if response.status() == StatusCode::NOT_FOUND
        && let Some(file) = find(&runtime.app.folder, &path)
    {
        return asked.served(&file).await;
    }
    Ok(response)
}

/// The parts of a request that decide how a file is sent.
struct FileRequest {
    /// The headers without `Range` and `If-Range`.
    headers: HeaderMap,
    /// The value of `Range`. `None` unless it is a `GET` with one such header.
    range: Option<String>,
    /// The value of `If-Range`: the ETag or time of the version that the client has parts of.
    if_range: Option<HeaderValue>,
}

impl FileRequest {
    fn of(request: &Request) -> Self {
        let mut headers = request.headers().clone();
        // Several `Range` headers ask for several parts (RFC 9110, 5.3), and get the whole file.
        let is_one = headers.get_all(header::RANGE).into_iter().count() == 1;
        let range = headers.remove(header::RANGE);
        let range = range.filter(|_| is_one && *request.method() == Method::GET);
        let range = range.and_then(|range| range.to_str().map(str::to_owned).ok());
        let if_range = headers.remove(header::IF_RANGE);
        Self { headers, range, if_range }
    }

    /// Answers with the whole file, a part of it (206), `304`, or `416` if the file does not have the part.
    async fn served(self, file: &Path) -> Result<Response> {
        let whole = file_response(&self.headers, file).await?;
        let Some(range) = &self.range else { return Ok(whole) };
        if whole.status() != StatusCode::OK || !self.is_of(&whole) {
            return Ok(whole);
        }
        let size = file.metadata().map_or(0, |metadata| metadata.len());
        match ranges::byte_range(range, size) {
            ByteRange::Whole => Ok(whole),
            ByteRange::Part(part) => {
                let mut headers = self.headers;
                let range = format!("bytes={}-{}", part.start, part.end - 1);
                headers.extend(HeaderValue::try_from(range).ok().map(|part| (header::RANGE, part)));
                let mut response = file_response(&headers, file).await?;
                // poem sends a part that is the whole file as a 200 without `Content-Range`.
                if response.status() == StatusCode::OK {
                    response.set_status(StatusCode::PARTIAL_CONTENT);
                    let all = format!("bytes 0-{}/{size}", part.end - 1);
                    let all =
                        HeaderValue::try_from(all).map_err(poem::error::InternalServerError)?;
                    response.headers_mut().insert(header::CONTENT_RANGE, all);
                }
                Ok(response)
            }
            ByteRange::Unsatisfiable => Ok(Response::builder()
                .status(StatusCode::RANGE_NOT_SATISFIABLE)
                .header(header::CONTENT_RANGE, format!("bytes */{size}"))
                .finish()),
        }
    }

    /// Whether the file is still the version of `If-Range` (RFC 9110, 13.1.5). True without that header.
    fn is_of(&self, whole: &Response) -> bool {
        let is = |name| self.if_range.as_ref() == whole.headers().get(name);
        self.if_range.is_none() || is(header::ETAG) || is(header::LAST_MODIFIED)
    }
}

/// Returns poem's answer to a request for a file with these headers: the file, a part of it, or a 304.
async fn file_response(headers: &HeaderMap, file: &Path) -> Result<Response> {
    let mut request = Request::builder().finish();
    *request.headers_mut() = headers.clone();
    let asked = StaticFileRequest::from_request_without_body(&request).await?;
    let response = asked.create_response(file, true, true)?;
    // Without a type, a browser might guess HTML and run scripts in it.
    Ok(match response {
        StaticFileResponse::Ok { content_type: None, .. } => {
            response.with_content_type("application/octet-stream").into_response()
        }
        response => response.into_response(),
    })
}

/// Finds the file at a decoded path of an address. `None` if there is none, or it may not be served.
fn find(app: &Path, path: &str) -> Option<PathBuf> {
    let parts: Vec<_> = path.strip_prefix('/')?.split('/').collect();
    let is_plain = |part: &&str| {
        let is_hidden = part.starts_with('.') && **part != *WELL_KNOWN;
        !part.is_empty() && !is_hidden && !part.contains(['\\', '\0'])
    };
    if !parts.iter().all(is_plain) {
        return None;
    }
    let folder = app.join(FOLDER);
    let wanted = parts.iter().fold(folder.clone(), |path, part| path.join(part));
    // The true paths are compared, since a symbolic link may lead anywhere.
    let found = wanted.canonicalize().ok()?;
    (found.starts_with(folder.canonicalize().ok()?) && found.is_file()).then_some(found)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_what_is_in_the_folder_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let app = folder.path();
        for file in [
            "app.yaml",
            "public/a.css",
            "public/deep/b.txt",
            "public/.env",
            "public/.git/config",
            "public/.well-known/security.txt",
            "public/C N",
            "publicity/c.txt",
        ] {
            let path = app.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        symlink("../app.yaml", app.join("public/link.yaml")).unwrap();
        symlink("../publicity", app.join("public/folder")).unwrap();
        symlink("a.css", app.join("public/same.css")).unwrap();
        for path in ["/a.css", "/deep/b.txt", "/.well-known/security.txt", "/same.css", "/C N"] {
            assert!(find(app, path).is_some(), "{path}");
        }
        for path in [
            "/",
            "",
            "/deep",
            "/deep/",
            "//a.css",
            "/../app.yaml",
            "/deep/../../app.yaml",
            "/./a.css",
            "/.env",
            "/.git/config",
            "/.well-known/../.env",
            "/..\\app.yaml",
            "/link.yaml",
            "/folder/c.txt",
            "/a.css\0",
            "/a.css/",
            "/app.yaml",
        ] {
            assert_eq!(find(app, path), None, "{path}");
        }
    }
}
