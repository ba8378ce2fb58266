//! What all pages have in common: who looks, the layout around, and a line about what
//! was just done.

use std::{convert::Infallible, sync::Arc};

use askama::Template;
use axum::{
    Form,
    body::Body,
    extract::FromRequestParts,
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{Extensions, HeaderMap, HeaderValue, StatusCode, Uri, header, request::Parts};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{assets, navigation};
use crate::{
    http::{Problem, RequestId},
    security::{AuditNote, CsrfToken, Permission, Principal, Via},
    server::AppState,
};

/// How a page answers: with itself, or with the page of a problem.
pub(crate) type UiResult = Result<Response, Problem>;

/// Cookies of ours that are no secrets.
const THEME: &str = "outboard_theme";
const FLASH: &str = "outboard_flash";
/// Longest line that is carried from one page to the next, encoded.
const MAX_FLASH: usize = 2048;

/// What pages may load and do.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";

/// Who looks at a page, and how.
#[derive(Clone, Debug)]
pub(crate) struct Ui {
    /// Who looks.
    pub(crate) principal: Principal,
    /// What forms carry; empty where none is asked for.
    pub(crate) csrf: String,
    /// When the page is made.
    pub(crate) now: Timestamp,
    /// Path and query of the page.
    pub(crate) path: String,
    request_id: String,
    theme: &'static str,
    flash: Option<Flash>,
    navigation: Vec<PageGroup>,
}

/// A line about what was just done, shown once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Flash {
    /// `good` or `bad`.
    tone: String,
    text: String,
    undo: Option<Undo>,
}

/// What takes back what was just done: a form with one button.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Undo {
    pub(crate) label: String,
    /// A path of ours.
    pub(crate) action: String,
}

impl Flash {
    /// It worked.
    pub(crate) fn good(text: impl Into<String>) -> Flash {
        Flash {
            tone: "good".to_owned(),
            text: text.into(),
            undo: None,
        }
    }

    /// It did not.
    pub(crate) fn bad(text: impl Into<String>) -> Flash {
        Flash {
            tone: "bad".to_owned(),
            ..Flash::good(text)
        }
    }

    /// With a button that takes it back.
    pub(crate) fn with_undo(
        mut self,
        label: impl Into<String>,
        action: impl Into<String>,
    ) -> Flash {
        self.undo = Some(Undo {
            label: label.into(),
            action: action.into(),
        });
        self
    }

    fn to_cookie(&self) -> Option<String> {
        let json = serde_json::to_vec(self).ok()?;
        let text = URL_SAFE_NO_PAD.encode(json);
        (text.len() <= MAX_FLASH)
            .then(|| format!("{FLASH}={text}; Path=/ui; HttpOnly; SameSite=Strict; Max-Age=60"))
    }

    /// A cookie may come from anywhere: its text is shown as text, and its button leads
    /// to a page of ours or nowhere.
    fn from_cookie(text: &str) -> Option<Flash> {
        if text.len() > MAX_FLASH {
            return None;
        }
        let json = URL_SAFE_NO_PAD.decode(text).ok()?;
        let mut flash: Flash = serde_json::from_slice(&json).ok()?;
        if flash.tone != "good" {
            flash.tone = "bad".to_owned();
        }
        flash.undo = flash.undo.filter(|undo| undo.action.starts_with("/ui/"));
        Some(flash)
    }
}

/// Entries of the navigation under one heading.
#[derive(Clone, Debug)]
pub(crate) struct PageGroup {
    pub(crate) title: &'static str,
    pub(crate) entries: Vec<PageEntry>,
}

/// A page of a UI plugin in the navigation.
#[derive(Clone, Debug)]
pub(crate) struct PageEntry {
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) icon: String,
    pub(crate) href: String,
}

/// An entry of our own navigation.
struct Entry {
    id: &'static str,
    label: &'static str,
    href: &'static str,
    /// The key after `g`.
    key: Option<&'static str>,
}

const fn entry(
    id: &'static str,
    label: &'static str,
    href: &'static str,
    key: Option<&'static str>,
) -> Entry {
    Entry {
        id,
        label,
        href,
        key,
    }
}

