//! What a failed operation on a plugin is to an HTTP client.

use http::StatusCode;
use outboard_workflow::{
    engine::EngineError,
    external::{ManagerError, ManagerErrorKind},
};

use crate::{http::Problem, workflow::problem_of_engine};

/// Why an operation on a plugin failed.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The plugin or its process.
    #[error(transparent)]
    Manager(#[from] ManagerError),
    /// The engine could not take it or let it go.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl ControlError {
    /// The status, for the seed's routes and ours alike.
    pub fn status(&self) -> StatusCode {
        to_problem(self).status
    }
}

/// The failure as one of our own routes tells it.
pub(crate) fn to_problem(error: &ControlError) -> Problem {
    match error {
        ControlError::Manager(error) => {
            let (status, kind) = status_of_manager(error.kind());
            Problem::new(status, kind, error.to_string())
        }
        ControlError::Engine(error) => problem_of_engine(error),
    }
}

/// Status and kind of each failure of the manager.
pub(crate) fn status_of_manager(kind: ManagerErrorKind) -> (StatusCode, &'static str) {
    use ManagerErrorKind as Kind;
    let status = match kind {
        Kind::InvalidName => StatusCode::BAD_REQUEST,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::AlreadyLoaded | Kind::NotLoaded | Kind::InUse | Kind::Busy => StatusCode::CONFLICT,
        Kind::Manifest | Kind::Binary | Kind::Dependency => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::Misbehaved => StatusCode::BAD_GATEWAY,
        Kind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, kind.as_str())
}
