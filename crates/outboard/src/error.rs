//! What the command says when it cannot do what was asked, and the exit code.
//!
//! With `--json` an error is one object on standard output:
//!
//! ```json
//! {"error":{"kind":"not_found","message":"there is no plugin \"x\"","hint":"…"}}
//! ```

use outboard_workflow::external::{ManagerError, ManagerErrorKind};
use serde::Serialize;

/// How the process ends; the same for every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It was tried and failed.
    Failed,
    /// The arguments, the settings or a file of the user's are wrong.
    Usage,
    /// What was named does not exist.
    NotFound,
    /// A rule forbids it.
    Refused,
}

impl Exit {
    pub(crate) fn code(self) -> u8 {
        match self {
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::NotFound => 3,
            Exit::Refused => 4,
        }
    }
}

/// One failure: what happened, why, and what to do.
#[derive(Debug, Serialize)]
pub(crate) struct CliError {
    #[serde(skip)]
    pub(crate) exit: Exit,
    pub(crate) kind: String,
    pub(crate) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

impl CliError {
    pub(crate) fn new(exit: Exit, kind: &str, message: impl ToString) -> CliError {
        CliError {
            exit,
            kind: kind.to_owned(),
            message: message.to_string(),
            hint: None,
        }
    }

    pub(crate) fn failed(kind: &str, message: impl ToString) -> CliError {
        CliError::new(Exit::Failed, kind, message)
    }

    /// A failure that the result has told already.
    pub(crate) fn silent() -> CliError {
        CliError::new(Exit::Failed, "", "")
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.message.is_empty()
    }

    pub(crate) fn usage(message: impl ToString) -> CliError {
        CliError::new(Exit::Usage, "usage", message)
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> CliError {
        self.hint = Some(hint.into());
        self
    }
}

impl From<ManagerError> for CliError {
    fn from(error: ManagerError) -> CliError {
        let exit = match error.kind() {
            ManagerErrorKind::InvalidName => Exit::Usage,
            ManagerErrorKind::NotFound => Exit::NotFound,
            ManagerErrorKind::InUse => Exit::Refused,
            _ => Exit::Failed,
        };
        CliError::new(exit, error.kind().as_str(), error)
    }
}
