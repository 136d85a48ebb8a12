//! The `pagetide` program.

fn main() {}
