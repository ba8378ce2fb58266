//! `docs/go-plugin-differences.md` has a row for each known problem of go-plugin, and
//! `docs/connector-differences.md` one for each defect of the original's connectors; the
//! tests that they name exist.

use std::collections::BTreeSet;

use super::{Tree, markdown, seed_map};

/// The pages, each with how many rows it must have, numbered from 1.
const PAGES: &[(&str, u32)] = &[
    ("docs/go-plugin-differences.md", 51),
    ("docs/connector-differences.md", 29),
];
/// Stands in a row whose test is being written.
const PENDING: &str = "(test: pending)";
/// Begins the reason why a row has no test.
const REASON: &str = "does not apply: ";

pub(crate) fn check(tree: &Tree, problems: &mut Vec<String>) {
    for (page, rows) in PAGES {
        check_page(tree, page, *rows, problems);
    }
}

fn check_page(tree: &Tree, path: &str, rows: u32, problems: &mut Vec<String>) {
    let Some(page) = tree.get(path) else {
        problems.push(format!("{path}: is missing"));
        return;
    };
    let tests = seed_map::tests(tree);
    let mut missing: BTreeSet<u32> = (1..=rows).collect();
    for (line, cells) in markdown::rows(&page.text, "Test") {
        let row = format!("{path}:{line}");
        match cells.first().and_then(|number| number.parse().ok()) {
            Some(number) if missing.remove(&number) => {}
            Some(number) => problems.push(format!("{row}: {number} stands here once more")),
            None => problems.push(format!("{row}: begins without a number")),
        }
        let proof = cells.last().map_or("", String::as_str);
        let named = markdown::code(proof);
        let absent: Vec<_> = named
            .iter()
            .filter(|name| !exists(name, &tests))
            .map(|name| format!("{row}: there is no test {name}"))
            .collect();
        let pending = proof.contains(PENDING);
        if pending && !named.is_empty() && absent.is_empty() {
            problems.push(format!("{row}: nothing is pending, take the mark away"));
        } else if !pending {
            problems.extend(absent);
            if named.is_empty() && !proof.starts_with(REASON) {
                problems.push(format!("{row}: names neither a test nor a reason"));
            }
        }
    }
    for number in missing {
        problems.push(format!("{path}: has no row for {number}"));
    }
}

/// Whether a path such as `faults::stop::one_that_hangs_is_killed` is a test in the
/// file `stop` of a directory `faults`; a name without a path may be anywhere.
fn exists(path: &str, tests: &[(&str, &str)]) -> bool {
    let Some((place, name)) = path.rsplit_once("::") else {
        return tests.iter().any(|(_, test)| *test == path);
    };
    let place = place.replace("::", "/");
    let ends = [format!("/{place}.rs"), format!("/{place}/mod.rs")];
    tests
        .iter()
        .any(|(file, test)| *test == name && ends.iter().any(|end| file.ends_with(end.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(proof_of_two: &str) -> Vec<String> {
        let mut page = "| No. | Problem | Here | Test |\n|---|---|---|---|\n".to_owned();
        for number in 1..=51 {
            let proof = match number {
                2 => proof_of_two,
                _ => "`stop::one_that_hangs_is_killed`",
            };
            page.push_str(&format!("| {number} | a | b | {proof} |\n"));
        }
        problems_of(&page)
    }

    fn problems_of(page: &str) -> Vec<String> {
        let tests = "#[tokio::test]\nasync fn one_that_hangs_is_killed() {}\n";
        let tree = Tree::of(&[
            ("docs/go-plugin-differences.md", page),
            ("crates/outboard-go-plugin/tests/it/stop.rs", tests),
        ]);
        let mut problems = Vec::new();
        let (path, rows) = PAGES[0];
        check_page(&tree, path, rows, &mut problems);
        problems
    }

    #[test]
    fn a_name_without_a_path_may_be_anywhere() {
        assert_eq!(problems("`one_that_hangs_is_killed`"), [""; 0]);
        assert_eq!(problems("`one_that_sings`").len(), 1);
    }

    #[test]
    fn each_number_needs_one_row() {
        assert_eq!(problems("`stop::one_that_hangs_is_killed`"), [""; 0]);
        let page =
            "| No. | Test |\n|---|---|\n| 1 | `a` (test: pending) |\n| 1 | (test: pending) |\n";
        let found = problems_of(page);
        assert!(
            found[0].ends_with(":4: 1 stands here once more"),
            "{found:?}"
        );
        assert_eq!(found.len(), 1 + 50);
        assert!(found[50].ends_with("no row for 51"), "{found:?}");
    }

    #[test]
    fn a_row_needs_a_test_in_the_file_it_says_or_a_reason() {
        let row = |said: &str| format!("docs/go-plugin-differences.md:4: {said}");
        assert_eq!(
            problems("`start::one_that_hangs_is_killed`"),
            [row("there is no test start::one_that_hangs_is_killed")]
        );
        assert_eq!(
            problems("nothing"),
            [row("names neither a test nor a reason")]
        );
        assert_eq!(problems("does not apply: Go only"), [""; 0]);
    }

    #[test]
    fn a_pending_row_may_name_what_will_be_there_and_nothing_else() {
        assert_eq!(problems("`stop::later` (test: pending)"), [""; 0]);
        assert_eq!(problems("(test: pending)"), [""; 0]);
        let there = problems("`stop::one_that_hangs_is_killed` (test: pending)");
        assert!(there[0].ends_with("take the mark away"), "{there:?}");
    }
}
