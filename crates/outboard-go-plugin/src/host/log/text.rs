//! Text from outside, made safe to show: one line stays one line, and nothing
//! in it steers the terminal that shows it.

use std::{borrow::Cow, fmt::Write as _};

/// Takes colours out and shows every other character that a terminal would
/// obey: `\n`, `\r`, or `\u001b` in the form of JSON. A tab stays.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find(steers) else {
        return Cow::Borrowed(text);
    };
    let mut safe = String::with_capacity(text.len() + 16);
    safe.push_str(&text[..first]);
    let mut rest = &text[first..];
    while let Some(character) = rest.chars().next() {
        if let Some(length) = colour(rest) {
            rest = &rest[length..];
            continue;
        }
        rest = &rest[character.len_utf8()..];
        match character {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            _ if steers(character) => {
                // All of them have four hexadecimal digits. Writing to a string
                // does not fail.
                let _ = write!(safe, "\\u{:04x}", u32::from(character));
            }
            _ => safe.push(character),
        }
    }
    Cow::Owned(safe)
}

/// Control characters, the separators that some programs take for the end of
/// a line, and the marks that turn the direction of what follows.
fn steers(character: char) -> bool {
    match character {
        '\t' => false,
        '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => true,
        _ => character.is_control(),
    }
}

/// How long the colour sequence is that `text` begins with: `ESC [ 1 ; 31 m`.
fn colour(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|character: char| !matches!(character, '0'..='9' | ';' | ':'))?;
    parameters[end..].starts_with('m').then_some(2 + end + 1)
}

/// At most `limit` bytes of a text, which then says how many it had.
pub(super) fn shorten(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(limit);
    format!("{}… ({} bytes)", &text[..end], text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_is_left_alone() {
        for text in ["", "plain", "a\ttab", "Grüße, 世界 🦀", "[ERROR] 100%"] {
            assert!(matches!(clean(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn what_would_forge_a_line_is_shown_and_not_obeyed() {
        assert_eq!(clean("a\nERROR b\r\n"), "a\\nERROR b\\r\\n");
        assert_eq!(clean("a\u{1b}[2Jb"), "a\\u001b[2Jb");
        assert_eq!(clean("\u{1b}]0;title\u{7}"), "\\u001b]0;title\\u0007");
        assert_eq!(clean("\u{9b}1A\u{7f}"), "\\u009b1A\\u007f");
        assert_eq!(clean("a\u{2028}b\u{202e}c"), "a\\u2028b\\u202ec");
    }

    #[test]
    fn colours_are_taken_out() {
        assert_eq!(clean("\u{1b}[1;31mred\u{1b}[0m and not"), "red and not");
        assert_eq!(clean("\u{1b}[38:5:1mred\u{1b}[m"), "red");
        assert_eq!(clean("unfinished \u{1b}[31"), "unfinished \\u001b[31");
    }

    #[test]
    fn a_text_is_cut_between_characters_and_tells_its_length() {
        assert_eq!(shorten("short", 5), "short");
        assert_eq!(shorten("ääää", 5), "ää… (8 bytes)");
    }
}
