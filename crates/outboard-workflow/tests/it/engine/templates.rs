//! Placeholders: looked up, never evaluated.

use outboard_workflow::engine::{
    EngineErrorKind, PipelineContext,
    pipeline::{ConfigTemplate, Template},
};
use serde_json::{Value, json};

use super::support::map;

fn context() -> PipelineContext {
    let mut context = PipelineContext::new(
        map(
            json!({ "path": "a.json", "order": { "lines": [{ "id": 4 }], "a.b": 1 }, "none": null }),
        ),
        map(json!({ "run_id": "r1" })),
    );
    context.merge_step_output(
        "check",
        map(json!({ "valid": [1, 2], "count": 2, "ok": true })),
    );
    context
}

fn resolve(text: &str) -> Value {
    Template::parse(text).unwrap().resolve(&context()).unwrap()
}

fn reason(text: &str) -> String {
    let error = Template::parse(text)
        .unwrap()
        .resolve(&context())
        .unwrap_err();
    assert_eq!(error.kind(), EngineErrorKind::Template);
    error.to_string()
}

#[test]
fn a_value_that_is_one_placeholder_keeps_its_type() {
    assert_eq!(resolve("{{ steps.check.valid }}"), json!([1, 2]));
    assert_eq!(resolve("{{steps.check.count}}"), json!(2));
    assert_eq!(resolve("{{ steps.check.ok }}"), json!(true));
    assert_eq!(resolve("{{ trigger.none }}"), Value::Null);
    assert_eq!(resolve("{{ trigger.order }}")["a.b"], 1);
    assert_eq!(resolve("{{ steps.check }}")["count"], 2);
}

#[test]
fn inside_a_text_values_are_written_as_text() {
    assert_eq!(
        resolve("{{ trigger.path }}: {{ steps.check.valid }}"),
        "a.json: [1,2]"
    );
    assert_eq!(resolve("{{ metadata.run_id }}/{{ current.count }}"), "r1/2");
}

#[test]
fn paths_lead_through_fields_items_and_quoted_names() {
    assert_eq!(resolve("{{ trigger.order.lines[0].id }}"), 4);
    assert_eq!(resolve("{{ trigger.order.lines.0.id }}"), 4);
    assert_eq!(resolve("{{ trigger.order[\"a.b\"] }}"), 1);
}

#[test]
fn a_backslash_takes_the_meaning_away() {
    assert_eq!(
        resolve(r"\{{ trigger.path }} \${X} \n"),
        r"{{ trigger.path }} ${X} \n"
    );
    assert_eq!(resolve("{ $ } $5"), "{ $ } $5");
}

#[test]
fn what_is_missing_is_an_error_that_says_what_there_is() {
    assert!(reason("{{ steps.check.vaild }}").contains("there are count, ok, valid"));
    assert!(reason("{{ steps.later.x }}").contains("has not run"));
    assert!(reason("{{ trigger.order.lines[3].id }}").contains("1 items"));
    assert!(reason("{{ trigger.path.x }}").contains("a text has no"));
}

#[test]
fn an_error_names_fields_and_never_shows_values() {
    assert!(!reason("{{ trigger.order.missing }}").contains("a.json"));
}

#[test]
fn what_is_no_path_is_refused_with_a_hint() {
    for text in [
        "{{ }}",
        "{{ trigger.path",
        "{{ 1 + 1 }}",
        "{{ steps }}",
        "{{ secrets.key }}",
        "{{ trigger..path }}",
        "{{ upper trigger.path }}",
        "{{ env.A.b }}",
        "${}",
        "${A",
        "${a b}",
    ] {
        assert!(Template::parse(text).is_err(), "{text} was accepted");
    }
    let error = Template::parse("{{ .steps.check.valid }}").unwrap_err();
    assert_eq!(error.hint.as_deref(), Some("write {{ steps.check.valid }}"));
}

#[test]
fn a_value_from_outside_is_never_read_as_a_placeholder() {
    let bound = Template::parse("{{ env.EVIL }} ${EVIL}").unwrap().bind(
        |_| Some("{{ trigger.path }}".to_owned()),
        |_| Some("${HOME} {{ steps.x.y }}".to_owned()),
    );
    assert_eq!(
        bound.resolve(&context()).unwrap(),
        "${HOME} {{ steps.x.y }} {{ trigger.path }}"
    );
    let context =
        PipelineContext::new(map(json!({ "x": "{{ metadata.run_id }}" })), map(json!({})));
    let template = Template::parse("{{ trigger.x }}!").unwrap();
    assert_eq!(
        template.resolve(&context).unwrap(),
        "{{ metadata.run_id }}!"
    );
}

#[test]
fn the_source_of_a_template_means_the_same_again() {
    for text in [
        r"a \{{ b {{ trigger.path }} \${X}",
        "{{ steps.check.valid }}",
        "plain",
    ] {
        let template = Template::parse(text).unwrap();
        let again = Template::parse(&template.source()).unwrap();
        assert_eq!(
            again.resolve(&context()).unwrap(),
            template.resolve(&context()).unwrap()
        );
    }
}

#[test]
fn a_config_is_resolved_at_every_depth_and_its_keys_are_left_alone() {
    let config = ConfigTemplate::new(map(json!({
        "list": ["{{ current.count }}", 5],
        "nested": { "{{ key }}": { "deep": "{{ trigger.path }}" } },
        "fixed": { "a": [1, "x"] },
    })))
    .unwrap();
    assert!(!config.is_fixed());
    assert_eq!(config.source()["list"][0], "{{ current.count }}");
    assert_eq!(
        Value::Object(config.resolve(&context()).unwrap()),
        json!({
            "list": [2, 5],
            "nested": { "{{ key }}": { "deep": "a.json" } },
            "fixed": { "a": [1, "x"] },
        })
    );
}

#[test]
fn a_config_without_placeholders_is_the_same_in_every_run() {
    let config = ConfigTemplate::new(map(json!({ "a": r"\{{ b", "n": 1 }))).unwrap();
    assert!(config.is_fixed());
    assert_eq!(
        Value::Object(config.resolve(&context()).unwrap()),
        json!({ "a": "{{ b", "n": 1 })
    );
}
