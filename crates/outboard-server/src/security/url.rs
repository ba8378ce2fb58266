//! Secrets in a target: tokens are refused there, and what has to be there is kept out
//! of logs. Targets are kept by browsers, proxies and logs of others.

use std::borrow::Cow;

use http::{StatusCode, Uri};

use super::secret::contains_token;
use crate::http::Problem;

/// Parameters that mean a token.
const NAMES: [&str; 8] = [
    "token",
    "access_token",
    "auth_token",
    "api_token",
    "bearer",
    "bearer_token",
    "authorization",
    "outboard_token",
];

/// Refuses a target with a token in it.
pub(super) fn check(uri: &Uri) -> Result<(), Problem> {
    let query = uri.query().unwrap_or_default();
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    let in_query = parameters.any(|(name, value)| {
        let name = name.trim().to_ascii_lowercase();
        NAMES.contains(&name.as_str()) || contains_token(&name) || contains_token(&value)
    });
    let path = percent_encoding::percent_decode_str(uri.path()).decode_utf8_lossy();
    if !in_query && !contains_token(&path) {
        return Ok(());
    }
    let detail = "a token in the URL is not accepted: logs and histories keep URLs";
    Err(Problem::new(StatusCode::BAD_REQUEST, "token_in_url", detail).with_hint(
        "send it as `Authorization: Bearer TOKEN`; if it was a real one, revoke it and make another",
    ))
}

/// A path as it may be logged: without one-time codes, tickets of frames and tokens.
pub(crate) fn loggable(path: &str) -> Cow<'_, str> {
    if let Some(code) = path.strip_prefix("/ui/sign-in/")
        && !code.is_empty()
    {
        return "/ui/sign-in/{code}".into();
    }
    if let Some(rest) = path.strip_prefix("/ui/frames/")
        && !rest.is_empty()
    {
        let inside = rest.split_once('/').map_or("", |(_, inside)| inside);
        return format!("/ui/frames/{{ticket}}/{}", loggable_plain(inside)).into();
    }
    loggable_plain(path)
}

fn loggable_plain(path: &str) -> Cow<'_, str> {
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    match contains_token(&decoded) {
        true => "{token}".into(),
        false => path.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "ob_0123456789012345678901234567890123456789012";

    fn is_refused(target: &str) -> bool {
        match check(&target.parse().expect("a target")) {
            Ok(()) => false,
            Err(problem) => {
                assert!(!problem.to_json().contains("0123"), "{problem:?}");
                assert_eq!(problem.kind, "token_in_url");
                true
            }
        }
    }

    #[test]
    fn a_token_is_found_wherever_it_stands_in_a_target() {
        for target in [
            "/a?token=x".to_owned(),
            "/a?x=1&Access_Token=".to_owned(),
            "/a?%74oken=x".to_owned(),
            "/a?bearer".to_owned(),
            format!("/a?x={TOKEN}"),
            format!("/a?{TOKEN}"),
            format!("/a/{TOKEN}/b"),
            format!("/a/%6fb_{}", &TOKEN[3..]),
        ] {
            assert!(is_refused(&target), "{target}");
        }
        for target in [
            "/a",
            "/a?tokens=1",
            "/api/v1/tokens/tok_1",
            "/a?q=token",
            "/a?x=ob_1",
        ] {
            assert!(!is_refused(target), "{target}");
        }
    }

    #[test]
    fn what_opens_something_stays_out_of_logs() {
        assert_eq!(loggable("/ui/sign-in/abc"), "/ui/sign-in/{code}");
        assert_eq!(loggable("/ui/sign-in"), "/ui/sign-in");
        assert_eq!(
            loggable("/ui/frames/abc/a/b.js"),
            "/ui/frames/{ticket}/a/b.js"
        );
        assert_eq!(loggable("/ui/frames/abc"), "/ui/frames/{ticket}/");
        assert_eq!(loggable(&format!("/a/{TOKEN}")), "{token}");
        assert_eq!(loggable("/a/b"), "/a/b");
    }
}
