//! SQLite: one file, opened for each call.

use std::{path::Path, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use outboard_sdk::{
    Value,
    connector::{Context, OperationError},
    json,
};
use rusqlite::{
    Connection, ErrorCode, InterruptHandle, OpenFlags, Statement as Prepared, ffi,
    limits::Limit,
    types::{Value as SqlValue, ValueRef},
};
use tokio::sync::oneshot;

use crate::{
    Request, Settings, failure, parameters,
    result::{Limits, Rows},
};

/// How long to wait for another writer.
const BUSY: Duration = Duration::from_secs(5);
/// How often a statement is interrupted until it has heard.
const AGAIN: Duration = Duration::from_millis(50);

pub(crate) async fn run(
    context: &Context<Settings>,
    request: Request,
    limits: Limits,
) -> Result<Value, OperationError> {
    let path = context.settings().path.clone();
    let (send, receive) = oneshot::channel();
    let mut work =
        tokio::task::spawn_blocking(move || work(Path::new(&path), request, limits, send));
    let too_long = async {
        tokio::select! {
            () = context.cancelled() => failure::cancelled(),
            () = tokio::time::sleep(limits.time) => failure::timeout(limits.time),
        }
    };
    let why = tokio::select! {
        outcome = &mut work => return outcome?,
        why = too_long => why,
    };
    // Without a handle it has not begun, or is done.
    if let Ok(handle) = receive.await {
        let handle: InterruptHandle = handle;
        loop {
            // It does nothing where no statement runs yet.
            handle.interrupt();
            if tokio::time::timeout(AGAIN, &mut work).await.is_ok() {
                break;
            }
        }
    }
    Err(why)
}

fn work(
    path: &Path,
    request: Request,
    limits: Limits,
    interrupt: oneshot::Sender<InterruptHandle>,
) -> Result<Value, OperationError> {
    let writes = matches!(request, Request::Execute(_));
    let connection = open(path, writes, limits)?;
    // Nobody to interrupt it is no reason not to run.
    let _ = interrupt.send(connection.get_interrupt_handle());
    match request {
        Request::Query(statement) => query(
            &connection,
            &statement.sql,
            &parameters(statement.parameters)?,
            limits,
        ),
        Request::Execute(statement) => execute(
            &connection,
            &statement.sql,
            &parameters(statement.parameters)?,
            limits,
        ),
        Request::ListTables => query(
            &connection,
            "SELECT name, type AS kind FROM sqlite_schema \
             WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
            &[],
            limits,
        ),
        Request::DescribeTable(table) => {
            let columns = query(
                &connection,
                "SELECT name, type, \"notnull\" = 0 AS nullable, dflt_value AS \"default\", \
                 pk > 0 AS primary_key FROM pragma_table_info(?1) ORDER BY cid",
                &[json!(table.table)],
                limits,
            )?;
            if columns["row_count"] == 0 {
                return Err(failure::sql(format!("there is no table {:?}", table.table)));
            }
            Ok(columns)
        }
    }
}

fn open(path: &Path, writes: bool, limits: Limits) -> Result<Connection, OperationError> {
    if !path.is_absolute() {
        return Err(failure::unreachable(
            "the path of the database must be a whole one",
        ));
    }
    let access = if writes {
        OpenFlags::SQLITE_OPEN_READ_WRITE
    } else {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    };
    // Without URI and CREATE the path is a file that is there, and nothing else.
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|error| {
            failure::unreachable(format!("cannot open {}: {error}", path.display()))
        })?;
    let prepare = || -> rusqlite::Result<()> {
        connection.busy_timeout(limits.time.min(BUSY))?;
        connection.pragma_update(None, "query_only", !writes)?;
        // What stands in the file's own schema is not trusted with more than SQL.
        connection.pragma_update(None, "trusted_schema", false)?;
        // No other file, neither to read nor to make.
        connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        let length = i32::try_from(limits.bytes).unwrap_or(i32::MAX);
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, length.max(1024 * 1024))?;
        Ok(())
    };
    prepare().map_err(|error| describe(&error))?;
    Ok(connection)
}

