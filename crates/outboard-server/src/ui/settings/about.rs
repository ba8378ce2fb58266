//! `GET /ui/settings/about`: which version this is, how long it has run, how it and its
//! machine are.

use askama::Template;
use axum::extract::State;

use super::{
    super::{
        format::{Moment, duration},
        page::{Ui, UiResult},
        state::Mark,
    },
    Tab, tabs,
};
use crate::{
    about::{MachineCheck, Verdict},
    http::Problem,
    readiness::Report,
    security::Permission,
    server::AppState,
};

#[derive(Template)]
#[template(path = "settings/about.html")]
struct AboutPage {
    tabs: Vec<Tab>,
    tab: &'static str,
    version: &'static str,
    started: Moment,
    uptime: String,
    pid: u32,
    data_dir: Option<String>,
    plugins_dir: String,
    ready: Mark,
    obstacles: Vec<String>,
    checks: Vec<Check>,
}

struct Check {
    mark: Mark,
    check: MachineCheck,
}

pub(super) async fn about(State(state): State<AppState>, ui: Ui) -> UiResult {
    let report = Report::of(&state).await;
    // How the machine is, is for those who may see that the server is ready.
    let checks = match ui.may(&Permission::METRICS_READ) {
        true => {
            let about = state.about.clone();
            let checks = tokio::task::spawn_blocking(move || about.check()).await;
            checks.map_err(|error| Problem::internal(&error))?
        }
        false => Vec::new(),
    };
    let uptime = ui.now.duration_since(state.started_at);
    let body = AboutPage {
        tabs: tabs(&ui),
        tab: "about",
        version: env!("CARGO_PKG_VERSION"),
        started: Moment::new(state.started_at, ui.now),
        uptime: duration(uptime.unsigned_abs()),
        pid: std::process::id(),
        data_dir: state
            .about
            .data_dir
            .as_ref()
            .map(|path| path.display().to_string()),
        plugins_dir: state.plugins.manager().plugins_dir().display().to_string(),
        ready: Mark {
            word: if report.is_ready() {
                "ready"
            } else {
                "not ready"
            }
            .to_owned(),
            tone: if report.is_ready() { "good" } else { "bad" },
        },
        obstacles: report.details(),
        checks: checks.into_iter().map(marked).collect(),
    };
    ui.page("About", "settings", &body)
}

fn marked(check: MachineCheck) -> Check {
    Check {
        mark: Mark {
            word: check.verdict.as_str().to_owned(),
            tone: match check.verdict {
                Verdict::Ok => "good",
                Verdict::Warning => "warn",
                Verdict::Problem => "bad",
            },
        },
        check,
    }
}
