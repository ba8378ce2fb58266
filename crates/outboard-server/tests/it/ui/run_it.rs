//! Running operations and pipelines from their pages.

use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use super::support::{Stream, browser};
use crate::{
    connectors::support::Restaurant,
    support::{Running, eventually},
};

const ORDER: &str = "/ui/run/operation/waiter/order";
const WAIT: &str = "/ui/run/operation/waiter/wait";
const FEAST: &str = "/ui/run/operation/waiter/feast";

#[tokio::test]
async fn an_operation_is_run_and_its_result_is_shown_below_its_form() {
    let restaurant = Restaurant::open().await;
    let client = restaurant.client();
    let page = client.page(ORDER).await;
    assert!(
        page.contains("name=\"in.dish\"") && page.contains("value=\"1\""),
        "{page}"
    );
    let answer = browser(client)
        .submit(ORDER, &[("in.dish", "<script>soup"), ("in.times", "2")])
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let page = answer.body;
    assert!(page.contains("</svg>ok"), "{page}");
    assert!(
        page.contains("&#60;script&#62;soup") && !page.contains("<script>soup"),
        "{page}"
    );
    assert!(page.contains("value=\"2\""), "what was typed stays: {page}");
    assert!(
        page.contains("<th scope=\"row\">table</th><td class=\"wrap\">7</td>"),
        "{page}"
    );
    assert!(page.contains("Authorization: Bearer $TOKEN"), "{page}");
    assert!(
        page.contains("outboard connector call waiter order"),
        "{page}"
    );
    assert!(
        !page.contains(crate::support::TOKEN),
        "never the token itself"
    );
    restaurant.close().await;
}

#[tokio::test]
async fn what_is_wrong_stands_at_its_field_and_nothing_is_run() {
    let restaurant = Restaurant::open().await;
    let client = restaurant.client();
    let answer = browser(client)
        .submit(ORDER, &[("in.dish", ""), ("in.times", "many")])
        .await;
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(answer.body.contains("2 fields are wrong"), "{answer:?}");
    assert!(
        answer.body.contains("Wrong: this is required."),
        "{answer:?}"
    );
    assert!(
        answer.body.contains("Wrong: this must be a number."),
        "{answer:?}"
    );
    assert!(answer.body.contains("value=\"many\""), "{answer:?}");
    // What only the host finds.
    let answer = browser(client)
        .submit(ORDER, &[("in.dish", "soup"), ("instance", "nobody")])
        .await;
    assert!(answer.body.contains("not found"), "{answer:?}");
    let answer = browser(client)
        .submit(ORDER, &[("in.dish", "soup"), ("seconds", "-1")])
        .await;
    assert_eq!(answer.status, 422);
    assert!(answer.body.contains("a number of seconds"), "{answer:?}");
    let calls = client
        .get("/api/v1/connectors/history?outcome=ok")
        .await
        .json();
    assert_eq!(calls["calls"], json!([]));
    restaurant.close().await;
}

#[tokio::test]
async fn a_destructive_operation_is_run_only_if_the_box_is_ticked() {
    let restaurant = Restaurant::open().await;
    let client = browser(restaurant.client());
    let smash = "/ui/run/operation/waiter/smash";
    let page = client.page(smash).await;
    assert!(page.contains("I mean it"), "{page}");
    let answer = client.submit(smash, &[]).await;
    assert_eq!(answer.status, 422);
    assert!(
        answer.body.contains("tick this if you mean it"),
        "{answer:?}"
    );
    let answer = client.submit(smash, &[("confirm", "1")]).await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.body.contains("<td>soup</td>"),
        "a list is a table: {answer:?}"
    );
    restaurant.close().await;
}

#[tokio::test]
async fn a_failure_tells_its_code_and_hides_the_secret() {
    let restaurant = Restaurant::open().await;
    let client = browser(restaurant.client());
    let answer = client.submit("/ui/run/operation/waiter/fail", &[]).await;
    assert!(answer.body.contains("operation error"), "{answer:?}");
    assert!(
        answer.body.contains("<code>out_of_soup</code>"),
        "{answer:?}"
    );
    assert!(!answer.body.contains("hunter2"), "{answer:?}");
    let answer = client.submit("/ui/run/operation/waiter/die", &[]).await;
    assert!(answer.body.contains("misbehaved"), "{answer:?}");
    let page = restaurant
        .client()
        .page("/ui/plugins/connector/waiter/process")
        .await;
    assert!(
        page.contains("exit status 7"),
        "why the last one ended: {page}"
    );
    let page = restaurant
        .client()
        .page("/ui/plugins/connector/waiter/log")
        .await;
    assert!(page.contains("the tray fell"), "{page}");
    let page = restaurant
        .client()
        .page("/ui/plugins/connector/waiter/runs")
        .await;
    assert!(
        page.contains("operation error") && page.contains("/ui/calls/"),
        "{page}"
    );
    restaurant.close().await;
}