fn query(
    connection: &Connection,
    sql: &str,
    parameters: &[Value],
    limits: Limits,
) -> Result<Value, OperationError> {
    let mut statement = prepare(connection, sql, parameters)?;
    if !statement.readonly() {
        return Err(failure::read_only(
            "this statement writes; query only reads",
        ));
    }
    let rows = rows(&mut statement, limits)?;
    Ok(rows.into_value())
}

fn execute(
    connection: &Connection,
    sql: &str,
    parameters: &[Value],
    limits: Limits,
) -> Result<Value, OperationError> {
    let before = connection.total_changes();
    let mut statement = prepare(connection, sql, parameters)?;
    let mut result = if statement.column_count() == 0 {
        statement.raw_execute().map_err(|error| describe(&error))?;
        json!({})
    } else {
        rows(&mut statement, limits)?.into_value()
    };
    result["rows_affected"] = json!(connection.total_changes() - before);
    Ok(result)
}

fn prepare<'a>(
    connection: &'a Connection,
    sql: &str,
    parameters: &[Value],
) -> Result<Prepared<'a>, OperationError> {
    let mut statement = connection.prepare(sql).map_err(|error| describe(&error))?;
    let wanted = statement.parameter_count();
    if wanted != parameters.len() {
        return Err(failure::bad_parameters(format!(
            "the statement has {wanted} parameters, and {} were given",
            parameters.len()
        )));
    }
    for (position, value) in parameters.iter().enumerate() {
        statement
            .raw_bind_parameter(position + 1, bound(value)?)
            .map_err(|error| describe(&error))?;
    }
    Ok(statement)
}

fn bound(value: &Value) -> Result<SqlValue, OperationError> {
    Ok(match value {
        Value::Null => SqlValue::Null,
        Value::Bool(flag) => SqlValue::Integer((*flag).into()),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => SqlValue::Integer(number),
            // Above 2^63 a float would be another number.
            (None, Some(number)) if !value.is_u64() => SqlValue::Real(number),
            _ => {
                return Err(failure::bad_parameters(format!(
                    "{number} is too large for SQLite"
                )));
            }
        },
        Value::String(text) => SqlValue::Text(text.clone()),
        // SQLite's functions for JSON take text.
        Value::Array(_) | Value::Object(_) => SqlValue::Text(value.to_string()),
    })
}

/// Runs it to its end, also where no more rows are kept: it may be one that writes.
fn rows(statement: &mut Prepared<'_>, limits: Limits) -> Result<Rows, OperationError> {
    let count = statement.column_count();
    let mut kept = Rows::new(statement.column_names(), limits);
    let reads = statement.readonly();
    let mut rows = statement.raw_query();
    let mut room = true;
    while let Some(row) = rows.next().map_err(|error| describe(&error))? {
        if room {
            let values: Result<Vec<Value>, rusqlite::Error> = (0..count)
                .map(|column| row.get_ref(column).map(json_of))
                .collect();
            room = kept.push(values.map_err(|error| describe(&error))?);
        }
        if !room && reads {
            break;
        }
    }
    Ok(kept)
}

fn json_of(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        // JSON has no infinity.
        ValueRef::Real(number) if number.is_finite() => number.into(),
        ValueRef::Real(number) => number.to_string().into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
        ValueRef::Blob(bytes) => STANDARD.encode(bytes).into(),
    }
}

fn describe(error: &rusqlite::Error) -> OperationError {
    let text = error.to_string();
    match error
        .sqlite_error()
        .map(|error| (error.code, error.extended_code))
    {
        Some((ErrorCode::ReadOnly, _)) => failure::read_only(text),
        Some((ErrorCode::TooBig, _)) => failure::sql(format!(
            "{text}: max_result_kib is the limit for one value too"
        )),
        Some((_, ffi::SQLITE_NOTADB)) => failure::unreachable(text),
        _ => failure::sql(text),
    }
}
