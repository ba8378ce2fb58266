//! The connector's end of the wire: turns calls into runs of operations.

use std::{
    collections::HashMap,
    fmt,
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context as TaskContext, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::Bytes;
use outboard_contracts::connector::{
    MAX_MESSAGE_BYTES,
    arguments::Arguments,
    module::Config,
    proto::{self, connector_server},
};
use outboard_go_plugin::{
    trace,
    transport::{self, Services},
};
use tonic::{Request, Response, Status, codegen::tokio_stream::Stream};

use super::{
    Connector, Context, Fields, Health, InvalidConnector, OperationError,
    builder::{CheckHealth, Permissions, ResolveIdentity, ShutdownHook},
    context::Ids,
    error::error_code,
    operation::Run,
    pipe::{self, Piece, Progress, Reader, Writer},
};
use crate::guard::caught;

/// How long an operation that nobody waits for has to tidy up.
const CANCEL_GRACE: Duration = Duration::from_secs(1);

/// A connector as a gRPC service. [`serve`](super::serve()) makes one; it is public for
/// hosts in memory and for programs that serve more than one thing.
///
/// Cloning is cheap.
pub struct ConnectorServer<S>(Arc<Shared<S>>);

struct Shared<S> {
    schema: Bytes,
    fields: Arc<[Config]>,
    operations: HashMap<String, Run<S>>,
    has_oauth: bool,
    permissions: Option<Permissions<S>>,
    health: Option<CheckHealth>,
    identity: Option<ResolveIdentity>,
    shutdown: Option<ShutdownHook>,
}

/// The connector as a service.
///
/// # Errors
///
/// [`InvalidConnector`] where [`Connector::check`] finds something.
pub fn new_server<S: Fields>(
    connector: Connector<S>,
) -> Result<ConnectorServer<S>, InvalidConnector> {
    connector.check()?;
    let schema = super::dump_manifest(&connector).into_bytes().into();
    Ok(ConnectorServer(Arc::new(Shared {
        schema,
        fields: connector.module.configs.into(),
        operations: connector.operations.into_iter().collect(),
        has_oauth: connector.module.oauth.is_some(),
        permissions: connector.permissions,
        health: connector.health,
        identity: connector.identity,
        shutdown: connector.shutdown,
    })))
}

impl<S: Fields> ConnectorServer<S> {
    /// What to put on a connection.
    pub fn services(&self) -> Services {
        let service = connector_server::ConnectorServer::new(self.clone())
            .max_decoding_message_size(transport::MAX_MESSAGE_BYTES);
        Services::new().add_service(service)
    }

    /// Runs the author's hook for the end.
    pub(super) async fn shut_down(&self) {
        if let Some(hook) = &self.0.shutdown
            && let Err(panic) = caught(async { hook().await }).await
        {
            tracing::error!(panic, "the shutdown hook panicked");
        }
    }

    /// Starts the operation. One that waits goes on in a task of its own, which ends soon
    /// after the reader is gone; one that does not is done here, which spares the task and
    /// the way there and back.
    fn start(&self, request: Request<proto::ExecuteRequest>) -> Reader {
        let trace = trace::of(request.metadata());
        let request = request.into_inner();
        let (writer, reader) = pipe::pipe();
        let server = self.clone();
        let work = async move {
            let started = Instant::now();
            let (operation, request_id, session_id) = (
                request.operation.clone(),
                request.request_id.clone(),
                request.session_id.clone(),
            );
            let outcome = server.run(request, writer.clone()).await;
            let took = started.elapsed();
            match &outcome {
                Ok(()) => {
                    tracing::debug!(operation, request_id, session_id, ?took, "an operation ran");
                }
                Err(error) => {
                    let code = error.code().unwrap_or(error_code::EXEC_ERROR);
                    tracing::info!(
                        operation,
                        request_id,
                        session_id,
                        ?took,
                        code,
                        error = error.message(),
                        "an operation failed"
                    );
                }
            }
            writer.end(outcome);
        };
        let mut work = Box::pin(trace::scope(trace, work));
        // The task polls it again, so that whatever it waits for wakes the task.
        let mut nobody = TaskContext::from_waker(Waker::noop());
        if work.as_mut().poll(&mut nobody).is_pending() {
            tokio::spawn(work);
        }
        reader
    }

    async fn run(
        &self,
        request: proto::ExecuteRequest,
        writer: Writer,
    ) -> Result<(), OperationError> {
        let shared = &*self.0;
        let Some(run) = shared.operations.get(&request.operation) else {
            return Err(OperationError::coded(
                error_code::UNKNOWN_OPERATION,
                format!("there is no operation {:?}", request.operation),
            ));
        };
        let arguments = read_arguments(&request.args_json)?;
        let ids = Ids {
            operation: request.operation,
            request_id: request.request_id,
            session_id: request.session_id,
        };
        let context = self.context(request.creds, ids, writer.clone())?;
        let mask = context.clone();
        let work = caught(async move { run(context, &arguments, writer.clone())?.await });
        self.to_the_end(work, mask).await
    }

    /// Waits for the author's code, or for as long as it may take after nobody waits.
    async fn to_the_end<T>(
        &self,
        work: impl Future<Output = Result<Result<T, OperationError>, String>>,
        context: Context<S>,
    ) -> Result<T, OperationError> {
        let too_late = async {
            context.cancelled().await;
            tokio::time::sleep(CANCEL_GRACE).await;
        };
        let mut work = pin!(work);
        let mut too_late = pin!(too_late);
        let outcome = std::future::poll_fn(|task| match work.as_mut().poll(task) {
            Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
            Poll::Pending => too_late.as_mut().poll(task).map(|()| None),
        })
        .await;
        let error = match outcome {
            Some(Ok(Ok(value))) => return Ok(value),
            Some(Ok(Err(error))) => error,
            Some(Err(panic)) => OperationError::coded(
                error_code::PANIC,
                format!("the connector's code panicked: {panic}"),
            ),
            None => pipe::cancelled(),
        };
        Err(error.masked(|text| context.mask(text)))
    }

    fn context(
        &self,
        credentials: Arguments,
        ids: Ids,
        writer: Writer,
    ) -> Result<Context<S>, OperationError> {
        let settings = S::from_arguments(&credentials).map_err(|error| {
            OperationError::coded(error_code::BAD_CONFIG, format!("the settings: {error}"))
        })?;
        Ok(Context::new(
            settings,
            self.0.fields.clone(),
            credentials,
            ids,
            writer,
        ))
    }
}

/// The original takes a JSON object of strings, in which `null` is no text.
fn read_arguments(json: &[u8]) -> Result<Arguments, OperationError> {
    if json.is_empty() {
        return Ok(Arguments::new());
    }
    let read: Result<Option<std::collections::BTreeMap<String, Option<String>>>, _> =
        serde_json::from_slice(json);
    match read {
        Ok(arguments) => Ok(arguments
            .unwrap_or_default()
            .into_iter()
            .map(|(key, text)| (key, text.unwrap_or_default()))
            .collect()),
        // Not the reader's own text, which quotes the value.
        Err(error) => Err(OperationError::coded(
            error_code::BAD_ARGS,
            format!(
                "the arguments must be a JSON object of texts, and at line {}, column {} they \
                 are not",
                error.line(),
                error.column()
            ),
        )),
    }
}

impl<S> Clone for ConnectorServer<S> {
    fn clone(&self) -> Self {
        ConnectorServer(self.0.clone())
    }
}

impl<S> fmt::Debug for ConnectorServer<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ConnectorServer")
            .field("operations", &self.0.operations.len())
            .finish_non_exhaustive()
    }
}

