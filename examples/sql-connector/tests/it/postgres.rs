//! PostgreSQL: a real server, if it is installed.

use std::time::{Duration, Instant};

use outboard_sdk::{Value, json, testing::ConnectorHost};

use super::{
    cluster::{Cluster, PASSWORD, cluster},
    failure, host,
};

/// Makes a schema for one test, and hands out what writes there.
async fn schema(cluster: &Cluster, name: &str) -> ConnectorHost {
    let writer = host(cluster.settings(json!({ "read_only": false }))).await;
    for sql in [
        format!("CREATE SCHEMA {name}"),
        format!(
            "CREATE TABLE {name}.users (id bigserial PRIMARY KEY, name varchar(20) NOT NULL, \
             score float8 DEFAULT 0.5, tags text[])"
        ),
        format!("INSERT INTO {name}.users (name) VALUES ('Ada'), ('Grace')"),
        format!("CREATE VIEW {name}.names AS SELECT name FROM {name}.users"),
    ] {
        writer
            .execute("execute", json!({ "sql": sql }))
            .await
            .unwrap();
    }
    writer
}

async fn count(host: &ConnectorHost, schema: &str) -> Value {
    let sql = format!("SELECT count(*) AS n FROM {schema}.users");
    host.execute("query", json!({ "sql": sql })).await.unwrap()["rows"][0]["n"].clone()
}

#[tokio::test]
async fn rows_come_with_the_types_that_they_have_and_the_rest_as_text() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let host = host(cluster.settings(json!({}))).await;
    let sql = "SELECT true AS a, 1::int2 AS b, -2 AS c, 9007199254740993 AS d, 0.1::float4 AS e, 1.5::float8 AS f, \
               'x'::varchar AS g, '{\"k\":[1]}'::jsonb AS h, '\\xff00'::bytea AS i, NULL::int AS j, 'x' AS a";
    let result = host.execute("query", json!({ "sql": sql })).await.unwrap();
    assert_eq!(
        result["rows"][0],
        json!({ "a": true, "b": 1, "c": -2, "d": 9_007_199_254_740_993_i64, "e": 0.1, "f": 1.5,
                "g": "x", "h": { "k": [1] }, "i": "/wA=", "j": null, "a_2": "x" })
    );
    // Numbers without bounds, times, identifiers and lists have no JSON of their own.
    let sql = "SELECT 12345678901234567890.123::numeric AS a, '2026-01-02 03:04:05'::timestamp AS b, \
               '2026-01-02'::date AS c, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid AS d, ARRAY[1,2] AS \"e\"\"f\", 1 AS g \
               ORDER BY 1; -- a comment";
    let (code, _) = failure(&host, "query", json!({ "sql": sql })).await;
    assert_eq!(
        code, "sql_error",
        "a statement behind which there is more is refused"
    );
    let sql = sql.replace("; --", " --");
    let result = host.execute("query", json!({ "sql": sql })).await.unwrap();
    assert_eq!(
        result["rows"][0],
        json!({ "a": "12345678901234567890.123", "b": "2026-01-02 03:04:05", "c": "2026-01-02",
                "d": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "e\"f": "{1,2}", "g": 1 })
    );
}

