//! The connector of the golden files: every field of a connector, once.

use std::collections::BTreeMap;

use outboard_sdk::{
    connector::{
        Connector, Context, DefaultAccess, Fields, Identity, OAuth, Operation, OperationError, Tag,
    },
    json,
};
use serde::Serialize;

#[derive(Fields)]
#[allow(dead_code)]
pub(super) struct Settings {
    /// Where the service lives.
    #[field(url, required, default = "https://api.example.test")]
    base_url: String,
    /// The key.
    #[field(secret, required)]
    api_key: String,
    /// How often.
    #[field(default = 3)]
    retries: u32,
    #[field(desc = "A fraction.", default = 0.25)]
    ratio: f64,
    /// Say more.
    verbose: bool,
    /// Pick one.
    #[field(dropdown = "eu|us|ap", default = "eu", group = "Where")]
    region: String,
    #[field(textarea, group = "Where")]
    notes: String,
    /// Extra headers.
    #[field(kvlist = "name|value")]
    headers: Vec<BTreeMap<String, String>>,
    #[field(picker = "people.users")]
    owners: String,
    #[field(email)]
    contact: Option<String>,
    #[field(color)]
    tint: String,
    #[field(date)]
    day: String,
    #[field(datetime, key = "moment")]
    at: String,
    #[field(regen, locked, hidden)]
    token: String,
    #[field(visible_when = "verbose:true", mode = "expression")]
    only_if: String,
    #[field(mode = "fixed")]
    fixed: String,
    /// Has
    /// a value.
    #[field(default = "seed value")]
    seeded: String,
}

#[derive(Fields)]
struct Say {
    /// What to say.
    #[field(textarea, required)]
    text: String,
    /// How often.
    #[field(default = 1)]
    times: i64,
    /// Shout.
    loud: bool,
}

/// What the operation answers, one form of which cannot be JSON.
#[derive(Serialize)]
#[serde(untagged)]
enum Said {
    Value(outboard_sdk::Value),
    NoJson(BTreeMap<(u8, u8), u8>),
}

async fn say(context: Context<Settings>, input: Say) -> Result<Said, OperationError> {
    Ok(Said::Value(match input.text.as_str() {
        "fail" => return Err(OperationError::new("the service said no")),
        "unmarshalable" => return Ok(Said::NoJson(BTreeMap::from([((1, 2), 3)]))),
        "null" => json!(null),
        "big" => json!("x".repeat(2_621_440)),
        text => json!({
            "base": context.settings().base_url, "html": "<a & b>",
            "loud": input.loud, "said": text, "times": input.times,
        }),
    }))
}

pub(super) fn kitchen() -> Connector<Settings> {
    let tag = |name: &str| Tag {
        name: name.to_owned(),
        ..Tag::default()
    };
    Connector::new("kitchen_sink", "Kitchen Sink")
        .description("Every field of a connector, once. <b> & ünïcode ✓")
        .icon("🧪")
        .fixed()
        .live_catalog()
        .tag(Tag {
            description: "d".to_owned(),
            is_group: true,
            sort_order: 50,
            ..tag("Connector")
        })
        .tag(Tag {
            is_filter: true,
            is_system: true,
            ..tag("Lab")
        })
        .category(
            "Talk",
            "Says things.",
            [
                Operation::new("say", "Say", say)
                    .description("Says a text.")
                    .output_field("said", "string")
                    .templateable("text")
                    .quirk("loud is ignored")
                    .example("short", r#"{"text":"hi"}"#)
                    .pair_with("wipe")
                    .pitfall("none")
                    .input_sample("{}")
                    .output_sample("{}"),
                Operation::new("wipe", "Wipe", |_, (): ()| async { Ok(json!({})) })
                    .description("Deletes everything.")
                    .destructive(),
            ],
        )
        .category("Empty", "", [])
        .oauth(OAuth {
            authorize_url: "https://id.example.test/authorize".to_owned(),
            token_url: "https://id.example.test/token".to_owned(),
            extra_params: [("access_type", "offline"), ("prompt", "consent")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            scopes: "read write".to_owned(),
            display_name: "Example".to_owned(),
            icon: "🔑".to_owned(),
        })
        .identity(|token| async move {
            if token == "bad" {
                return Err(OperationError::new("token rejected"));
            }
            Ok(Identity::new("u-1", "Ada"))
        })
        .allow_session_config()
        .default_access(DefaultAccess {
            enable_sso: true,
            allow_others_connect_sso: true,
            multi_account: true,
            allow_others_configure: true,
        })
        .version("1.2.3")
}
