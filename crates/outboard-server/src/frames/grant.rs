//! What a frame may ask for, decided without doing it.
//!
//! ```text
//! {method, path} ──▶ is it a plain path of /api/v1 ──▶ is the route one for pages
//!    ──▶ which permission does the route need (security/rules.rs)
//!    ──▶ does the plugin's ui.json ask for it, for this thing
//!    ──▶ may the user do it
//! ```

use http::{Method, StatusCode, Uri};
use outboard_contracts::ui::UiManifest;
use percent_encoding::percent_decode_str;

use crate::{
    http::Problem,
    security::{Needs, Permission, Principal, needed},
};

/// Longest path with its query, in bytes.
const MAX_TARGET: usize = 4096;

/// What is no page's business, whatever its plugin asks for and its user may: who may do
/// what, and other plugins of the process.
const NEVER: &[&str] = &[
    "/api/v1/tokens",
    "/api/v1/audit",
    "/api/v1/sign-in-links",
    "/api/v1/me",
    "/api/v1/admin",
];

/// The route that a frame asks for, if it may.
///
/// # Errors
///
/// It is no route for pages, the plugin does not ask for what it needs, or the user may
/// not.
pub(super) fn granted(
    method: &Method,
    target: &str,
    manifest: &UiManifest,
    principal: &Principal,
) -> Result<Uri, Problem> {
    let uri = plain_target(target)?;
    let path = uri.path();
    if is_never(path) {
        let detail = format!("{path} is not for pages of plugins");
        return Err(Problem::new(StatusCode::FORBIDDEN, "not_for_pages", detail));
    }
    let Needs::Permission(permission) = needed(method, path) else {
        let detail = format!("{method} {path} is not for pages of plugins");
        return Err(Problem::new(StatusCode::FORBIDDEN, "not_for_pages", detail)
            .with_hint("docs/ui-plugin-pages.md lists what pages can ask for"));
    };
    let thing = thing(path);
    if !manifest.asks_for(permission.as_str(), thing.as_deref()) {
        return Err(not_asked(&manifest.name, &permission, thing.as_deref()));
    }
    if !principal.may(&permission) {
        let detail = format!(
            "this needs the permission {permission}, which {:?} has not",
            principal.name
        );
        return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail)
            .with_hint("an admin can make a token that has it"));
    }
    Ok(uri)
}

/// A path of the API with its query, which means the same to everybody who reads it.
fn plain_target(target: &str) -> Result<Uri, Problem> {
    let fail = |why: &str| {
        Problem::bad_request(format!("the path of a call {why}"))
            .with_hint("send a path such as /api/v1/runs?limit=10")
    };
    if target.len() > MAX_TARGET {
        return Err(fail("is too long"));
    }
    if !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(fail("has characters that must be encoded"));
    }
    let uri: Uri = target.parse().map_err(|_| fail("is malformed"))?;
    if uri.authority().is_some() || !target.starts_with("/api/v1/") || target.contains('#') {
        return Err(fail("must begin with /api/v1/"));
    }
    for segment in uri.path().split('/').skip(1) {
        let decoded = percent_decode_str(segment).decode_utf8();
        let plain = decoded.is_ok_and(|text| {
            !matches!(&*text, "" | "." | "..")
                && !text.contains(['/', '\\'])
                && !text.chars().any(char::is_control)
        });
        if !plain {
            return Err(fail("has a segment that is empty, `..`, or hides a slash"));
        }
    }
    Ok(uri)
}

