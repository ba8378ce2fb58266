//! The pure state: what was counted, of which plugin and operation. It takes the time.

use std::{collections::HashMap, time::Duration};

use super::hour::{Bucket, Hour, MINUTES, buckets};
use crate::processes::Family;

/// How many plugins are counted one by one.
const MAX_PLUGINS: usize = 128;
/// How many operations of one plugin are.
const MAX_OPERATIONS: usize = 64;
/// How many operations of all plugins are.
const MAX_SERIES: usize = 1024;
/// Under which name the rest is counted.
pub(crate) const OTHER: &str = "other";

/// The upper ends of the steps in which `/metrics` tells durations, in microseconds.
pub(crate) const BOUNDS_MICROS: [u64; 14] = [
    100,
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    100_000,
    250_000,
    1_000_000,
    5_000_000,
    30_000_000,
    120_000_000,
];

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// It was answered.
    Ok,
    /// The operation itself failed.
    Error,
    /// What was asked was refused.
    Refused,
    /// There was no process to call, or it went away.
    Unavailable,
    /// It took too long.
    Deadline,
    /// The caller went away.
    Cancelled,
    /// What the plugin said makes no sense, or is too large.
    Misbehaved,
}

impl Outcome {
    pub(crate) const ALL: [Outcome; 7] = [
        Outcome::Ok,
        Outcome::Error,
        Outcome::Refused,
        Outcome::Unavailable,
        Outcome::Deadline,
        Outcome::Cancelled,
        Outcome::Misbehaved,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Error => "error",
            Outcome::Refused => "refused",
            Outcome::Unavailable => "unavailable",
            Outcome::Deadline => "deadline",
            Outcome::Cancelled => "cancelled",
            Outcome::Misbehaved => "misbehaved",
        }
    }

    /// Whether something went wrong. A caller who goes away is no error.
    pub(crate) fn is_error(self) -> bool {
        !matches!(self, Outcome::Ok | Outcome::Cancelled)
    }
}

/// Of what numbers are asked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Which<'a> {
    pub(crate) family: Option<Family>,
    pub(crate) plugin: Option<&'a str>,
    pub(crate) operation: Option<&'a str>,
}

/// What was counted of one operation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series {
    /// By [`Outcome::ALL`].
    pub(crate) outcomes: [u64; Outcome::ALL.len()],
    /// Of durations by [`BOUNDS_MICROS`], and those above all of them.
    pub(crate) steps: [u64; BOUNDS_MICROS.len() + 1],
    pub(crate) total: Duration,
    hour: Hour,
}

impl Series {
    fn record(&mut self, now: u64, outcome: Outcome, took: Duration) {
        let place = Outcome::ALL.iter().position(|other| *other == outcome);
        if let Some(count) = place.and_then(|place| self.outcomes.get_mut(place)) {
            *count += 1;
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let step = BOUNDS_MICROS.partition_point(|bound| *bound < micros);
        if let Some(count) = self.steps.get_mut(step) {
            *count += 1;
        }
        self.total = self.total.saturating_add(took);
        self.hour.record(now, outcome.is_error(), took);
    }
}

type Operations = HashMap<Box<str>, Series>;

/// Everything that was counted.
#[derive(Debug, Default)]
pub(crate) struct Book {
    workflow: HashMap<Box<str>, Operations>,
    connectors: HashMap<Box<str>, Operations>,
    series: usize,
}

impl Book {
    pub(super) fn record(
        &mut self,
        now: u64,
        family: Family,
        plugin: &str,
        operation: &str,
        outcome: Outcome,
        took: Duration,
    ) {
        let plugins = match family {
            Family::Workflow => &mut self.workflow,
            Family::Connector => &mut self.connectors,
        };
        // Nothing is allocated for what is known already.
        let known = plugins.get_mut(plugin).and_then(|of| of.get_mut(operation));
        if let Some(series) = known {
            return series.record(now, outcome, took);
        }
        let plugin = match plugins.contains_key(plugin) || plugins.len() < MAX_PLUGINS {
            true => plugin,
            false => OTHER,
        };
        let operations = plugins.entry(plugin.into()).or_default();
        let room = operations.len() < MAX_OPERATIONS && self.series < MAX_SERIES;
        let operation = match operation.is_empty() || !room {
            true => OTHER,
            false => operation,
        };
        if !operations.contains_key(operation) {
            self.series += 1;
        }
        let series = operations.entry(operation.into()).or_default();
        series.record(now, outcome, took);
    }

