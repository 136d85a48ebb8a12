//! The `pagetide` program.

use std::process::ExitCode;

/// jemalloc gives back what a flood has taken, of SQLite's memory too; glibc's allocator keeps it, a heap
/// for each thread (docs/benchmarks.md has the figures).
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    pagetide::cli::run()
}
