//! Reads the text of a component that takes it in the YAML (`content`) or from a file beside it (`file`).

use std::sync::Arc;

use crate::components::CheckContext;

/// A text, and the path of its file as written. The path is `None` for a text in the YAML.
pub(super) struct Prose {
    pub(super) text: Arc<str>,
    pub(super) file: Option<String>,
}

/// Returns the text of a component. `None` if both or neither of the two keys are given, or the file cannot be
/// read (that is reported). `example` is a file name for the message.
pub(super) fn check(
    content: Option<String>,
    file: Option<String>,
    example: &str,
    around: &mut dyn CheckContext,
) -> Option<Prose> {
    let place = around.place();
    match (content, file) {
        (Some(text), None) => Some(Prose { text: text.into(), file: None }),
        (None, Some(link)) => {
            let text = around.text_file(&link, place.key("file"))?;
            Some(Prose { text, file: Some(link) })
        }
        (Some(_), Some(_)) => {
            let message = "`content` and `file` say the same thing twice";
            around
                .problems()
                .report(place.key("file"), message)
                .at_key()
                .help("keep one of the two");
            None
        }
        (None, None) => {
            let told =
                ["content", "file"].iter().any(|key| around.problems().concern(&place.key(key)));
            if !told {
                let problem = around.problems().report(place, "`content` is missing");
                problem.help(format!("add `content`, or `file: {example}`"));
            }
            None
        }
    }
}
