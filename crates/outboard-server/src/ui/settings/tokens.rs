//! `GET /ui/settings/tokens`: who may do what? Tokens, made and revoked here.
//!
//! The secret of a new token is in the answer to the form that made it and nowhere else;
//! that answer is therefore the page itself and no redirect.

use askama::Template;
use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;

use super::{
    super::{
        format::Moment,
        page::{Flash, Ui, UiResult},
        state::Mark,
    },
    Tab, said, tabs,
};
use crate::{
    http::Problem,
    security::{NewToken, Permission, Role, TokenInfo, TokenRequest, create_token, revoke_token},
    server::AppState,
};

/// The page itself.
const PAGE: &str = "/ui/settings/tokens";

#[derive(Template)]
#[template(path = "settings/tokens.html")]
struct TokensPage {
    csrf: String,
    tabs: Vec<Tab>,
    tab: &'static str,
    new: Option<NewToken>,
    failed: Option<String>,
    form: TokenForm,
    roles: Vec<Role>,
    tokens: Vec<Row>,
    rights: Vec<Right>,
}

struct Row {
    info: TokenInfo,
    mark: Mark,
    permissions: String,
    made: Moment,
    expires: Option<Moment>,
    used: Option<Moment>,
    /// Whether the caller came with it.
    own: bool,
    /// Whether the caller may revoke it.
    may: bool,
}

/// What a permission is, and which roles have it.
struct Right {
    permission: &'static str,
    least: Role,
}

/// What somebody typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TokenForm {
    name: String,
    role: String,
    permissions: String,
    expires_in: String,
}

impl TokenForm {
    fn request(&self) -> Result<TokenRequest, Problem> {
        let role = self.role.parse::<Role>().map_err(|error| {
            Problem::new(StatusCode::BAD_REQUEST, "invalid_input", error.to_string())
        })?;
        let words = self.permissions.split([' ', ',', '\n', '\r', '\t']);
        let life = self.expires_in.trim();
        Ok(TokenRequest {
            name: self.name.clone(),
            role,
            permissions: words
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect(),
            expires_in: (!life.is_empty()).then(|| life.to_owned()),
        })
    }
}

pub(super) async fn tokens(State(state): State<AppState>, ui: Ui) -> UiResult {
    let body = page(&state, &ui, None, None, TokenForm::default());
    ui.page("Tokens", "settings", &body)
}

/// `POST /ui/settings/tokens`
pub(super) async fn create(
    State(state): State<AppState>,
    ui: Ui,
    Form(form): Form<TokenForm>,
) -> UiResult {
    let made = match form.request() {
        Ok(request) => create_token(&state, &ui.principal, request).await,
        Err(problem) => Err(problem),
    };
    match made {
        Ok((new, note)) => {
            let body = page(&state, &ui, Some(new), None, TokenForm::default());
            let mut response =
                ui.page_with_status(StatusCode::CREATED, "Tokens", "settings", &body)?;
            response.extensions_mut().insert(note);
            Ok(response)
        }
        Err(problem) => {
            let body = page(&state, &ui, None, Some(said(&problem)), form);
            ui.page_with_status(problem.status, "Tokens", "settings", &body)
        }
    }
}

/// `POST /ui/settings/tokens/{id}/revoke`
pub(super) async fn revoke(
    State(state): State<AppState>,
    Path(id): Path<String>,
    ui: Ui,
) -> Response {
    match revoke_token(&state, &ui.principal, id).await {
        Ok((revoked, note)) => {
            let text = format!("Nobody gets in with {:?} any more", revoked.name);
            let mut response = ui.done(PAGE, &Flash::good(text));
            response.extensions_mut().insert(note);
            response
        }
        Err(problem) => {
            let flash = Flash::bad(said(&problem));
            ui.done(PAGE, &flash).into_response()
        }
    }
}

fn page(
    state: &AppState,
    ui: &Ui,
    new: Option<NewToken>,
    failed: Option<String>,
    form: TokenForm,
) -> TokensPage {
    let tokens = state.access.tokens().list().into_iter();
    let right = |(permission, least): &'static (Permission, Role)| Right {
        permission: permission.as_str(),
        least: *least,
    };
    let roles = Role::ALL.into_iter();
    TokensPage {
        csrf: ui.csrf.clone(),
        tabs: tabs(ui),
        tab: "tokens",
        new,
        failed,
        form,
        // Nobody gives away what they have not.
        roles: roles.filter(|role| ui.principal.has_role(*role)).collect(),
        tokens: tokens.map(|info| row(info, ui)).collect(),
        rights: Permission::KNOWN.iter().map(right).collect(),
    }
}

fn row(info: TokenInfo, ui: &Ui) -> Row {
    let moment = |at: Timestamp| Moment::new(at, ui.now);
    let is_over = info.expires_at.is_some_and(|at| at <= ui.now);
    let permissions: Vec<&str> = info.permissions.iter().map(Permission::as_str).collect();
    Row {
        mark: Mark {
            word: if is_over { "expired" } else { "usable" }.to_owned(),
            tone: if is_over { "idle" } else { "good" },
        },
        permissions: permissions.join(", "),
        made: moment(info.created_at),
        expires: info.expires_at.map(moment),
        used: info.last_used_at.map(moment),
        own: info.id == ui.principal.id,
        may: ui.principal.has_role(info.role),
        info,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_becomes_a_request() {
        let form = TokenForm {
            name: "ci".to_owned(),
            role: "operator".to_owned(),
            permissions: "reports.see, reports.make\nx".to_owned(),
            expires_in: " 30d ".to_owned(),
        };
        let request = form.request().expect("a request");
        assert_eq!(request.role, Role::Operator);
        assert_eq!(request.permissions, ["reports.see", "reports.make", "x"]);
        assert_eq!(request.expires_in.as_deref(), Some("30d"));
        let for_ever = TokenForm {
            expires_in: String::new(),
            ..form.clone()
        };
        assert_eq!(for_ever.request().expect("a request").expires_in, None);
        let nobody = TokenForm {
            role: "king".to_owned(),
            ..form
        };
        let problem = nobody.request().expect_err("no role");
        assert!(problem.detail.contains("king"), "{}", problem.detail);
    }
}
