//! The README's two commands, each alone in its block, so that people can paste
//! them and `.ci/run` can run what people are told.

use super::{Tree, markdown};

/// Headings and the one command below each.
const COMMANDS: &[(&str, &str)] = &[
    ("Run it", "cargo xtask demo"),
    ("Test it", "cargo xtask test"),
];

pub(crate) fn check(tree: &Tree, problems: &mut Vec<String>) {
    let Some(readme) = tree.get("README.md") else {
        problems.push("README.md: is missing".to_owned());
        return;
    };
    let blocks = markdown::blocks(&readme.text);
    for (heading, command) in COMMANDS {
        let below: Vec<_> = blocks
            .iter()
            .filter(|block| block.language == "sh" && block.heading == *heading)
            .map(|block| block.lines.as_slice())
            .collect();
        if below != [[*command].as_slice()] {
            problems.push(format!(
                "README.md: below \"{heading}\" must stand one sh block with the one line `{command}`"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(readme: &str) -> Vec<String> {
        let mut problems = Vec::new();
        check(&Tree::of(&[("README.md", readme)]), &mut problems);
        problems
    }

    #[test]
    fn each_command_must_stand_alone_in_its_block() {
        let run = "## Run it\n```sh\ncargo xtask demo\n```\n";
        let test = "## Test it\n```sh\ncargo xtask test\n```\n";
        assert_eq!(problems(&format!("{run}{test}")), [""; 0]);
        assert!(problems(run)[0].contains("Test it"));
        let two = "## Test it\n```sh\ncd somewhere\ncargo xtask test\n```\n";
        assert!(problems(&format!("{run}{two}"))[0].contains("Test it"));
    }
}
