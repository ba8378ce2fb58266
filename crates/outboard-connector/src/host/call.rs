//! A call, from a request to its answer.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use outboard_contracts::connector::arguments;
use outboard_go_plugin::{
    host::{CallOutcome, CallReport},
    trace,
};
use serde_json::value::RawValue;

use super::{
    ConnectorHost, OnProgress,
    error::{HostError, HostErrorKind, of_call, of_pool},
    types::{CallAnswer, CallProgress, CallRequest, Caller, DEFAULT_CALL_TIMEOUT},
};
use crate::{
    client::{CallError, CallLimits, ExecCall},
    pool::{Lease, PoolError, WaitReason},
    secrets::Masker,
    state::history::{Call, Outcome},
};

/// The longest that a caller may ask for.
const MAX_CALL_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

impl ConnectorHost {
    /// Runs an operation: input and config are checked against what the manifest declares,
    /// then a process is leased, started if there is none. It is recorded in the history,
    /// whatever comes of it.
    ///
    /// Dropping the future cancels the operation in the connector.
    ///
    /// # Errors
    ///
    /// [`HostErrorKind::Operation`] when the operation itself failed; every other kind
    /// means that it did not come to an answer.
    pub async fn call(
        &self,
        key: &str,
        operation: &str,
        request: CallRequest,
        caller: Caller,
        progress: Option<OnProgress>,
    ) -> Result<CallAnswer, HostError> {
        let request_id = match caller.request_id.is_empty() {
            true => uuid::Uuid::new_v4().to_string(),
            false => caller.request_id,
        };
        let mut recording = Recording {
            host: self,
            begun: Instant::now(),
            masker: Masker::default(),
            known: Known::Nothing,
            call: Some(Call {
                started_at: jiff::Timestamp::now(),
                connector: key.to_owned(),
                operation: operation.to_owned(),
                caller: caller.name,
                request_id: request_id.clone(),
                session_id: request.session_id.clone().unwrap_or_default(),
                trace_id: trace::current()
                    .map(|trace| trace.trace_id())
                    .unwrap_or_default(),
                ..Call::default()
            }),
        };
        let done = self
            .called(
                key,
                operation,
                request,
                &request_id,
                progress,
                &mut recording,
            )
            .await
            .map_err(|error| error.masked(&recording.masker))
            .and_then(|(version, bytes)| Ok((version, raw(key, &bytes)?)));
        let duration = recording.finish(&done);
        let (version, result) = done?;
        Ok(CallAnswer {
            result,
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            version,
            request_id,
        })
    }

    async fn called(
        &self,
        key: &str,
        operation: &str,
        request: CallRequest,
        request_id: &str,
        progress: Option<OnProgress>,
        recording: &mut Recording<'_>,
    ) -> Result<(String, Bytes), HostError> {
        let entry = self.entry(key)?;
        recording.known = Known::Connector;
        let installed = Arc::clone(entry.callable()?);
        recording.about(|call| call.version.clone_from(&installed.version));
        let module = &installed.manifest.module;
        let described = module.operation(operation).ok_or_else(|| {
            let known: Vec<_> = module
                .all_operations()
                .map(|operation| operation.key.as_str())
                .collect();
            let message = format!("{key} has no operation {operation:?}");
            HostError::new(HostErrorKind::NotFound, message)
                .hint(format!("it has {}", known.join(", ")))
        })?;
        recording.known = Known::Operation;
        if described.destructive && !request.confirm {
            let message = format!("{key}.{operation} destroys something and was not confirmed");
            return Err(HostError::new(HostErrorKind::Refused, message)
                .hint("set `confirm`, or --yes on the command line, if you mean it"));
        }
        let input = arguments::read(&described.input, &request.input).map_err(|error| {
            let message = format!("{key}.{operation}: {error}");
            HostError::new(HostErrorKind::InvalidInput, message).hint(format!(
                "`outboard {} show {key}` lists what it takes",
                entry.kind()
            ))
        })?;
        recording.masker.add_fields(&described.input, &input);
        let config = self
            .call_config(key, &installed.manifest, request.instance, request.config)
            .await?;
        recording.about(|call| call.instance.clone_from(&config.instance));
        recording.masker.extend(&config.masker);
        let timeout = match request.timeout_ms {
            Some(milliseconds) => Duration::from_millis(milliseconds).min(MAX_CALL_TIMEOUT),
            None => DEFAULT_CALL_TIMEOUT,
        };
        let deadline = Instant::now() + timeout;
        // One that tells how far it is may take its time, unless the caller says otherwise.
        let limits = CallLimits {
            deadline: (request.timeout_ms.is_some() || progress.is_none()).then_some(deadline),
            ..CallLimits::default()
        };
        let call = ExecCall {
            operation: operation.to_owned(),
            input,
            creds: config.creds,
            request_id: request_id.to_owned(),
            session_id: request.session_id.unwrap_or_default(),
        };
        let lease = self.lease(key, deadline).await?;
        let version = lease.version().to_owned();
        recording.about(|call| call.version.clone_from(&version));
        let masker = &recording.masker;
        let tell = |told: crate::client::CallProgress| {
            if let Some(progress) = &progress {
                progress(CallProgress {
                    progress: told.progress,
                    total: told.total,
                    message: masker.mask(&told.message).into_owned(),
                });
            }
        };
        let called = lease.connection().execute_stream(call, limits, tell).await;
        let bytes = called.map_err(|error: CallError| of_call(error))?;
        Ok((version, bytes))
    }