    pub(super) fn last_hour(&self, now: u64, family: Family, plugin: &str) -> (u64, u64) {
        let of = self.of(family).get(plugin);
        let sums = of.into_iter().flat_map(HashMap::values);
        sums.map(|series| series.hour.sums(now))
            .fold((0, 0), |sum, more| (sum.0 + more.0, sum.1 + more.1))
    }

    pub(super) fn hour(&self, now: u64, which: &Which<'_>) -> [Bucket; MINUTES] {
        let asked = self.all().filter(|(family, plugin, operation, _)| {
            which.family.is_none_or(|asked| asked == *family)
                && which.plugin.is_none_or(|asked| asked == *plugin)
                && which.operation.is_none_or(|asked| asked == *operation)
        });
        buckets(now, asked.map(|(.., series)| &series.hour))
    }

    /// Everything, in no order.
    pub(super) fn all(&self) -> impl Iterator<Item = (Family, &str, &str, &Series)> {
        [Family::Workflow, Family::Connector]
            .into_iter()
            .flat_map(|family| {
                self.of(family)
                    .iter()
                    .flat_map(move |(plugin, operations)| {
                        operations.iter().map(move |(operation, series)| {
                            (family, &**plugin, &**operation, series)
                        })
                    })
            })
    }

    fn of(&self, family: Family) -> &HashMap<Box<str>, Operations> {
        match family {
            Family::Workflow => &self.workflow,
            Family::Connector => &self.connectors,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    fn record(book: &mut Book, plugin: &str, operation: &str, outcome: Outcome) {
        book.record(100, Family::Workflow, plugin, operation, outcome, MILLI);
    }

    #[test]
    fn calls_are_counted_per_plugin_and_operation_and_in_total() {
        let mut book = Book::default();
        record(&mut book, "kv", "get", Outcome::Ok);
        record(&mut book, "kv", "put", Outcome::Refused);
        record(&mut book, "mail", "send", Outcome::Cancelled);
        assert_eq!(book.last_hour(100, Family::Workflow, "kv"), (2, 1));
        assert_eq!(
            book.last_hour(100, Family::Workflow, "mail"),
            (1, 0),
            "who goes away is no error"
        );
        assert_eq!(book.last_hour(100, Family::Connector, "kv"), (0, 0));
        let calls = |which: Which<'_>| book.hour(100, &which)[59].calls;
        assert_eq!(calls(Which::default()), 3);
        let kv = Which {
            plugin: Some("kv"),
            ..Which::default()
        };
        assert_eq!(calls(kv), 2);
        assert_eq!(
            calls(Which {
                operation: Some("put"),
                ..kv
            }),
            1
        );
        assert_eq!(
            calls(Which {
                family: Some(Family::Connector),
                ..kv
            }),
            0
        );
    }

    #[test]
    fn names_without_end_are_counted_together() {
        let mut book = Book::default();
        for number in 0..500 {
            record(&mut book, "kv", &format!("method{number}"), Outcome::Ok);
        }
        assert_eq!(book.workflow["kv"].len(), MAX_OPERATIONS + 1);
        let others = &book.workflow["kv"][OTHER];
        assert_eq!(
            others.outcomes.iter().sum::<u64>(),
            500 - MAX_OPERATIONS as u64
        );
        for number in 0..500 {
            record(&mut book, &format!("plugin{number}"), "do", Outcome::Ok);
        }
        assert_eq!(book.workflow.len(), MAX_PLUGINS + 1);
        let sum: u64 = book
            .all()
            .map(|(.., series)| series.outcomes.iter().sum::<u64>())
            .sum();
        assert_eq!(sum, 1000, "none is lost");
        assert!(book.series <= MAX_SERIES + MAX_PLUGINS + 1);
    }

    #[test]
    fn a_duration_is_in_the_step_whose_end_it_does_not_exceed() {
        let mut series = Series::default();
        for micros in [100, 101, 999_999_999] {
            series.record(1, Outcome::Ok, Duration::from_micros(micros));
        }
        assert_eq!(series.steps[0], 1);
        assert_eq!(series.steps[1], 1);
        assert_eq!(series.steps[BOUNDS_MICROS.len()], 1);
        assert_eq!(series.total, Duration::from_micros(1_000_000_200));
    }
}
