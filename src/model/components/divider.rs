//! `divider`: a line between other components.

use std::sync::Arc;

/// A `divider` component: a line between other components.
#[derive(Clone, Debug)]
pub struct Divider {
    /// The words in the line.
    pub label: Option<Arc<str>>,
}