#[tokio::test]
async fn every_control_sends_json_of_its_type() {
    let restaurant = Restaurant::open().await;
    let client = browser(restaurant.client());
    let page = client.page(FEAST).await;
    assert!(
        page.contains("<option value=\"hot\">hot</option>"),
        "{page}"
    );
    assert!(
        page.contains("type=\"checkbox\" id=\"field-bread\""),
        "{page}"
    );
    assert!(page.contains("type=\"password\""), "{page}");
    let typed = [
        ("in.dishes", "2"),
        ("in.spice", "hot"),
        ("in.bread", "true"),
        ("in.recipe", "hunter3"),
    ];
    let answer = client.submit(FEAST, &typed).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let page = answer.body;
    assert!(!page.contains("hunter3"), "{page}");
    assert!(page.contains("$RECIPE"), "a secret is a variable: {page}");
    assert!(
        page.contains("<h3>dishes</h3>") && page.contains("<td>dish 1</td>"),
        "{page}"
    );
    assert!(
        page.contains("<th scope=\"row\">has_recipe</th><td class=\"wrap\">true</td>"),
        "{page}"
    );
    assert!(page.contains("<option value=\"hot\" selected>"), "{page}");
    restaurant.close().await;
}

#[tokio::test]
async fn a_large_result_is_cut_and_can_be_had_whole_by_the_one_who_asked() {
    let restaurant = Restaurant::open().await;
    let client = restaurant.client();
    let answer = browser(client)
        .submit(FEAST, &[("in.dishes", "20000")])
        .await;
    assert!(
        answer.body.contains("This is the first part of"),
        "{}",
        answer.body.len()
    );
    assert!(answer.body.len() < 1_500_000, "{}", answer.body.len());
    assert!(
        answer.body.contains("19800 more rows are in the JSON"),
        "{}",
        answer.body.len()
    );
    let raw = answer.body.split("href=\"/ui/run/results/").nth(1).unwrap();
    let raw = format!("/ui/run/results/{}", raw.split('"').next().unwrap());
    let whole = client.get(&raw).await;
    assert_eq!(whole.header("content-type"), Some("application/json"));
    assert_eq!(
        whole.json()["dishes"].as_array().map(Vec::len),
        Some(20_000)
    );
    let other = client.of_role("admin").await.get(&raw).await;
    assert_eq!(other.status, 404, "it is not for others");
    restaurant.close().await;
}

