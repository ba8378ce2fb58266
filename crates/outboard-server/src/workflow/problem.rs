//! What a failure of the engine is to an HTTP client.

use http::StatusCode;
use outboard_workflow::engine::{EngineError, EngineErrorKind, PluginFailure};

use crate::http::Problem;

/// Status, kind and text of a failure of the engine, or of a run.
pub(crate) fn problem_of_engine(error: &EngineError) -> Problem {
    use EngineErrorKind as Kind;
    let (status, kind) = match error.kind() {
        Kind::NotFound => (StatusCode::NOT_FOUND, "not_found"),
        Kind::BadInput => (StatusCode::BAD_REQUEST, "bad_input"),
        Kind::InUse => (StatusCode::CONFLICT, "in_use"),
        Kind::State => (StatusCode::CONFLICT, "wrong_state"),
        Kind::AlreadyRegistered => (StatusCode::CONFLICT, "already_loaded"),
        Kind::NotRegistered => (StatusCode::CONFLICT, "not_loaded"),
        Kind::TypeConflict => (StatusCode::CONFLICT, "type_conflict"),
        Kind::Duplicate => (StatusCode::CONFLICT, "duplicate"),
        Kind::Busy => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
        Kind::Timeout | Kind::Plugin(PluginFailure::Timeout) => {
            (StatusCode::GATEWAY_TIMEOUT, "timeout")
        }
        Kind::Plugin(PluginFailure::Unavailable) => (StatusCode::BAD_GATEWAY, "plugin_unavailable"),
        Kind::Plugin(_) => (StatusCode::BAD_GATEWAY, "plugin_failed"),
        Kind::Cancelled => (StatusCode::SERVICE_UNAVAILABLE, "cancelled"),
        Kind::InvalidWorkflow | Kind::InvalidConfig | Kind::InvalidPlugin | Kind::UnknownType => {
            (StatusCode::UNPROCESSABLE_ENTITY, "invalid")
        }
        Kind::MissingDependency | Kind::DependencyMismatch | Kind::DependencyCycle => {
            (StatusCode::UNPROCESSABLE_ENTITY, "dependency")
        }
        Kind::Template => (StatusCode::UNPROCESSABLE_ENTITY, "template"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
    };
    Problem::new(status, kind, error.to_string())
}
