//! Swagger UI, the page on which people read and try the API. Its files are embedded exactly as they were released,
//! not minified again, and only the page `/api/docs` loads them.

use crate::client::{Asset, CSS, JAVASCRIPT};

pub(super) const SCRIPT: &str = "swagger-ui-bundle.js";
pub(super) const STYLESHEET: &str = "swagger-ui.css";

/// The script and the stylesheet of Swagger UI.
pub(super) const FILES: [(&str, Asset); 2] = [
    (
        SCRIPT,
        Asset {
            content_type: JAVASCRIPT,
            body: include_str!(concat!(env!("OUT_DIR"), "/swagger-ui-bundle.js")),
        },
    ),
    (
        STYLESHEET,
        Asset {
            content_type: CSS,
            body: include_str!(concat!(env!("OUT_DIR"), "/swagger-ui.css")),
        },
    ),
];
