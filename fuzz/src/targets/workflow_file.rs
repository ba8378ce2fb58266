//! A workflow file: every problem has a place that is in the file.

use std::collections::BTreeMap;

use outboard_workflow::engine::workflow_file::{CheckOptions, check};

pub(super) fn run(bytes: &[u8]) {
    let variables = BTreeMap::from([("DATA_DIR".to_owned(), "/data".to_owned())]);
    // Nothing of the machine, or an input would not always mean the same.
    let options = CheckOptions {
        variables: &variables,
        env: &|_| None,
        ..CheckOptions::permissive()
    };
    if let Err(problems) = check(bytes, &options) {
        assert!(!problems.is_empty());
        assert!(!problems.to_string().is_empty());
        // YAML has more line ends than one.
        let text = String::from_utf8_lossy(bytes);
        let ends =
            |character: char| matches!(character, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
        let lines = text.matches(ends).count() + 1;
        for problem in &problems {
            assert!(problem.line <= lines + 1, "{problem}, of {lines} lines");
        }
    }
}
