//! The pure state: what was counted, of which plugin and operation, pipeline and step. It
//! takes the time.

use std::collections::HashMap;

use outboard_go_plugin::host::CallReport;
use outboard_workflow::engine::{EndedRun, EndedStep, pipeline::RunStatus};

use super::{
    hour::{Bucket, MINUTES, buckets},
    series::Series,
};
use crate::processes::Family;

/// How many plugins of a family are counted one by one, and how many operations of each.
const MAX_PLUGINS: usize = 128;
const MAX_OPERATIONS: usize = 64;
/// How many operations of all plugins of a family are.
const MAX_SERIES: usize = 512;
/// How many pipelines are, and how many types of steps.
const MAX_PIPELINES: usize = 128;
const MAX_STEP_TYPES: usize = 128;
/// Under which name the rest is counted.
pub(crate) const OTHER: &str = "other";

/// Of which calls numbers are asked; all, unless something is said.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Which<'a> {
    pub(crate) family: Option<Family>,
    pub(crate) plugin: Option<&'a str>,
    pub(crate) operation: Option<&'a str>,
}

type Named = HashMap<Box<str>, Series>;

/// The calls of one family.
#[derive(Debug, Default)]
struct Calls {
    plugins: HashMap<Box<str>, Named>,
    series: usize,
}

/// Everything that was counted.
#[derive(Debug, Default)]
pub(crate) struct Book {
    workflow: Calls,
    connectors: Calls,
    runs: Named,
    steps: Named,
}

impl Calls {
    fn record(&mut self, now: u64, call: &CallReport<'_>) {
        let (ended, failed) = (call.outcome.as_str(), call.outcome.is_error());
        // Nothing is allocated for what is known already.
        let known = self
            .plugins
            .get_mut(call.plugin)
            .and_then(|of| of.get_mut(call.operation));
        if let Some(series) = known {
            return series.record(now, ended, failed, call.took);
        }
        let operations = place(&mut self.plugins, call.plugin, MAX_PLUGINS);
        let most = match self.series < MAX_SERIES {
            true => MAX_OPERATIONS,
            false => 0,
        };
        let before = operations.len();
        let operation = match call.operation {
            "" => OTHER,
            operation => operation,
        };
        place(operations, operation, most).record(now, ended, failed, call.took);
        self.series += operations.len() - before;
    }
}

/// The place of a name; that of all others where there is no room for another one.
fn place<'a, T: Default>(all: &'a mut HashMap<Box<str>, T>, name: &str, most: usize) -> &'a mut T {
    let name = match all.contains_key(name) || all.len() < most {
        true => name,
        false => OTHER,
    };
    all.entry(name.into()).or_default()
}

impl Book {
    pub(super) fn call(&mut self, now: u64, family: Family, call: &CallReport<'_>) {
        match family {
            Family::Workflow => self.workflow.record(now, call),
            Family::Connector => self.connectors.record(now, call),
        }
    }

    pub(super) fn run(&mut self, now: u64, run: &EndedRun<'_>) {
        let series = place(&mut self.runs, run.pipeline, MAX_PIPELINES);
        series.record(now, run.status.as_str(), failed(run.status), run.took);
    }

    pub(super) fn step(&mut self, now: u64, step: &EndedStep<'_>) {
        let series = place(&mut self.steps, step.step_type, MAX_STEP_TYPES);
        series.record(now, step.status.as_str(), failed(step.status), step.took);
    }

    pub(super) fn last_hour(&self, now: u64, family: Family, plugin: &str) -> (u64, u64) {
        let of = self.of(family).plugins.get(plugin);
        let sums = of.into_iter().flat_map(HashMap::values);
        sums.map(|series| series.hour.sums(now))
            .fold((0, 0), |sum, more| (sum.0 + more.0, sum.1 + more.1))
    }

    pub(super) fn hour(&self, now: u64, which: &Which<'_>) -> [Bucket; MINUTES] {
        let asked = self.calls().filter(|(family, plugin, operation, _)| {
            which.family.is_none_or(|asked| asked == *family)
                && which.plugin.is_none_or(|asked| asked == *plugin)
                && which.operation.is_none_or(|asked| asked == *operation)
        });
        buckets(now, asked.map(|(.., series)| &series.hour))
    }

    pub(super) fn hour_of_runs(&self, now: u64, pipeline: Option<&str>) -> [Bucket; MINUTES] {
        let asked = self
            .runs
            .iter()
            .filter(|(name, _)| pipeline.is_none_or(|asked| asked == &***name));
        buckets(now, asked.map(|(_, series)| &series.hour))
    }