#[tokio::test]
async fn parameters_are_values_of_the_types_that_the_statement_wants() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let host = host(cluster.settings(json!({}))).await;
    let sql = "SELECT $1::int AS a, $2::text AS b, $3::bool AS c, $4::numeric AS d, $5::date AS e, \
               $6::int[] AS f, $7::text[] AS g, $8::jsonb AS h, $9::int AS i, $10::text AS j";
    let parameters = json!([
        1, "'; DROP TABLE x; --", true, 1.5, "2026-01-02", [1, null], ["a,b", "\"\\}", "NULL"],
        { "k": "v" }, null, 7,
    ]);
    let result = host
        .execute("query", json!({ "sql": sql, "parameters": parameters }))
        .await
        .unwrap();
    assert_eq!(
        result["rows"][0],
        json!({ "a": 1, "b": "'; DROP TABLE x; --", "c": true, "d": "1.5", "e": "2026-01-02",
                "f": "{1,NULL}", "g": r#"{"a,b","\"\\}","NULL"}"#, "h": { "k": "v" }, "i": null, "j": "7" })
    );
    for (sql, parameters, code, text) in [
        (
            "SELECT $1::int",
            json!(["x"]),
            "sql_error",
            "invalid input syntax",
        ),
        (
            "SELECT $1::int",
            json!([]),
            "bad_parameters",
            "has 1 parameters, and 0",
        ),
        (
            "SELECT 1",
            json!([1]),
            "bad_parameters",
            "has 0 parameters, and 1",
        ),
        (
            "SELECT $1::text",
            json!(["a\u{0}b"]),
            "sql_error",
            "zero byte",
        ),
        ("SELEC 1", json!([]), "sql_error", "42601"),
        ("SELECT * FROM nowhere", json!([]), "sql_error", "42P01"),
        ("", json!([]), "bad_args", "required"),
    ] {
        let input = json!({ "sql": sql, "parameters": parameters });
        let (found, message) = failure(&host, "query", input).await;
        assert_eq!(found, code, "{sql}: {message}");
        assert!(message.contains(text), "{sql}: {message}");
    }
}

#[tokio::test]
async fn a_read_only_instance_writes_nothing_whatever_the_statement_is() {
    let Some(cluster) = cluster().await else {
        return;
    };
    schema(&cluster, "ro").await;
    let host = host(cluster.settings(json!({}))).await;
    let (code, _) = failure(&host, "execute", json!({ "sql": "DELETE FROM ro.users" })).await;
    assert_eq!(code, "read_only");
    for sql in [
        "DELETE FROM ro.users",
        "INSERT INTO ro.users (name) VALUES ('x') RETURNING id",
        "WITH x AS (DELETE FROM ro.users RETURNING *) SELECT * FROM x",
        "CREATE TABLE ro.t (a int)",
        "DROP TABLE ro.users",
        "SELECT nextval('ro.users_id_seq')",
        "SELECT 1; DELETE FROM ro.users",
        "DO $$ BEGIN DELETE FROM ro.users; END $$",
        "DO $$ BEGIN COMMIT; DELETE FROM ro.users; END $$",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "EXPLAIN ANALYZE DELETE FROM ro.users",
        "TRUNCATE ro.users",
    ] {
        let (code, message) = failure(&host, "query", json!({ "sql": sql })).await;
        assert!(
            matches!(&*code, "read_only" | "sql_error"),
            "{sql}: {code} {message}"
        );
    }
    // Each may succeed by itself, and its effect ends with the call.
    for sql in [
        "SET default_transaction_read_only = off",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
        "SET TRANSACTION READ WRITE",
        "COMMIT",
        "ROLLBACK",
    ] {
        let _ = host.execute("query", json!({ "sql": sql })).await;
        let (code, message) =
            failure(&host, "query", json!({ "sql": "DELETE FROM ro.users" })).await;
        assert_eq!(code, "read_only", "{sql}: {message}");
    }
    assert_eq!(count(&host, "ro").await, 2);
}

#[tokio::test]
async fn an_instance_that_may_write_does_so_with_execute_alone() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let host = schema(&cluster, "rw").await;
    let (code, _) = failure(&host, "query", json!({ "sql": "DELETE FROM rw.users" })).await;
    assert_eq!(code, "read_only");
    let sql = "INSERT INTO rw.users (name, tags) VALUES ($1, $2), ('Ken', NULL) RETURNING id, name";
    let input = json!({ "sql": sql, "parameters": ["Linus", ["a", "b"]] });
    let result = host.execute("execute", input).await.unwrap();
    assert_eq!(result["rows_affected"], 2);
    assert_eq!(
        result["rows"],
        json!([{ "id": 3, "name": "Linus" }, { "id": 4, "name": "Ken" }])
    );
    let result = host
        .execute("execute", json!({ "sql": "UPDATE rw.users SET score = 2" }))
        .await
        .unwrap();
    assert_eq!(result, json!({ "rows_affected": 4 }));
    // What could not be shown is refused before it is done.
    let sql = "DELETE FROM rw.users RETURNING tags";
    let (code, message) = failure(&host, "execute", json!({ "sql": sql })).await;
    assert_eq!(code, "sql_error");
    assert!(message.contains("tags::text"), "{message}");
    assert_eq!(count(&host, "rw").await, 4);
    let few = self::host(cluster.settings(json!({ "read_only": false, "max_rows": 1 }))).await;
    let sql = "DELETE FROM rw.users RETURNING id";
    let result = few.execute("execute", json!({ "sql": sql })).await.unwrap();
    assert_eq!(
        (&result["row_count"], &result["truncated"]),
        (&json!(1), &json!(true))
    );
    assert_eq!(
        (&result["rows_affected"], count(&host, "rw").await),
        (&json!(4), json!(0))
    );
}

