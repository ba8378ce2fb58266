//! As much of Markdown as the rules need: headings, fenced blocks, links, tables.

/// A fenced block of code.
#[derive(Debug, PartialEq)]
pub(crate) struct Block<'a> {
    /// The word after the fence, such as `sh`.
    pub(crate) language: &'a str,
    /// The heading above it.
    pub(crate) heading: &'a str,
    /// Its lines.
    pub(crate) lines: Vec<&'a str>,
}

/// Lines outside fenced blocks, with their numbers from 1.
pub(crate) fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fence && !fenced).then_some((index + 1, line))
    })
}

/// The fenced blocks in their order.
pub(crate) fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut heading = "";
    let mut open = false;
    for line in text.lines() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            open = !open;
            if open {
                let language = language.trim();
                blocks.push(Block {
                    language,
                    heading,
                    lines: Vec::new(),
                });
            }
        } else if open {
            blocks
                .last_mut()
                .into_iter()
                .for_each(|block| block.lines.push(line));
        } else if line.starts_with('#') {
            heading = line.trim_start_matches('#').trim();
        }
    }
    blocks
}

/// Targets of inline links, with the line each stands on. What stands in backticks
/// is no link.
pub(crate) fn links(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    for (number, line) in prose(text) {
        let outside_code: String = line.split('`').step_by(2).collect::<Vec<_>>().join("");
        for after in outside_code.split("](").skip(1) {
            if let Some((target, _)) = after.split_once(')') {
                links.push((number, target.to_owned()));
            }
        }
    }
    links
}

/// The anchor that a heading gets.
pub(crate) fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// Rows of the tables whose header's last column is `last`, with their line numbers.
/// A cell may hold `\|`.
pub(crate) fn rows(text: &str, last: &str) -> Vec<(usize, Vec<String>)> {
    let mut rows = Vec::new();
    let mut wanted = None;
    for (number, line) in prose(text) {
        if !line.starts_with('|') {
            wanted = None;
            continue;
        }
        let cells = cells(line);
        match wanted {
            None => wanted = Some(cells.last().is_some_and(|cell| cell == last)),
            Some(true) if !is_rule(&cells) => rows.push((number, cells)),
            Some(_) => {}
        }
    }
    rows
}

fn cells(line: &str) -> Vec<String> {
    let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
    let hidden = inner.replace("\\|", "\u{1}");
    hidden
        .split('|')
        .map(|cell| cell.trim().replace('\u{1}', "|"))
        .collect()
}

fn is_rule(cells: &[String]) -> bool {
    cells
        .iter()
        .all(|cell| cell.chars().all(|c| "-: ".contains(c)))
}

/// What stands in backticks.
pub(crate) fn code(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
# Title
See [design](docs/design.md#why) and `[not](a-link)`.
## Run it
```sh
cargo xtask demo
```
| seed | test |
|---|---|
| `A` | `a \\| b` |

| other |
|---|
| `B` |
";

    #[test]
    fn a_block_knows_its_heading_and_its_lines() {
        let expected = Block {
            language: "sh",
            heading: "Run it",
            lines: vec!["cargo xtask demo"],
        };
        assert_eq!(blocks(PAGE), [expected]);
    }

    #[test]
    fn a_link_in_backticks_is_no_link() {
        assert_eq!(links(PAGE), [(2, "docs/design.md#why".to_owned())]);
    }

    #[test]
    fn only_rows_of_tables_with_the_wanted_last_column_count() {
        let found = rows(PAGE, "test");
        assert_eq!(found, [(9, vec!["`A`".to_owned(), "`a | b`".to_owned()])]);
        assert_eq!(code(&found[0].1[1]), ["a | b"]);
    }

    #[test]
    fn an_anchor_is_what_web_pages_make_of_a_heading() {
        assert_eq!(anchor("What is not there yet"), "what-is-not-there-yet");
        assert_eq!(anchor("Speed: `h2`, measured"), "speed-h2-measured");
    }
}
