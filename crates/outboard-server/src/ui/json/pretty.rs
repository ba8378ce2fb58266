//! JSON with a line for each member, up to a size.

/// The most that a page shows of one JSON text, in bytes.
pub(crate) const MAX_SHOWN: usize = 256 * 1024;
/// How deep lines are indented; deeper ones stay there.
const MAX_INDENT: usize = 40;

/// JSON as a page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pretty {
    /// The text, indented.
    pub(crate) text: String,
    /// How many bytes the JSON has, if `text` is not all of it.
    pub(crate) cut_of: Option<usize>,
}

/// JSON with indents, at most [`MAX_SHOWN`] bytes of it. What is no JSON comes back as
/// something like it, never as an error.
pub(crate) fn pretty(json: &str) -> Pretty {
    within(json, MAX_SHOWN)
}

fn within(json: &str, most: usize) -> Pretty {
    let mut writer = Writer {
        text: String::with_capacity(json.len().min(most)),
        depth: 0,
    };
    let mut characters = json.trim().chars().peekable();
    while let Some(character) = characters.next() {
        if writer.text.len() >= most {
            return Pretty {
                text: writer.text,
                cut_of: Some(json.len()),
            };
        }
        match character {
            '"' => {
                writer.text.push('"');
                let mut escaped = false;
                for inner in characters.by_ref() {
                    writer.text.push(inner);
                    match inner {
                        '"' if !escaped => break,
                        '\\' => escaped = !escaped,
                        _ => escaped = false,
                    }
                    // One text alone may be longer than all that is shown.
                    if writer.text.len() >= most {
                        break;
                    }
                }
            }
            '{' | '[' => {
                writer.text.push(character);
                while characters
                    .next_if(|next| next.is_ascii_whitespace())
                    .is_some()
                {}
                let close = if character == '{' { '}' } else { ']' };
                match characters.next_if_eq(&close) {
                    Some(close) => writer.text.push(close),
                    None => {
                        writer.depth += 1;
                        writer.line();
                    }
                }
            }
            '}' | ']' => {
                writer.depth = writer.depth.saturating_sub(1);
                writer.line();
                writer.text.push(character);
            }
            ',' => {
                writer.text.push(',');
                writer.line();
            }
            ':' => writer.text.push_str(": "),
            space if space.is_ascii_whitespace() => {}
            other => writer.text.push(other),
        }
    }
    Pretty {
        text: writer.text,
        cut_of: None,
    }
}

struct Writer {
    text: String,
    depth: usize,
}

impl Writer {
    fn line(&mut self) {
        self.text.push('\n');
        for _ in 0..self.depth.min(MAX_INDENT) {
            self.text.push_str("  ");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_get_lines_and_nothing_else_changes() {
        let json = r#" {"z":[1,{"a":"x, {\"y\": \\"}, [ ], {}],"big":123456789012345678901234567890,"e":1e400} "#;
        let shown = pretty(json).text;
        assert_eq!(
            shown,
            "{\n  \"z\": [\n    1,\n    {\n      \"a\": \"x, {\\\"y\\\": \\\\\"\n    },\n    [],\n    {}\n  ],\n  \
             \"big\": 123456789012345678901234567890,\n  \"e\": 1e400\n}"
        );
    }

    #[test]
    fn it_reads_as_the_same_json() {
        let json = r#"[null,true,"\"\\","",{"a":{"b":[]}},-1.5e-3]"#;
        let before: serde_json::Value = serde_json::from_str(json).expect("JSON");
        let after: serde_json::Value = serde_json::from_str(&pretty(json).text).expect("JSON");
        assert_eq!(before, after);
    }

    #[test]
    fn long_json_is_cut_and_says_how_long_it_is() {
        let json = format!("[\"{}\"]", "ä".repeat(1000));
        let shown = within(&json, 100);
        assert!(shown.text.len() <= 102, "{}", shown.text.len());
        assert_eq!(shown.cut_of, Some(json.len()));
        assert_eq!(within("[1]", 100).cut_of, None);
    }

    #[test]
    fn nonsense_is_shown_and_breaks_nothing() {
        for text in ["", "}}}}", "[[[", "\"open", "nonsense", "{\"a\"", "\u{0}"] {
            pretty(text);
        }
        let deep = "[".repeat(100_000);
        assert!(pretty(&deep).text.len() <= MAX_SHOWN + 2 * MAX_INDENT + 2);
    }
}
