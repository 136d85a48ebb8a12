//! Replays what the fuzzer found worth keeping: see `fuzz/hear.rs`.

use std::fs;
use std::path::Path;

#[path = "../../fuzz/hear.rs"]
mod hear;

#[test]
fn no_bytes_from_a_client_do_harm() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let view = hear::table(&folder.join("app"));
    let corpus: Vec<_> = fs::read_dir(folder.join("corpus/heard")).unwrap().collect();
    assert!(corpus.len() >= 24, "the corpus is gone");
    for entry in corpus {
        hear::hear(&view, &fs::read(entry.unwrap().path()).unwrap());
    }
}
