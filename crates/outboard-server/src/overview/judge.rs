//! The pure part: what was gathered in, problems out.

use outboard_connector::host::InstanceView;
use outboard_workflow::engine::Missing;
use schemars::JsonSchema;
use serde::Serialize;

use crate::processes::{Condition, Family, PluginRow};

/// How bad it is. In the order in which problems are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// Something does not work.
    Bad,
    /// Something will not work, or not all of it does.
    Warning,
    /// Something to know.
    Note,
}

impl Severity {
    /// In a word for people.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Severity::Bad => "broken",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// Something that somebody should look at.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(rename = "NeedsSomebody")]
pub(crate) struct Problem {
    pub(crate) severity: Severity,
    /// One word for programs.
    pub(crate) kind: &'static str,
    /// The family of the plugin that it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) family: Option<Family>,
    /// That plugin's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// What it is about, for people.
    pub(crate) what: String,
    /// What is wrong, so that it reads on from `what`.
    pub(crate) why: String,
    /// What to do.
    pub(crate) remedy: String,
    /// The page that shows more.
    pub(crate) link: String,
}

/// What was found, before it is known what of it is a problem.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) rows: Vec<PluginRow>,
    /// Why the plugins directory cannot be read.
    pub(super) unreadable: Option<String>,
    pub(super) missing: Vec<Missing>,
    /// UI plugins whose pages are not what is on disk, and why.
    pub(super) pages: Vec<(String, String)>,
    /// Why the connectors' database cannot be used.
    pub(super) database: Option<String>,
    pub(super) instances: Vec<InstanceView>,
    /// What is wrong with catalogs.
    pub(super) catalogs: Vec<String>,
    pub(super) history_lost: u64,
    pub(super) events_lost: u64,
    pub(super) audit_lost: u64,
}

pub(super) fn judge(gathered: Gathered) -> Vec<Problem> {
    let mut problems = Vec::new();
    problems.extend(gathered.unreadable.map(|why| {
        let remedy = "check that the directory is there and can be read by this user";
        about_server("plugins_directory", "The plugins directory", why, remedy)
    }));
    problems.extend(gathered.database.map(|why| {
        let remedy = "check the disk and the rights of outboard.db; `outboard doctor` says more";
        about_server("database", "The database", why, remedy)
    }));
    for row in &gathered.rows {
        problems.extend(of_row(row));
    }
    problems.extend(gathered.missing.into_iter().map(of_missing));
    problems.extend(gathered.pages.into_iter().map(of_pages));
    for instance in &gathered.instances {
        problems.extend(of_instance(instance));
    }
    problems.extend(gathered.catalogs.into_iter().filter_map(of_catalog));
    problems.extend(lost(
        gathered.history_lost,
        gathered.events_lost,
        gathered.audit_lost,
    ));
    // It keeps the order of what is equally bad.
    problems.sort_by_key(|problem| problem.severity);
    problems
}

fn of_pages((name, why): (String, String)) -> Problem {
    Problem {
        severity: Severity::Bad,
        kind: "unusable",
        family: None,
        what: format!("The pages of {name}"),
        why: format!("cannot be shown as they are on disk: {why}"),
        remedy: format!("mend its directory, then `outboard ui reload {name}`"),
        link: "/ui/plugins#pages".to_owned(),
        name: Some(name),
    }
}

fn about_server(
    kind: &'static str,
    what: impl Into<String>,
    why: impl Into<String>,
    remedy: impl Into<String>,
) -> Problem {
    Problem {
        severity: Severity::Bad,
        kind,
        family: None,
        name: None,
        what: what.into(),
        why: why.into(),
        remedy: remedy.into(),
        link: "/ui/settings/about".to_owned(),
    }
}

fn about(row: &PluginRow, severity: Severity, kind: &'static str) -> Problem {
    Problem {
        severity,
        kind,
        family: Some(row.family),
        name: Some(row.name.clone()),
        what: row.title.clone(),
        why: String::new(),
        remedy: String::new(),
        link: page_of(row.family, &row.name),
    }
}

fn page_of(family: Family, name: &str) -> String {
    format!("/ui/plugins/{}/{}", family.as_str(), in_path(name))
}

