//! The routes of access, as the document of the API describes them.

use http::Method;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::{
    NewToken, TokenInfo, TokenRequest,
    routes::{AuditPage, Me},
    sign_in::NewLink,
};
use crate::openapi::{Operation, schema_of};

const TAG: &str = "access";

fn list(generator: &mut SchemaGenerator) -> Schema {
    let tokens = generator.subschema_for::<Vec<TokenInfo>>();
    json_schema!({
        "type": "object",
        "properties": { "tokens": tokens },
        "required": ["tokens"],
    })
}

fn revoked(generator: &mut SchemaGenerator) -> Schema {
    let token = generator.subschema_for::<TokenInfo>();
    json_schema!({
        "type": "object",
        "properties": { "revoked": token },
        "required": ["revoked"],
    })
}

pub(crate) fn operations() -> Vec<Operation> {
    let text = || json!({ "type": "string" });
    let mut made = json!({ "token": "ob_0000000000000000000000000000000000000000000" });
    if let (Some(made), Value::Object(token)) = (made.as_object_mut(), token()) {
        made.extend(token);
    }
    vec![
        Operation::new(Method::GET, "/api/v1/me", "getMe", TAG, "Who one is, and what one may")
            .answers(
                200,
                "By its role and by what it was granted.",
                schema_of::<Me>,
                json!({
                    "id": "tok_5f3a9c01", "name": "ci", "role": "editor",
                    "permissions": ["plugins.read", "pipelines.run"], "via": "token",
                }),
            ),
        Operation::new(Method::GET, "/api/v1/tokens", "listTokens", TAG, "Tokens that can be used")
            .answers(200, "Without their secrets.", list, json!({ "tokens": [token()] })),
        Operation::new(Method::POST, "/api/v1/tokens", "createToken", TAG, "Makes a token")
            .about("The answer is the only one that has the secret.")
            .takes(
                schema_of::<TokenRequest>,
                "Whose it is, and what it may.",
                json!({ "name": "ci", "role": "editor", "expires_in": "30d" }),
            )
            .answers(201, "It.", schema_of::<NewToken>, made)
            .fails(400, &["invalid_input"])
            .fails(409, &["conflict"])
            .fails(415, &["unsupported_media_type"])
            .fails(422, &["invalid_input"])
            .fails(500, &["storage"]),
        Operation::new(
            Method::DELETE,
            "/api/v1/tokens/{id}",
            "revokeToken",
            TAG,
            "Revokes a token, and the sessions that it opened",
        )
        .path("id", text(), "Its id or its name.", "tok_5f3a9c01")
        .answers(200, "It is revoked.", revoked, json!({ "revoked": token() }))
        .fails(404, &["not_found"])
        .fails(500, &["storage"]),
        Operation::new(
            Method::GET,
            "/api/v1/audit",
            "listAudit",
            TAG,
            "Who changed what, newest first",
        )
        .query("principal", text(), "Of this one, by id or name.")
        .query("action", text(), "A part of the action.")
        .paged("The value of `next_cursor`, to get the rest.")
        .answers(
            200,
            "A page of the log.",
            schema_of::<AuditPage>,
            json!({ "entries": [{
                "id": 7, "at": "2026-11-25T07:04:56.256Z", "principal": "tok_5f3a9c01",
                "name": "ci", "via": "token", "address": "127.0.0.1",
                "action": "POST /api/v1/connectors/{key}/disable", "target": "weather",
                "status": 200, "request_id": "790a56ce4d854b71", "detail": "",
            }] }),
        )
        .fails(400, &["invalid_input"])
        .fails(404, &["not_found"])
        .fails(500, &["storage"]),
        Operation::new(
            Method::POST,
            "/api/v1/sign-in-links",
            "createSignInLink",
            TAG,
            "Makes a link that signs a browser in, once, as the one who asks",
        )
        .answers(
            201,
            "Open it in the browser that is to be signed in.",
            schema_of::<NewLink>,
            json!({
                "url": "http://127.0.0.1:7400/ui/sign-in/0000", "expires_at": "2026-11-25T07:06:56.256Z",
            }),
        )
        .fails(500, &["storage"]),
    ]
}

fn token() -> Value {
    json!({
        "id": "tok_5f3a9c01", "name": "ci", "role": "editor", "permissions": ["reports.see"],
        "created_at": "2026-11-25T06:59:58.415Z", "created_by": "first-admin",
        "expires_at": "2026-12-25T06:59:58.415Z", "last_used_at": "2026-11-25T07:04:00.000Z",
    })
}
