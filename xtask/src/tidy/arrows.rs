//! Dependency arrows: who may depend on whom, so that plugin authors never compile
//! a host, and each plugin family can be left out.

use crate::{
    Result,
    command::{cargo, output},
    metadata::{Metadata, text},
};

use super::Tree;

/// A package and the packages of ours that it may depend on. A new package below
/// `crates/` needs a row here and in ARCHITECTURE.md.
const ARROWS: &[(&str, &[&str])] = &[
    ("outboard-go-plugin", &[]),
    ("outboard-contracts", &[]),
    (
        "outboard-sdk",
        &[
            "outboard-go-plugin",
            "outboard-contracts",
            "outboard-sdk-macros",
        ],
    ),
    ("outboard-sdk-macros", &[]),
    (
        "outboard-connector",
        &["outboard-go-plugin", "outboard-contracts"],
    ),
    (
        "outboard-workflow",
        &["outboard-go-plugin", "outboard-contracts"],
    ),
    (
        "outboard-server",
        &[
            "outboard-workflow",
            "outboard-connector",
            "outboard-contracts",
            "outboard-go-plugin",
        ],
    ),
    (
        "outboard",
        &[
            "outboard-server",
            "outboard-workflow",
            "outboard-connector",
            "outboard-contracts",
            "outboard-go-plugin",
        ],
    ),
    // What it proves about our code must not rest on our code.
    ("outboard-testkit", &[]),
];

/// What must be nowhere in a package's tree, all its features included.
const NOWHERE: &[(&str, &[&str])] = &[
    (
        "outboard-contracts",
        &["h2", "hyper", "axum", "mio", "rustix"],
    ),
    ("outboard-go-plugin", &["hyper", "axum", "clap", "rusqlite"]),
    (
        "outboard-sdk",
        &[
            "outboard-workflow",
            "outboard-connector",
            "outboard-server",
            "hyper",
            "axum",
            "clap",
            "rusqlite",
            "reqwest",
        ],
    ),
    ("outboard-workflow", &["axum", "clap", "outboard-connector"]),
    ("outboard-connector", &["axum", "clap", "outboard-workflow"]),
];

/// Words that must not stand in the sources of a package, and why.
const UNSPEAKABLE: &[(&str, &[&str], &str)] = &[
    (
        "crates/outboard-go-plugin/src/",
        &["workflow", "connector"],
        "this crate knows no plugin family",
    ),
    (
        "crates/outboard-contracts/src/",
        &[
            "std::fs",
            "std::net",
            "std::process",
            "std::thread",
            "tokio::",
        ],
        "this crate opens no file, socket or thread",
    ),
];

pub(crate) fn check(tree: &Tree, metadata: &Metadata, problems: &mut Vec<String>) -> Result {
    for package in metadata.ours() {
        let name = text(&package["name"]);
        let in_crates = text(&package["manifest_path"]).contains("/crates/");
        if in_crates && !ARROWS.iter().any(|(known, _)| *known == name) {
            problems.push(format!("{name}: has no row in xtask/src/tidy/arrows.rs"));
        }
    }
    for (package, allowed) in ARROWS {
        for dependency in metadata.direct_dependencies(package)? {
            if dependency.starts_with("outboard") && !allowed.contains(&dependency.as_str()) {
                problems.push(format!("{package}: must not depend on {dependency}"));
            }
        }
    }
    for (package, nowhere) in NOWHERE {
        let arguments = [
            "tree",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--all-features",
        ];
        let mut command = cargo(&arguments);
        command.args(["--locked", "--package", package]);
        for line in output(command)?.lines() {
            let dependency = line.split(' ').next().unwrap_or_default();
            if nowhere.contains(&dependency) {
                problems.push(format!("{package}: its tree must be free of {dependency}"));
            }
        }
    }
    check_words(tree, problems);
    Ok(())
}

fn check_words(tree: &Tree, problems: &mut Vec<String>) {
    for (directory, words, reason) in UNSPEAKABLE {
        for file in tree.below(directory, ".rs") {
            for (number, line) in file.text.lines().enumerate() {
                // The word for what opens TLS connections in the library for it.
                let lower = line.replace("TlsConnector", "").to_lowercase();
                if let Some(word) = words.iter().find(|word| lower.contains(**word)) {
                    let place = format!("{}:{}", file.path, number + 1);
                    problems.push(format!("{place}: says \"{word}\", and {reason}"));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_a_family_in_the_runtime_is_found_with_its_place() {
        let path = "crates/outboard-go-plugin/src/lib.rs";
        let tree = Tree::of(&[(path, "//! The protocol.\n// for Workflow plugins\n")]);
        let mut problems = Vec::new();
        check_words(&tree, &mut problems);
        assert_eq!(
            problems,
            [format!(
                "{path}:2: says \"workflow\", and this crate knows no plugin family"
            )]
        );
    }
}
