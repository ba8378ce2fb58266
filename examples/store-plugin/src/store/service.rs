//! The store's service: what other plugins and the host can call.
//!
//! | method | arguments | result |
//! |---|---|---|
//! | `get` | `key` | `found`, `value` |
//! | `put` | `key`, `value` | `created` |
//! | `delete` | `key` | `deleted` |
//! | `list` | `prefix`?, `after`?, `limit`? (100, at most 1000) | `items` of `key` and `value`, `next` if there are more |
//! | `count` | | `count` |

use outboard_sdk::{Error, Map, Value, json, workflow::from_map};
use serde::{Deserialize, de::DeserializeOwned};

use super::Database;

const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1000;

#[derive(Deserialize)]
struct Key {
    key: String,
}

#[derive(Deserialize)]
struct Put {
    key: String,
    value: Value,
}

#[derive(Deserialize)]
#[serde(default)]
struct List {
    prefix: String,
    after: String,
    limit: u32,
}

impl Default for List {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            after: String::new(),
            limit: DEFAULT_LIMIT,
        }
    }
}

pub(super) async fn invoke(database: &Database, method: &str, args: &Map) -> Result<Map, Error> {
    let result = match method {
        "get" => {
            let value = database.get(arguments::<Key>(args)?.key).await?;
            json!({ "found": value.is_some(), "value": value })
        }
        "put" => {
            let Put { key, value } = arguments(args)?;
            let kept = database.put(vec![(key, value)]).await?;
            json!({ "created": !kept.created.is_empty() })
        }
        "delete" => {
            let deleted = database.delete(vec![arguments::<Key>(args)?.key]).await?;
            json!({ "deleted": deleted > 0 })
        }
        "list" => list(database, arguments(args)?).await?,
        "count" => json!({ "count": database.count().await? }),
        other => {
            return Err(Error::new(format!(
                "a store has no method {other:?}; it has get, put, delete, list, count"
            )));
        }
    };
    Ok(outboard_sdk::workflow::StepResult::output(result)?.output)
}

async fn list(
    database: &Database,
    List {
        prefix,
        after,
        limit,
    }: List,
) -> Result<Value, Error> {
    let limit = limit.clamp(1, MAX_LIMIT);
    // One more than asked for, to know whether there are more.
    let mut found = database.list(prefix, after, limit + 1).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = if more {
        found.last().map(|(key, _)| key.clone())
    } else {
        None
    };
    let items: Vec<_> = found
        .into_iter()
        .map(|(key, value)| json!({ "key": key, "value": value }))
        .collect();
    Ok(match next {
        Some(next) => json!({ "items": items, "next": next }),
        None => json!({ "items": items }),
    })
}

fn arguments<T: DeserializeOwned>(args: &Map) -> Result<T, Error> {
    from_map(args).map_err(|error| error.context("arguments"))
}
