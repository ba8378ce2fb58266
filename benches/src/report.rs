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
    /// Absent where Go has nothing like it.
    #[serde(skip_serializing_if = "Option::is_none")]
    go: Option<f64>,
    /// What ours is without what the row is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<f64>,
    /// Ours divided by the other. Less is better, except for rates.
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
    #[serde(skip)]
    goal: Option<Goal>,
}

/// What our figure stands beside.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Beside<T> {
    /// Go's.
    Go(T),
    /// Ours, without what the row is about.
    Baseline(T),
    /// Nothing.
    Nothing,
}

/// What a row is to reach.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goal {
    about: About,
    required: Option<f64>,
    stretch: f64,
}

/// Which figure a goal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    /// The ratio to the other.
    Ratio,
    /// Ours alone.
    Ours,
    /// How much more ours is than the other.
    Difference,
}

impl Goal {
    /// For the ratio.
    pub(crate) fn ratio(required: Option<f64>, stretch: f64) -> Goal {
        Goal {
            about: About::Ratio,
            required,
            stretch,
        }
    }

    /// For our figure, whatever Go's is, and not required.
    pub(crate) fn ours(stretch: f64) -> Goal {
        Goal {
            about: About::Ours,
            required: None,
            stretch,
        }
    }

    /// For our figure, and required.
    pub(crate) fn at_most(required: f64, stretch: f64) -> Goal {
        Goal {
            about: About::Ours,
            required: Some(required),
            stretch,
        }
    }

    /// For how much more our figure is than the other.
    pub(crate) fn added(required: f64, stretch: f64) -> Goal {
        Goal {
            about: About::Difference,
            required: Some(required),
            stretch,
        }
    }
}

impl Report {
    pub(crate) fn row(
        &mut self,
        name: &str,
        unit: &'static str,
        (ours, beside): (f64, Beside<f64>),
        goal: Option<Goal>,
    ) {
        let (go, baseline) = match beside {
            Beside::Go(go) => (Some(go), None),
            Beside::Baseline(baseline) => (None, Some(baseline)),
            Beside::Nothing => (None, None),
        };
        self.rows.push(Row {
            name: name.to_owned(),
            unit,
            ours: rounded(ours),
            go: go.map(rounded),
            baseline: baseline.map(rounded),
            ratio: go.or(baseline).map(|other| rounded(ours / other)),
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
        let other = self.go.or(self.baseline);
        let figure = match goal.about {
            About::Ours => self.ours,
            About::Ratio => self.ratio.unwrap_or(f64::NAN),
            About::Difference => other.map_or(f64::NAN, |other| self.ours - other),
        };
        let reached = |limit: f64| match self.more_is_better() {
            true => figure >= limit,
            false => figure <= limit,
        };
        let unit = match goal.about {
            About::Ratio => String::new(),
            About::Ours => " ours".to_owned(),
            About::Difference => format!(" {} more", self.unit),
        };
        let stretch = format!("{sign} {}{unit}", rounded(goal.stretch));
        let words = match goal.required {
            Some(required) => format!("{sign} {}{unit}, stretch {stretch}", rounded(required)),
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
                name, unit, ours, ..
            } = row;
            let shown = |figure: Option<f64>| figure.map(|figure| figure.to_string());
            let go = match row.baseline {
                Some(baseline) => format!("{baseline} (ours, without)"),
                None => shown(row.go).unwrap_or_default(),
            };
            let ratio = shown(row.ratio).unwrap_or_default();
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
        report.row("start", "ms", (5.0, Beside::Go(20.0)), None);
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
    fn a_row_without_go_says_what_it_stands_beside() {
        let mut report = Report::default();
        report.row("listed", "ms", (5.0, Beside::Nothing), None);
        report.row("busy", "ms", (5.0, Beside::Baseline(4.0)), None);
        let table = report.to_string();
        assert!(table.contains("| listed | ms | 5 |  |  |  |  |"), "{table}");
        assert!(
            table.contains("| busy | ms | 5 | 4 (ours, without) | 1.25 |  |  |"),
            "{table}"
        );
        let json = report.json().expect("JSON");
        assert!(
            json.contains("\"baseline\": 4.0") && !json.contains("\"go\""),
            "{json}"
        );
    }

    #[test]
    fn a_goal_is_met_missed_or_surpassed_in_the_direction_of_its_unit() {
        let verdict = |unit, ours, goal| {
            let mut report = Report::default();
            report.row("a row", unit, (ours, Beside::Go(1.0)), Some(goal));
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
        assert_eq!(
            verdict("ms", 60.0, Goal::at_most(50.0, 10.0)).1,
            "**missed**"
        );
        let added = Goal::added(1.0, 0.1);
        assert_eq!(verdict("ms", 2.1, added).1, "**missed**");
        assert_eq!(verdict("ms", 1.9, added).1, "met");
        assert_eq!(verdict("ms", 0.9, added).1, "stretch met");
        assert_eq!(
            verdict("ms", 2.0, added).0,
            "≤ 1 ms more, stretch ≤ 0.1 ms more"
        );
    }
}
