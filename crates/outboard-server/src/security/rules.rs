//! Which permission each route needs, in one table for the API and the pages alike.
//!
//! A pattern is a path whose `{…}` segments stand for any one segment; a last segment
//! `{*}` stands for the rest, at least one segment. The first line that fits decides.
//! What no line fits, only an admin may ask for.

use http::Method;

use super::Permission;

/// What a route asks of its caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing: everybody may.
    Nothing,
    /// That it is known who it is.
    SomebodyKnown,
    /// A permission.
    Permission(Permission),
    /// To be an admin.
    Admin,
}

/// Which methods a line is about.
#[derive(Clone, Copy)]
enum Methods {
    /// GET and HEAD.
    Read,
    /// All others.
    Change,
    All,
}

use Methods::{All, Change, Read};

const fn needs(permission: Permission) -> Needs {
    Needs::Permission(permission)
}

/// The table. Longer patterns stand before shorter ones that fit the same paths.
const RULES: &[(Methods, &str, Needs)] = &[
    (All, "/healthz", Needs::Nothing),
    // A browser that comes back from signing in brings a `state` that lets it in.
    (Read, "/api/v1/connectors/oauth/callback", Needs::Nothing),
    (Read, "/", Needs::Nothing),
    (Read, "/ui", Needs::Nothing),
    (Read, "/ui/assets/{file}", Needs::Nothing),
    (Change, "/ui/theme", Needs::Nothing),
    (All, "/ui/sign-in", Needs::Nothing),
    (Read, "/ui/sign-in/{code}", Needs::Nothing),
    // The ticket in the path is the right.
    (Change, "/ui/frames/{ticket}/call", Needs::SomebodyKnown),
    (Change, "/ui/frames/{ticket}/renew", Needs::SomebodyKnown),
    (Read, "/ui/frames/{ticket}/{*}", Needs::Nothing),
    (Read, "/ui/frames/{ticket}/", Needs::Nothing),
    (Change, "/ui/sign-out", Needs::SomebodyKnown),
    (Read, "/api/v1/me", Needs::SomebodyKnown),
    (Read, "/openapi.json", Needs::SomebodyKnown),
    (Read, "/readyz", needs(Permission::METRICS_READ)),
    (Read, "/metrics", needs(Permission::METRICS_READ)),
    // Access.
    (All, "/api/v1/tokens", needs(Permission::TOKENS_MANAGE)),
    (All, "/api/v1/tokens/{id}", needs(Permission::TOKENS_MANAGE)),
    (Read, "/api/v1/audit", needs(Permission::AUDIT_READ)),
    // A link signs in whoever made it, with that one's rights.
    (Change, "/api/v1/sign-in-links", Needs::SomebodyKnown),
    // Plugins.
    (
        Read,
        "/api/v1/plugins/external/{name}/logs",
        needs(Permission::LOGS_READ),
    ),
    (Read, "/api/v1/plugins", needs(Permission::PLUGINS_READ)),
    (Read, "/api/v1/plugins/{*}", needs(Permission::PLUGINS_READ)),
    (
        Change,
        "/api/v1/plugins/{*}",
        needs(Permission::PLUGINS_MANAGE),
    ),
    (
        Change,
        "/api/v1/admin/plugins/{name}/enable",
        needs(Permission::PLUGINS_MANAGE),
    ),
    (
        Change,
        "/api/v1/admin/plugins/{name}/disable",
        needs(Permission::PLUGINS_MANAGE),
    ),
    (
        Read,
        "/api/v1/admin/plugins",
        needs(Permission::PLUGINS_READ),
    ),
    (
        Read,
        "/api/v1/admin/plugins/",
        needs(Permission::PLUGINS_READ),
    ),
    (
        Read,
        "/api/v1/admin/plugins/{*}",
        needs(Permission::PLUGINS_READ),
    ),
    (
        Change,
        "/api/v1/admin/plugins/{*}",
        needs(Permission::PLUGINS_MANAGE),
    ),
    // Pipelines, runs, events.
    (Read, "/api/v1/pipelines", needs(Permission::PLUGINS_READ)),
    (
        Read,
        "/api/v1/pipelines/{name}",
        needs(Permission::PLUGINS_READ),
    ),
    (
        Change,
        "/api/v1/pipelines/{name}/run",
        needs(Permission::PIPELINES_RUN),
    ),
    (Read, "/api/v1/runs", needs(Permission::RUNS_READ)),
    (Read, "/api/v1/runs/{id}", needs(Permission::RUNS_READ)),
    (Read, "/api/v1/problems", needs(Permission::PLUGINS_READ)),
    (Read, "/api/v1/stats", needs(Permission::RUNS_READ)),
    (Read, "/api/v1/events", needs(Permission::EVENTS_READ)),
    // Connectors, tools and jobs.
    (
        Read,
        "/api/v1/{family}/history",
        needs(Permission::RUNS_READ),
    ),
    (
        Change,
        "/api/v1/{family}/{key}/operations/{operation}",
        needs(Permission::OPERATIONS_CALL),
    ),
    (
        Read,
        "/api/v1/{family}/{key}/logs",
        needs(Permission::LOGS_READ),
    ),
    // They start a process.
    (
        Read,
        "/api/v1/{family}/{key}/health",
        needs(Permission::OPERATIONS_CALL),
    ),
    (
        Read,
        "/api/v1/{family}/{key}/permissions",
        needs(Permission::OPERATIONS_CALL),
    ),
    (
        Change,
        "/api/v1/{family}/oauth/finish",
        needs(Permission::INSTANCES_WRITE),
    ),
    (
        Change,
        "/api/v1/{family}/{key}/instances",
        needs(Permission::INSTANCES_WRITE),
    ),
    (
        Change,
        "/api/v1/{family}/{key}/instances/{*}",
        needs(Permission::INSTANCES_WRITE),
    ),
    (
        Read,
        "/api/v1/connectors",
        needs(Permission::CONNECTORS_READ),
    ),
    (Read, "/api/v1/tools", needs(Permission::CONNECTORS_READ)),
    (Read, "/api/v1/jobs", needs(Permission::CONNECTORS_READ)),
    (
        Read,
        "/api/v1/connectors/{*}",
        needs(Permission::CONNECTORS_READ),
    ),
    (
        Read,
        "/api/v1/tools/{*}",
        needs(Permission::CONNECTORS_READ),
    ),
    (Read, "/api/v1/jobs/{*}", needs(Permission::CONNECTORS_READ)),
    (
        Change,
        "/api/v1/connectors/{*}",
        needs(Permission::CONNECTORS_MANAGE),
    ),
    (
        Change,
        "/api/v1/tools/{*}",
        needs(Permission::CONNECTORS_MANAGE),
    ),
    (
        Change,
        "/api/v1/jobs/{*}",
        needs(Permission::CONNECTORS_MANAGE),
    ),
    (
        Read,
        "/manager/api/plugins",
        needs(Permission::CONNECTORS_READ),
    ),
    (
        Change,
        "/manager/api/plugins/{*}",
        needs(Permission::CONNECTORS_MANAGE),
    ),
    // Pages.
    (Read, "/ui/", Needs::SomebodyKnown),
    (Read, "/ui/live", needs(Permission::EVENTS_READ)),
    (Read, "/ui/plugins", needs(Permission::PLUGINS_READ)),
    (
        Read,
        "/ui/plugins/{family}/{name}/log/{*}",
        needs(Permission::LOGS_READ),
    ),
    (
        Read,
        "/ui/plugins/{family}/{name}/log",
        needs(Permission::LOGS_READ),
    ),
    (
        Read,
        "/ui/plugins/{family}/{name}/runs",
        needs(Permission::RUNS_READ),
    ),
    (
        Read,
        "/ui/plugins/connector/{*}",
        needs(Permission::CONNECTORS_READ),
    ),
    (Read, "/ui/plugins/{*}", needs(Permission::PLUGINS_READ)),
    (
        Change,
        "/ui/plugins/workflow/{*}",
        needs(Permission::PLUGINS_MANAGE),
    ),
    (
        Change,
        "/ui/plugins/ui/{*}",
        needs(Permission::PLUGINS_MANAGE),
    ),
    (
        Change,
        "/ui/plugins/connector/{key}/instances",
        needs(Permission::INSTANCES_WRITE),
    ),
    (
        Change,
        "/ui/plugins/connector/{key}/instances/{*}",
        needs(Permission::INSTANCES_WRITE),
    ),
    (
        Change,
        "/ui/plugins/connector/{*}",
        needs(Permission::CONNECTORS_MANAGE),
    ),
    // Only who asked for a result gets it, whatever else it may do.
    (Read, "/ui/run/results/{id}", Needs::SomebodyKnown),
    (
        Read,
        "/ui/run/operation/{*}",
        needs(Permission::CONNECTORS_READ),
    ),
    (Read, "/ui/run/{*}", needs(Permission::PLUGINS_READ)),
    (
        Change,
        "/ui/run/pipeline/{name}",
        needs(Permission::PIPELINES_RUN),
    ),
    (
        Change,
        "/ui/run/operation/{key}/{operation}",
        needs(Permission::OPERATIONS_CALL),
    ),
    (Read, "/ui/runs", needs(Permission::RUNS_READ)),
    (Read, "/ui/runs/{id}", needs(Permission::RUNS_READ)),
    (Read, "/ui/calls/{id}", needs(Permission::RUNS_READ)),
    (Read, "/ui/catalog", needs(Permission::CONNECTORS_READ)),
    (Read, "/ui/catalog/{*}", needs(Permission::CONNECTORS_READ)),
    (
        Change,
        "/ui/catalog/{*}",
        needs(Permission::CONNECTORS_MANAGE),
    ),
    (
        Read,
        "/ui/pages/{plugin}/{item}",
        needs(Permission::PLUGINS_READ),
    ),
    (Read, "/ui/settings", Needs::SomebodyKnown),
    (Read, "/ui/settings/about", Needs::SomebodyKnown),
    (
        Read,
        "/ui/settings/tokens",
        needs(Permission::TOKENS_MANAGE),
    ),
    (
        Change,
        "/ui/settings/tokens",
        needs(Permission::TOKENS_MANAGE),
    ),
    (
        Change,
        "/ui/settings/tokens/{*}",
        needs(Permission::TOKENS_MANAGE),
    ),
    (Read, "/ui/settings/audit", needs(Permission::AUDIT_READ)),
    (
        Read,
        "/ui/settings/keys",
        needs(Permission::CONNECTORS_READ),
    ),
    (
        Change,
        "/ui/settings/keys",
        needs(Permission::SETTINGS_MANAGE),
    ),
    (
        Change,
        "/ui/settings/keys/{*}",
        needs(Permission::SETTINGS_MANAGE),
    ),
    (
        Read,
        "/ui/settings/policy",
        needs(Permission::CONNECTORS_READ),
    ),
    (Read, "/ui/api", Needs::SomebodyKnown),
    // Nothing else is ours: an HTTP trigger of the workflow, or nothing at all.
    (All, "/api/{*}", Needs::Admin),
    (All, "/ui/{*}", Needs::Admin),
    (All, "/manager/{*}", Needs::Admin),
    (All, "/{*}", needs(Permission::PIPELINES_RUN)),
];