/// Our own pages, with what is needed to see each.
const NAVIGATION: &[(Entry, Option<Permission>)] = &[
    (entry("overview", "Overview", "/ui/", Some("o")), None),
    (
        entry("plugins", "Plugins", "/ui/plugins", Some("p")),
        Some(Permission::PLUGINS_READ),
    ),
    (
        entry("runs", "Runs", "/ui/runs", Some("r")),
        Some(Permission::RUNS_READ),
    ),
    (
        entry("catalog", "Catalog", "/ui/catalog", Some("c")),
        Some(Permission::CONNECTORS_READ),
    ),
    (
        entry("settings", "Settings", "/ui/settings", Some("s")),
        None,
    ),
    (entry("api", "API", "/ui/api", Some("a")), None),
];

#[derive(Template)]
#[template(path = "layout.html")]
struct Layout<'a> {
    title: &'a str,
    active: &'a str,
    body: &'a str,
    theme: &'a str,
    csrf: &'a str,
    path: &'a str,
    who: &'a str,
    role: Option<&'static str>,
    signed_in: bool,
    flash: Option<&'a Flash>,
    navigation: Vec<&'static Entry>,
    pages: &'a [PageGroup],
    assets: Arc<assets::Paths>,
}

impl Ui {
    /// Whether who looks may do what needs this.
    pub(crate) fn may(&self, permission: &Permission) -> bool {
        self.principal.may(permission)
    }

    /// A page: `body` in the layout. `active` is the id of its entry in the navigation.
    pub(crate) fn page(&self, title: &str, active: &str, body: &impl Template) -> UiResult {
        let body = render(body)?;
        Ok(self.response(StatusCode::OK, self.layout(title, active, &body)?))
    }

    /// The same with another status.
    pub(crate) fn page_with_status(
        &self,
        status: StatusCode,
        title: &str,
        active: &str,
        body: &impl Template,
    ) -> UiResult {
        let body = render(body)?;
        Ok(self.response(status, self.layout(title, active, &body)?))
    }

