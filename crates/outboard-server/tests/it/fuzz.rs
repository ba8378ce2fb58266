//! A fuzzer that others wrote, which makes its requests from the document of the API.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use outboard_server::api_document;
use tokio::process::Command;

use crate::{connectors::support::Restaurant, support::TOKEN};

/// How long it may take at most: alone on a machine it takes less than a minute.
const AT_MOST: Duration = Duration::from_secs(600);
/// How many requests it makes up for each operation, besides those that follow from the
/// limits that the document names.
const EXAMPLES: u32 = 2;
/// Makes the same requests each time.
const SEED: &str = "20261125";

const WORKFLOW: &str = "
pipelines:
  echo: { steps: [ { name: say-it-back, type: kitchen.echo } ] }
  stop: { steps: [ { name: say, type: step.log, config: { message: '{{ trigger.nothing }}' } } ] }
";

/// The fuzzer; `None` after saying that the test is skipped.
async fn schemathesis() -> Option<PathBuf> {
    let python = std::env::var_os("OUTBOARD_PYTHON").unwrap_or_else(|| "python3".into());
    let asked = Command::new(&python)
        .args(["-c", "import schemathesis"])
        .stderr(Stdio::null())
        .status()
        .await;
    if asked.is_ok_and(|status| status.success()) {
        return Some(python.into());
    }
    let required = std::env::var_os("OUTBOARD_INTEROP").is_some_and(|word| word == "require");
    assert!(
        !required,
        "{} has no schemathesis, which OUTBOARD_INTEROP=require asks for",
        python.display()
    );
    println!("skipped: there is no python3 with schemathesis");
    None
}

#[tokio::test]
async fn a_fuzzer_finds_no_answer_that_the_document_does_not_allow() {
    let Some(python) = schemathesis().await else {
        return;
    };
    let restaurant = Restaurant::open().await;
    let running = &restaurant.running;
    running.plugins.kitchen();
    running.apply(WORKFLOW).await;
    let directory = tempfile::tempdir().unwrap();
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    let address = running.client.address;
    let mut fuzzer = Command::new(python);
    fuzzer
        .args(["-m", "schemathesis.cli", "run"])
        .arg(format!("http://{address}/openapi.json"))
        .args(["--header", &format!("Authorization: Bearer {TOKEN}")])
        .args(["--checks", CHECKS])
        .args(["--phases", "examples,coverage,fuzzing"])
        .args(["--seed", SEED])
        .args(["--max-examples", &EXAMPLES.to_string()])
        // Wrong tokens are answered with 429 after a while, as they should.
        .args(["--generation-with-security-parameters", "false"])
        .args(["--request-timeout", "20", "--no-color", "--warnings", "off"])
        // It has no end, and no end is what the fuzzer waits for.
        .args(["--exclude-operation-id", "followEvents"])
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", &fuzz)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(AT_MOST, fuzzer.output());
    let output = output.await.expect("an end of the fuzzer").unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{told}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // It asked all of them: an empty document would have been no failure.
    let paths = api_document()["paths"].as_object().unwrap();
    let all: usize = paths
        .values()
        .map(|methods| methods.as_object().unwrap().len())
        .sum();
    // All but the events, and the document itself, which the fuzzer leaves out.
    assert!(told.contains(&format!("Tested: {}", all - 2)), "{told}");
    restaurant.close().await;
}

/// What it looks at.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_schema_conformance,response_headers_conformance";