fn is_never(path: &str) -> bool {
    let below = |prefix: &str| {
        path.strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    // Files of another plugin are no API.
    let files = path
        .strip_prefix("/api/v1/plugins/ui/")
        .and_then(|rest| rest.split_once('/'))
        .is_some_and(|(_, rest)| rest == "assets" || rest.starts_with("assets/"));
    NEVER.iter().any(|prefix| below(prefix)) || files
}

/// What a route is about, for permissions that are asked for one thing only: the
/// connector, the pipeline or the plugin that the path names.
fn thing(path: &str) -> Option<String> {
    let mut segments = path.strip_prefix("/api/v1/")?.split('/');
    let thing = match segments.next()? {
        "connectors" | "tools" | "jobs" | "pipelines" => segments.next()?,
        "plugins" => segments.nth(1)?,
        _ => return None,
    };
    let thing = percent_decode_str(thing).decode_utf8().ok()?;
    Some(thing.into_owned())
}

fn not_asked(plugin: &str, permission: &Permission, thing: Option<&str>) -> Problem {
    let detail =
        format!("this needs the permission {permission}, which {plugin:?} does not ask for");
    let word = match thing {
        Some(thing) => format!("{permission} or {permission}:{thing}"),
        None => permission.to_string(),
    };
    Problem::new(StatusCode::FORBIDDEN, "not_asked_for", detail).with_hint(format!(
        "add {word} to `permissions` in the plugin's ui.json, and reload it"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security::{Role, Via};

    fn user(role: Role) -> Principal {
        Principal {
            role: Some(role),
            via: Via::Session,
            ..Principal::anonymous()
        }
    }

    fn kind(permissions: &[&str], role: Role, method: &str, target: &str) -> String {
        let manifest = UiManifest {
            name: "reports".to_owned(),
            permissions: permissions.iter().map(|word| (*word).to_owned()).collect(),
            ..UiManifest::default()
        };
        let method = method.parse().expect("a method");
        match granted(&method, target, &manifest, &user(role)) {
            Ok(uri) => format!("ok {uri}"),
            Err(problem) => problem.kind.into_owned(),
        }
    }

    #[test]
    fn a_call_needs_the_manifest_and_the_user_both() {
        let read = |permissions, role| kind(permissions, role, "GET", "/api/v1/runs?limit=2");
        assert_eq!(
            read(&["runs.read"], Role::Viewer),
            "ok /api/v1/runs?limit=2"
        );
        assert_eq!(read(&[], Role::Admin), "not_asked_for");
        let run =
            |permissions, role| kind(permissions, role, "POST", "/api/v1/pipelines/restock/run");
        assert_eq!(run(&["pipelines.run"], Role::Viewer), "forbidden");
        assert_eq!(run(&["runs.read"], Role::Admin), "not_asked_for");
        assert!(run(&["pipelines.run"], Role::Editor).starts_with("ok "));
    }

    #[test]
    fn a_permission_for_one_thing_is_good_for_that_thing_alone() {
        let asks = ["operations.call:weather", "pipelines.run:restock"];
        let post = |target: &str| kind(&asks, Role::Admin, "POST", target);
        for target in [
            "/api/v1/connectors/weather/operations/today",
            "/api/v1/tools/weather/operations/today",
            "/api/v1/tools/we%61ther/operations/today",
            "/api/v1/pipelines/restock/run",
        ] {
            assert!(post(target).starts_with("ok "), "{target}");
        }
        for target in [
            "/api/v1/connectors/mail/operations/send",
            "/api/v1/connectors/weatherx/operations/today",
            "/api/v1/pipelines/weather/run",
        ] {
            assert_eq!(post(target), "not_asked_for", "{target}");
        }
        let everything = kind(&["runs.read:mine"], Role::Admin, "GET", "/api/v1/runs");
        assert_eq!(everything, "not_asked_for", "a run is not in the path");
    }

    #[test]
    fn who_may_do_what_is_no_pages_business_even_if_everything_is_asked_for() {
        let everything: Vec<&str> = Permission::KNOWN
            .iter()
            .map(|(permission, _)| permission.as_str())
            .collect();
        for (method, target) in [
            ("GET", "/api/v1/tokens"),
            ("DELETE", "/api/v1/tokens/1"),
            ("GET", "/api/v1/audit?limit=1"),
            ("POST", "/api/v1/sign-in-links"),
            ("GET", "/api/v1/me"),
            ("GET", "/api/v1/admin/plugins"),
            ("POST", "/api/v1/admin/plugins/reports/enable"),
            ("GET", "/api/v1/plugins/ui/other/assets/secret.js"),
            ("GET", "/api/v1/connectors/oauth/callback"),
            ("GET", "/api/v1/unknown"),
            ("GET", "/api/v1/%74okens"),
        ] {
            let kind = kind(&everything, Role::Admin, method, target);
            assert_eq!(kind, "not_for_pages", "{method} {target}");
        }
    }

    #[test]
    fn only_a_plain_path_of_the_api_is_looked_at() {
        let long = format!("/api/v1/{}", "x".repeat(MAX_TARGET));
        for target in [
            "",
            "/",
            "/ui/",
            "/api/v1",
            "/api/v1/",
            "api/v1/runs",
            "/api/v2/runs",
            "//evil.example/api/v1/runs",
            "http://evil.example/api/v1/runs",
            "/api/v1/../../ui/",
            "/api/v1/runs/..",
            "/api/v1/%2e%2E/ui",
            "/api/v1/runs/a%2Fb",
            "/api/v1/runs/a%5Cb",
            "/api/v1/runs/%00",
            "/api/v1//runs",
            "/api/v1/runs#x",
            "/api/v1/ü",
            "/api/v1/runs /x",
            &long,
        ] {
            let kind = kind(&["runs.read"], Role::Admin, "GET", target);
            assert_eq!(kind, "bad_request", "{target}");
        }
    }
}
