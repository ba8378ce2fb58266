//! The stream of everything that changes.

use crate::support::{Plugins, Running};

const EVENTS: &str = "/api/v1/events";
const LIST: &str = "/api/v1/plugins/external";

#[tokio::test]
async fn a_reader_sees_what_happens_to_plugins_and_runs() {
    let running = Running::with_workflow(
        "pipelines: { echo: { steps: [ { name: echo, type: kitchen.echo } ] } }",
    )
    .await;
    let mut events = running.client.follow(EVENTS).await;
    running.client.post("/api/v1/pipelines/echo/run", "").await;
    let started = events.until("run.started").await;
    assert_eq!(started.data["pipeline"], "echo");
    assert_eq!(events.until("run.step_finished").await.data["step"], "echo");
    let finished = events.until("run.finished").await;
    assert_eq!(finished.data["run"], started.data["run"]);
    assert_eq!(finished.data["status"], "succeeded");

    running
        .client
        .post(&format!("{LIST}/kitchen/unload?force=1"), "")
        .await;
    let stopped = events.until("plugin.stopped").await;
    assert_eq!(stopped.data["plugin"], "kitchen");
    assert_eq!(stopped.data["exit"]["requested"], true);
    running.stop().await;
}

#[tokio::test]
async fn a_reader_that_comes_back_gets_what_it_missed() {
    let running = Running::start(Plugins::with_kitchen()).await;
    let mut events = running.client.follow(EVENTS).await;
    running
        .client
        .post(&format!("{LIST}/kitchen/load"), "")
        .await;
    let starting = events.until("plugin.starting").await;
    let ready = events.until("plugin.ready").await;
    drop(events);
    running
        .client
        .post(&format!("{LIST}/kitchen/unload"), "")
        .await;

    let back = running.client.with("last-event-id", &starting.id);
    let mut events = back.follow(EVENTS).await;
    assert_eq!(events.next().await, Some(ready));
    events.until("plugin.stopped").await;
    running.stop().await;
}

#[tokio::test]
async fn a_reader_from_before_a_restart_is_told_that_something_is_lost() {
    let running = Running::start(Plugins::with_kitchen()).await;
    for id in [
        "00000000-1",
        "nonsense",
        "-",
        "ffffffff-18446744073709551615",
    ] {
        let mut events = running
            .client
            .with("last-event-id", id)
            .follow(EVENTS)
            .await;
        assert_eq!(events.next().await.unwrap().name, "lost", "{id}");
    }
    running.stop().await;
}

#[tokio::test]
async fn streams_end_when_the_server_stops_and_do_not_hold_it_up() {
    let running = Running::start(Plugins::with_kitchen()).await;
    running
        .client
        .post(&format!("{LIST}/kitchen/load"), "")
        .await;
    let mut events = running.client.follow(EVENTS).await;
    let mut log = running
        .client
        .follow(&format!("{LIST}/kitchen/logs?follow=1"))
        .await;
    let began = std::time::Instant::now();
    running.stop().await;
    while events.next().await.is_some() {}
    while log.next().await.is_some() {}
    assert!(began.elapsed().as_secs() < 10, "the drain time ran out");
}

#[tokio::test]
async fn one_reader_too_many_is_turned_away_until_another_leaves() {
    let running = Running::start(Plugins::new()).await;
    let mut readers = Vec::new();
    for _ in 0..64 {
        readers.push(running.client.follow(EVENTS).await);
    }
    let answer = running.client.get(EVENTS).await;
    assert_eq!(
        (answer.status.as_u16(), answer.kind().as_str()),
        (503, "overloaded")
    );
    readers.pop();
    // The server sees that the reader left when it looks at the connection.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while running.client.open("GET", EVENTS, "").await.status() != 200 {
        assert!(std::time::Instant::now() < until, "the place stays taken");
    }
    drop(readers);
    running.stop().await;
}
