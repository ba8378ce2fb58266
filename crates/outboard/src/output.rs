//! Printing: tables and lines for people, one object or array for programs.

use std::{
    borrow::Cow,
    io::{IsTerminal as _, Write as _},
};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::error::CliError;

/// Where and how results go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
}

const BOLD: Style = Style::new().bold();
const RED: Style = AnsiColor::Red.on_default().bold();
const DIM: Style = Style::new().dimmed();

impl Output {
    pub(crate) fn new(json: bool) -> Output {
        Output { json }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Prints a result: `value` for programs, `human` for people.
    pub(crate) fn result(&self, value: &impl Serialize, human: impl FnOnce()) {
        if !self.json {
            return human();
        }
        match serde_json::to_string_pretty(value) {
            Ok(text) => line(&text),
            // Nothing that is printed has keys that are no text.
            Err(error) => eprint_line(&format!("cannot print the result: {error}")),
        }
    }

    /// One JSON value on a line of its own, for what comes bit by bit.
    pub(crate) fn json_line(&self, value: &serde_json::Value) {
        line(&value.to_string());
    }

    pub(crate) fn error(&self, error: &CliError) {
        if error.is_silent() {
            return;
        }
        if self.json {
            line(&serde_json::json!({ "error": error }).to_string());
            return;
        }
        eprint_line(&format!("{RED}error{RED:#}: {}", error.message));
        if let Some(hint) = &error.hint {
            eprint_line(&format!("{DIM}hint{DIM:#}:  {hint}"));
        }
    }
}

/// A line on standard output, without what could steer a terminal: much of what is shown
/// was written by somebody else. A reader that went away is no error of ours.
pub(crate) fn line(text: &str) {
    styled(&plain(text));
}

fn styled(text: &str) {
    let _ = writeln!(anstream::stdout(), "{text}");
}

/// `text` with every control character but line breaks and tabs made visible.
fn plain(text: &str) -> Cow<'_, str> {
    let steers = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t');
    match text.contains(steers) {
        true => text.replace(steers, "\u{fffd}").into(),
        false => text.into(),
    }
}

/// A line on standard error.
pub(crate) fn eprint_line(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// A line for a person who waits. Nobody else sees it.
pub(crate) fn progress(text: &str) {
    if std::io::stderr().is_terminal() {
        eprint_line(text);
    }
}

/// Rows under a heading, each column as wide as it must be.
pub(crate) fn table(heading: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count());
        cells.chain([heading[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heading.len()).map(width).collect();
    let print = |cells: Vec<&str>, style: Style| {
        let last = cells.len().saturating_sub(1);
        let mut text = String::new();
        for (index, cell) in cells.iter().enumerate() {
            text.push_str(cell);
            if index < last {
                let padding = widths[index].saturating_sub(cell.chars().count()) + 2;
                text.extend(std::iter::repeat_n(' ', padding));
            }
        }
        styled(&format!("{style}{}{style:#}", plain(&text)));
    };
    print(heading.to_vec(), BOLD);
    for row in rows {
        print(row.iter().map(String::as_str).collect(), Style::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_steer_a_terminal_is_made_visible() {
        assert_eq!(
            plain("a\u{1b}[31mb\r\u{7f}"),
            "a\u{fffd}[31mb\u{fffd}\u{fffd}"
        );
        assert_eq!(plain("one\n\ttwo ✓"), "one\n\ttwo ✓");
    }
}
