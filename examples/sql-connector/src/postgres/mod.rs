//! PostgreSQL: one connection for each call.

mod tls;
mod value;

use std::{fmt::Write as _, time::Duration};

use futures_util::{StreamExt as _, TryStreamExt as _, pin_mut};
use outboard_sdk::{
    Value,
    connector::{Context, OperationError},
    json,
};
use tokio_postgres::{
    CancelToken, Client, Column, Config, Error, NoTls, Row, Statement as Prepared, config::SslMode,
    error::SqlState,
};

use self::{tls::Verified, value::Parameter};
use crate::{
    Request, Settings, failure, parameters,
    result::{Limits, Rows},
    settings::Tls,
};

/// How long the server may take to hear that a statement is to end.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) async fn run(
    context: &Context<Settings>,
    request: Request,
    limits: Limits,
) -> Result<Value, OperationError> {
    let settings = context.settings();
    let secure = secure(settings)?;
    let writes = matches!(request, Request::Execute(_));
    let deadline = tokio::time::Instant::now() + limits.time;
    let connecting = Session::open(
        config(settings, writes, secure.is_some(), limits),
        secure.clone(),
    );
    let session = tokio::select! {
        session = connecting => session?,
        () = context.cancelled() => return Err(failure::cancelled()),
        () = tokio::time::sleep_until(deadline) => return Err(failure::timeout(limits.time)),
    };
    let cancel = session.client.cancel_token();
    let work = work(session, request, limits);
    tokio::select! {
        outcome = work => outcome,
        () = context.cancelled() => {
            interrupt(cancel, secure).await;
            Err(failure::cancelled())
        }
        () = tokio::time::sleep_until(deadline) => {
            interrupt(cancel, secure).await;
            Err(failure::timeout(limits.time))
        }
    }
}

