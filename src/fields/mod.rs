//! What fields may hold: one file per family of field types.
