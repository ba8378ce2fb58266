//! Our host, running the list of cases against one plugin.

use std::time::{Duration, Instant};

use outboard_contracts::{value::Map, workflow};
use outboard_go_plugin::{
    handshake::HandshakeConfig,
    host::{ExitCause, LogLine, LogSource, PluginProcess, PluginSpec, TlsMode},
};
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::{
    cases::{Case, Handles, Seen},
    engine::Engine,
    wire,
};

/// The handshake of the workflow family.
pub fn handshake() -> HandshakeConfig {
    HandshakeConfig::new(
        workflow::MAGIC_COOKIE_KEY,
        workflow::MAGIC_COOKIE_VALUE,
        workflow::PROTOCOL_VERSION,
    )
}

/// How to start a plugin of the workflow family.
pub fn spec(name: &str, program: impl Into<std::path::PathBuf>) -> PluginSpec {
    let program: std::path::PathBuf = program.into();
    PluginSpec::new(name, program, handshake()).tls(TlsMode::AutoIfSupported)
}

/// Makes every call of a list of the workflow family in order, and stops the plugin if
/// the list does.
pub async fn run(cases: &[Case], plugin: &PluginProcess) -> Vec<Seen> {
    let channel = plugin.channel();
    let engine = Engine::new(plugin.broker());
    run_with(cases, plugin, async |name, request, deadline| {
        match name.strip_prefix("Engine.") {
            Some(question) => engine.call(question, deadline).await,
            None => wire::call(&channel, name, request, deadline).await,
        }
    })
    .await
}

/// The same for any family: `call` makes the calls that are not about the process.
pub(crate) async fn run_with(
    cases: &[Case],
    plugin: &PluginProcess,
    call: impl AsyncFn(&str, &Map, Duration) -> Result<Value, Status>,
) -> Vec<Seen> {
    let mut handles = Handles::new();
    let mut seen = Vec::with_capacity(cases.len());
    for case in cases {
        let request = case.request(&handles);
        let answer = match case.call.strip_prefix("Host.") {
            Some(question) => about_process(plugin, question, &request, case.deadline()).await,
            None => call(&case.call, &request, case.deadline()).await,
        };
        if let (Some(name), Ok(value)) = (&case.keep, &answer)
            && let Some(handle) = value["handle_id"].as_str()
        {
            handles.insert(name.clone(), handle.to_owned());
        }
        seen.push(match answer {
            Ok(value) => Seen {
                case: case.name.clone(),
                status: "OK".to_owned(),
                value: Some(value),
                error: None,
            },
            Err(status) => Seen {
                case: case.name.clone(),
                status: go_name(status.code()),
                value: None,
                error: Some(status.message().to_owned()),
            },
        });
    }
    seen
}

async fn about_process(
    plugin: &PluginProcess,
    question: &str,
    request: &Map,
    deadline: Duration,
) -> Result<Value, Status> {
    match question {
        "Protocol" => Ok(json!({ "version": plugin.protocol_version() })),
        "Ping" => plugin.ping().await.map(|()| json!({})),
        "Stdout" => printed(plugin, LogSource::Stdout, request, deadline).await,
        "Stderr" => printed(plugin, LogSource::Stderr, request, deadline).await,
        "Logs" => logged(plugin, request, deadline).await,
        "Kill" => {
            let begun = Instant::now();
            let report = plugin.stop().await;
            Ok(json!({
                "within_2_s": begun.elapsed() < Duration::from_secs(2),
                "forced": report.forced,
                "exit_code": match report.cause { ExitCause::Code(code) => code, _ => -1 },
            }))
        }
        other => Err(Status::unimplemented(format!(
            "the Rust host knows no Host.{other}"
        ))),
    }
}

/// Waits for a line of output.
async fn printed(
    plugin: &PluginProcess,
    source: LogSource,
    request: &Map,
    deadline: Duration,
) -> Result<Value, Status> {
    let text = request
        .get("text")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .trim_end();
    let lines = lines_until(plugin, 1, deadline, |line| {
        line.source == source && line.message == text
    })
    .await;
    if lines.is_empty() {
        let recent = plugin.log().recent();
        return Err(Status::not_found(format!(
            "{text:?} did not arrive, but this did: {recent:?}"
        )));
    }
    Ok(json!({ "found": true }))
}

/// Waits for as many lines with the same message as the request says, and gives
/// their levels and the fields of the first.
async fn logged(
    plugin: &PluginProcess,
    request: &Map,
    deadline: Duration,
) -> Result<Value, Status> {
    let message = request
        .get("message")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let count = request.get("count").and_then(Value::as_u64).unwrap_or(1);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let lines = lines_until(plugin, count, deadline, |line| line.message == message).await;
    let Some(first) = lines.first() else {
        return Err(Status::not_found(format!("no log line says {message:?}")));
    };
    let mut levels: Vec<&str> = lines.iter().map(|line| line.level.as_str()).collect();
    levels.sort_unstable();
    let mut answer = Map::new();
    answer.insert("levels".to_owned(), json!(levels));
    let fields = first
        .fields
        .as_deref()
        .and_then(|text| serde_json::from_str(text).ok());
    if let Some(Value::Object(fields)) = fields {
        answer.extend(fields.into_iter().filter(|(key, _)| !key.starts_with('@')));
    }
    Ok(answer.into())
}

/// The lines that are wanted, once there are so many of them or time is up.
async fn lines_until(
    plugin: &PluginProcess,
    count: usize,
    deadline: Duration,
    wanted: impl Fn(&LogLine) -> bool,
) -> Vec<LogLine> {
    let begun = Instant::now();
    loop {
        let lines: Vec<LogLine> = plugin
            .log()
            .recent()
            .into_iter()
            .filter(|line| wanted(line))
            .collect();
        if lines.len() >= count || begun.elapsed() > deadline {
            return lines;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// A status code as Go's grpc spells it.
fn go_name(code: Code) -> String {
    match code {
        Code::Ok => "OK".to_owned(),
        Code::Cancelled => "Canceled".to_owned(),
        other => format!("{other:?}"),
    }
}
