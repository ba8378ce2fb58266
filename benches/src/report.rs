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
    /// Ours divided by Go's. Less is better, except for rates.
    ratio: f64,
    #[serde(skip)]
    goal: Option<Goal>,
}

/// What a row is to reach.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goal {
    /// Whether it is about our figure alone instead of the ratio to Go's.
    ours_alone: bool,
    required: Option<f64>,
    stretch: f64,
}

impl Goal {
    /// For the ratio.
    pub(crate) fn ratio(required: Option<f64>, stretch: f64) -> Goal {
        Goal {
            ours_alone: false,
            required,
            stretch,
        }
    }

    /// For our figure, whatever Go's is, and not required.
    pub(crate) fn ours(stretch: f64) -> Goal {
        Goal {
            ours_alone: true,
            required: None,
            stretch,
        }
    }
}

impl Report {
    pub(crate) fn row(
        &mut self,
        name: &str,
        unit: &'static str,
        (ours, go): (f64, f64),
        goal: Option<Goal>,
    ) {
        let ratio = ours / go;
        self.rows.push(Row {
            name: name.to_owned(),
            unit,
            ours: rounded(ours),
            go: rounded(go),
            ratio: rounded(ratio),
            goal,
        });
    }

    pub(crate) fn json(&self) -> Result<String, serde_json::Error> {
        let mut text = serde_json::to_string_pretty(&self.rows)?;
        text.push('\n');
        Ok(text)
    }
}

impl Row {
    fn more_is_better(&self) -> bool {
        self.unit.ends_with("/s")
    }

    /// The goal in words, and what came of it.
    fn verdict(&self) -> (String, &'static str) {
        let Some(goal) = self.goal else {
            return Default::default();
        };
        let sign = if self.more_is_better() { "≥" } else { "≤" };
        let figure = if goal.ours_alone {
            self.ours
        } else {
            self.ratio
        };
        let reached = |limit: f64| match self.more_is_better() {
            true => figure >= limit,
            false => figure <= limit,
        };
        let unit = if goal.ours_alone { " ours" } else { "" };
        let stretch = format!("{sign} {}{unit}", rounded(goal.stretch));
        let words = match goal.required {
            Some(required) => format!("{sign} {}, stretch {stretch}", rounded(required)),
            None => format!("stretch {stretch}"),
        };
        let outcome = match goal.required.map(reached) {
            _ if reached(goal.stretch) => "stretch met",
            Some(true) => "met",
            Some(false) => "**missed**",
            None => "stretch missed",
        };
        (words, outcome)
    }
}

impl fmt::Display for Report {
    /// A table in Markdown, as `docs/benchmarks.md` has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | unit | ours | Go | ratio | goal | |")?;
        writeln!(f, "|---|---|---:|---:|---:|---|---|")?;
        for row in &self.rows {
            let Row {
                name,
                unit,
                ours,
                go,
                ratio,
                ..
            } = row;
            let (goal, outcome) = row.verdict();
            writeln!(
                f,
                "| {name} | {unit} | {ours} | {go} | {ratio} | {goal} | {outcome} |"
            )?;
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
        report.row("start", "ms", (5.0, 20.0), None);
        assert!(
            report
                .to_string()
                .contains("| start | ms | 5 | 20 | 0.25 |  |  |")
        );
        let json: serde_json::Value =
            serde_json::from_str(&report.json().expect("JSON")).expect("JSON");
        assert_eq!(
            json,
            serde_json::json!([
                { "name": "start", "unit": "ms", "ours": 5.0, "go": 20.0, "ratio": 0.25 }
            ])
        );
    }

    #[test]
    fn a_goal_is_met_missed_or_surpassed_in_the_direction_of_its_unit() {
        let verdict = |unit, ours, goal| {
            let mut report = Report::default();
            report.row("a row", unit, (ours, 1.0), Some(goal));
            report.rows[0].verdict()
        };
        let less = Goal::ratio(Some(0.5), 0.25);
        assert_eq!(verdict("us", 0.6, less).1, "**missed**");
        assert_eq!(verdict("us", 0.5, less).1, "met");
        assert_eq!(verdict("us", 0.2, less).1, "stretch met");
        assert_eq!(verdict("us", 0.2, less).0, "≤ 0.5, stretch ≤ 0.25");
        let more = Goal::ratio(None, 2.5);
        assert_eq!(verdict("calls/s", 2.0, more).1, "stretch missed");
        assert_eq!(verdict("MiB/s", 3.0, more).1, "stretch met");
        assert_eq!(verdict("calls/s", 3.0, more).0, "stretch ≥ 2.5");
        assert_eq!(verdict("x", 1.6, Goal::ours(1.5)).1, "stretch missed");
        assert_eq!(verdict("x", 1.4, Goal::ours(1.5)).0, "stretch ≤ 1.5 ours");
    }
}
