//! `/metrics` and the numbers of the last hour, of calls to real processes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{
    connectors::support::Restaurant,
    support::{Plugins, Running, TOKEN},
};

const WORKFLOW: &str = "
modules:
  - { name: stove, type: kitchen.stove }
pipelines:
  echo: { steps: [ { name: echo, type: kitchen.echo } ] }
  wait: { steps: [ { name: wait, type: kitchen.wait, timeout: 50ms } ] }
  die: { steps: [ { name: die, type: kitchen.die } ] }
  log: { steps: [ { name: log, type: step.log, config: { message: hello } } ] }
";

/// What a document in the text format says, by name and labels; everything that the
/// format asks for is checked.
fn read(text: &str) -> BTreeMap<String, f64> {
    assert!(text.ends_with('\n'), "the last line ends too");
    let mut samples = BTreeMap::new();
    let mut types: BTreeMap<String, String> = BTreeMap::new();
    let mut closed: BTreeSet<String> = BTreeSet::new();
    let mut current = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# ") {
            let (word, rest) = rest.split_once(' ').unwrap();
            let (name, rest) = rest.split_once(' ').unwrap();
            assert!(is_name(name), "{line}");
            match word {
                "HELP" => {
                    assert!(
                        closed.insert(name.to_owned()),
                        "a metric comes once: {line}"
                    );
                    current = name.to_owned();
                    assert!(!rest.contains('\\'), "{line}");
                }
                "TYPE" => {
                    assert_eq!(name, current, "its help came before: {line}");
                    assert!(["counter", "gauge", "histogram"].contains(&rest), "{line}");
                    assert_eq!(rest == "counter", name.ends_with("_total"), "{line}");
                    types.insert(name.to_owned(), rest.to_owned());
                }
                _ => panic!("{line}"),
            }
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = match series.split_once('{') {
            None => (series, ""),
            Some((name, labels)) => (name, labels.strip_suffix('}').unwrap()),
        };
        let kind = types.get(&current).unwrap_or_else(|| panic!("{line}"));
        match kind.as_str() {
            "histogram" => {
                let part = name.strip_prefix(current.as_str()).unwrap();
                assert!(["_bucket", "_sum", "_count"].contains(&part), "{line}");
            }
            _ => assert_eq!(name, current, "{line}"),
        }
        check_labels(labels, line);
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
        assert!(value.is_finite() && value >= 0.0, "{line}");
        let before = samples.insert(series.to_owned(), value);
        assert_eq!(before, None, "a series comes once: {line}");
    }
    for (name, _) in types.iter().filter(|(_, kind)| *kind == "histogram") {
        check_histogram(name, &samples);
    }
    samples
}