#[tonic::async_trait]
impl<S: Fields> connector_server::Connector for ConnectorServer<S> {
    async fn schema(
        &self,
        _: Request<proto::SchemaRequest>,
    ) -> Result<Response<proto::SchemaResponse>, Status> {
        Ok(Response::new(proto::SchemaResponse {
            manifest_json: self.0.schema.clone(),
        }))
    }

    async fn execute(
        &self,
        request: Request<proto::ExecuteRequest>,
    ) -> Result<Response<proto::ExecuteResponse>, Status> {
        let outcome = self.start(request).collect(MAX_MESSAGE_BYTES).await;
        Ok(Response::new(match outcome {
            Ok(result_json) => proto::ExecuteResponse {
                result_json,
                ..Default::default()
            },
            Err(error) => proto::ExecuteResponse {
                error: Some(error.into_wire(error_code::EXEC_ERROR)),
                ..Default::default()
            },
        }))
    }

    type ExecuteStreamStream = Chunks;

    async fn execute_stream(
        &self,
        request: Request<proto::ExecuteRequest>,
    ) -> Result<Response<Chunks>, Status> {
        Ok(Response::new(Chunks(Some(self.start(request)))))
    }

    async fn check_permissions(
        &self,
        request: Request<proto::PermsRequest>,
    ) -> Result<Response<proto::PermsResponse>, Status> {
        let Some(check) = &self.0.permissions else {
            return Err(Status::unimplemented(
                "method CheckPermissions not implemented",
            ));
        };
        let ids = Ids {
            operation: String::new(),
            request_id: String::new(),
            session_id: String::new(),
        };
        // The call is polled where it arrived: when it goes away, so does the check.
        let (writer, _reader) = pipe::pipe();
        let outcome = async {
            let context = self.context(request.into_inner().creds, ids, writer)?;
            let mask = context.clone();
            let permissions = self
                .to_the_end(caught(async { check(context).await }), mask.clone())
                .await?;
            let wire = permissions.into_iter();
            Ok(wire
                .map(|permission| permission.into_wire(|text| mask.mask(text)))
                .collect())
        };
        Ok(Response::new(match outcome.await {
            Ok(ops) => proto::PermsResponse { ops, error: None },
            Err(error) => {
                let error: OperationError = error;
                let error = Some(error.into_wire(error_code::EXEC_ERROR));
                proto::PermsResponse {
                    ops: Vec::new(),
                    error,
                }
            }
        }))
    }

