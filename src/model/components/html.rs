//! `html`: HTML as its author wrote it.

use std::sync::Arc;

/// An `html` component: HTML as its author wrote it.
#[derive(Clone, Debug)]
pub struct Html {
    /// What the author wrote; nothing of it is changed.
    pub content: Arc<str>,
}