fn is_name(name: &str) -> bool {
    let first = name.starts_with(|first: char| first.is_ascii_lowercase());
    first
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// `a="b",c="d"`, with nothing between and after.
fn check_labels(mut rest: &str, line: &str) {
    let mut seen = BTreeSet::new();
    while !rest.is_empty() {
        let (name, value) = rest.split_once("=\"").unwrap();
        assert!(is_name(name) && seen.insert(name), "{line}");
        let mut escaped = false;
        let end = value.char_indices().find(|(_, character)| {
            let ends = *character == '"' && !escaped;
            if escaped {
                assert!(['"', '\\', 'n'].contains(character), "{line}");
            }
            escaped = *character == '\\' && !escaped;
            ends
        });
        let (end, _) = end.unwrap_or_else(|| panic!("{line}"));
        rest = &value[end + 1..];
        if let Some(more) = rest.strip_prefix(',') {
            assert!(!more.is_empty(), "{line}");
            rest = more;
        } else {
            assert!(rest.is_empty(), "{line}");
        }
    }
}

/// Steps grow, and the last is the count.
fn check_histogram(name: &str, samples: &BTreeMap<String, f64>) {
    let mut steps: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    let prefix = format!("{name}_bucket{{");
    for (series, value) in samples
        .iter()
        .filter(|(series, _)| series.starts_with(&prefix))
    {
        let (labels, end) = series[prefix.len()..].rsplit_once("le=\"").unwrap();
        let end = end.trim_end_matches("\"}");
        let end = end.replace("+Inf", "inf").parse().unwrap();
        let labels = labels.trim_end_matches(',').to_owned();
        steps.entry(labels).or_default().push((end, *value));
    }
    for (labels, mut steps) in steps {
        steps.sort_by(|one, other| one.0.total_cmp(&other.0));
        assert!(
            steps.windows(2).all(|pair| pair[0].1 <= pair[1].1),
            "{name} {labels}"
        );
        let (end, last) = *steps.last().unwrap();
        assert!(end.is_infinite(), "{name} {labels}");
        assert_eq!(samples[&format!("{name}_count{{{labels}}}")], last);
        assert!(samples.contains_key(&format!("{name}_sum{{{labels}}}")));
    }
}

async fn metrics(client: &crate::client::Client) -> BTreeMap<String, f64> {
    let answer = client.get("/metrics").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    read(&answer.body)
}

fn calls(family: &str, plugin: &str, operation: &str, outcome: &str) -> String {
    format!(
        "outboard_calls_total{{family=\"{family}\",plugin=\"{plugin}\",operation=\"{operation}\",\
         outcome=\"{outcome}\"}}"
    )
}

#[tokio::test]
async fn what_plugins_did_is_told_by_plugin_operation_and_outcome() {
    let running = Running::with_workflow(WORKFLOW).await;
    let client = &running.client;
    let mut last = Value::Null;
    for pipeline in ["echo", "echo", "log", "wait"] {
        let input = json!({ "text": running.plugins.path("gate") }).to_string();
        let path = format!("/api/v1/pipelines/{pipeline}/run");
        let run = client.post(&path, &input).await;
        assert_eq!(run.status, 200, "{run:?}");
        last = run.json();
    }
    client.get("/api/v1/plugins/external/made-up").await;
    client.get("/nothing/of/ours?x=1").await;

    let told = metrics(client).await;
    let of = |series: &str| told.get(series).copied();
    assert_eq!(
        of(&calls("workflow", "kitchen", "kitchen.echo", "ok")),
        Some(2.0)
    );
    assert_eq!(
        of(&calls("workflow", "kitchen", "kitchen.wait", "deadline")),
        Some(1.0),
        "{told:#?}"
    );
    let kitchen = "family=\"workflow\",plugin=\"kitchen\"";
    assert_eq!(of(&format!("outboard_plugin_up{{{kitchen}}}")), Some(1.0));
    assert_eq!(
        of(&format!("outboard_plugin_restarts_total{{{kitchen}}}")),
        Some(0.0)
    );
    assert!(of(&format!("outboard_plugin_uptime_seconds{{{kitchen}}}")).is_some());
    #[cfg(target_os = "linux")]
    assert!(of(&format!("outboard_plugin_memory_bytes{{{kitchen}}}")).unwrap() > 1e5);
    assert_eq!(
        of("outboard_runs_total{pipeline=\"echo\",status=\"succeeded\"}"),
        Some(2.0)
    );
    // The engine's clock and the plugin's may notice first.
    let ended = last["status"].as_str().unwrap();
    let waited = format!("outboard_runs_total{{pipeline=\"wait\",status=\"{ended}\"}}");
    assert_eq!(of(&waited), Some(1.0), "{last}");
    assert_eq!(
        of("outboard_steps_total{plugin=\"kitchen\",type=\"kitchen.echo\",status=\"succeeded\"}"),
        Some(2.0)
    );
    assert!(
        told.keys()
            .any(|series| series.contains("type=\"step.log\"")),
        "{told:#?}"
    );
    assert_eq!(of("outboard_runs_in_progress"), Some(0.0));
    let run = "outboard_http_requests_total{route=\"/api/v1/pipelines/{name}/run\",method=\"POST\",status=\"200\"}";
    assert_eq!(of(run), Some(4.0));
    let unknown = "outboard_http_requests_total{route=\"other\",method=\"GET\",status=\"404\"}";
    assert_eq!(of(unknown), Some(1.0), "{told:#?}");
    assert!(
        !told.keys().any(|series| series.contains("made-up")),
        "what a caller made up is no label"
    );
    assert_eq!(
        of("outboard_http_requests_in_progress"),
        Some(1.0),
        "this one"
    );
    assert_eq!(of("outboard_events_lost_total"), Some(0.0));
    running.stop().await;
}

#[tokio::test]
async fn calls_of_connectors_are_counted_and_those_of_made_up_names_are_not_labels() {
    let restaurant = Restaurant::open().await;
    let client = restaurant.client();
    restaurant
        .call("order", json!({ "input": { "dish": "soup" } }))
        .await;
    restaurant.call("fail", json!({})).await;
    restaurant.call("order", json!({ "input": {} })).await;
    restaurant.call("dance", json!({})).await;
    let path = "/api/v1/connectors/nobody/operations/x";
    assert_eq!(client.post(path, "{}").await.status, 404);

    let told = metrics(client).await;
    let of = |operation, outcome| {
        let series = calls("connector", "waiter", operation, outcome);
        told.get(&series).copied()
    };
    assert_eq!(of("order", "ok"), Some(1.0), "{told:#?}");
    assert_eq!(of("order", "refused"), Some(1.0));
    assert_eq!(of("fail", "failed"), Some(1.0));
    assert_eq!(
        of("other", "refused"),
        Some(1.0),
        "an operation that it has not"
    );
    assert!(!told.keys().any(|series| series.contains("nobody")));
    let pool = "outboard_pool_starts_total{family=\"connector\",plugin=\"waiter\"}";
    assert_eq!(told.get(pool), Some(&1.0));
    assert_eq!(told.get("outboard_history_lost_total"), Some(&0.0));

    let hour = |query: &'static str| async move {
        let answer = client.get(&format!("/api/v1/stats{query}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    };
    let all = hour("").await;
    assert_eq!((&all["calls"], &all["errors"]), (&json!(4), &json!(3)));
    assert_eq!(all["minutes"].as_array().unwrap().len(), 60);
    let orders = hour("?plugin=waiter&operation=order").await;
    assert_eq!(
        (&orders["calls"], &orders["errors"]),
        (&json!(2), &json!(1))
    );
    let minutes = orders["minutes"].as_array().unwrap();
    let busy: Vec<&Value> = minutes
        .iter()
        .filter(|minute| minute["calls"] != 0)
        .collect();
    assert!(busy[0]["max_ms"].as_f64().unwrap() >= busy[0]["p50_ms"].as_f64().unwrap());
    assert_eq!(hour("?family=workflow").await["calls"], 0);
    assert_eq!(hour("?of=runs").await["calls"], 0);
    for wrong in ["?family=x", "?of=x", "?of=runs&plugin=waiter"] {
        let answer = client.get(&format!("/api/v1/stats{wrong}")).await;
        assert_eq!(answer.kind(), "bad_request", "{wrong}");
    }
    let listed = client.get("/api/v1/plugins").await.json();
    assert_eq!(listed["plugins"][0]["calls_last_hour"], 4);
    assert_eq!(listed["plugins"][0]["errors_last_hour"], 3);
    restaurant.close().await;
}

#[tokio::test]
async fn metrics_are_for_those_who_have_the_token() {
    let running = Running::start(Plugins::new()).await;
    let stranger = running.client.without("authorization");
    assert_eq!(stranger.get("/metrics").await.status, 401);
    assert_eq!(stranger.get("/api/v1/stats").await.status, 401);
    let told = metrics(&running.client).await;
    assert!(told.keys().any(|series| series.contains("status=\"401\"")));
    assert!(!told.keys().any(|series| series.contains(TOKEN)));
    running.stop().await;
}
