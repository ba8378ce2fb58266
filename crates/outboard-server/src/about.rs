//! What whoever starts a server tells it about itself and its machine, for the pages that
//! show it.

use std::{fmt, path::PathBuf, sync::Arc};

use serde::Serialize;

/// A setting, as it is in effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettingInfo {
    /// Its name in `outboard.toml`.
    pub name: String,
    /// Its value; empty if it is not set.
    pub value: String,
    /// Where the value came from: a flag, a variable, a file or the default.
    pub source: String,
    /// What it is for.
    pub help: String,
}

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and could be better.
    Warning,
    /// Something will not work.
    Problem,
}

impl Verdict {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Warning => "warning",
            Verdict::Problem => "problem",
        }
    }
}

/// Something about the machine that matters here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MachineCheck {
    /// What was looked at.
    pub name: String,
    /// How it stands.
    pub verdict: Verdict,
    /// In words.
    pub detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// What a server is told about itself. All of it is optional.
#[derive(Clone, Default)]
pub struct About {
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) settings: Vec<SettingInfo>,
    checks: Option<Checks>,
}

type Checks = Arc<dyn Fn() -> Vec<MachineCheck> + Send + Sync>;

impl About {
    /// A server of a data directory, with the settings in effect. None of them may be a
    /// secret: they are shown.
    pub fn new(data_dir: impl Into<PathBuf>, settings: Vec<SettingInfo>) -> About {
        About {
            data_dir: Some(data_dir.into()),
            settings,
            checks: None,
        }
    }

    /// With what looks at the machine, each time somebody asks. It may block.
    #[must_use]
    pub fn with_checks(
        mut self,
        checks: impl Fn() -> Vec<MachineCheck> + Send + Sync + 'static,
    ) -> About {
        self.checks = Some(Arc::new(checks));
        self
    }

    /// How the machine is now. Blocks.
    pub(crate) fn check(&self) -> Vec<MachineCheck> {
        self.checks
            .as_ref()
            .map_or_else(Vec::new, |checks| checks())
    }
}

impl fmt::Debug for About {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("About")
            .field("data_dir", &self.data_dir)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
