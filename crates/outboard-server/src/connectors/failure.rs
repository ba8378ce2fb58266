//! What a failure of the host of connectors is to an HTTP client.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use outboard_connector::host::{HostError, HostErrorKind};

use crate::http::Problem;

/// A failed request, with the time after which to try again where that helps.
#[derive(Debug)]
pub(super) struct Failure(pub(super) Problem);

/// The status of each kind of failure.
///
/// A failed operation is 424: the request was in order and so was the connector, but what
/// it was asked to do did not work. 502 is a connector that misbehaves.
pub(super) fn status_of(kind: &HostErrorKind) -> StatusCode {
    use HostErrorKind as Kind;
    match kind {
        Kind::InvalidName => StatusCode::BAD_REQUEST,
        Kind::Refused => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Disabled | Kind::Conflict | Kind::SignIn => StatusCode::CONFLICT,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::InvalidInput | Kind::NotConfigured | Kind::Unusable => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Kind::Operation { .. } => StatusCode::FAILED_DEPENDENCY,
        Kind::Misbehaved | Kind::Download => StatusCode::BAD_GATEWAY,
        Kind::Unavailable | Kind::Overloaded | Kind::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Deadline => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The failure as our routes tell it.
pub(crate) fn problem_of_host(error: &HostError) -> Problem {
    let kind = error.kind();
    let mut problem = Problem::new(status_of(kind), kind.as_str(), error.message());
    problem.hint = error.what_to_do().map(str::to_owned);
    if let HostErrorKind::Operation { code } = kind {
        problem.code = Some(code.clone());
    }
    problem
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Failure {
        Failure(problem_of_host(&error))
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Failure {
        Failure(problem)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let retry = matches!(&*self.0.kind, "unavailable" | "overloaded");
        let mut response = self.0.into_response();
        if retry {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_status_and_its_word() {
        use HostErrorKind as Kind;
        let code = "exec_error".to_owned();
        for (kind, status, word) in [
            (Kind::InvalidName, 400, "invalid_name"),
            (Kind::NotFound, 404, "not_found"),
            (Kind::Disabled, 409, "disabled"),
            (Kind::InvalidInput, 422, "invalid_input"),
            (Kind::NotConfigured, 422, "not_configured"),
            (Kind::Refused, 403, "refused"),
            (Kind::Conflict, 409, "conflict"),
            (Kind::Unusable, 422, "unusable"),
            (Kind::Operation { code }, 424, "operation"),
            (Kind::Misbehaved, 502, "misbehaved"),
            (Kind::Unavailable, 503, "unavailable"),
            (Kind::Overloaded, 503, "overloaded"),
            (Kind::Deadline, 504, "deadline"),
            (Kind::TooLarge, 413, "too_large"),
            (Kind::Download, 502, "download"),
            (Kind::SignIn, 409, "sign_in"),
            (Kind::Stopping, 503, "stopping"),
            (Kind::State, 500, "state"),
            (Kind::Internal, 500, "internal"),
        ] {
            let problem = problem_of_host(&HostError::new(kind, "it").hint("do"));
            assert_eq!(problem.status.as_u16(), status, "{word}");
            assert_eq!(problem.kind, word);
            assert_eq!(problem.detail, "it");
            assert_eq!(problem.hint.as_deref(), Some("do"));
        }
    }

    #[test]
    fn a_failed_operation_tells_the_connectors_code() {
        let code = "rate_limited".to_owned();
        let error = HostError::new(HostErrorKind::Operation { code }, "slow down");
        assert_eq!(
            problem_of_host(&error).to_json(),
            r#"{"title":"Failed Dependency","status":424,"kind":"operation","detail":"slow down","code":"rate_limited"}"#
        );
    }

    #[test]
    fn only_what_may_work_again_soon_says_when_to_try() {
        for (kind, retry) in [
            (HostErrorKind::Overloaded, Some("1")),
            (HostErrorKind::Unavailable, Some("1")),
            (HostErrorKind::Stopping, None),
            (HostErrorKind::Misbehaved, None),
        ] {
            let word = kind.as_str();
            let response = Failure::from(HostError::new(kind, "no")).into_response();
            let header = response.headers().get("retry-after");
            assert_eq!(
                header.map(|value| value.to_str().unwrap_or("?")),
                retry,
                "{word}"
            );
        }
    }
}
