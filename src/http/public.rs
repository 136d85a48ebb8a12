//! The files of an app's `public/`, served as they are. What is hidden, what is elsewhere and what
//! only a link leads to is as if it were not there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use poem::http::{Method, StatusCode};
use poem::web::{StaticFileRequest, StaticFileResponse};
use poem::{Endpoint, FromRequest, IntoResponse, Request, Response, Result};

use crate::runtime::Runtime;

/// The folder, in the app's.
const FOLDER: &str = "public";
/// The one hidden folder that is served: what proves whose a site is stands there (RFC 8615).
const WELL_KNOWN: &str = ".well-known";

/// Answers with a file, or else by the endpoint. A page stands before a file, unless the path ends
/// as names of files do.
pub(super) async fn or_else(endpoint: impl Endpoint, request: Request) -> Result<Response> {
    let runtime = request.data::<Arc<Runtime>>().cloned();
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let Some(runtime) = runtime.filter(|_| is_read) else {
        return endpoint.call(request).await.map(IntoResponse::into_response);
    };
    let path = percent_decode_str(request.uri().path()).decode_utf8_lossy().into_owned();
    let asked = StaticFileRequest::from_request_without_body(&request).await?;
    if is_file_name(&path)
        && let Some(file) = find(&runtime.app.folder, &path)
    {
        return served(asked, &file);
    }
    let response = endpoint.call(request).await?.into_response();
    if response.status() == StatusCode::NOT_FOUND
        && let Some(file) = find(&runtime.app.folder, &path)
    {
        return served(asked, &file);
    }
    Ok(response)
}

fn served(asked: StaticFileRequest, file: &Path) -> Result<Response> {
    let response = asked.create_response(file, true, true)?;
    // What is of no known kind is not to be taken for a page.
    Ok(match response {
        StaticFileResponse::Ok { content_type: None, .. } => {
            response.with_content_type("application/octet-stream").into_response()
        }
        response => response.into_response(),
    })
}

fn is_file_name(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.contains('.'))
}

/// The file at a path, if there is one that may be served.
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
    // Where it really is: a link may lead anywhere.
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
