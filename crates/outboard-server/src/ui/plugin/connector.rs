//! The page of a connector, a tool or a job.

use askama::Template;
use axum::extract::{Path, State};
use outboard_connector::host::{
    ConnectorHost, Description, HostError, HostErrorKind, InstanceView, ListQuery,
    OperationDescription,
};

use super::{
    LIVE, LIVE_RUNS,
    head::{Action, Ask, Facts, Head, Trouble, href, tabs, unknown},
    instances, log, operations, page, process, runs,
};
use crate::{
    connectors::problem_of_host,
    http::Problem,
    security::Permission,
    server::AppState,
    ui::{
        commands::in_path,
        page::{Ui, UiResult},
        state::Mark,
    },
};

/// A connector with its host.
pub(super) struct Connector {
    pub(super) host: ConnectorHost,
    pub(super) description: Description,
    pub(super) instances: Vec<InstanceView>,
}

/// The host of connectors, if the server has one.
pub(in crate::ui) fn host_of(state: &AppState) -> Result<&ConnectorHost, Problem> {
    state.connectors.as_ref().ok_or_else(|| {
        Problem::not_found("this server has no connectors")
            .with_hint("it was started without them; see the log of its start")
    })
}

/// A failure of the host as a problem.
pub(in crate::ui) fn failed(error: &HostError) -> Problem {
    problem_of_host(error)
}

/// All about one, or that there is none, with the one that was probably meant.
pub(in crate::ui) async fn describe(
    host: &ConnectorHost,
    key: &str,
) -> Result<Description, Problem> {
    let error = match host.describe(key).await {
        Ok(description) => return Ok(description),
        Err(error) => error,
    };
    let kind = error.kind();
    if !matches!(kind, HostErrorKind::NotFound | HostErrorKind::InvalidName) {
        return Err(failed(&error));
    }
    let known = host.list(ListQuery::default()).await.unwrap_or_default();
    let keys = known.iter().map(|summary| summary.key.as_str());
    Err(unknown("connector", key, keys))
}

impl Connector {
    pub(super) async fn find(state: &AppState, key: &str) -> Result<Connector, Problem> {
        let host = host_of(state)?.clone();
        let description = describe(&host, key).await?;
        // One that is broken has none that could be read.
        let instances = host.instances(key).await.unwrap_or_default();
        Ok(Connector {
            host,
            description,
            instances,
        })
    }

    fn word(&self) -> &str {
        let summary = &self.description.summary;
        match (&summary.problem, summary.enabled) {
            (Some(_), _) => "unusable",
            (None, false) => "disabled",
            (None, true) => &summary.state,
        }
    }

    fn trouble(&self) -> Option<Trouble> {
        let summary = &self.description.summary;
        if let Some(problem) = &summary.problem {
            let remedy = match problem.kind.as_str() {
                "refused" => {
                    "Trust the key that signed it, or install it from a source that you \
                              trust."
                }
                _ if self.description.versions.len() > 1 => {
                    "Install it again, roll back to the version before, or remove it."
                }
                _ => "Install it again, or remove it.",
            };
            return Some(Trouble {
                what: "It cannot be called".to_owned(),
                why: problem.detail.clone(),
                lines: Vec::new(),
                remedy: remedy.to_owned(),
            });
        }
        let process = &self.description.process;
        if process.state == "resting" {
            let again = process.retry_in_ms.map_or_else(String::new, |left| {
                let left = crate::ui::format::duration(std::time::Duration::from_millis(left));
                format!(" It is tried again in {left}.")
            });
            return Some(Trouble {
                what: "It failed often and is left alone for a while".to_owned(),
                why: process.last_error.clone().unwrap_or_default(),
                lines: Vec::new(),
                remedy: format!("Its log says more.{again}"),
            });
        }
        None
    }

    /// What its instances lack before it can be called.
    fn lacks(&self) -> Vec<(String, String)> {
        self.instances
            .iter()
            .filter_map(|instance| {
                let mut what = Vec::new();
                if !instance.missing.is_empty() {
                    what.push(format!("has no {}", instance.missing.join(", ")));
                }
                what.extend(instance.problems.values().cloned());
                let identity = instance.identity.as_ref();
                if let Some(problem) = identity.and_then(|identity| identity.problem.clone()) {
                    what.push(format!("must sign in again: {problem}"));
                }
                (!what.is_empty()).then(|| (instance.name.clone(), what.join("; ")))
            })
            .collect()
    }

    fn actions(&self, ui: &Ui, href: &str) -> Vec<Action> {
        if !ui.may(&Permission::CONNECTORS_MANAGE) {
            return Vec::new();
        }
        let Description {
            summary, versions, ..
        } = &self.description;
        let key = &summary.key;
        let mut actions = Vec::new();
        let switch = |label, verb| Action {
            label,
            href: format!("{href}/{verb}"),
            ..Action::default()
        };
        match summary.enabled {
            true => actions.push(switch("Disable", "disable")),
            false => actions.push(Action {
                first: true,
                ..switch("Enable", "enable")
            }),
        }
        actions.push(Action {
            label: "Update",
            href: format!("{href}/update"),
            first: false,
            ask: Some(Ask {
                consequence: "The newest version of the catalog is installed. Running calls end \
                              on the version that they began on, and this version stays to roll \
                              back to. The page Catalog says what would change."
                    .to_owned(),
                calm: true,
                yes: "Update it".to_owned(),
                ..Ask::default()
            }),
        });
        if versions.len() > 1 {
            actions.push(Action {
                label: "Roll back",
                href: format!("{href}/rollback"),
                first: false,
                ask: Some(Ask {
                    consequence: "The version that was current before becomes current again. \
                                  Running calls end on the version that they began on."
                        .to_owned(),
                    calm: true,
                    yes: "Roll back".to_owned(),
                    ..Ask::default()
                }),
            });
        }
        actions.push(switch("Verify", "verify"));
        actions.push(Action {
            label: "Remove",
            href: format!("{href}/remove"),
            first: false,
            ask: Some(Ask {
                consequence: format!(
                    "{key} and its {} go, and it cannot be called any more. Its instances and \
                     its history stay for when it is installed again.",
                    match versions.len() {
                        0 | 1 => "program".to_owned(),
                        count => format!("{count} versions"),
                    }
                ),
                yes: format!("Remove {key}"),
                option: Some(("purge", "Remove its instances and its history, too")),
                ..Ask::default()
            }),
        });
        actions
    }