    /// A process, within the queue's time limit; one that is starting meanwhile gets the time
    /// that a start may take. Never beyond `deadline`.
    pub(super) async fn lease(&self, key: &str, deadline: Instant) -> Result<Lease, HostError> {
        let config = &self.inner.config;
        let queued = deadline.min(Instant::now() + config.queue_timeout);
        let mut leased = self.inner.pool.lease(key, queued).await;
        if let Err(PoolError::Timeout {
            reason: WaitReason::Starting,
            ..
        }) = &leased
            && queued < deadline
        {
            let started = deadline.min(Instant::now() + config.start_timeout);
            leased = self.inner.pool.lease(key, started).await;
        }
        leased.map_err(of_pool)
    }
}

fn raw(key: &str, bytes: &[u8]) -> Result<Box<RawValue>, HostError> {
    let nonsense = |error: String| {
        let message = format!("the result of {key} is no JSON: {error}");
        HostError::new(HostErrorKind::Misbehaved, message)
    };
    let text = std::str::from_utf8(bytes).map_err(|error| nonsense(error.to_string()))?;
    serde_json::from_str(text).map_err(|error| nonsense(error.to_string()))
}

/// What will be in the history. One that is dropped before it is finished was cancelled.
struct Recording<'a> {
    host: &'a ConnectorHost,
    begun: Instant,
    masker: Masker,
    known: Known,
    call: Option<Call>,
}

/// How much of what was asked for is there. Those who count hear no names that are not:
/// callers can make up any number of them.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Known {
    Nothing,
    Connector,
    Operation,
}

impl Recording<'_> {
    fn about(&mut self, change: impl FnOnce(&mut Call)) {
        if let Some(call) = &mut self.call {
            change(call);
        }
    }

    fn finish(&mut self, done: &Result<(String, Box<RawValue>), HostError>) -> Duration {
        let duration = self.begun.elapsed();
        if let Some(mut call) = self.call.take() {
            call.duration = duration;
            match done {
                Ok((_, result)) => call.result_bytes = result.get().len() as u64,
                Err(error) => {
                    call.outcome = outcome(error.kind());
                    if let HostErrorKind::Operation { code } = error.kind() {
                        call.code.clone_from(code);
                    }
                    error.message().clone_into(&mut call.message);
                }
            }
            self.record(call);
        }
        duration
    }

    fn record(&self, call: Call) {
        if self.known >= Known::Connector {
            self.host.inner.observers.tell(&CallReport {
                plugin: &call.connector,
                operation: match self.known {
                    Known::Operation => &call.operation,
                    _ => "",
                },
                outcome: counted(call.outcome),
                took: call.duration,
            });
        }
        self.host.inner.recorder.record(call, &self.masker);
    }
}

impl Drop for Recording<'_> {
    fn drop(&mut self) {
        if let Some(mut call) = self.call.take() {
            call.duration = self.begun.elapsed();
            call.outcome = Outcome::Cancelled;
            self.record(call);
        }
    }
}

fn outcome(kind: &HostErrorKind) -> Outcome {
    match kind {
        HostErrorKind::Operation { .. } => Outcome::OperationError,
        HostErrorKind::Misbehaved => Outcome::TransportError,
        HostErrorKind::Unavailable | HostErrorKind::Overloaded | HostErrorKind::Stopping => {
            Outcome::Unavailable
        }
        HostErrorKind::Deadline => Outcome::Deadline,
        HostErrorKind::TooLarge => Outcome::TooLarge,
        _ => Outcome::Refused,
    }
}

/// An outcome for those who count.
fn counted(outcome: Outcome) -> CallOutcome {
    match outcome {
        Outcome::Ok => CallOutcome::Ok,
        Outcome::OperationError => CallOutcome::Failed,
        Outcome::TransportError | Outcome::Unavailable => CallOutcome::Unavailable,
        Outcome::Deadline => CallOutcome::Deadline,
        Outcome::Cancelled => CallOutcome::Cancelled,
        Outcome::TooLarge | Outcome::Refused => CallOutcome::Refused,
        Outcome::Unknown => CallOutcome::Misbehaved,
    }
}
