//! What happens when there is too much to do.

use serde_json::json;

use crate::support::{Plugins, Running, TOKEN, eventually};
use outboard_server::Token;

const WORKFLOW: &str = "
pipelines:
  wait: { steps: [ { name: wait, type: kitchen.wait } ] }
";

#[tokio::test]
async fn one_request_more_than_the_setting_allows_is_turned_away_with_a_way_out() {
    let token = Some(Token::new(TOKEN));
    let running = Running::start_as(Plugins::with_kitchen(), token, |server| {
        server.max_requests(1)
    })
    .await;
    running.apply(WORKFLOW).await;
    let gate = running.plugins.path("gate");
    let waiting = running.plugins.path("gate.waiting");
    let client = running.client.clone();
    let input = json!({ "text": gate }).to_string();
    let request =
        tokio::spawn(async move { client.post("/api/v1/pipelines/wait/run", &input).await });
    eventually("the step waits", || waiting.exists()).await;

    let client = &running.client;
    let answer = client.get("/api/v1/runs").await;
    assert_eq!(
        (answer.status.as_u16(), answer.kind().as_str()),
        (503, "overloaded")
    );
    assert_eq!(answer.header("retry-after"), Some("1"));
    let hint = answer.json()["hint"].as_str().unwrap().to_owned();
    assert!(hint.contains("max_requests"), "{hint}");
    assert_eq!(client.get("/healthz").await.status, 200, "it is alive");
    std::fs::write(&gate, "").unwrap();
    assert_eq!(request.await.unwrap().status, 200);
    assert_eq!(client.get("/api/v1/runs").await.status, 200);
    running.stop().await;
}