    async fn resolve_identity(
        &self,
        request: Request<proto::IdentityRequest>,
    ) -> Result<Response<proto::IdentityResponse>, Status> {
        let token = request.into_inner().access_token;
        let error = match &self.0.identity {
            Some(resolve) if self.0.has_oauth => {
                let credentials = Arguments::from([("access_token".to_owned(), token.clone())]);
                match caught(async { resolve(token).await }).await {
                    Ok(Ok(identity)) => {
                        return Ok(Response::new(proto::IdentityResponse {
                            user_id: identity.user_id,
                            display_name: identity.display_name,
                            error: None,
                        }));
                    }
                    Ok(Err(error)) => error,
                    Err(panic) => OperationError::coded(
                        error_code::PANIC,
                        format!("the connector's code panicked: {panic}"),
                    ),
                }
                .masked(|text| super::mask::Masker::new(&[], &credentials).mask(text))
            }
            _ => OperationError::coded(
                error_code::NO_OAUTH,
                "this connector does not tell whose access token it is",
            ),
        };
        Ok(Response::new(proto::IdentityResponse {
            error: Some(error.into_wire(error_code::IDENTITY_ERROR)),
            ..Default::default()
        }))
    }

    async fn health(
        &self,
        _: Request<proto::HealthRequest>,
    ) -> Result<Response<proto::HealthResponse>, Status> {
        let health = match &self.0.health {
            None => Health::healthy(),
            Some(check) => caught(async { check().await })
                .await
                .unwrap_or_else(|panic| Health::unhealthy(format!("the check panicked: {panic}"))),
        };
        Ok(Response::new(health.into_wire()))
    }
}

/// The answer of a streamed call: data and progress as they come, then an error or the end.
#[derive(Debug)]
pub struct Chunks(Option<Reader>);

impl Stream for Chunks {
    type Item = Result<proto::Chunk, Status>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut TaskContext<'_>,
    ) -> Poll<Option<Self::Item>> {
        let Some(reader) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let Poll::Ready(piece) = reader.poll_next(context) else {
            return Poll::Pending;
        };
        let chunk = match piece {
            Piece::Data { data, progress } => with_progress(data, progress),
            Piece::End(outcome) => {
                self.0 = None;
                match outcome {
                    Ok(()) => proto::Chunk {
                        eof: true,
                        ..Default::default()
                    },
                    Err(error) => proto::Chunk {
                        error: Some(error.into_wire(error_code::EXEC_ERROR)),
                        ..Default::default()
                    },
                }
            }
        };
        Poll::Ready(Some(Ok(chunk)))
    }
}

fn with_progress(data: Bytes, progress: Option<Progress>) -> proto::Chunk {
    let mut chunk = proto::Chunk {
        data,
        ..Default::default()
    };
    if let Some(Progress {
        mut done,
        mut total,
        message,
    }) = progress
    {
        // The wire has 31 bits. Of more, such as the bytes of a large file, the share counts.
        while done.max(total) > i32::MAX.unsigned_abs().into() {
            (done, total) = (done / 2, total / 2);
        }
        chunk.progress = i32::try_from(done).unwrap_or(i32::MAX);
        chunk.total = i32::try_from(total).unwrap_or(i32::MAX);
        chunk.message = message;
    }
    chunk
}
