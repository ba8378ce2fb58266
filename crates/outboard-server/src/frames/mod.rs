//! Pages of UI plugins, each in a frame that can reach nothing of ours but what it asked
//! for and its user may do.
//!
//! ```text
//! /ui/pages/{plugin}/{item}        the page around it, with our sidebar; opens a ticket
//!   └ <iframe sandbox>             an origin of its own: no cookies, no storage, no parent
//!       /ui/frames/{ticket}/…      the files of one generation of that plugin, for who
//!                                  has the ticket, which is 128 random bits
//!       │ postMessage
//!   frame.js                       only what comes from its own frame
//!       │ POST /ui/frames/{ticket}/call, with the user's session and CSRF token
//!   call.rs                        the ticket is this user's, the manifest asks for what
//!                                  the route needs, the user may: then the route answers
//! ```
//!
//! | file | does |
//! |---|---|
//! | `tickets.rs` | who has a frame open, of which generation, how long yet |
//! | `policy.rs` | what a frame may load |
//! | `files.rs` | `GET /ui/frames/{ticket}/…` |
//! | `grant.rs` | what a frame may ask for |
//! | `call.rs` | `POST /ui/frames/{ticket}/call` and `…/renew` |

mod call;
mod files;
mod grant;
mod policy;
mod tickets;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{
    Extension, Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};
use http::StatusCode;
use tokio::time::Instant;

use self::{
    call::Api,
    tickets::{Found, Ticket, Tickets},
};
use crate::{
    http::Problem,
    native::NativePlugins,
    security::Principal,
    ui_plugins::{UiPluginEntry, UiPluginManager},
};

/// Largest body of a call, in bytes: what the frame sends, and some words around it.
const MAX_CALL: usize = call::MAX_BODY + 64 * 1024;

/// The frames that are open. Cloning shares them.
#[derive(Clone, Debug)]
pub(crate) struct Frames {
    plugins: UiPluginManager,
    native: NativePlugins,
    tickets: Arc<Mutex<Tickets>>,
}

/// A frame that was opened for somebody.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The right to see it.
    pub(crate) ticket: String,
    /// Where its page is.
    pub(crate) source: String,
    /// What it is of.
    pub(crate) entry: Arc<UiPluginEntry>,
}

impl Frames {
    pub(crate) fn new(plugins: UiPluginManager, native: NativePlugins) -> Frames {
        Frames {
            plugins,
            native,
            tickets: Arc::default(),
        }
    }

    /// Opens a frame of a plugin's page for whoever asks.
    ///
    /// # Errors
    ///
    /// There is no such page now, or it is not for this caller.
    pub(crate) fn open(
        &self,
        plugin: &str,
        item: &str,
        principal: &Principal,
    ) -> Result<Opened, Problem> {
        let entry = self.shown(plugin)?;
        let page = entry.manifest.item(item).ok_or_else(|| {
            Problem::not_found(format!("the plugin {plugin:?} has no page {item:?}"))
                .with_hint("its ui.json lists its pages; it may have been reloaded")
        })?;
        if !principal.sees(&page.required_role, &page.required_permission) {
            return Err(not_for_you(
                plugin,
                page.required_role.as_str(),
                &page.required_permission,
            ));
        }
        let start = files::start(&entry.assets, item).ok_or_else(|| {
            Problem::not_found(format!(
                "the plugin {plugin:?} has neither a file {item}.html nor an index.html"
            ))
            .with_hint("add one to its assets and reload it")
        })?;
        let mut random = [0_u8; 16];
        getrandom::fill(&mut random).map_err(|error| {
            let detail = format!("this machine has no randomness to give: {error}");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
        })?;
        let ticket = Ticket::new(Arc::clone(&entry), item, principal);
        let ticket = self.tickets().open(ticket, random, Instant::now());
        Ok(Opened {
            source: format!("/ui/frames/{ticket}/{start}#{item}"),
            ticket,
            entry,
        })
    }

    /// A plugin whose pages are shown: it is loaded and enabled.
    fn shown(&self, plugin: &str) -> Result<Arc<UiPluginEntry>, Problem> {
        let Some(entry) = self.plugins.get(plugin) else {
            let detail = format!("there is no UI plugin {:?} that is loaded", short(plugin));
            return Err(Problem::not_found(detail).with_hint(
                "`outboard ui list` shows which there are; `outboard ui load` loads one",
            ));
        };
        if !self.native.is_enabled(plugin) {
            let detail = format!("the UI plugin {plugin:?} is disabled");
            return Err(Problem::not_found(detail).with_hint(format!(
                "enable it: POST /api/v1/admin/plugins/{plugin}/enable"
            )));
        }
        Ok(entry)
    }

    /// The frame of a ticket, for somebody who is known by the ticket alone.
    fn find(&self, ticket: &str) -> Result<Arc<Ticket>, Problem> {
        match self.tickets().find(ticket, Instant::now()) {
            Found::Open(found) => {
                self.shown(&found.entry.manifest.name)?;
                Ok(found)
            }
            Found::Expired => Err(expired()),
            Found::NoTicket => Err(Problem::not_found("this is no frame of a plugin's page")),
        }
    }

    /// The same for the one who opened it, if that one may still see the page.
    fn find_own(&self, ticket: &str, principal: &Principal) -> Result<Arc<Ticket>, Problem> {
        let found = self.find(ticket)?;
        if !found.is_of(principal) {
            let detail = "this frame was opened by somebody else";
            return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail)
                .with_hint("open the page yourself"));
        }
        let item = found.entry.manifest.item(&found.item);
        match item {
            Some(page) if !principal.sees(&page.required_role, &page.required_permission) => {
                Err(not_for_you(
                    &found.entry.manifest.name,
                    &page.required_role,
                    &page.required_permission,
                ))
            }
            _ => Ok(found),
        }
    }

    fn tickets(&self) -> MutexGuard<'_, Tickets> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The routes. Calls are answered by `api`: the routes below access, without these.
pub(crate) fn routes(frames: Frames, api: Router) -> Router {
    Router::new()
        .route("/ui/frames/{ticket}/call", post(call::call))
        .route("/ui/frames/{ticket}/renew", post(call::renew))
        .layer(DefaultBodyLimit::max(MAX_CALL))
        .layer(Extension(Api(api)))
        .route("/ui/frames/{ticket}/", get(files::file))
        .route("/ui/frames/{ticket}/{*path}", get(files::file))
        .with_state(frames)
}

fn expired() -> Problem {
    let detail =
        "this frame was open for too long without its page, or the server has started anew";
    Problem::new(StatusCode::GONE, "frame_expired", detail)
        .with_hint("load the page around it again")
}

/// What a page asks for that somebody has not.
pub(crate) fn not_for_you(plugin: &str, role: &str, permission: &str) -> Problem {
    let needs = match (role, permission) {
        (role, "") => format!("the role {role}"),
        ("", permission) => format!("the permission {permission}"),
        (role, permission) => format!("the role {role} and the permission {permission}"),
    };
    let detail = format!("this page of the plugin {plugin:?} needs {needs}, which you have not");
    Problem::new(StatusCode::FORBIDDEN, "forbidden", detail)
        .with_hint("an admin can make a token that has it")
}

/// A name from outside, as it can stand in a message.
fn short(name: &str) -> String {
    name.chars().take(64).collect()
}
