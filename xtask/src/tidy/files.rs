//! The shape of source files: each says what it is for, and none has two subjects.

use super::{File, Tree};

/// Near this many lines a file has a second subject.
const MOST_LINES: usize = 800;

pub(crate) fn check(tree: &Tree, problems: &mut Vec<String>) {
    for file in tree.below("", ".rs") {
        if is_generated(file) {
            continue;
        }
        if !starts_with_a_sentence(file) {
            problems.push(format!(
                "{}: begins without a `//!` sentence that says what the file is for",
                file.path
            ));
        }
        let lines = file.text.lines().count();
        if lines > MOST_LINES {
            problems.push(format!(
                "{}: {lines} lines, the limit is {MOST_LINES}: look for the second subject",
                file.path
            ));
        }
    }
}

fn is_generated(file: &File) -> bool {
    file.path.contains("/generated/") && !file.path.ends_with("/mod.rs")
}

fn starts_with_a_sentence(file: &File) -> bool {
    let mut lines = file.text.lines();
    lines
        .next()
        .is_some_and(|first| first.starts_with("//! ") && first.len() > 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(path: &str, text: &str) -> Vec<String> {
        let mut problems = Vec::new();
        check(&Tree::of(&[(path, text)]), &mut problems);
        problems
    }

    #[test]
    fn a_file_without_an_opening_sentence_is_named() {
        assert_eq!(problems("a.rs", "//! What it is for.\n"), [""; 0]);
        assert!(problems("a.rs", "use std::fs;\n")[0].starts_with("a.rs: begins without"));
        assert_eq!(problems("a.py", "import os\n"), [""; 0]);
    }

    #[test]
    fn a_file_of_more_than_800_lines_is_refused() {
        let text = format!("//! What it is for.\n{}", "\n".repeat(799));
        assert_eq!(problems("a.rs", &text), [""; 0]);
        assert!(problems("a.rs", &format!("{text}\n"))[0].contains("801 lines"));
    }

    #[test]
    fn generated_files_are_as_they_are() {
        assert_eq!(problems("crates/x/src/generated/x.rs", "use a;\n"), [""; 0]);
        assert_eq!(
            problems("crates/x/src/generated/mod.rs", "use a;\n").len(),
            1
        );
    }
}
