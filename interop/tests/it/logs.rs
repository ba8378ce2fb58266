//! What a Go plugin logs through hclog, as our host's own log has it.

use std::sync::{Arc, Mutex};

use outboard_interop::{cases, host, tools};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context, prelude::*};

/// Keeps events.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<Line>>>);

impl Lines {
    /// Those that are plugins' lines.
    pub(crate) fn of_plugins(&self) -> Vec<Line> {
        let all = self.0.lock().unwrap().clone();
        let of_plugins = all.into_iter().filter(|line| line.target == "plugin");
        of_plugins.collect()
    }

    /// The others that are as severe as this, or more.
    pub(crate) fn of_ours(&self, level: Level) -> Vec<Line> {
        let all = self.0.lock().unwrap().clone();
        let ours = all.into_iter().filter(|line| line.target != "plugin");
        ours.filter(|line| line.level.is_some_and(|of_line| of_line <= level))
            .collect()
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    target: String,
    pub(crate) level: Option<Level>,
    pub(crate) plugin: String,
    pub(crate) message: String,
    pub(crate) fields: String,
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line {
            target: event.metadata().target().to_owned(),
            level: Some(*event.metadata().level()),
            ..Line::default()
        };
        event.record(&mut line);
        self.0.lock().unwrap().push(line);
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "plugin" => value.clone_into(&mut self.plugin),
            "fields" => value.clone_into(&mut self.fields),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            "fields" => self.fields = format!("{value:?}"),
            _ => {}
        }
    }
}

#[tokio::test]
async fn hclogs_lines_arrive_in_tracing_at_their_levels_with_their_values() {
    let Some(go) = tools::go() else { return };
    let lines = Lines::default();
    // For this thread, which is the whole of this test's runtime.
    let _guard =
        tracing::subscriber::set_default(tracing_subscriber::registry().with(lines.clone()));
    let plugin = host::spec("logging", go.path("go-plugin-kitchen"))
        .start()
        .await
        .unwrap();
    let list = cases::WORKFLOW.cases();
    // The list's last case stops the plugin, and by then all it said has arrived.
    host::run(&list, &plugin).await;

    let seen = lines.of_plugins();
    let mut boiling: Vec<_> = seen
        .iter()
        .filter(|line| line.message == "the water boils")
        .collect();
    boiling.sort_by_key(|line| line.level);
    let levels: Vec<_> = boiling.iter().filter_map(|line| line.level).collect();
    assert_eq!(
        levels,
        [
            Level::ERROR,
            Level::WARN,
            Level::INFO,
            Level::DEBUG,
            Level::TRACE
        ]
    );
    for line in boiling {
        assert_eq!(line.plugin, "logging");
        let fields: serde_json::Value = serde_json::from_str(&line.fields).unwrap();
        assert_eq!(fields["dish"], "soup");
    }
    let printed = seen
        .iter()
        .find(|line| line.message == "soup is served")
        .unwrap();
    assert_eq!(
        (printed.level, printed.plugin.as_str()),
        (Some(Level::INFO), "logging")
    );
}
