//! `GET /api/v1/stats?family=&plugin=&operation=`: the calls of the last hour, minute by
//! minute; with `pipeline=`, or `of=runs` for all of them, the runs of pipelines.
//!
//! ```json
//! {"from":"2026-01-01T00:00:00Z","to":"2026-01-01T01:00:00Z","calls":12,"errors":1,
//!  "minutes":[{"at":"2026-01-01T00:00:00Z","calls":0,"errors":0,
//!              "p50_ms":null,"p95_ms":null,"max_ms":null}]}
//! ```

use axum::{
    Json,
    extract::{Query, State},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bucket, Which};
use crate::{http::Problem, processes::Family, server::AppState};

#[derive(Debug, Deserialize)]
pub(crate) struct Parameters {
    #[serde(default)]
    of: Option<String>,
    #[serde(default)]
    pipeline: Option<String>,
    #[serde(default)]
    family: Option<String>,
    #[serde(default)]
    plugin: Option<String>,
    #[serde(default)]
    operation: Option<String>,
}

#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "Stats")]
pub(crate) struct Answer {
    from: String,
    to: String,
    calls: u64,
    errors: u64,
    minutes: Vec<Told>,
}

#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "StatsMinute")]
struct Told {
    at: String,
    #[serde(flatten)]
    bucket: Bucket,
}

pub(crate) async fn stats(
    State(state): State<AppState>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Answer>, Problem> {
    let family = match parameters.family.as_deref() {
        None => None,
        Some(word) => Some(Family::named(word).ok_or_else(|| {
            Problem::bad_request(format!("there is no family {word:?}"))
                .with_hint("family is workflow or connector")
        })?),
    };
    let of_runs = match parameters.of.as_deref() {
        None => parameters.pipeline.is_some(),
        Some("calls") => false,
        Some("runs") => true,
        Some(word) => {
            let detail = format!("there are no numbers of {word:?}");
            return Err(Problem::bad_request(detail).with_hint("of is calls or runs"));
        }
    };
    let which = Which {
        family,
        plugin: parameters.plugin.as_deref(),
        operation: parameters.operation.as_deref(),
    };
    if of_runs && which != Which::default() {
        let detail = "runs are of a pipeline and of no plugin";
        return Err(Problem::bad_request(detail).with_hint("leave out family, plugin, operation"));
    }
    let hour = match of_runs {
        true => state.stats.hour_of_runs(parameters.pipeline.as_deref()),
        false => state.stats.hour(&which),
    };
    let last = hour.last().map_or(0, |bucket| bucket.minute);
    Ok(Json(Answer {
        from: at(hour.first().map_or(0, |bucket| bucket.minute)),
        to: at(last + 1),
        calls: hour.iter().map(|bucket| bucket.calls).sum(),
        errors: hour.iter().map(|bucket| bucket.errors).sum(),
        minutes: hour
            .into_iter()
            .map(|bucket| Told {
                at: at(bucket.minute),
                bucket,
            })
            .collect(),
    }))
}

/// The beginning of a minute, RFC 3339.
fn at(minute: u64) -> String {
    let seconds = i64::try_from(minute.saturating_mul(60)).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).map_or_else(|_| String::new(), |at| at.to_string())
}