#[tokio::test]
async fn a_script_gets_progress_and_then_the_part_of_the_page() {
    let restaurant = Restaurant::open().await;
    let client = restaurant.client().with("accept", "text/event-stream");
    let client = client.with("content-type", "application/x-www-form-urlencoded");
    let gate = restaurant.path("gate");
    let body = format!("in.gate={}", gate.display());
    let response = client.open("POST", WAIT, &body).await;
    let mut stream = Stream::of(response);
    let told = "event: progress\ndata: {\"done\":1,\"total\":3,\"text\":\"waiting\"}";
    stream.until(told).await;
    std::fs::write(&gate, "").unwrap();
    let text = stream.until("</section>\ndata: </div>\n").await;
    let page = text.split("event: page\n").nth(1).expect("the page's part");
    assert!(
        page.contains("data: <div id=\"run\">") && page.contains("waited"),
        "{page}"
    );
    assert!(!page.contains("<html"), "{page}");
    restaurant.close().await;
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_what_it_ran() {
    let restaurant = Restaurant::open().await;
    let client = restaurant.client().with("accept", "text/event-stream");
    let client = client.with("content-type", "application/x-www-form-urlencoded");
    let gate = restaurant.path("gate");
    let body = format!("in.gate={}", gate.display());
    let mut stream = Stream::of(client.open("POST", WAIT, &body).await);
    stream.until("waiting").await;
    drop(stream);
    let cancelled = restaurant.path("gate.cancelled");
    eventually("the operation heard of it", || cancelled.exists()).await;
    restaurant.close().await;
}

#[tokio::test]
async fn who_may_not_call_sees_the_form_and_is_refused() {
    let restaurant = Restaurant::open().await;
    let viewer = restaurant.client().of_role("viewer").await;
    let page = viewer.page(ORDER).await;
    assert!(
        page.contains("needs the permission <code>operations.call</code>"),
        "{page}"
    );
    assert!(!page.contains(">Run order<"), "{page}");
    let answer = browser(&viewer).submit(ORDER, &[("in.dish", "soup")]).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(answer.body.contains("operations.call"), "{answer:?}");
    let editor = restaurant.client().of_role("editor").await;
    let answer = browser(&editor).submit(ORDER, &[("in.dish", "soup")]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    restaurant.close().await;
}

#[tokio::test]
async fn an_operation_that_is_not_there_names_the_nearest() {
    let restaurant = Restaurant::open().await;
    let client = browser(restaurant.client());
    let answer = client.get("/ui/run/operation/waiter/ordr").await;
    assert_eq!(answer.status, 404);
    assert!(
        answer.body.contains("did you mean &#34;order&#34;?"),
        "{answer:?}"
    );
    let answer = client.get("/ui/run/operation/nobody/order").await;
    assert_eq!(answer.status, 404);
    restaurant.host.set_enabled("waiter", false).await.unwrap();
    let page = restaurant.client().page(ORDER).await;
    assert!(page.contains("It cannot be called."), "{page}");
    restaurant.close().await;
}

const WORKFLOW: &str = r#"
pipelines:
  cook:
    description: "Cooks <what> is asked for"
    steps:
      - { name: cook, type: kitchen.echo, config: { dish: "{{ trigger.dish }}", of: ["{{ trigger.cook.name }}"] } }
      - { name: again, type: kitchen.echo, config: { dish: "{{ trigger.dish }}" } }
"#;
const COOK: &str = "/ui/run/pipeline/cook";

#[tokio::test]
async fn a_pipeline_is_run_with_json_that_begins_with_what_its_steps_look_up() {
    let running = Running::with_workflow(WORKFLOW).await;
    let client = &running.client;
    let page = client.page(COOK).await;
    assert!(page.contains("Cooks &#60;what&#62;"), "{page}");
    let typed = page.split("name=\"input\"").nth(1).unwrap();
    assert!(
        typed.contains("&#34;dish&#34;: &#34;&#34;") && typed.contains("cook"),
        "{typed}"
    );
    let input = json!({ "dish": "</textarea><script>", "cook": { "name": "Ada" } });
    let answer = browser(client)
        .submit(COOK, &[("input", &input.to_string())])
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.body.contains("succeeded"), "{answer:?}");
    assert!(!answer.body.contains("</textarea><script>"), "{answer:?}");
    let id = running.engine.runs()[0].id.clone();
    assert!(
        answer.body.contains(&format!("/ui/runs/{id}")),
        "{answer:?}"
    );
    assert!(
        answer.body.contains("/api/v1/pipelines/cook/run"),
        "{answer:?}"
    );
    running.stop().await;
}

#[tokio::test]
async fn a_pipeline_whose_input_is_no_json_is_not_run() {
    let running = Running::with_workflow(WORKFLOW).await;
    let client = browser(&running.client);
    let answer = client.submit(COOK, &[("input", "{\"dish\": soup}")]).await;
    assert_eq!(answer.status, 422);
    assert!(answer.body.contains("line 1, column 10"), "{answer:?}");
    assert!(running.engine.runs().is_empty());
    // A run that fails is a run.
    let answer = client.submit(COOK, &[("input", "")]).await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.body.contains("failed") && answer.body.contains("trigger.dish"),
        "{answer:?}"
    );
    let answer = client.get("/ui/run/pipeline/coook").await;
    assert_eq!(answer.status, 404);
    assert!(
        answer.body.contains("did you mean &#34;cook&#34;?"),
        "{answer:?}"
    );
    running.stop().await;
}

#[tokio::test]
async fn each_step_of_a_pipeline_is_told_to_a_script() {
    let running = Running::with_workflow(WORKFLOW).await;
    let client = running.client.with("accept", "text/event-stream");
    let client = client.with("content-type", "application/x-www-form-urlencoded");
    let body = "input=%7B%22dish%22%3A%22soup%22%2C%22cook%22%3A%7B%22name%22%3A1%7D%7D";
    let response = client.open("POST", COOK, body).await;
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8(body.to_vec()).unwrap();
    let steps: Vec<Value> = text
        .split("event: progress\ndata: ")
        .skip(1)
        .map(|rest| serde_json::from_str(rest.split('\n').next().unwrap()).unwrap())
        .collect();
    assert_eq!(steps[0]["text"], "cook: succeeded", "{text}");
    assert_eq!(steps[0]["total"], 2);
    assert!(text.contains("event: page"), "{text}");
    running.stop().await;
}