    fn head(&self, ui: &Ui) -> Head {
        let summary = &self.description.summary;
        let href = href("connector", &summary.key);
        Head {
            name: summary.key.clone(),
            title: (summary.name != summary.key && !summary.name.is_empty())
                .then(|| summary.name.clone()),
            kind: summary.kind.clone(),
            version: summary.version.clone(),
            description: summary.description.clone(),
            mark: Mark::of(self.word()),
            trouble: self.trouble(),
            actions: self.actions(ui, &href),
            href,
            csrf: ui.csrf.clone(),
        }
    }
}

/// `GET /ui/plugins/connector/{key}`
pub(super) async fn overview(state: State<AppState>, Path(key): Path<String>, ui: Ui) -> UiResult {
    tab(state, Path((key, "overview".to_owned())), ui).await
}

/// `GET /ui/plugins/connector/{key}/{tab}`
pub(super) async fn tab(
    State(state): State<AppState>,
    Path((key, current)): Path<(String, String)>,
    ui: Ui,
) -> UiResult {
    let connector = Connector::find(&state, &key).await?;
    show(&ui, &connector, &current, None).await
}

/// The page with a tab, whose form may be filled in already.
pub(super) async fn show(
    ui: &Ui,
    connector: &Connector,
    current: &str,
    filled: Option<instances::Filled<'_>>,
) -> UiResult {
    let key = &connector.description.summary.key;
    let head = connector.head(ui);
    let tabs = tabs(ui, &head.href, ("operations", "Operations"), current)?;
    match current {
        "operations" => {
            let content = operations::of_connector(ui, &connector.description);
            page(ui, &head, &tabs, LIVE, &content)
        }
        // What somebody types there would be gone.
        "settings" => page(ui, &head, &tabs, "", &instances::tab(ui, connector, filled)),
        "log" => {
            let log = connector.host.log(key).map_err(|error| failed(&error))?;
            let (content, live) = log::tab(
                ui,
                &head,
                log,
                "It was not called since the server was started.",
            );
            page(ui, &head, &tabs, live, &content)
        }
        "runs" => {
            let content = runs::of_connector(ui, connector).await?;
            page(ui, &head, &tabs, LIVE_RUNS, &content)
        }
        "process" => {
            let content = process::of_connector(ui, connector).await;
            page(ui, &head, &tabs, LIVE, &content)
        }
        _ => page(ui, &head, &tabs, LIVE, &connector.overview(ui, &head.href)),
    }
}

#[derive(Template)]
#[template(path = "plugin/connector_overview.html")]
struct Overview {
    facts: Facts,
    lacks: Vec<(String, String)>,
    operations: Vec<Operation>,
    instances: usize,
    needs_instance: bool,
    may_call: bool,
    may_write: bool,
    href: String,
}

/// An operation in a list.
struct Operation {
    key: String,
    name: String,
    description: String,
    destructive: bool,
    run: String,
}

impl Operation {
    fn new(key: &str, described: &OperationDescription) -> Operation {
        let operation = &described.operation;
        Operation {
            run: run_href(key, &operation.key),
            key: operation.key.clone(),
            name: operation.name.clone(),
            description: operation.description.clone(),
            destructive: operation.destructive,
        }
    }
}

/// Where an operation is run.
pub(super) fn run_href(key: &str, operation: &str) -> String {
    format!("/ui/run/operation/{}/{}", in_path(key), in_path(operation))
}

impl Connector {
    fn overview(&self, ui: &Ui, href: &str) -> Overview {
        let Description {
            summary,
            config,
            oauth,
            operations_list,
            ..
        } = &self.description;
        let mut facts = Facts::default();
        let of_user =
            oauth
                .as_ref()
                .map_or_else(String::new, |oauth| match oauth.display_name.is_empty() {
                    true => "with the service's own page".to_owned(),
                    false => format!("with {}", oauth.display_name),
                });
        facts
            .add("Tags", summary.tags.join(", "))
            .add("Runs on", summary.os_arch.join(", "))
            .add("Signing in", of_user)
            .add(
                "Instances",
                match self.instances.as_slice() {
                    [] => String::new(),
                    instances => {
                        let names = instances.iter().map(|instance| instance.name.as_str());
                        names.collect::<Vec<_>>().join(", ")
                    }
                },
            );
        let needs_instance = config
            .iter()
            .any(|field| field.required && field.value.is_empty());
        Overview {
            facts,
            lacks: self.lacks(),
            operations: operations_list
                .iter()
                .map(|described| Operation::new(&summary.key, described))
                .collect(),
            instances: self.instances.len(),
            needs_instance,
            may_call: ui.may(&Permission::OPERATIONS_CALL),
            may_write: ui.may(&Permission::INSTANCES_WRITE),
            href: href.to_owned(),
        }
    }
}
