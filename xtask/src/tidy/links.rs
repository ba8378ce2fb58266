//! Links between the repository's own pages lead somewhere.

use std::path::{Component, Path, PathBuf};

use super::{Tree, markdown};

pub(crate) fn check(tree: &Tree, problems: &mut Vec<String>) {
    for file in tree.below("", ".md") {
        for (number, link) in markdown::links(&file.text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            if let Err(reason) = follow(tree, &file.path, &link) {
                problems.push(format!("{}:{number}: link to {link}: {reason}", file.path));
            }
        }
    }
}

fn follow(tree: &Tree, from: &str, link: &str) -> Result<(), String> {
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() {
        from.to_owned()
    } else {
        resolve(from, path)
    };
    let directory = format!("{target}/");
    let Some(file) = tree.get(&target) else {
        let exists = tree
            .files
            .iter()
            .any(|file| file.path.starts_with(&directory));
        return if exists {
            Ok(())
        } else {
            Err("no such file".to_owned())
        };
    };
    let headings = markdown::prose(&file.text).filter(|(_, line)| line.starts_with('#'));
    let mut anchors =
        headings.map(|(_, line)| markdown::anchor(line.trim_start_matches('#').trim()));
    if anchor.is_empty() || anchors.any(|known| known == anchor) {
        return Ok(());
    }
    Err("no such heading".to_owned())
}

/// The path of a link's target from the root of the repository.
fn resolve(from: &str, path: &str) -> String {
    let mut resolved = PathBuf::from(from);
    resolved.pop();
    for component in Path::new(path).components() {
        match component {
            Component::ParentDir => {
                resolved.pop();
            }
            Component::Normal(name) => resolved.push(name),
            _ => {}
        }
    }
    resolved.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_nothing_is_found_with_its_place() {
        let page =
            "[up](../README.md#run-it) [gone](gone.md)\n[no](../README.md#walk-it) [src](../src)\n";
        let tree = Tree::of(&[
            ("README.md", "## Run it\n"),
            ("docs/a.md", page),
            ("src/main.rs", ""),
        ]);
        let mut problems = Vec::new();
        check(&tree, &mut problems);
        assert_eq!(
            problems,
            [
                "docs/a.md:1: link to gone.md: no such file",
                "docs/a.md:2: link to ../README.md#walk-it: no such heading",
            ]
        );
    }
}