/// What a request needs.
pub(crate) fn needed(method: &Method, path: &str) -> Needs {
    rule(method, path).map_or(Needs::Admin, |(_, _, needs)| needs.clone())
}

/// The pattern that a request fits, which says what it was about without saying to what.
pub(crate) fn pattern(method: &Method, path: &str) -> &'static str {
    rule(method, path).map_or("", |(_, pattern, _)| *pattern)
}

fn rule(method: &Method, path: &str) -> Option<&'static (Methods, &'static str, Needs)> {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    RULES.iter().find(|(methods, pattern, _)| {
        let meant = match methods {
            Read => reads,
            Change => !reads,
            All => true,
        };
        meant && fits(pattern, path)
    })
}

fn fits(pattern: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    for part in pattern.split('/') {
        let Some(segment) = segments.next() else {
            return false;
        };
        match part {
            "{*}" => return !segment.is_empty() || segments.next().is_some(),
            part if part.starts_with('{') => {
                if segment.is_empty() {
                    return false;
                }
            }
            part => {
                if part != segment {
                    return false;
                }
            }
        }
    }
    segments.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_whole_segments() {
        for (pattern, path, does) in [
            ("/", "/", true),
            ("/a", "/a", true),
            ("/a", "/a/", false),
            ("/a", "/ab", false),
            ("/{x}/b", "/a/b", true),
            ("/{x}/b", "//b", false),
            ("/a/{*}", "/a/b/c", true),
            ("/a/{*}", "/a/b", true),
            ("/a/{*}", "/a/", false),
            ("/a/{*}", "/a", false),
        ] {
            assert_eq!(fits(pattern, path), does, "{pattern} {path}");
        }
    }

    #[test]
    fn each_kind_of_request_needs_what_the_table_says() {
        let get = |path| needed(&Method::GET, path);
        let post = |path| needed(&Method::POST, path);
        let of = |permission| Needs::Permission(permission);
        assert_eq!(get("/healthz"), Needs::Nothing);
        assert_eq!(
            get("/api/v1/plugins/external"),
            of(Permission::PLUGINS_READ)
        );
        assert_eq!(
            get("/api/v1/plugins/external/a/logs"),
            of(Permission::LOGS_READ)
        );
        assert_eq!(
            post("/api/v1/plugins/external/a/load"),
            of(Permission::PLUGINS_MANAGE)
        );
        assert_eq!(
            post("/api/v1/connectors/install"),
            of(Permission::CONNECTORS_MANAGE)
        );
        assert_eq!(
            needed(&Method::DELETE, "/api/v1/connectors/weather"),
            of(Permission::CONNECTORS_MANAGE)
        );
        assert_eq!(
            post("/api/v1/tools/weather/operations/today"),
            of(Permission::OPERATIONS_CALL)
        );
        assert_eq!(post("/api/v1/tokens"), of(Permission::TOKENS_MANAGE));
        assert_eq!(post("/restock"), of(Permission::PIPELINES_RUN));
        assert_eq!(get("/api/v2/unknown"), Needs::Admin);
        assert_eq!(get("/ui/frames/t/"), Needs::Nothing);
        assert_eq!(get("/ui/frames/t/a/b.js"), Needs::Nothing);
        assert_eq!(post("/ui/frames/t/call"), Needs::SomebodyKnown);
        assert_eq!(post("/ui/frames/t/b.js"), Needs::Admin);
    }
}
