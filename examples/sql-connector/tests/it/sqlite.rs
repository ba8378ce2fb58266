//! SQLite: real files.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use outboard_sdk::{Value, json};
use rusqlite::Connection;
use tempfile::TempDir;

use super::{failure, host};

struct Database {
    directory: TempDir,
    path: String,
}

impl Database {
    fn new() -> Database {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.db").to_str().unwrap().to_owned();
        Connection::open(&path)
            .unwrap()
            .execute_batch(
                "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, score REAL DEFAULT 0.5, photo BLOB);
                 INSERT INTO users VALUES (1, 'Ada', 1.5, x'ff00'), (2, 'Grace', NULL, NULL);
                 CREATE VIEW names AS SELECT name FROM users;",
            )
            .unwrap();
        Database { directory, path }
    }

    fn settings(&self, more: Value) -> Value {
        let mut settings = json!({ "path": self.path });
        settings
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        settings
    }

    fn count(&self) -> i64 {
        let connection = Connection::open(&self.path).unwrap();
        connection
            .query_row("SELECT count(*) FROM users", [], |row| row.get(0))
            .unwrap()
    }
}

#[tokio::test]
async fn rows_come_with_the_types_that_they_have() {
    let database = Database::new();
    let host = host(database.settings(json!({}))).await;
    let input = json!({ "sql": "SELECT *, id AS id FROM users WHERE id <= ?1 ORDER BY id", "parameters": [2] });
    let result = host.execute("query", input).await.unwrap();
    assert_eq!(
        result,
        json!({
            "columns": ["id", "name", "score", "photo", "id_2"], "row_count": 2, "truncated": false,
            "rows": [
                { "id": 1, "name": "Ada", "score": 1.5, "photo": "/wA=", "id_2": 1 },
                { "id": 2, "name": "Grace", "score": null, "photo": null, "id_2": 2 },
            ],
        })
    );
    let sql = "SELECT ?1 AS a, ?2 AS b, ?3 AS c, ?4 AS d, ?5 AS e, typeof(?5) AS f, 9e999 AS g";
    let parameters =
        json!([null, true, 9_007_199_254_740_993_i64, "x'; DROP TABLE users", { "k": [1] }]);
    let result = host
        .execute("query", json!({ "sql": sql, "parameters": parameters }))
        .await
        .unwrap();
    assert_eq!(
        result["rows"][0],
        json!({ "a": null, "b": 1, "c": 9_007_199_254_740_993_i64, "d": "x'; DROP TABLE users",
                "e": "{\"k\":[1]}", "f": "text", "g": "inf" })
    );
}

#[tokio::test]
async fn a_read_only_instance_writes_nothing_whatever_the_statement_is() {
    let database = Database::new();
    let host = host(database.settings(json!({}))).await;
    let (code, message) = failure(&host, "execute", json!({ "sql": "DELETE FROM users" })).await;
    assert_eq!(code, "read_only");
    assert!(message.contains("settings"), "{message}");
    let other = database.directory.path().join("other.db");
    let attach = format!("ATTACH DATABASE '{}' AS other", other.display());
    let vacuum = format!("VACUUM INTO '{}'", other.display());
    for sql in [
        "DELETE FROM users",
        "INSERT INTO users (name) VALUES ('x') RETURNING id",
        "WITH x AS (SELECT 1) UPDATE users SET name = 'x'",
        "CREATE TABLE t (a)",
        "DROP TABLE users",
        "PRAGMA user_version = 7",
        "PRAGMA journal_mode = wal",
        "BEGIN IMMEDIATE",
        &attach,
        &vacuum,
        "SELECT 1; DELETE FROM users",
        "SELECT load_extension('x')",
    ] {
        let (code, message) = failure(&host, "query", json!({ "sql": sql })).await;
        assert!(
            matches!(&*code, "read_only" | "sql_error"),
            "{sql}: {code} {message}"
        );
    }
    // These are not refused, and change nothing.
    for sql in ["PRAGMA query_only = 0", "SELECT 1 -- ; DELETE FROM users"] {
        let _ = host.execute("query", json!({ "sql": sql })).await;
    }
    assert_eq!(database.count(), 2);
    let files: Vec<_> = std::fs::read_dir(database.directory.path())
        .unwrap()
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
}

#[tokio::test]
async fn a_query_does_not_write_in_an_instance_that_may() {
    let database = Database::new();
    let host = host(database.settings(json!({ "read_only": false }))).await;
    let (code, _) = failure(&host, "query", json!({ "sql": "DELETE FROM users" })).await;
    assert_eq!((&*code, database.count()), ("read_only", 2));

    let execute = async |sql: &str, parameters: Value| {
        host.execute("execute", json!({ "sql": sql, "parameters": parameters }))
            .await
            .unwrap()
    };
    let sql = "INSERT INTO users (name) VALUES (?1), (?2) RETURNING id";
    let result = execute(sql, json!(["Linus", "Ken"])).await;
    assert_eq!(result["rows_affected"], 2);
    assert_eq!(result["rows"], json!([{ "id": 3 }, { "id": 4 }]));
    assert_eq!(
        execute("UPDATE users SET score = 2", json!([])).await,
        json!({ "rows_affected": 4 })
    );
    assert_eq!(
        execute("DELETE FROM users WHERE id > ?1", json!([3])).await["rows_affected"],
        1
    );
    assert_eq!(database.count(), 3);
    let other = database.directory.path().join("other.db");
    let attach = format!("ATTACH DATABASE '{}' AS other", other.display());
    let (code, _) = failure(&host, "execute", json!({ "sql": attach })).await;
    assert_eq!(code, "sql_error");
    assert!(!other.exists());
}

