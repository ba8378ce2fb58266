//! What connectors said.

use jiff::Timestamp;
use outboard_go_plugin::host::{LogLine, PluginLog};
use serde_json::{Value, json};

use super::{ConnectorHost, error::HostError};

impl ConnectorHost {
    /// What a connector said, over all its processes, to read and to follow. `None` until
    /// it is first called.
    ///
    /// # Errors
    ///
    /// [`HostErrorKind::NotFound`](super::HostErrorKind::NotFound) when it is not installed.
    pub fn log(&self, key: &str) -> Result<Option<PluginLog>, HostError> {
        self.entry(key)?;
        Ok(self.inner.pool.log(key))
    }

    /// The last lines of a connector's processes, oldest first, as JSON objects with `at`,
    /// `pid`, `level`, `message`, and `module` and `fields` where there are any.
    ///
    /// # Errors
    ///
    /// [`HostErrorKind::NotFound`](super::HostErrorKind::NotFound) when it is not installed.
    pub async fn logs(&self, key: &str, lines: usize) -> Result<Vec<Value>, HostError> {
        self.entry(key)?;
        let said = match self.inner.pool.log(key) {
            Some(log) => log.recent(),
            None => Vec::new(),
        };
        let last = said.len().saturating_sub(lines);
        Ok(said[last..].iter().map(line).collect())
    }
}

fn line(line: &LogLine) -> Value {
    let at = Timestamp::try_from(line.at).map(|at| at.to_string());
    let mut value = json!({
        "at": at.unwrap_or_default(),
        "pid": line.pid,
        "level": line.level.as_str(),
        "message": line.message,
    });
    if let Some(module) = &line.module {
        value["module"] = json!(module);
    }
    if let Some(fields) = &line.fields {
        value["fields"] = serde_json::from_str(fields).unwrap_or_default();
    }
    value
}
