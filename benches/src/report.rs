//! Rows of figures, as a table for people and as JSON for programs.

use std::fmt;

use serde::Serialize;

/// All rows, in the order in which they are shown.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    unit: &'static str,
    ours: f64,
    go: f64,
    /// Ours divided by Go's. Less is better, except for calls per second.
    ratio: f64,
}

impl Report {
    pub(crate) fn row(&mut self, name: &str, unit: &'static str, ours: f64, go: f64) {
        let ratio = ours / go;
        self.rows.push(Row {
            name: name.to_owned(),
            unit,
            ours: rounded(ours),
            go: rounded(go),
            ratio: rounded(ratio),
        });
    }

    pub(crate) fn json(&self) -> Result<String, serde_json::Error> {
        let mut text = serde_json::to_string_pretty(&self.rows)?;
        text.push('\n');
        Ok(text)
    }
}

impl fmt::Display for Report {
    /// A table in Markdown, as `docs/benchmarks.md` has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | unit | ours | Go | ratio |")?;
        writeln!(f, "|---|---|---:|---:|---:|")?;
        for row in &self.rows {
            let Row {
                name,
                unit,
                ours,
                go,
                ratio,
            } = row;
            writeln!(f, "| {name} | {unit} | {ours} | {go} | {ratio} |")?;
        }
        Ok(())
    }
}

/// Three digits that mean something; nobody measures more.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let scale = 10f64.powf(2.0 - value.abs().log10().floor());
    (value * scale).round() / scale
}

/// The middle one; of an even number the upper of the two.
///
/// # Panics
///
/// When there is none.
pub(crate) fn median_of(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)]

    use super::*;

    #[test]
    fn figures_keep_three_digits() {
        assert_eq!(rounded(123_456.0), 123_000.0);
        assert_eq!(rounded(0.012_345), 0.0123);
        assert_eq!(rounded(1.0), 1.0);
        assert_eq!(rounded(0.0), 0.0);
    }

    #[test]
    fn one_slow_round_does_not_move_the_median() {
        assert_eq!(median_of([3.0, 1.0, 900.0]), 3.0);
    }

    #[test]
    fn a_row_has_the_ratio_of_ours_to_gos() {
        let mut report = Report::default();
        report.row("start", "ms", 5.0, 20.0);
        assert!(
            report
                .to_string()
                .contains("| start | ms | 5 | 20 | 0.25 |")
        );
        let json: serde_json::Value =
            serde_json::from_str(&report.json().expect("JSON")).expect("JSON");
        assert_eq!(json[0]["ratio"], 0.25);
    }
}
