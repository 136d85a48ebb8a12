//! Replays what the fuzzer found worth keeping of apps: see `fuzz/load.rs`.

use std::fs;
use std::path::Path;

#[path = "../../fuzz/load.rs"]
mod load;

#[test]
fn no_bytes_of_an_app_do_harm() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let corpus: Vec<_> = fs::read_dir(folder.join("corpus/written")).unwrap().collect();
    assert!(corpus.len() >= 24, "the corpus is gone");
    for entry in corpus {
        load::load(&folder.join("app"), &fs::read(entry.unwrap().path()).unwrap());
    }
}
