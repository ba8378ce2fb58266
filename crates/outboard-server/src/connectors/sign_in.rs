//! Signing in to the service behind a connector, with a browser.
//!
//! A client begins and sends its user to `authorize_url`; the service sends the browser
//! back to [`CALLBACK`]. That route takes no token, because a browser has none to send:
//! the `state`, which only the one who began has, is what lets it in, once.

use axum::{
    Json,
    extract::{Path, RawQuery, State},
    http::HeaderMap,
    response::{Html, IntoResponse as _, Response},
};
use bytes::Bytes;
use http::{StatusCode, header};
use outboard_connector::{
    host::{InstanceView, SignIn},
    oauth::Callback,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Family, body, failure::Failure};
use crate::http::{Problem, escape};

/// Where browsers come back to.
pub(crate) const CALLBACK: &str = "/api/v1/connectors/oauth/callback";

#[derive(Debug, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SignInBegin")]
pub(super) struct Begin {
    #[serde(default)]
    redirect_uri: Option<String>,
}

/// `POST /{key}/instances/{instance}/sign-in`
pub(super) async fn begin(
    State(family): State<Family>,
    Path((key, instance)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<SignIn>, Failure> {
    family.check(&key).await?;
    let begin: Begin = body::read(&body)?;
    let redirect_uri = match begin.redirect_uri {
        Some(uri) => uri,
        // Where the client found this server, its browser finds it, too.
        None => {
            let host = headers
                .get(header::HOST)
                .and_then(|host| host.to_str().ok());
            let host = host.ok_or_else(|| Problem::bad_request("the request has no Host"))?;
            format!("http://{host}{CALLBACK}")
        }
    };
    let begun = family.host.begin_sign_in(&key, &instance, &redirect_uri);
    Ok(Json(begun.await?))
}

/// What the browser brought, as it is.
#[derive(JsonSchema, Deserialize)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SignInFinish")]
pub(super) struct Finish {
    query: String,
}

/// Reads what a browser brought.
fn arrived(query: &str) -> Result<Callback, Problem> {
    Callback::parse(query).map_err(|error| {
        Problem::new(StatusCode::BAD_REQUEST, "bad_input", error.to_string())
            .with_hint("begin the sign-in again")
    })
}

/// `POST /oauth/finish`
pub(super) async fn finish(
    State(family): State<Family>,
    body: Bytes,
) -> Result<Json<InstanceView>, Failure> {
    let Finish { query } = body::read(&body)?;
    let callback = arrived(&query)?;
    Ok(Json(family.host.finish_sign_in(callback).await?))
}

/// `GET /oauth/callback`: a page for the person whose browser it is.
pub(super) async fn callback(State(family): State<Family>, RawQuery(query): RawQuery) -> Response {
    let ended = async {
        let callback = arrived(&query.unwrap_or_default())?;
        Ok::<_, Failure>(family.host.finish_sign_in(callback).await?)
    };
    match ended.await {
        Ok(instance) => {
            let who = instance
                .identity
                .map(|identity| match identity.display_name.is_empty() {
                    true => identity.user_id,
                    false => identity.display_name,
                })
                .filter(|who| !who.is_empty())
                .map_or_else(String::new, |who| format!(" as {who}"));
            let what = format!(
                "{}, instance {}, is signed in{who}. This page can be closed.",
                instance.connector, instance.name
            );
            page(StatusCode::OK, "Signed in", &what)
        }
        Err(Failure(problem)) => {
            tracing::info!(kind = %problem.kind, "a sign-in failed");
            let hint = problem
                .hint
                .map_or_else(String::new, |hint| format!(" ({hint})"));
            let why = format!("{}{hint}", problem.detail);
            page(problem.status, "Not signed in", &why)
        }
    }
}

fn page(status: StatusCode, title: &str, text: &str) -> Response {
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
         <style>body{{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;\
         padding:0 1rem}}</style><h1>{title}</h1><p>{}</p></html>",
        escape(text)
    );
    (status, Html(page)).into_response()
}