/// A directory's name can be anything, so it may not be a segment of a path as it is.
fn in_path(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    name.bytes()
        .map(|byte| match plain(byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

fn of_row(row: &PluginRow) -> Vec<Problem> {
    let mut problems = Vec::new();
    let why = |otherwise: &str| match &row.problem {
        Some(trouble) => trouble.detail.clone(),
        None => otherwise.to_owned(),
    };
    match (row.condition, row.family, row.state) {
        (Condition::Bad, Family::Workflow, "failed") => problems.push(Problem {
            why: format!("has failed: {}", why("it ended too often")),
            remedy: "read its log, mend it, then reload it".to_owned(),
            ..about(row, Severity::Bad, "failed")
        }),
        (Condition::Bad, Family::Workflow, _) => problems.push(Problem {
            why: format!("cannot be loaded: {}", why("it is not usable")),
            remedy: "mend its directory; a load reads it again".to_owned(),
            ..about(row, Severity::Bad, "unusable")
        }),
        (Condition::Bad, Family::Connector, "resting") => problems.push(Problem {
            why: format!("keeps failing: {}", why("its process ends")),
            remedy: "read its log; the next call after the rest tries it again".to_owned(),
            ..about(row, Severity::Bad, "resting")
        }),
        (Condition::Bad, Family::Connector, _) => problems.push(Problem {
            why: format!("cannot be called: {}", why("it is not usable")),
            remedy: "install it again, roll it back, or remove it".to_owned(),
            ..about(row, Severity::Bad, "unusable")
        }),
        (Condition::Changing, _, "restarting") => problems.push(Problem {
            why: "crashed and is being started again; its calls wait".to_owned(),
            remedy: "its log has what it said last".to_owned(),
            ..about(row, Severity::Warning, "restarting")
        }),
        _ => {
            // One that runs without its directory, say.
            problems.extend(row.problem.iter().map(|trouble| Problem {
                why: trouble.detail.clone(),
                remedy: "put it back before it is restarted, or unload it".to_owned(),
                ..about(row, Severity::Warning, "incomplete")
            }));
        }
    }
    if row.transport == Some("plaintext") {
        problems.push(Problem {
            why: "speaks no TLS: its calls are readable for whoever may open its socket, \
                  which is this user alone"
                .to_owned(),
            remedy: "build it with AutoMTLS, which every go-plugin library of these years has"
                .to_owned(),
            ..about(row, Severity::Note, "plaintext")
        });
    }
    if let Some(update) = &row.update {
        problems.push(Problem {
            why: format!("is {}, and {update} is there", row.version),
            remedy: format!("`outboard connector update {}` takes it", row.name),
            ..about(row, Severity::Note, "update")
        });
    }
    problems
}

fn of_missing(missing: Missing) -> Problem {
    Problem {
        severity: Severity::Bad,
        kind: "missing",
        link: match &missing.plugin {
            Some(plugin) => page_of(Family::Workflow, plugin),
            None => "/ui/plugins".to_owned(),
        },
        family: missing.plugin.as_ref().map(|_| Family::Workflow),
        remedy: match &missing.plugin {
            Some(plugin) => format!("load the plugin {plugin}; what it misses comes back with it"),
            None => {
                "load the plugin that has the type; what it misses comes back with it".to_owned()
            }
        },
        name: missing.plugin,
        what: missing.what,
        why: format!("does not run: {}", missing.reason),
    }
}

fn of_instance(instance: &InstanceView) -> Vec<Problem> {
    let name = match instance.name.is_empty() {
        true => &instance.id,
        false => &instance.name,
    };
    let problem = |severity, kind, why: String, remedy: &str| Problem {
        severity,
        kind,
        family: Some(Family::Connector),
        name: Some(instance.connector.clone()),
        what: format!("{} of {}", name, instance.connector),
        why,
        remedy: remedy.to_owned(),
        link: format!(
            "{}/settings",
            page_of(Family::Connector, &instance.connector)
        ),
    };
    let mut problems = Vec::new();
    for (field, why) in &instance.problems {
        problems.push(problem(
            Severity::Bad,
            "secret",
            format!("has a value for {field} that cannot be used: {why}"),
            "put the key of secrets back, or enter the value again",
        ));
    }
    if !instance.missing.is_empty() {
        problems.push(problem(
            Severity::Warning,
            "config",
            format!("has no value for {}", instance.missing.join(", ")),
            "fill in what is missing",
        ));
    }
    let identity = instance.identity.as_ref();
    if let Some(why) = identity.and_then(|identity| identity.problem.as_ref()) {
        problems.push(problem(
            Severity::Bad,
            "sign_in",
            format!("is no longer signed in: {why}"),
            "sign in again",
        ));
    }
    problems
}

/// A server without catalogs lacks nothing that somebody asked for.
fn of_catalog(warning: String) -> Option<Problem> {
    if warning.starts_with("no catalog is set") {
        return None;
    }
    Some(Problem {
        severity: Severity::Warning,
        link: "/ui/catalog".to_owned(),
        ..about_server(
            "catalog",
            "A catalog",
            format!("cannot be read: {warning}"),
            "check its address and the network; what is installed works on",
        )
    })
}

fn lost(history: u64, events: u64, audit: u64) -> Vec<Problem> {
    let note = |kind, what: &str, why: String, remedy: &str| Problem {
        severity: Severity::Note,
        ..about_server(kind, what, why, remedy)
    };
    let mut problems = Vec::new();
    if history > 0 {
        problems.push(note(
            "history_lost",
            "The history",
            format!("misses {history} calls: too many came at once, or the disk failed"),
            "look at the disk; the numbers in /metrics are complete",
        ));
    }
    if audit > 0 {
        problems.push(note(
            "audit_lost",
            "The audit log",
            format!("misses {audit} lines: too many came at once, or the disk failed"),
            "look at the disk, and at who sends so many requests",
        ));
    }
    if events > 0 {
        problems.push(note(
            "events_lost",
            "The events",
            format!("came too fast: {events} were not told to everybody who follows"),
            "whoever follows should look at the lists again after `lost`",
        ));
    }
    problems
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::processes::Trouble;

    fn row(family: Family, state: &'static str, condition: Condition) -> PluginRow {
        PluginRow {
            family,
            name: "kv".to_owned(),
            title: "Key value".to_owned(),
            state,
            condition,
            version: "1.0.0".to_owned(),
            ..PluginRow::named("kv")
        }
    }

    fn judged(rows: Vec<PluginRow>) -> Vec<Problem> {
        judge(Gathered {
            rows,
            ..Gathered::default()
        })
    }

    #[test]
    fn where_all_is_well_there_is_nothing_to_say() {
        let rows = vec![
            row(Family::Workflow, "ready", Condition::Well),
            row(Family::Workflow, "stopped", Condition::Off),
            row(Family::Connector, "disabled", Condition::Off),
            row(Family::Connector, "stopped", Condition::Well),
        ];
        assert_eq!(judged(rows), []);
    }

    #[test]
    fn each_problem_says_what_why_and_what_to_do_and_the_worst_comes_first() {
        let mut failed = row(Family::Workflow, "failed", Condition::Bad);
        failed.problem = Some(Trouble {
            kind: "failed".to_owned(),
            detail: "exit status 7".to_owned(),
        });
        let mut old = row(Family::Connector, "idle", Condition::Well);
        old.update = Some("2.0.0".to_owned());
        let mut open = row(Family::Workflow, "ready", Condition::Well);
        open.transport = Some("plaintext");
        let problems = judged(vec![
            old,
            open,
            row(Family::Workflow, "restarting", Condition::Changing),
            row(Family::Connector, "resting", Condition::Bad),
            row(Family::Connector, "unusable", Condition::Bad),
            row(Family::Workflow, "unusable", Condition::Bad),
            failed,
        ]);
        let kinds: Vec<_> = problems.iter().map(|problem| problem.kind).collect();
        assert_eq!(
            kinds,
            [
                "resting",
                "unusable",
                "unusable",
                "failed",
                "restarting",
                "update",
                "plaintext"
            ]
        );
        for problem in &problems {
            assert!(
                !problem.why.is_empty() && !problem.remedy.is_empty(),
                "{problem:?}"
            );
            assert!(problem.link.starts_with("/ui/plugins/"), "{problem:?}");
        }
        assert_eq!(problems[3].why, "has failed: exit status 7");
    }

    #[test]
    fn values_that_cannot_be_used_are_told_without_their_text() {
        let instance = InstanceView {
            id: "1".to_owned(),
            connector: "mail".to_owned(),
            name: "work".to_owned(),
            config: BTreeMap::from([("host".to_owned(), "example.org".to_owned())]),
            missing: vec!["user".to_owned()],
            problems: BTreeMap::from([("pin".to_owned(), "its key is gone".to_owned())]),
            identity: None,
            created_at: String::new(),
            updated_at: String::new(),
        };
        let problems = judge(Gathered {
            instances: vec![instance],
            catalogs: vec!["no catalog is set: …".to_owned(), "it burns".to_owned()],
            history_lost: 2,
            ..Gathered::default()
        });
        let kinds: Vec<_> = problems.iter().map(|problem| problem.kind).collect();
        assert_eq!(kinds, ["secret", "config", "catalog", "history_lost"]);
        assert_eq!(problems[0].link, "/ui/plugins/connector/mail/settings");
        assert!(!format!("{problems:?}").contains("example.org"));
    }

    #[test]
    fn a_name_that_is_no_name_is_no_way_out_of_its_link() {
        assert_eq!(in_path("a/../b?\"<"), "a%2F..%2Fb%3F%22%3C");
        assert_eq!(in_path("store-plugin_2.x"), "store-plugin_2.x");
    }
}
