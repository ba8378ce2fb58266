//! A connector for SQL databases: SQLite and PostgreSQL.
//!
//! What an input gives is a statement and its parameters, which are never put into the
//! statement's text. `query` reads and `execute` changes; an instance is read-only unless
//! it is told otherwise, and then has no `execute`. It is the database that keeps a query
//! from writing, not a look at its text:
//!
//! - SQLite: the file is opened read-only, `query_only` is on, and no other file can be
//!   attached.
//! - PostgreSQL: each query is one statement in a transaction that is `READ ONLY`, on a
//!   connection whose default is that too. What functions may do beyond the database's
//!   tables is up to the rights of the user; give the connector one that may do no more
//!   than it must.
//!
//! | what | bound |
//! |---|---|
//! | one call | `timeout_seconds`, 30; what runs is then interrupted |
//! | rows | `max_rows`, 1,000; more are left out, and the result says so |
//! | a result | `max_result_kib`, 4 MiB; the same |
//!
//! Each call opens a connection of its own and closes it.

mod failure;
mod postgres;
mod result;
mod settings;
mod sqlite;

use std::time::Duration;

use outboard_sdk::{
    Value,
    connector::{Connector, Context, Fields, Operation, OperationError, Tag},
};
use result::Limits;
use settings::Kind;

pub use settings::Settings;

/// A statement.
#[derive(Fields)]
#[fields(strict)]
struct Statement {
    /// One statement. Parameters are `?1`, `?2` for SQLite and `$1`, `$2` for PostgreSQL.
    #[field(textarea, required)]
    sql: String,
    /// The parameters, as a JSON list.
    parameters: Value,
}

/// A table.
#[derive(Fields)]
#[fields(strict)]
struct Table {
    /// Its name.
    #[field(required)]
    table: String,
    /// The schema that it is in, for PostgreSQL.
    #[field(default = "public")]
    schema: String,
}

/// What to do in a database.
enum Request {
    Query(Statement),
    Execute(Statement),
    ListTables,
    DescribeTable(Table),
}

/// The connector.
pub fn connector() -> Connector<Settings> {
    let run = |context: Context<Settings>, request: Request| run(context, request);
    Connector::new("sql", "SQL database")
        .description("Queries SQLite and PostgreSQL, with parameters; read-only unless told otherwise.")
        .icon("🗄️")
        .tag(Tag { name: "Database".to_owned(), is_filter: true, ..Tag::default() })
        .category(
            "Statements",
            "",
            [
                Operation::new("query", "Query", move |context, input| {
                    run(context, Request::Query(input))
                })
                .description("Reads rows. The database refuses everything that would write.")
                .output_field("rows", "a list with an object for each row")
                .output_field("columns", "the names of the columns, in order")
                .output_field("row_count", "how many rows there are in the list")
                .output_field("truncated", "whether there were more")
                .templateable("parameters")
                .example("by id", r#"{"sql":"SELECT * FROM users WHERE id = ?1","parameters":[7]}"#)
                .pair_with("describe_table")
                .pitfall("Never put a value into the text of the statement; give it as a parameter.")
                .quirk("Bytes come in base64, and what has no JSON of its own, such as dates, as text."),
                Operation::new("execute", "Execute", move |context, input| {
                    run(context, Request::Execute(input))
                })
                .description("Changes rows or tables, if the instance is not read-only.")
                .output_field("rows_affected", "how many rows were changed")
                .output_field("rows", "what the statement returns, where it does")
                .templateable("parameters")
                .example(
                    "add",
                    r#"{"sql":"INSERT INTO users (name) VALUES ($1) RETURNING id","parameters":["Ada"]}"#,
                )
                .destructive(),
            ],
        )
        .category(
            "Structure",
            "",
            [
                Operation::new("list_tables", "List tables", move |context, (): ()| {
                    run(context, Request::ListTables)
                })
                .description("Tables and views, without the database's own."),
                Operation::new("describe_table", "Describe table", move |context, input| {
                    run(context, Request::DescribeTable(input))
                })
                .description("The columns of a table or view."),
            ],
        )
}

async fn run(context: Context<Settings>, request: Request) -> Result<Value, OperationError> {
    let settings = context.settings();
    if matches!(request, Request::Execute(_)) && settings.read_only {
        return Err(failure::read_only(
            "this instance is read-only; its settings say so",
        ));
    }
    let limits = Limits {
        rows: usize::try_from(settings.max_rows.clamp(1, 100_000))?,
        bytes: usize::try_from(settings.max_result_kib.clamp(1, 32_768))? * 1024,
        time: Duration::from_secs(settings.timeout_seconds.clamp(1, 600).into()),
    };
    match settings.database {
        Kind::Sqlite => sqlite::run(&context, request, limits).await,
        Kind::Postgres => postgres::run(&context, request, limits).await,
    }
}

/// The parameters of a statement.
fn parameters(value: Value) -> Result<Vec<Value>, OperationError> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(values) => Ok(values),
        _ => Err(failure::bad_parameters(
            "the parameters must be a JSON list",
        )),
    }
}
