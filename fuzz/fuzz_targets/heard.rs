//! Bytes from a client, made up.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pagetide::model::access::View;

#[path = "../hear.rs"]
mod hear;

static ORDERS: LazyLock<View> =
    LazyLock::new(|| hear::table(&Path::new(env!("CARGO_MANIFEST_DIR")).join("app")));

fuzz_target!(|bytes: &[u8]| hear::hear(&ORDERS, bytes));
