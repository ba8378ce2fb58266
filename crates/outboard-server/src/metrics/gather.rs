//! Everything that `/metrics` tells, in the order in which it tells it.

use std::{collections::BTreeMap, time::Duration};

use outboard_go_plugin::host::resident_memory;
use outboard_workflow::engine::TypeKind;

use super::text::{Kind, Text, seconds};
use crate::{
    processes::{self, Condition, PluginRow},
    server::AppState,
    stats::{OTHER, Series},
};

pub(super) async fn gather(state: &AppState) -> String {
    let mut text = Text::default();
    of_server(&mut text, state);
    match processes::all(state).await {
        Ok(rows) => of_plugins(&mut text, &rows),
        // The other numbers are as good without them.
        Err(problem) => tracing::warn!(
            detail = problem.detail,
            "the plugins are missing in /metrics"
        ),
    }
    of_calls(&mut text, state);
    of_runs(&mut text, state);
    of_requests(&mut text, state);
    of_what_was_lost(&mut text, state);
    text.finish()
}

fn of_server(text: &mut Text, state: &AppState) {
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    text.metric(
        "outboard_build_info",
        Kind::Gauge,
        "Always 1; the label says which version runs.",
    );
    text.sample("outboard_build_info", &version, 1);
    text.metric(
        "outboard_start_time_seconds",
        Kind::Gauge,
        "When the server was started, in seconds since 1970.",
    );
    text.sample(
        "outboard_start_time_seconds",
        &[],
        state.started_at.as_millisecond() as f64 / 1000.0,
    );
    if let Some(bytes) = resident_memory(std::process::id()) {
        text.metric(
            "outboard_memory_bytes",
            Kind::Gauge,
            "Memory of the server itself, without its plugins.",
        );
        text.sample("outboard_memory_bytes", &[], bytes);
    }
}