    /// The calls of each operation, in no order.
    pub(crate) fn calls(&self) -> impl Iterator<Item = (Family, &str, &str, &Series)> {
        [Family::Workflow, Family::Connector]
            .into_iter()
            .flat_map(|family| {
                let plugins = self.of(family).plugins.iter();
                plugins.flat_map(move |(plugin, operations)| {
                    operations
                        .iter()
                        .map(move |(operation, series)| (family, &**plugin, &**operation, series))
                })
            })
    }

    /// The runs of each pipeline, in no order.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (&str, &Series)> {
        self.runs.iter().map(|(name, series)| (&**name, series))
    }

    /// The steps of each type, in no order.
    pub(crate) fn steps(&self) -> impl Iterator<Item = (&str, &Series)> {
        self.steps.iter().map(|(name, series)| (&**name, series))
    }

    fn of(&self, family: Family) -> &Calls {
        match family {
            Family::Workflow => &self.workflow,
            Family::Connector => &self.connectors,
        }
    }
}

/// Who cancels knows why, and what is skipped was counted on.
fn failed(status: RunStatus) -> bool {
    matches!(status, RunStatus::Failed | RunStatus::TimedOut)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use outboard_go_plugin::host::CallOutcome;

    use super::*;

    fn record(book: &mut Book, plugin: &str, operation: &str, outcome: CallOutcome) {
        let call = CallReport {
            plugin,
            operation,
            outcome,
            took: Duration::from_millis(1),
        };
        book.call(100, Family::Workflow, &call);
    }

    fn count(series: &Series) -> u64 {
        series.ended.iter().map(|(_, count)| count).sum()
    }

    #[test]
    fn calls_are_counted_per_plugin_and_operation_and_in_total() {
        let mut book = Book::default();
        record(&mut book, "kv", "get", CallOutcome::Ok);
        record(&mut book, "kv", "put", CallOutcome::Refused);
        record(&mut book, "mail", "send", CallOutcome::Cancelled);
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
        let put = Which {
            operation: Some("put"),
            ..kv
        };
        assert_eq!(calls(put), 1);
        let connector = Which {
            family: Some(Family::Connector),
            ..kv
        };
        assert_eq!(calls(connector), 0);
    }

    #[test]
    fn names_without_end_are_counted_together() {
        let mut book = Book::default();
        for number in 0..500 {
            record(&mut book, "kv", &format!("method{number}"), CallOutcome::Ok);
        }
        let kv = &book.workflow.plugins["kv"];
        assert_eq!(kv.len(), MAX_OPERATIONS + 1);
        assert_eq!(count(&kv[OTHER]), 500 - MAX_OPERATIONS as u64);
        for number in 0..500 {
            let plugin = format!("plugin{number}");
            for operation in ["a", "b", "c", "d"] {
                record(&mut book, &plugin, operation, CallOutcome::Ok);
            }
        }
        assert_eq!(book.workflow.plugins.len(), MAX_PLUGINS + 1);
        let series: usize = book.calls().count();
        assert!(series <= MAX_SERIES + MAX_PLUGINS + 1, "{series}");
        let all: u64 = book.calls().map(|(.., series)| count(series)).sum();
        assert_eq!(all, 2500, "none is lost");
    }

    #[test]
    fn runs_and_steps_are_counted_by_how_they_ended() {
        let mut book = Book::default();
        for status in [
            RunStatus::Succeeded,
            RunStatus::Failed,
            RunStatus::Cancelled,
        ] {
            let took = Duration::from_millis(3);
            book.run(
                100,
                &EndedRun {
                    pipeline: "restock",
                    trigger: "manual",
                    status,
                    took,
                },
            );
            book.step(
                100,
                &EndedStep {
                    pipeline: "restock",
                    step_type: "kv.get",
                    status,
                    took,
                },
            );
        }
        let last = book.hour_of_runs(100, Some("restock"))[59];
        assert_eq!((last.calls, last.errors), (3, 1));
        assert_eq!(book.hour_of_runs(100, Some("other"))[59].calls, 0);
        let (name, steps) = book.steps().next().unwrap();
        assert_eq!(name, "kv.get");
        assert!(steps.ended.contains(&("failed", 1)), "{steps:?}");
        assert_eq!(steps.durations.total, Duration::from_millis(9));
    }
}