/// The connection, closed when it is dropped.
struct Session {
    client: Client,
    driver: tokio::task::JoinHandle<()>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Session {
    async fn open(config: Config, secure: Option<Verified>) -> Result<Session, OperationError> {
        let refused =
            |error: Error| failure::unreachable(format!("cannot connect: {}", said(&error)));
        Ok(match secure {
            Some(tls) => {
                let (client, connection) = config.connect(tls).await.map_err(refused)?;
                Session {
                    client,
                    driver: tokio::spawn(async { drop(connection.await) }),
                }
            }
            None => {
                let (client, connection) = config.connect(NoTls).await.map_err(refused)?;
                Session {
                    client,
                    driver: tokio::spawn(async { drop(connection.await) }),
                }
            }
        })
    }
}

fn config(settings: &Settings, writes: bool, secure: bool, limits: Limits) -> Config {
    let mut config = Config::new();
    let read_only = if writes { "off" } else { "on" };
    let milliseconds = limits.time.as_millis();
    config
        .host(&settings.host)
        .port(settings.port)
        .dbname(&settings.name)
        .user(&settings.user)
        .connect_timeout(limits.time)
        .application_name("outboard sql-connector")
        .ssl_mode(if secure {
            SslMode::Require
        } else {
            SslMode::Disable
        })
        .options(format!(
            "-c default_transaction_read_only={read_only} -c statement_timeout={milliseconds} \
             -c idle_in_transaction_session_timeout={milliseconds}"
        ));
    if !settings.password.is_empty() {
        config.password(settings.password.reveal());
    }
    config
}

/// What verifies the server, if the connection is under TLS.
fn secure(settings: &Settings) -> Result<Option<Verified>, OperationError> {
    let wanted = match settings.tls {
        Tls::Always => true,
        Tls::Never => false,
        Tls::Auto => !is_here(&settings.host),
    };
    wanted
        .then(|| Verified::new(&settings.ca_certificate))
        .transpose()
}

/// Whether the server is on this machine.
fn is_here(host: &str) -> bool {
    host.starts_with('/')
        || host == "localhost"
        || host
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

/// Has the server end what runs. Without an answer the connection's end does it.
async fn interrupt(cancel: CancelToken, secure: Option<Verified>) {
    let asked = async {
        match secure {
            Some(tls) => cancel.cancel_query(tls).await,
            None => cancel.cancel_query(NoTls).await,
        }
    };
    let _ = tokio::time::timeout(CANCEL_TIMEOUT, asked).await;
}

async fn work(
    mut session: Session,
    request: Request,
    limits: Limits,
) -> Result<Value, OperationError> {
    let outcome = match request {
        Request::Query(statement) => {
            let parameters = parameters(statement.parameters)?;
            query(&mut session.client, &statement.sql, parameters, limits).await?
        }
        Request::Execute(statement) => {
            let parameters = parameters(statement.parameters)?;
            execute(&session.client, &statement.sql, parameters, limits).await?
        }
        Request::ListTables => {
            let sql = "SELECT table_schema AS schema, table_name AS name, \
                 CASE table_type WHEN 'VIEW' THEN 'view' ELSE 'table' END AS kind \
                 FROM information_schema.tables \
                 WHERE table_schema NOT IN ('pg_catalog', 'information_schema') \
                 ORDER BY table_schema, table_name";
            query(&mut session.client, sql, Vec::new(), limits).await?
        }
        Request::DescribeTable(table) => {
            let sql = "SELECT c.column_name AS name, c.data_type AS type, c.is_nullable = 'YES' AS nullable, \
                 c.column_default AS \"default\", EXISTS (SELECT 1 \
                 FROM information_schema.table_constraints t JOIN information_schema.key_column_usage k \
                 USING (constraint_schema, constraint_name, table_schema, table_name) \
                 WHERE t.constraint_type = 'PRIMARY KEY' AND k.table_schema = c.table_schema \
                 AND k.table_name = c.table_name AND k.column_name = c.column_name) AS primary_key \
                 FROM information_schema.columns c \
                 WHERE c.table_schema = $1 AND c.table_name = $2 ORDER BY c.ordinal_position";
            let parameters = vec![json!(table.schema), json!(table.table)];
            let columns = query(&mut session.client, sql, parameters, limits).await?;
            if columns["row_count"] == 0 {
                let text = format!(
                    "there is no table {:?} in the schema {:?}",
                    table.table, table.schema
                );
                return Err(failure::sql(text));
            }
            columns
        }
    };
    Ok(outcome)
}

/// One statement in a transaction that reads.
async fn query(
    client: &mut Client,
    sql: &str,
    parameters: Vec<Value>,
    limits: Limits,
) -> Result<Value, OperationError> {
    let failed = |error| describe(&error, limits);
    let transaction = client
        .build_transaction()
        .read_only(true)
        .start()
        .await
        .map_err(failed)?;
    let mut prepared = transaction.prepare(sql).await.map_err(failed)?;
    let foreign = prepared
        .columns()
        .iter()
        .any(|column| !value::has_json(column.type_()));
    if foreign {
        prepared = transaction
            .prepare(&as_text(sql, prepared.columns()))
            .await
            .map_err(failed)?;
    }
    let parameters = bound(&prepared, parameters)?;
    let portal = transaction
        .bind_raw(&prepared, parameters)
        .await
        .map_err(failed)?;
    // One more than is kept tells whether there are more.
    let most = i32::try_from(limits.rows).unwrap_or(i32::MAX - 1) + 1;
    let stream = transaction
        .query_portal_raw(&portal, most)
        .await
        .map_err(failed)?;
    pin_mut!(stream);
    let mut rows = Rows::new(prepared.columns().iter().map(Column::name), limits);
    while let Some(row) = stream.try_next().await.map_err(failed)? {
        if !rows.push(values(&row, limits)?) {
            // What is still on the way goes with the connection.
            return Ok(rows.into_value());
        }
    }
    transaction.rollback().await.map_err(failed)?;
    Ok(rows.into_value())
}

/// One statement that may write, by itself: it is committed where it succeeds.
async fn execute(
    client: &Client,
    sql: &str,
    parameters: Vec<Value>,
    limits: Limits,
) -> Result<Value, OperationError> {
    let failed = |error| describe(&error, limits);
    let prepared = client.prepare(sql).await.map_err(failed)?;
    if let Some(column) = prepared
        .columns()
        .iter()
        .find(|column| !value::has_json(column.type_()))
    {
        // Afterwards it would be too late.
        let (name, kind) = (column.name(), column.type_().name());
        return Err(failure::sql(format!(
            "{name} is a {kind}; return {name}::text instead"
        )));
    }
    let returns = !prepared.columns().is_empty();
    let parameters = bound(&prepared, parameters)?;
    let stream = client
        .query_raw(&prepared, parameters)
        .await
        .map_err(failed)?;
    pin_mut!(stream);
    let mut rows = Rows::new(prepared.columns().iter().map(Column::name), limits);
    let mut room = true;
    // All of them are read, also those that are not kept, so that the statement ends.
    while let Some(row) = stream.next().await {
        let row = row.map_err(failed)?;
        room = room && rows.push(values(&row, limits)?);
    }
    let mut result = if returns {
        rows.into_value()
    } else {
        json!({})
    };
    result["rows_affected"] = json!(stream.rows_affected().unwrap_or(0));
    Ok(result)
}

/// The same query with every column that has no JSON of its own as the text that
/// PostgreSQL has for it.
fn as_text(sql: &str, columns: &[Column]) -> String {
    let mut selected = String::new();
    let mut names = String::new();
    for (position, column) in columns.iter().enumerate() {
        let comma = if position == 0 { "" } else { ", " };
        let cast = if value::has_json(column.type_()) {
            ""
        } else {
            "::text"
        };
        let name = column.name().replace('"', "\"\"");
        // Writing to a String cannot fail.
        let _ = write!(selected, "{comma}q.c{position}{cast} AS \"{name}\"");
        let _ = write!(names, "{comma}c{position}");
    }
    let sql = sql.trim().trim_end_matches(';');
    // On a line of its own, in case the statement ends with a comment.
    format!("SELECT {selected} FROM (\n{sql}\n) AS q({names})")
}

fn bound(prepared: &Prepared, values: Vec<Value>) -> Result<Vec<Parameter>, OperationError> {
    let wanted = prepared.params().len();
    if wanted != values.len() {
        return Err(failure::bad_parameters(format!(
            "the statement has {wanted} parameters, and {} were given",
            values.len()
        )));
    }
    Ok(values.into_iter().map(Parameter).collect())
}

fn values(row: &Row, limits: Limits) -> Result<Vec<Value>, OperationError> {
    (0..row.len())
        .map(|column| {
            let value: value::Json = row
                .try_get(column)
                .map_err(|error| describe(&error, limits))?;
            Ok(value.0)
        })
        .collect()
}

fn describe(error: &Error, limits: Limits) -> OperationError {
    let text = said(error);
    match error.code() {
        Some(code) if *code == SqlState::READ_ONLY_SQL_TRANSACTION => failure::read_only(text),
        Some(code) if *code == SqlState::QUERY_CANCELED => failure::timeout(limits.time),
        _ if error.is_closed() => failure::unreachable(text),
        _ => failure::sql(text),
    }
}

/// The server's own words with its code and hint, or the driver's with their causes.
fn said(error: &Error) -> String {
    let Some(database) = error.as_db_error() else {
        return with_causes(error);
    };
    let mut text = format!(
        "{} (SQLSTATE {})",
        database.message(),
        database.code().code()
    );
    for more in [database.detail(), database.hint()].into_iter().flatten() {
        let _ = write!(text, "; {more}");
    }
    text
}

fn with_causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            let _ = write!(text, ": {more}");
        }
        cause = error.source();
    }
    text
}
