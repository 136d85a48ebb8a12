//! What comes of bytes that are taken for an app. The fuzzer makes the bytes up; a test replays those
//! that it found worth keeping.

use std::path::Path;

use pagetide::spec;

/// The most characters that one app may be answered with, however many faults it has.
const MAX_TOLD: usize = 1_000_000;

/// Loads bytes as `check -` does, with this folder around them.
pub fn load(folder: &Path, bytes: &[u8]) {
    let loaded = spec::load_given(bytes, folder).expect("bytes can always be read");
    let report = &loaded.report;
    assert_eq!(loaded.app.is_some(), report.errors() == 0, "an app with errors, or none without");
    let told = report.to_string();
    assert!(told.len() <= MAX_TOLD, "{} bytes are told", told.len());
    for finding in &report.findings {
        assert!(finding.line > 0 && finding.column > 0 && finding.length > 0, "{finding:?}");
        assert!(finding.excerpt_column <= finding.column, "{finding:?}");
        assert!(!finding.message.is_empty() && finding.help.as_deref() != Some(""), "{finding:?}");
    }
    assert_eq!(told.is_empty(), report.findings.is_empty(), "{told}");
}