#[tokio::test]
async fn a_result_is_cut_at_its_rows_and_its_bytes() {
    let Some(cluster) = cluster().await else {
        return;
    };
    // Made one by one, as far as they are asked for.
    let many = "SELECT generate_series(1, 1000000000) AS n, repeat('x', 1000) AS text";
    let few_rows = host(cluster.settings(json!({ "max_rows": 10 }))).await;
    let result = few_rows
        .execute("query", json!({ "sql": many }))
        .await
        .unwrap();
    assert_eq!(
        (&result["row_count"], &result["truncated"]),
        (&json!(10), &json!(true))
    );
    let few_bytes =
        host(cluster.settings(json!({ "max_result_kib": 10, "max_rows": 100_000 }))).await;
    let result = few_bytes
        .execute("query", json!({ "sql": many }))
        .await
        .unwrap();
    assert!(result["row_count"].as_u64().unwrap() < 11 && result["truncated"] == true);
    let exactly = "SELECT n FROM generate_series(1, 10) AS n";
    let result = few_rows
        .execute("query", json!({ "sql": exactly }))
        .await
        .unwrap();
    assert_eq!(
        (&result["row_count"], &result["truncated"]),
        (&json!(10), &json!(false))
    );
}

#[tokio::test]
async fn what_takes_too_long_is_interrupted_also_in_the_server() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let short = host(cluster.settings(json!({ "timeout_seconds": 1 }))).await;
    let started = Instant::now();
    let (code, _) = failure(
        &short,
        "query",
        json!({ "sql": "SELECT 'sleeper', pg_sleep(600)" }),
    )
    .await;
    assert_eq!(code, "timeout");
    assert!(started.elapsed() < Duration::from_secs(10));

    // A caller that leaves ends it as well.
    let long = host(cluster.settings(json!({ "timeout_seconds": 600 }))).await;
    let running = "SELECT count(*) AS n FROM pg_stat_activity \
                   WHERE state = 'active' AND query LIKE '%pg_sleep(599)%' AND pid <> pg_backend_pid()";
    let sleeping = async |expected: i64| {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let found = long
                .execute("query", json!({ "sql": running }))
                .await
                .unwrap();
            if found["rows"][0]["n"] == expected {
                return;
            }
            assert!(Instant::now() < deadline, "{found}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let leaver = host(cluster.settings(json!({ "timeout_seconds": 600 }))).await;
    let call = tokio::spawn(async move {
        let _ = leaver
            .execute("query", json!({ "sql": "SELECT pg_sleep(599)" }))
            .await;
    });
    sleeping(1).await;
    call.abort();
    sleeping(0).await;
}

#[tokio::test]
async fn the_structure_is_described() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let host = schema(&cluster, "structure").await;
    let tables = host.execute("list_tables", json!({})).await.unwrap();
    let tables: Vec<_> = tables["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|table| table["schema"] == "structure")
        .collect();
    assert_eq!(
        tables,
        [
            &json!({ "schema": "structure", "name": "names", "kind": "view" }),
            &json!({ "schema": "structure", "name": "users", "kind": "table" }),
        ]
    );
    let input = json!({ "table": "users", "schema": "structure" });
    let columns = host.execute("describe_table", input).await.unwrap();
    assert_eq!(columns["row_count"], 4);
    assert_eq!(
        columns["rows"][2],
        json!({ "name": "score", "type": "double precision", "nullable": true, "default": "0.5", "primary_key": false })
    );
    assert_eq!(columns["rows"][0]["primary_key"], true);
    let (code, _) = failure(&host, "describe_table", json!({ "table": "users" })).await;
    assert_eq!(code, "sql_error");
}

#[tokio::test]
async fn connections_are_verified_and_a_server_that_is_not_the_one_gets_no_password() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let over_tls = |more: Value| {
        let mut settings = cluster.settings(json!({ "host": "127.0.0.1", "tls": "always" }));
        settings
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        settings
    };
    let secured = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let trusting = host(over_tls(json!({ "ca_certificate": cluster.authority }))).await;
    let result = trusting
        .execute("query", json!({ "sql": secured }))
        .await
        .unwrap();
    assert_eq!(result["rows"][0]["ssl"], true);
    for (settings, expected) in [
        (over_tls(json!({})), "certificate"),
        (
            over_tls(json!({ "ca_certificate": "no certificate" })),
            "ca_certificate",
        ),
        (
            over_tls(json!({ "ca_certificate": cluster.authority, "password": "wrong-password" })),
            "28P01",
        ),
        (cluster.settings(json!({ "port": 1 })), "cannot connect"),
        (cluster.settings(json!({ "name": "nowhere" })), "3D000"),
    ] {
        let host = host(settings).await;
        let (code, message) = failure(&host, "query", json!({ "sql": "SELECT 1" })).await;
        assert_eq!(code, "unreachable", "{message}");
        assert!(message.contains(expected), "{message}");
        assert!(
            !message.contains(PASSWORD) && !message.contains("wrong-password"),
            "{message}"
        );
    }
    // Here it is not asked for.
    let plain = host(cluster.settings(json!({ "host": "127.0.0.1" }))).await;
    let result = plain
        .execute("query", json!({ "sql": secured }))
        .await
        .unwrap();
    assert_eq!(result["rows"][0]["ssl"], false);
}
