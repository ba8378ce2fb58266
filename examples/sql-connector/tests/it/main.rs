//! The connector against real databases.
#![allow(clippy::unwrap_used)]

mod cluster;
mod postgres;
mod sqlite;

use outboard_sdk::{
    Value,
    testing::{CallError, ConnectorHost},
};

async fn host(settings: Value) -> ConnectorHost {
    ConnectorHost::start(sql_connector::connector(), settings)
        .await
        .unwrap()
}

/// The code and the text of a failed call.
async fn failure(host: &ConnectorHost, operation: &str, input: Value) -> (String, String) {
    match host.execute(operation, input).await {
        Err(CallError::Operation { code, message }) => (code, message),
        other => panic!("{other:?}"),
    }
}