/// One number of each plugin that has it.
fn each<T: std::fmt::Display>(
    text: &mut Text,
    rows: &[PluginRow],
    (name, kind, help): (&'static str, Kind, &str),
    number: impl Fn(&PluginRow) -> Option<T>,
) {
    text.metric(name, kind, help);
    for row in rows {
        if let Some(number) = number(row) {
            let labels = [("family", row.family.as_str()), ("plugin", &row.name)];
            text.sample(name, &labels, number);
        }
    }
}

fn of_plugins(text: &mut Text, rows: &[PluginRow]) {
    use Kind::{Counter, Gauge};

    text.metric(
        "outboard_plugin_info",
        Gauge,
        "Always 1; the labels say how each plugin stands.",
    );
    for row in rows {
        let labels = [
            ("family", row.family.as_str()),
            ("plugin", &row.name),
            ("version", &row.version),
            ("state", row.state),
            ("condition", row.condition.as_str()),
        ];
        text.sample("outboard_plugin_info", &labels, 1);
    }
    each(
        text,
        rows,
        (
            "outboard_plugin_up",
            Gauge,
            "1 where a plugin can be called, 0 where it cannot.",
        ),
        |row| Some(u8::from(row.enabled && row.condition == Condition::Well)),
    );
    each(
        text,
        rows,
        (
            "outboard_plugin_restarts_total",
            Counter,
            "Starts after a process had ended by itself, since the plugin was loaded.",
        ),
        |row| Some(row.restarts),
    );
    each(
        text,
        rows,
        (
            "outboard_plugin_memory_bytes",
            Gauge,
            "Memory of the plugin's process.",
        ),
        |row| row.memory_bytes,
    );
    each(
        text,
        rows,
        (
            "outboard_plugin_uptime_seconds",
            Gauge,
            "How long the plugin's process has been ready.",
        ),
        |row| row.uptime_ms.map(Duration::from_millis).map(seconds),
    );
    each(
        text,
        rows,
        (
            "outboard_plugin_calls_in_flight",
            Gauge,
            "Calls that the plugin answers right now.",
        ),
        |row| Some(row.in_flight),
    );
    each(
        text,
        rows,
        (
            "outboard_pool_calls_waiting",
            Gauge,
            "Calls that wait for a connector's process.",
        ),
        |row| row.pool.as_ref().map(|pool| pool.waiting),
    );
    each(
        text,
        rows,
        (
            "outboard_pool_processes_leaving",
            Gauge,
            "Processes of a connector that finish their last calls.",
        ),
        |row| row.pool.as_ref().map(|pool| pool.leaving),
    );
    each(
        text,
        rows,
        (
            "outboard_pool_starts_total",
            Counter,
            "Processes of a connector that were started.",
        ),
        |row| row.pool.as_ref().map(|pool| pool.starts),
    );
}

fn of_calls(text: &mut Text, state: &AppState) {
    let mut calls: Vec<_> = state.stats.read(|book, _| {
        let calls = book.calls();
        calls
            .map(|(family, plugin, operation, series)| {
                let names = (family, plugin.to_owned(), operation.to_owned());
                (names, Told::of(series))
            })
            .collect()
    });
    calls.sort_by(|one, other| one.0.cmp(&other.0));
    text.metric(
        "outboard_calls_total",
        Kind::Counter,
        "Calls to plugins that have ended, by how they ended.",
    );
    for ((family, plugin, operation), told) in &calls {
        for (outcome, count) in &told.ended {
            let labels = [
                ("family", family.as_str()),
                ("plugin", plugin),
                ("operation", operation),
                ("outcome", outcome),
            ];
            text.sample("outboard_calls_total", &labels, count);
        }
    }
    text.metric(
        "outboard_call_duration_seconds",
        Kind::Histogram,
        "How long calls to plugins took, however they ended.",
    );
    for ((family, plugin, operation), told) in &calls {
        let labels = [
            ("family", family.as_str()),
            ("plugin", plugin.as_str()),
            ("operation", operation),
        ];
        text.histogram("outboard_call_duration_seconds", &labels, &told.durations);
    }
}

fn of_runs(text: &mut Text, state: &AppState) {
    let (runs, steps) = state.stats.read(|book, _| {
        let told = |(name, series): (&str, &Series)| (name.to_owned(), Told::of(series));
        let runs: BTreeMap<String, Told> = book.runs().map(told).collect();
        let steps: BTreeMap<String, Told> = book.steps().map(told).collect();
        (runs, steps)
    });
    text.metric(
        "outboard_runs_in_progress",
        Kind::Gauge,
        "Runs of pipelines that go on.",
    );
    text.sample(
        "outboard_runs_in_progress",
        &[],
        state.engine.runs_in_progress(),
    );
    text.metric(
        "outboard_runs_total",
        Kind::Counter,
        "Runs of pipelines that have ended, by how they ended.",
    );
    for (pipeline, told) in &runs {
        for (status, count) in &told.ended {
            let labels = [("pipeline", pipeline.as_str()), ("status", status)];
            text.sample("outboard_runs_total", &labels, count);
        }
    }
    text.metric(
        "outboard_run_duration_seconds",
        Kind::Histogram,
        "How long runs of pipelines took.",
    );
    for (pipeline, told) in &runs {
        let labels = [("pipeline", pipeline.as_str())];
        text.histogram("outboard_run_duration_seconds", &labels, &told.durations);
    }
    // Whose a type is, where the plugin is still there.
    let owners = state.engine.registry().types(TypeKind::Step);
    let owner = |step_type: &str| owners.get(step_type).map_or(OTHER, String::as_str);
    text.metric(
        "outboard_steps_total",
        Kind::Counter,
        "Steps of runs that have ended, by the plugin that has the type and by how they ended.",
    );
    for (step_type, told) in &steps {
        for (status, count) in &told.ended {
            let labels = [
                ("plugin", owner(step_type)),
                ("type", step_type),
                ("status", status),
            ];
            text.sample("outboard_steps_total", &labels, count);
        }
    }
    text.metric(
        "outboard_step_duration_seconds",
        Kind::Histogram,
        "How long steps of runs took.",
    );
    for (step_type, told) in &steps {
        let labels = [("plugin", owner(step_type)), ("type", step_type)];
        text.histogram("outboard_step_duration_seconds", &labels, &told.durations);
    }
}

/// A copy of what was counted, so that nobody waits while it is written down.
struct Told {
    ended: Vec<(&'static str, u64)>,
    durations: crate::stats::Durations,
}

impl Told {
    fn of(series: &Series) -> Told {
        Told {
            ended: series.ended.clone(),
            durations: series.durations.clone(),
        }
    }
}

fn of_requests(text: &mut Text, state: &AppState) {
    let all = state.requests.all();
    text.metric(
        "outboard_http_requests_in_progress",
        Kind::Gauge,
        "Requests that are being worked on, this one included.",
    );
    text.sample(
        "outboard_http_requests_in_progress",
        &[],
        state.requests.running(),
    );
    text.metric(
        "outboard_http_requests_total",
        Kind::Counter,
        "Requests that were answered, by the pattern of their route.",
    );
    for (route, method, answered) in &all {
        for (status, count) in &answered.statuses {
            let status = status.to_string();
            let labels = [
                ("route", route.as_str()),
                ("method", method),
                ("status", &status),
            ];
            text.sample("outboard_http_requests_total", &labels, count);
        }
    }
    text.metric(
        "outboard_http_request_duration_seconds",
        Kind::Histogram,
        "How long requests took until they began to be answered.",
    );
    for (route, method, answered) in &all {
        let labels = [("route", route.as_str()), ("method", method)];
        text.histogram(
            "outboard_http_request_duration_seconds",
            &labels,
            &answered.durations,
        );
    }
}

fn of_what_was_lost(text: &mut Text, state: &AppState) {
    let ring = state.events.ring();
    text.metric(
        "outboard_events_total",
        Kind::Counter,
        "Events that were told to those who follow.",
    );
    text.sample("outboard_events_total", &[], ring.newest());
    text.metric(
        "outboard_events_lost_total",
        Kind::Counter,
        "Events that came too fast for those who follow, or for the server itself.",
    );
    text.sample("outboard_events_lost_total", &[], ring.lost());
    text.metric(
        "outboard_audit_lost_total",
        Kind::Counter,
        "Lines that are missing in the audit log: too many at once, or the disk failed.",
    );
    text.sample("outboard_audit_lost_total", &[], state.access.audit_lost());
    if let Some(host) = &state.connectors {
        text.metric(
            "outboard_history_lost_total",
            Kind::Counter,
            "Calls of connectors that are missing in the history: too many at once, or the disk failed.",
        );
        text.sample("outboard_history_lost_total", &[], host.history_lost());
    }
}
