//! `kv.sqlite` and the steps that use it.

use outboard_sdk::{json, workflow::StepInput};

use crate::{failure, host, run, running_store};

#[tokio::test]
async fn the_service_keeps_finds_lists_counts_and_deletes() {
    let host = host().await;
    let (store, _directory) = running_store(&host, "stock").await;
    let value = json!({ "text": "héllo", "list": [1, null, true] });
    let put = |key: &str| store.invoke("put", json!({ "key": key, "value": value }));
    assert_eq!(put("a/1").await.unwrap()["created"], true);
    assert_eq!(put("a/1").await.unwrap()["created"], false);
    put("a/2").await.unwrap();
    put("b%_").await.unwrap();

    let found = store.invoke("get", json!({ "key": "a/1" })).await.unwrap();
    assert_eq!((&found["found"], &found["value"]), (&json!(true), &value));
    let missing = store.invoke("get", json!({ "key": "z" })).await.unwrap();
    assert_eq!(
        (&missing["found"], &missing["value"]),
        (&json!(false), &json!(null))
    );

    assert_eq!(store.invoke("count", json!({})).await.unwrap()["count"], 3);
    let first = store
        .invoke("list", json!({ "prefix": "a/", "limit": 1 }))
        .await
        .unwrap();
    assert_eq!(
        (&first["items"][0]["key"], &first["next"]),
        (&json!("a/1"), &json!("a/1"))
    );
    let rest = store
        .invoke("list", json!({ "prefix": "a/", "after": "a/1" }))
        .await
        .unwrap();
    assert_eq!(
        (rest["items"].as_array().unwrap().len(), rest.get("next")),
        (1, None)
    );
    assert_eq!(
        store
            .invoke("list", json!({ "prefix": "%" }))
            .await
            .unwrap()["items"],
        json!([])
    );

    assert_eq!(
        store
            .invoke("delete", json!({ "key": "a/1" }))
            .await
            .unwrap()["deleted"],
        true
    );
    assert_eq!(
        store
            .invoke("delete", json!({ "key": "a/1" }))
            .await
            .unwrap()["deleted"],
        false
    );
}

#[tokio::test]
async fn values_are_still_there_when_the_store_comes_back() {
    let host = host().await;
    let (store, directory) = running_store(&host, "stock").await;
    store
        .invoke("put", json!({ "key": "a", "value": 1 }))
        .await
        .unwrap();
    store.destroy().await.unwrap();

    let config = json!({ "path": directory.path().join("items.db") });
    let again = host
        .create_module("kv.sqlite", "stock", config)
        .await
        .unwrap();
    again.init().await.unwrap();
    assert_eq!(
        again.invoke("get", json!({ "key": "a" })).await.unwrap()["value"],
        1
    );
}

#[tokio::test]
async fn wrong_calls_of_the_service_say_what_is_wrong() {
    let host = host().await;
    let (store, _directory) = running_store(&host, "stock").await;
    let error = store.invoke("get", json!({})).await.unwrap_err();
    assert_eq!(error.plugin_error(), Some("arguments: missing field `key`"));
    let error = store.invoke("steal", json!({})).await.unwrap_err();
    assert!(
        error
            .plugin_error()
            .unwrap()
            .contains("it has get, put, delete, list, count"),
        "{error}"
    );
}

#[tokio::test]
async fn a_store_that_cannot_be_opened_names_its_file() {
    let host = host().await;
    let error = host
        .create_module("kv.sqlite", "s", json!({}))
        .await
        .unwrap_err();
    assert_eq!(error.plugin_error(), Some("config: missing field `path`"));

    let store = host
        .create_module(
            "kv.sqlite",
            "s",
            json!({ "path": "/no/such/directory/s.db" }),
        )
        .await
        .unwrap();
    let error = store.init().await.unwrap_err();
    assert!(
        error
            .plugin_error()
            .unwrap()
            .starts_with("open /no/such/directory/s.db: "),
        "{error}"
    );
    let error = store.invoke("count", json!({})).await.unwrap_err();
    assert_eq!(error.plugin_error(), Some("store \"s\" is not initialized"));
}

