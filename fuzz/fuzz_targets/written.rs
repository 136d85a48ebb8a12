//! Bytes of an app, made up.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

#[path = "../load.rs"]
mod load;

static FOLDER: LazyLock<std::path::PathBuf> =
    LazyLock::new(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("app"));

fuzz_target!(|bytes: &[u8]| load::load(&FOLDER, bytes));
