//! Every environment variable that the code names is explained on one page.

use std::collections::BTreeMap;

use super::Tree;

const PAGE: &str = "docs/environment.md";
const PREFIXES: &[&str] = &["OUTBOARD_", "PLUGIN_", "WORKFLOW_"];

pub(crate) fn check(tree: &Tree, problems: &mut Vec<String>) {
    let Some(page) = tree.get(PAGE) else {
        problems.push(format!("{PAGE}: is missing"));
        return;
    };
    for (name, place) in used(tree) {
        if !page.text.contains(&format!("`{name}`")) {
            problems.push(format!(
                "{place}: uses {name}, which {PAGE} does not explain"
            ));
        }
    }
}

/// The variables in string literals of the sources, each with one place that uses
/// it. Tests may make up their own.
fn used(tree: &Tree) -> BTreeMap<&str, &str> {
    let mut names = BTreeMap::new();
    let sources = tree
        .below("", ".rs")
        .filter(|file| file.path.contains("src/"));
    for file in sources.filter(|file| !file.path.starts_with("xtask/src/tidy/")) {
        let code = file.text.split("#[cfg(test)]").next().unwrap_or_default();
        for literal in code.split('"') {
            if is_variable(literal) {
                names.entry(literal).or_insert(file.path.as_str());
            }
        }
    }
    names
}

fn is_variable(literal: &str) -> bool {
    let rest = PREFIXES
        .iter()
        .find_map(|prefix| literal.strip_prefix(prefix));
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_no_page_explains_is_named_with_the_file_that_uses_it() {
        let code = r#"let a = var("OUTBOARD_A"); let b = var("PLUGIN_B"); let c = "OUTBOARD_a";"#;
        let tree = Tree::of(&[
            ("docs/environment.md", "`OUTBOARD_A`: something"),
            ("crates/x/src/lib.rs", code),
        ]);
        let mut problems = Vec::new();
        check(&tree, &mut problems);
        assert_eq!(
            problems,
            ["crates/x/src/lib.rs: uses PLUGIN_B, which docs/environment.md does not explain"]
        );
    }
}
