//! `docs/seed-map.md` says which Rust item does the job of which original item, and
//! which test proves it. Both must exist.

use std::collections::BTreeSet;

use super::{Tree, markdown};

const PAGE: &str = "docs/seed-map.md";

pub(crate) fn check(tree: &Tree, problems: &mut Vec<String>) {
    let Some(page) = tree.get(PAGE) else {
        problems.push(format!("{PAGE}: is missing"));
        return;
    };
    let tests: BTreeSet<_> = tests(tree).into_iter().map(|(_, name)| name).collect();
    for (number, cells) in markdown::rows(&page.text, "Test") {
        let row = format!("{PAGE}:{number}");
        let named = markdown::code(cells.last().map_or("", String::as_str));
        if named.is_empty() {
            problems.push(format!("{row}: names no test"));
        }
        for name in named.iter().map(|path| last_segment(path)) {
            if !tests.contains(name) {
                problems.push(format!("{row}: there is no test {name}"));
            }
        }
        for path in cells.iter().flat_map(|cell| markdown::code(cell)) {
            if path.starts_with("outboard_") && !is_defined(tree, path) {
                problems.push(format!("{row}: there is no {path}"));
            }
        }
    }
}

fn last_segment(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path)
}

/// Functions that an attribute marks as tests, with the files that they are in.
pub(super) fn tests(tree: &Tree) -> Vec<(&str, &str)> {
    let mut names = Vec::new();
    for file in tree.below("", ".rs") {
        let mut marked = false;
        for line in file.text.lines().map(str::trim) {
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                marked = true;
            } else if let Some(name) = function_name(line) {
                if marked {
                    names.push((file.path.as_str(), name));
                }
                marked = false;
            }
        }
    }
    names
}

fn function_name(line: &str) -> Option<&str> {
    let rest = line
        .trim_start_matches("pub ")
        .trim_start_matches("async ")
        .strip_prefix("fn ")?;
    rest.split(['(', '<']).next()
}

/// Whether a path such as `outboard_workflow::external::RemoteStep::execute` has
/// something of its last two names in the sources of its crate. That the path as a
/// whole is public is for the compiler to say, where the tests use it.
fn is_defined(tree: &Tree, path: &str) -> bool {
    let mut segments = path.split("::");
    let krate = segments.next().unwrap_or_default().replace('_', "-");
    let directory = format!("crates/{krate}/src/");
    let names: Vec<&str> = segments.collect();
    let significant = &names[names.len().saturating_sub(2)..];
    !names.is_empty()
        && significant.iter().all(|name| {
            let module = [format!("/{name}.rs"), format!("/{name}/mod.rs")];
            tree.below(&directory, ".rs").any(|file| {
                module.iter().any(|end| file.path.ends_with(end.as_str()))
                    || defines(&file.text, name)
            })
        })
}

fn defines(text: &str, name: &str) -> bool {
    const KEYWORDS: &[&str] = &[
        "fn",
        "struct",
        "enum",
        "trait",
        "type",
        "const",
        "static",
        "mod",
        "macro_rules!",
    ];
    text.lines().any(|line| {
        let words: Vec<&str> = line
            .split(|c: char| !(c.is_alphanumeric() || "_!".contains(c)))
            .collect();
        let keyword = words
            .windows(2)
            .any(|pair| KEYWORDS.contains(&pair[0]) && pair[1] == name);
        // A variant or a re-export stands alone on its line.
        keyword
            || line.trim().trim_end_matches(',') == name
            || (line.contains("pub use") && words.contains(&name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(page: &str) -> Vec<String> {
        let code =
            "pub struct RemoteStep;\nimpl RemoteStep {\n    pub async fn execute(&self) {}\n}\n";
        let tests = "#[tokio::test]\nasync fn a_step_gives_its_output() {}\nfn helper() {}\n";
        let tree = Tree::of(&[
            ("docs/seed-map.md", page),
            ("crates/outboard-workflow/src/external/step.rs", code),
            ("crates/outboard-workflow/tests/it/steps.rs", tests),
        ]);
        let mut problems = Vec::new();
        check(&tree, &mut problems);
        problems
    }

    fn table(path: &str, test: &str) -> String {
        format!("| Original | Rust | Test |\n|---|---|---|\n| `Execute` | {path} | {test} |\n")
    }

    #[test]
    fn a_row_needs_an_item_and_a_test_that_exist() {
        let path = "`outboard_workflow::external::RemoteStep::execute`";
        assert_eq!(
            problems(&table(path, "`steps::a_step_gives_its_output`")),
            [""; 0]
        );
        assert_eq!(
            problems(&table(path, "")),
            ["docs/seed-map.md:3: names no test"]
        );
        assert_eq!(
            problems(&table(path, "`helper`")),
            ["docs/seed-map.md:3: there is no test helper"]
        );
        let gone = "`outboard_workflow::external::RemoteStep::destroy`";
        assert_eq!(
            problems(&table(gone, "`a_step_gives_its_output`")),
            ["docs/seed-map.md:3: there is no outboard_workflow::external::RemoteStep::destroy"]
        );
    }
}
