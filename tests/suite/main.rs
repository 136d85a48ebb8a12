//! Everything that crosses modules, as one test binary: one module per feature.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod specs;