#[tokio::test]
async fn items_are_kept_by_their_key_all_or_none() {
    let host = host().await;
    let (store, _directory) = running_store(&host, "stock").await;
    store
        .invoke("put", json!({ "key": "2", "value": "old" }))
        .await
        .unwrap();
    let config = json!({ "store": "stock", "key": "n", "items": [{ "n": "one" }, { "n": 2 }] });
    let output = run(&host, "step.kv_put", config).await;
    assert_eq!(
        output,
        json!({ "store": "stock", "stored": 2, "keys": ["one", "2"], "created": ["one"] })
    );
    assert_eq!(
        store.invoke("get", json!({ "key": "2" })).await.unwrap()["value"],
        json!({ "n": 2 })
    );

    for (items, reason) in [
        (
            json!([{ "id": "x" }, {}]),
            "items[1]: there is no field \"id\"",
        ),
        (
            json!([{ "id": "x" }, { "id": 1.5 }]),
            "items[1]: field \"id\" is the key and must be text or an integer",
        ),
        (
            json!([{ "id": "x" }, "y"]),
            "items[1]: there is no field \"id\"",
        ),
    ] {
        let error = failure(
            &host,
            "step.kv_put",
            json!({ "store": "stock", "items": items }),
        )
        .await;
        assert!(error.starts_with(reason), "{error}");
    }
    assert_eq!(store.invoke("count", json!({})).await.unwrap()["count"], 2);
}

#[tokio::test]
async fn keys_are_deleted_as_the_config_says() {
    let host = host().await;
    let (store, _directory) = running_store(&host, "stock").await;
    store
        .invoke("put", json!({ "key": "a", "value": 1 }))
        .await
        .unwrap();
    let output = run(
        &host,
        "step.kv_delete",
        json!({ "store": "stock", "keys": ["a", "b"] }),
    )
    .await;
    assert_eq!(output, json!({ "store": "stock", "deleted": 1 }));
}

#[tokio::test]
async fn a_delete_without_keys_undoes_only_what_this_run_created_in_that_store() {
    let host = host().await;
    let (store, _directory) = running_store(&host, "stock").await;
    for key in ["new", "old", "elsewhere"] {
        store
            .invoke("put", json!({ "key": key, "value": 1 }))
            .await
            .unwrap();
    }
    let outputs = [
        (
            "save",
            json!({ "store": "stock", "keys": ["new", "old"], "created": ["new"] }),
        ),
        (
            "other",
            json!({ "store": "archive", "created": ["elsewhere"] }),
        ),
    ];
    let input = StepInput {
        step_outputs: outputs
            .into_iter()
            .map(|(name, output)| (name.to_owned(), output.as_object().unwrap().clone()))
            .collect(),
        ..StepInput::default()
    };
    let step = host
        .create_step("step.kv_delete", "undo", json!({ "store": "stock" }))
        .await
        .unwrap();
    assert_eq!(step.execute(input).await.unwrap().output["deleted"], 1);
    assert_eq!(
        store.invoke("get", json!({ "key": "old" })).await.unwrap()["found"],
        true
    );
    assert_eq!(
        store
            .invoke("get", json!({ "key": "elsewhere" }))
            .await
            .unwrap()["found"],
        true
    );
}

#[tokio::test]
async fn steps_reach_only_stores_that_run() {
    let host = host().await;
    let (store, _directory) = running_store(&host, "stock").await;
    let config = json!({ "store": "stok", "items": [] });
    let error = failure(&host, "step.kv_put", config).await;
    assert_eq!(error, "no store \"stok\" is running; running are: stock");
    store.stop().await.unwrap();
    let error = failure(
        &host,
        "step.kv_put",
        json!({ "store": "stock", "items": [] }),
    )
    .await;
    assert_eq!(error, "no store \"stock\" is running; running are: none");
}

#[tokio::test]
async fn a_store_that_takes_over_a_name_is_not_shut_out_by_the_end_of_the_old_one() {
    let host = host().await;
    let (old, _old_directory) = running_store(&host, "stock").await;
    let (new, _new_directory) = running_store(&host, "stock").await;
    old.destroy().await.unwrap();
    run(
        &host,
        "step.kv_put",
        json!({ "store": "stock", "items": [{ "id": "a" }] }),
    )
    .await;
    assert_eq!(new.invoke("count", json!({})).await.unwrap()["count"], 1);
}

#[tokio::test]
async fn many_steps_write_at_the_same_time() {
    let host = host().await;
    let (store, _directory) = running_store(&host, "stock").await;
    let step = host
        .create_step("step.kv_put", "it", json!({ "store": "stock" }))
        .await
        .unwrap();
    let mut writes = tokio::task::JoinSet::new();
    for number in 0..200 {
        let step = step.clone();
        writes.spawn(async move {
            let input = StepInput::of_current(
                json!({ "items": [{ "id": number }, { "id": number + 1000 }] }),
            )
            .unwrap();
            step.execute(input).await.unwrap();
        });
    }
    writes.join_all().await;
    assert_eq!(
        store.invoke("count", json!({})).await.unwrap()["count"],
        400
    );
}