#[tokio::test]
async fn what_returns_rows_writes_all_of_them_also_where_not_all_are_kept() {
    let database = Database::new();
    let host = host(database.settings(json!({ "read_only": false, "max_rows": 1 }))).await;
    let sql = "INSERT INTO users (name) VALUES ('a'), ('b'), ('c') RETURNING id";
    let result = host
        .execute("execute", json!({ "sql": sql }))
        .await
        .unwrap();
    assert_eq!(
        (&result["row_count"], &result["truncated"]),
        (&json!(1), &json!(true))
    );
    assert_eq!((&result["rows_affected"], database.count()), (&json!(3), 5));
}

#[tokio::test]
async fn a_result_is_cut_at_its_rows_and_its_bytes() {
    let database = Database::new();
    let count = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x, printf('%.*c', 1000, 'x') AS text FROM n";
    let few_rows = host(database.settings(json!({ "max_rows": 10 }))).await;
    // Without an end of its own.
    let result = few_rows
        .execute("query", json!({ "sql": count }))
        .await
        .unwrap();
    assert_eq!(
        (&result["row_count"], &result["truncated"]),
        (&json!(10), &json!(true))
    );
    let few_bytes =
        host(database.settings(json!({ "max_result_kib": 10, "max_rows": 100_000 }))).await;
    let result = few_bytes
        .execute("query", json!({ "sql": count }))
        .await
        .unwrap();
    assert!(result["row_count"].as_u64().unwrap() < 11 && result["truncated"] == true);
    assert!(result.to_string().len() < 11 * 1024);
    let (code, message) = failure(
        &few_bytes,
        "query",
        json!({ "sql": "SELECT zeroblob(100000000)" }),
    )
    .await;
    assert_eq!(code, "sql_error", "{message}");
    assert!(message.contains("max_result_kib"), "{message}");
}

#[tokio::test]
async fn what_takes_too_long_is_interrupted() {
    let database = Database::new();
    let host = host(database.settings(json!({ "timeout_seconds": 1 }))).await;
    let endless =
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n";
    let started = Instant::now();
    let (code, message) = failure(&host, "query", json!({ "sql": endless })).await;
    assert_eq!(code, "timeout");
    assert!(message.contains("1 s"), "{message}");
    assert!(started.elapsed() < Duration::from_secs(10));
    // The thread is free again.
    assert_eq!(
        host.execute("query", json!({ "sql": "SELECT 1 AS a" }))
            .await
            .unwrap()["rows"][0]["a"],
        1
    );
}

#[tokio::test]
async fn the_structure_is_described() {
    let database = Database::new();
    let host = host(database.settings(json!({}))).await;
    let tables = host.execute("list_tables", json!({})).await.unwrap();
    assert_eq!(
        tables["rows"],
        json!([{ "name": "names", "kind": "view" }, { "name": "users", "kind": "table" }])
    );
    let columns = host
        .execute("describe_table", json!({ "table": "users" }))
        .await
        .unwrap();
    assert_eq!(columns["row_count"], 4);
    assert_eq!(
        columns["rows"][2],
        json!({ "name": "score", "type": "REAL", "nullable": 1, "default": "0.5", "primary_key": 0 })
    );
    let (code, _) = failure(&host, "describe_table", json!({ "table": "users'); --" })).await;
    assert_eq!(code, "sql_error");
}

#[tokio::test]
async fn bad_input_is_an_error_that_says_what_is_wrong() {
    let database = Database::new();
    let host = host(database.settings(json!({}))).await;
    for (input, code, text) in [
        (json!({ "sql": "SELEC 1" }), "sql_error", "syntax error"),
        (
            json!({ "sql": "SELECT * FROM nowhere" }),
            "sql_error",
            "no such table",
        ),
        (json!({ "sql": "  -- nothing" }), "sql_error", ""),
        (
            json!({ "sql": "SELECT ?1", "parameters": [] }),
            "bad_parameters",
            "has 1 parameters, and 0",
        ),
        (
            json!({ "sql": "SELECT 1", "parameters": [1] }),
            "bad_parameters",
            "has 0 parameters, and 1",
        ),
        (
            json!({ "sql": "SELECT ?1", "parameters": { "a": 1 } }),
            "bad_parameters",
            "JSON list",
        ),
        (
            json!({ "sql": "SELECT ?1", "parameters": [u64::MAX] }),
            "bad_parameters",
            "too large",
        ),
        (
            json!({ "sql": "SELECT 1", "parameters": "[1" }),
            "bad_args",
            "JSON",
        ),
        (json!({}), "bad_args", "required"),
    ] {
        let (found, message) = failure(&host, "query", input.clone()).await;
        assert_eq!(found, code, "{input}: {message}");
        assert!(message.contains(text), "{input}: {message}");
    }
}

#[tokio::test]
async fn only_a_database_that_is_there_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing.db");
    let text = directory.path().join("text.db");
    std::fs::write(
        &text,
        "this is no database at all, and it is long enough to be one",
    )
    .unwrap();
    let uri = format!("file:{}?mode=rwc", missing.display());
    let paths = [
        missing.as_path(),
        Path::new("relative.db"),
        directory.path(),
        Path::new(&uri),
        &text,
    ];
    for path in paths {
        let settings = json!({ "path": path.to_str().unwrap(), "read_only": false });
        let host = host(settings).await;
        for operation in ["query", "execute"] {
            let sql = "SELECT * FROM sqlite_schema";
            let (code, message) = failure(&host, operation, json!({ "sql": sql })).await;
            assert_eq!(code, "unreachable", "{}: {message}", path.display());
        }
    }
    assert!(!missing.exists());
}