    /// Back to a page of ours, which says what was done.
    pub(crate) fn done(&self, to: &str, flash: &Flash) -> Response {
        let mut response = redirect(to);
        let cookie = flash
            .to_cookie()
            .and_then(|cookie| HeaderValue::try_from(cookie).ok());
        if let Some(cookie) = cookie {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        if flash.tone == "bad" {
            response.extensions_mut().insert(AuditNote {
                status: Some(StatusCode::UNPROCESSABLE_ENTITY.as_u16()),
                ..AuditNote::default()
            });
        }
        response
    }

    /// The id under which the log speaks of this request.
    pub(crate) fn request_id(&self) -> &str {
        &self.request_id
    }

    fn layout(&self, title: &str, active: &str, body: &str) -> Result<String, Problem> {
        let seen = NAVIGATION
            .iter()
            .filter(|(_, needs)| needs.as_ref().is_none_or(|needs| self.may(needs)));
        let (who, role) = match self.principal.via {
            Via::Development => ("Everybody on this machine", Some("--dev: no sign-in")),
            Via::Anonymous => ("Not signed in", None),
            _ => (
                self.principal.name.as_str(),
                self.principal.role.map(|role| role.as_str()),
            ),
        };
        render(&Layout {
            title,
            active,
            body,
            theme: self.theme,
            csrf: &self.csrf,
            path: &self.path,
            who,
            role,
            signed_in: self.principal.via == Via::Session,
            flash: self.flash.as_ref(),
            navigation: match self.principal.via {
                Via::Anonymous => Vec::new(),
                _ => seen.map(|(entry, _)| entry).collect(),
            },
            pages: &self.navigation,
            assets: assets::paths(),
        })
    }

    fn response(&self, status: StatusCode, html: String) -> Response {
        let mut response = Response::new(Body::from(html));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        let value = HeaderValue::from_static;
        headers.insert(header::CONTENT_TYPE, value("text/html; charset=utf-8"));
        headers.insert(header::CONTENT_SECURITY_POLICY, value(POLICY));
        // Under `no-referrer` a browser says `Origin: null` of a form that is posted, which
        // is refused, and rightly so: any page of another site could say it.
        headers.insert(header::REFERRER_POLICY, value("same-origin"));
        if self.flash.is_some() {
            headers.append(
                header::SET_COOKIE,
                value("outboard_flash=; Path=/ui; HttpOnly; SameSite=Strict; Max-Age=0"),
            );
        }
        response
    }

    /// Who looks, as far as a request says it.
    pub(super) fn of(uri: &Uri, headers: &HeaderMap, extensions: &Extensions) -> Ui {
        let principal = extensions.get::<Principal>().cloned();
        let csrf = extensions.get::<CsrfToken>();
        let request_id = extensions.get::<RequestId>();
        let theme = match cookie(headers, THEME) {
            Some("light") => "light",
            Some("dark") => "dark",
            _ => "",
        };
        let path = uri.path_and_query();
        Ui {
            principal: principal.unwrap_or_else(Principal::anonymous),
            csrf: csrf.map(|token| token.0.clone()).unwrap_or_default(),
            now: Timestamp::now(),
            path: path.map_or_else(String::new, ToString::to_string),
            request_id: request_id.map(|id| id.0.clone()).unwrap_or_default(),
            theme,
            flash: cookie(headers, FLASH).and_then(Flash::from_cookie),
            navigation: Vec::new(),
        }
    }

    /// The same for somebody else.
    pub(super) fn seen_by(mut self, principal: Option<Principal>, csrf: Option<CsrfToken>) -> Ui {
        self.principal = principal.unwrap_or(self.principal);
        self.csrf = csrf.map_or(self.csrf, |token| token.0);
        self
    }
}

impl FromRequestParts<AppState> for Ui {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Ui, Infallible> {
        let mut ui = Ui::of(&parts.uri, &parts.headers, &parts.extensions);
        let pipeline = navigation::open_pipeline(state, &parts.uri);
        ui.navigation = navigation::groups(state, &ui.principal, pipeline.as_deref());
        Ok(ui)
    }
}

/// A template as text.
pub(super) fn render(template: &impl Template) -> Result<String, Problem> {
    template.render().map_err(|error| {
        tracing::error!(%error, "a template failed");
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Problem::new(status, "internal", "the page could not be made")
    })
}

/// A redirect that is asked for with GET. Only to a path of ours.
pub(crate) fn redirect(to: &str) -> Response {
    let to = if is_local(to) { to } else { "/ui/" };
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(location) = HeaderValue::try_from(to) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// Whether it names a page of ours, and not one of another host.
pub(crate) fn is_local(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
    (path == "/ui" || path.starts_with("/ui/")) && path.bytes().all(plain) && !path.contains("//")
}

/// The value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

#[derive(Deserialize)]
pub(super) struct ThemeForm {
    #[serde(default)]
    theme: String,
    #[serde(default)]
    back: String,
}

/// `POST /ui/theme`
pub(super) async fn set_theme(Form(form): Form<ThemeForm>) -> Response {
    let cookie = match form.theme.as_str() {
        "light" => "outboard_theme=light; Path=/; SameSite=Lax; Max-Age=31536000",
        "dark" => "outboard_theme=dark; Path=/; SameSite=Lax; Max-Age=31536000",
        _ => "outboard_theme=; Path=/; SameSite=Lax; Max-Age=0",
    };
    let mut response = redirect(&form.back);
    response
        .headers_mut()
        .append(header::SET_COOKIE, HeaderValue::from_static(cookie));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_ours_are_gone_to() {
        for path in ["/ui", "/ui/", "/ui/runs?status=failed", "/ui/plugins/a/b"] {
            assert!(is_local(path), "{path}");
        }
        for path in [
            "",
            "/",
            "//evil.example",
            "https://evil.example/ui/",
            "/ui/\\evil",
            "/ui//evil",
            "/uix",
            "/ui/\n",
        ] {
            assert!(!is_local(path), "{path}");
        }
    }

    #[test]
    fn a_line_survives_the_way_to_the_next_page_and_a_forged_one_leads_nowhere() {
        let flash = Flash::good("disabled <b>").with_undo("Enable", "/ui/plugins/a/enable");
        let cookie = flash.to_cookie().expect("a cookie");
        let text = cookie
            .trim_start_matches("outboard_flash=")
            .split(';')
            .next()
            .expect("a value");
        assert_eq!(Flash::from_cookie(text), Some(flash));
        let forged = Flash::bad("x").with_undo("Win", "https://evil.example/");
        let json = serde_json::to_vec(&forged).expect("JSON");
        let read = Flash::from_cookie(&URL_SAFE_NO_PAD.encode(json)).expect("a flash");
        assert_eq!(read.undo, None);
        assert_eq!(Flash::from_cookie("not base64!"), None);
        assert_eq!(Flash::bad("x".repeat(4000)).to_cookie(), None);
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "a=1; b=2".parse().expect("a value"));
        headers.append(header::COOKIE, "c=3".parse().expect("a value"));
        assert_eq!(cookie(&headers, "b"), Some("2"));
        assert_eq!(cookie(&headers, "c"), Some("3"));
        assert_eq!(cookie(&headers, "d"), None);
    }
}
