//! What a host logs of its own when all goes well: nothing that anybody must read.

use std::sync::{Arc, Mutex};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

use crate::support::fixture;

/// Keeps warnings and errors.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

struct Words(String);

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0 += &format!(" {field}={value:?}");
    }
}

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut words = Words(event.metadata().target().to_owned());
        event.record(&mut words);
        self.0.lock().unwrap().push(words.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn plugins_that_are_stopped_dropped_or_killed_leave_no_warning() {
    let warnings = Warnings::default();
    let _recording = tracing::subscriber::set_default(warnings.clone());
    let spec = fixture();
    for _ in 0..15 {
        let plugin = spec.start().await.unwrap();
        plugin.ping().await.unwrap();
        assert!(!plugin.stop().await.forced);
        drop(spec.start().await.unwrap());
        let plugin = spec.start().await.unwrap();
        let pid = rustix::process::Pid::from_raw(plugin.pid().cast_signed()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        plugin.exited().await;
    }
    assert_eq!(*warnings.0.lock().unwrap(), [""; 0]);

    // And it would have been seen.
    tracing::warn!("the recorder works");
    assert_eq!(warnings.0.lock().unwrap().len(), 1);
}
