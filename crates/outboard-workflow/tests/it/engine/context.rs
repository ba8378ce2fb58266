//! The data of a run.

use outboard_workflow::engine::PipelineContext;
use serde_json::json;

use super::support::{empty, map};

#[test]
fn at_first_current_is_what_triggered_the_run() {
    let context = PipelineContext::new(
        map(json!({ "id": 7 })),
        map(json!({ "pipeline": "restock" })),
    );
    assert_eq!(context.trigger_data()["id"], 7);
    assert_eq!(context.current(), context.trigger_data());
    assert_eq!(context.metadata()["pipeline"], "restock");
    assert!(context.step_outputs().is_empty());
}

#[test]
fn nothing_is_needed_to_begin() {
    let context = PipelineContext::new(empty(), empty());
    assert!(context.trigger_data().is_empty() && context.current().is_empty());
}

#[test]
fn the_callers_map_is_not_the_runs() {
    let mut input = map(json!({ "list": [1] }));
    let context = PipelineContext::new(input.clone(), empty());
    input["list"][0] = json!(2);
    assert_eq!(context.trigger_data()["list"], json!([1]));
}

#[test]
fn an_output_is_kept_under_its_step_and_merged_into_current() {
    let mut context = PipelineContext::new(map(json!({ "id": 7, "state": "new" })), empty());
    context.merge_step_output("check", map(json!({ "state": "valid" })));
    assert_eq!(context.step_output("check").unwrap()["state"], "valid");
    assert_eq!(
        context.current(),
        &map(json!({ "id": 7, "state": "valid" }))
    );
    assert_eq!(context.trigger_data()["state"], "new");
}

#[test]
fn an_empty_output_changes_nothing_but_shows_that_the_step_ran() {
    let mut context = PipelineContext::new(map(json!({ "id": 7 })), empty());
    context.merge_step_output("log", empty());
    assert_eq!(context.current(), &map(json!({ "id": 7 })));
    assert_eq!(context.step_output("log"), Some(&empty()));
}

#[test]
fn steps_do_not_overwrite_each_others_outputs() {
    let mut context = PipelineContext::new(empty(), empty());
    context.merge_step_output("one", map(json!({ "value": 1 })));
    context.merge_step_output("two", map(json!({ "value": 2 })));
    assert_eq!(context.step_output("one").unwrap()["value"], 1);
    assert_eq!(context.step_output("two").unwrap()["value"], 2);
    assert_eq!(context.current()["value"], 2);
}

#[test]
fn changing_an_output_afterwards_does_not_change_the_run() {
    let mut context = PipelineContext::new(empty(), empty());
    let mut output = map(json!({ "nested": { "value": 1 } }));
    context.merge_step_output("one", output.clone());
    output["nested"]["value"] = json!(2);
    assert_eq!(context.step_output("one").unwrap()["nested"]["value"], 1);
    assert_eq!(context.current()["nested"]["value"], 1);
}
