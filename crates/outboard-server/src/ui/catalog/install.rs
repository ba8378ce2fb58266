//! `POST /ui/catalog/install`: installs, and goes to the page of what was installed.

use axum::{Form, extract::State};
use outboard_connector::host::InstallOutcome;

use super::{
    super::page::{Flash, Ui, UiResult},
    failed, host,
    source::SourceForm,
};
use crate::{security::AuditNote, server::AppState};

pub(super) async fn install(
    State(state): State<AppState>,
    ui: Ui,
    Form(form): Form<SourceForm>,
) -> UiResult {
    let (from, options) = form.read()?;
    let outcome = host(&state)?.install(from, options, None).await;
    let outcome = outcome.map_err(failed)?;
    let page = format!("/ui/plugins/connector/{}", outcome.key);
    let mut response = ui.done(&page, &flash(&outcome, &page));
    response.extensions_mut().insert(AuditNote {
        target: Some(outcome.key),
        detail: Some(format!("{} {}", outcome.action, outcome.version)),
        ..AuditNote::default()
    });
    Ok(response)
}

/// What was done, and how to take it back where that can be had.
fn flash(outcome: &InstallOutcome, page: &str) -> Flash {
    let InstallOutcome { key, version, .. } = outcome;
    let before = outcome.previous.as_deref().unwrap_or_default();
    match outcome.action.as_str() {
        "unchanged" => Flash::good(format!("{key} {version} was installed already")),
        "replaced" => Flash::good(format!("Replaced {key} {version}")),
        "installed" => Flash::good(format!("Installed {key} {version}")),
        // Going back makes the version before current again, whichever that was.
        action => Flash::good(format!("{key} was {action} from {before} to {version}"))
            .with_undo("Roll back", format!("{page}/rollback")),
    }
}
