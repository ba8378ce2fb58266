//! `outboard token`: through the server that runs, else on its database.

use std::fs;

use outboard_server::{OfflineTokens, TokenRequest};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use ureq::http::Method;

use super::{host, serve};
use crate::{
    api::Api,
    cli::{TokenArgs, TokenCommand},
    error::CliError,
    output::{Output, eprint_line, line, table},
    settings::Settings,
};

const ROUTE: &str = "/api/v1/tokens";

/// Who answers: both say the same.
enum Keeper {
    Server(Api),
    /// Nobody else; the lock keeps servers from starting meanwhile.
    Here(
        OfflineTokens,
        #[expect(dead_code, reason = "held")] fs::File,
    ),
}

impl Keeper {
    fn find(settings: &Settings) -> Result<Keeper, CliError> {
        let data_dir = settings.data_dir();
        if let Some(api) = Api::find(&data_dir)? {
            return Ok(Keeper::Server(api));
        }
        fs::create_dir_all(&data_dir).map_err(|error| {
            let message = format!("cannot create {}: {error}", data_dir.display());
            CliError::failed("data_dir", message).hint("choose another with --data-dir")
        })?;
        let lock = serve::lock(&data_dir)?;
        let tokens = OfflineTokens::open(host::database(settings)?).map_err(host::of_access)?;
        Ok(Keeper::Here(tokens, lock))
    }

    fn list(&self) -> Result<Value, CliError> {
        match self {
            Keeper::Server(api) => Ok(api.get(ROUTE)?["tokens"].take()),
            Keeper::Here(tokens, _) => Ok(json!(tokens.list())),
        }
    }

    fn create(&self, request: &TokenRequest) -> Result<Value, CliError> {
        match self {
            Keeper::Server(api) => api.send(Method::POST, ROUTE, Some(&json!(request))),
            Keeper::Here(tokens, _) => {
                let new = tokens.create(request).map_err(host::of_access)?;
                Ok(json!(new))
            }
        }
    }

    fn revoke(&self, id_or_name: &str) -> Result<Value, CliError> {
        match self {
            Keeper::Server(api) => {
                let segment = utf8_percent_encode(id_or_name, NON_ALPHANUMERIC);
                api.send(Method::DELETE, &format!("{ROUTE}/{segment}"), None)
            }
            Keeper::Here(tokens, _) => {
                let revoked = tokens.revoke(id_or_name).map_err(host::of_access)?;
                Ok(json!({ "revoked": revoked }))
            }
        }
    }
}

pub(crate) fn run(
    command: TokenCommand,
    settings: &Settings,
    output: &Output,
) -> Result<(), CliError> {
    let keeper = Keeper::find(settings)?;
    match command {
        TokenCommand::Create(arguments) => create(&keeper, arguments, output),
        TokenCommand::List => {
            let tokens = keeper.list()?;
            output.result(&tokens, || print(&tokens));
            Ok(())
        }
        TokenCommand::Revoke { token } => {
            let revoked = keeper.revoke(&token)?;
            output.result(&revoked, || {
                let revoked = &revoked["revoked"];
                line(&format!(
                    "revoked {} ({}); browsers that signed in with it are signed out",
                    text(revoked, "name"),
                    text(revoked, "id")
                ));
            });
            Ok(())
        }
    }
}

fn create(keeper: &Keeper, arguments: TokenArgs, output: &Output) -> Result<(), CliError> {
    let request = TokenRequest {
        name: arguments.name,
        role: arguments.role,
        permissions: arguments.permissions,
        expires_in: arguments.expires_in,
    };
    let new = keeper.create(&request)?;
    output.result(&new, || {
        // Alone on standard output, for whoever puts it into a variable.
        line(text(&new, "token"));
        let until = match text(&new, "expires_at") {
            "" => String::new(),
            at => format!(", until {at}"),
        };
        eprint_line(&format!(
            "{} ({}) has the role {}{until}; this is the only time that it is shown",
            text(&new, "name"),
            text(&new, "id"),
            text(&new, "role"),
        ));
    });
    Ok(())
}

fn print(tokens: &Value) {
    let tokens = tokens.as_array().map_or(&[][..], Vec::as_slice);
    if tokens.is_empty() {
        line("no tokens; `outboard token create NAME --role viewer` makes one");
        return;
    }
    let or_dash = |token, field| match text(token, field) {
        "" => "-".to_owned(),
        value => value.to_owned(),
    };
    let rows: Vec<Vec<String>> = tokens
        .iter()
        .map(|token| {
            let words = token["permissions"]
                .as_array()
                .map_or(&[][..], Vec::as_slice);
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            vec![
                text(token, "name").to_owned(),
                text(token, "role").to_owned(),
                if words.is_empty() {
                    "-".to_owned()
                } else {
                    words.join(" ")
                },
                or_dash(token, "expires_at"),
                or_dash(token, "last_used_at"),
                text(token, "id").to_owned(),
            ]
        })
        .collect();
    table(
        &["NAME", "ROLE", "PERMISSIONS", "EXPIRES", "LAST USED", "ID"],
        &rows,
    );
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}
