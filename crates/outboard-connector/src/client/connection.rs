//! The client of one process.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
};

use bytes::Bytes;
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};
use outboard_contracts::connector::{
    MAX_MESSAGE_BYTES,
    arguments::Arguments,
    proto::{
        self, HealthRequest, IdentityRequest, PermsRequest, SchemaRequest,
        connector_client::ConnectorClient,
    },
};
use outboard_go_plugin::{
    host::{ExitReport, PluginProcess},
    transport::Channel,
};
use tonic::Code;
use tracing::Instrument as _;

use super::{CallError, CallLimits, CallProgress, ExecCall, Health, Identity, OperationPermission};

/// The client of one connector. Cloning is cheap and shares the connection.
///
/// # Cancellation
///
/// Dropping the future of a call cancels it at the connector.
#[derive(Clone)]
pub struct GrpcConn {
    pub(super) client: ConnectorClient<Channel>,
    pub(super) shared: Arc<ConnectionState>,
}

pub(super) struct ConnectionState {
    pub(super) plugin: Arc<str>,
    pub(super) exit: Option<Shared<BoxFuture<'static, ExitReport>>>,
    /// Whether it knows `ExecuteStream`: one of the three constants.
    pub(super) streaming: AtomicU8,
    /// A call has failed in a way that says more about the process than the call.
    pub(super) suspect: AtomicBool,
}

/// Nobody has tried yet.
pub(super) const STREAMING_UNKNOWN: u8 = 0;
/// It has sent a piece of a result.
pub(super) const STREAMING: u8 = 1;
/// It has answered `Execute` after it did not know `ExecuteStream`.
pub(super) const NOT_STREAMING: u8 = 2;

impl GrpcConn {
    /// A client over `channel` to the connector that logs and errors call `plugin`.
    pub fn new(channel: Channel, plugin: &str) -> GrpcConn {
        GrpcConn::with_exit(channel, plugin, None)
    }

    /// A client of this process. A call that fails because the process ended says how.
    pub fn of(process: &PluginProcess) -> GrpcConn {
        let exit = process.exited().boxed().shared();
        GrpcConn::with_exit(process.channel(), process.name(), Some(exit))
    }

    fn with_exit(
        channel: Channel,
        plugin: &str,
        exit: Option<Shared<BoxFuture<'static, ExitReport>>>,
    ) -> GrpcConn {
        // Every call here has limits of its own on silence.
        let client = ConnectorClient::new(channel.with_idle_timeout(None))
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        GrpcConn {
            client,
            shared: Arc::new(ConnectionState {
                plugin: plugin.into(),
                exit,
                streaming: AtomicU8::new(STREAMING_UNKNOWN),
                suspect: AtomicBool::new(false),
            }),
        }
    }

    /// The connector's name.
    pub fn plugin(&self) -> &str {
        &self.shared.plugin
    }

    /// Whether a call has failed since the last time this was asked that makes the
    /// process itself suspect: no answer, or a broken connection.
    pub(crate) fn take_suspicion(&self) -> bool {
        self.shared.suspect.load(Ordering::Relaxed)
            && self.shared.suspect.swap(false, Ordering::Relaxed)
    }

    /// Runs an operation whose whole result comes in one message of at most 64 MiB, and
    /// returns that result: JSON, of whatever type.
    ///
    /// # Errors
    ///
    /// [`CallError::Operation`] if the operation itself failed, and otherwise what went
    /// wrong around it.
    pub async fn execute(&self, call: ExecCall, limits: CallLimits) -> Result<Bytes, CallError> {
        let span = self.span(&call);
        let context = self.context(&call.operation);
        self.measured(self.execute_once(context, self.request(call)?, limits))
            .instrument(span)
            .await
    }

    /// Runs an operation whose result comes in pieces, and returns them as one. Result
    /// and errors are those of [`execute`](Self::execute), without its limit on size.
    /// `on_progress` is called for each sign of progress, in order, on this task.
    ///
    /// The result is copied once if it comes in several pieces, and not at all if it
    /// comes in one. A connector that does not know `ExecuteStream` is called with
    /// `Execute`, at once the next time.
    ///
    /// # Errors
    ///
    /// As of [`execute`](Self::execute). A flow that ends without saying that it is
    /// complete is a [`CallError::Transport`].
    pub async fn execute_stream(
        &self,
        call: ExecCall,
        limits: CallLimits,
        on_progress: impl FnMut(CallProgress) + Send,
    ) -> Result<Bytes, CallError> {
        let span = self.span(&call);
        let context = self.context(&call.operation);
        self.measured(self.stream_or_not(context, self.request(call)?, limits, on_progress))
            .instrument(span)
            .await
    }

    /// The connector's module as JSON: metadata, config fields and operations.
    ///
    /// # Errors
    ///
    /// [`CallError`]; never [`CallError::Operation`].
    pub async fn schema(&self, limits: CallLimits) -> Result<Bytes, CallError> {
        let mut client = self.client.clone();
        let context = self.context("Schema");
        let answer = self
            .unary(&context, limits, SchemaRequest {}, |request| async move {
                client.schema(request).await
            })
            .await?;
        Ok(answer.manifest_json)
    }

    /// Whose access token it is.
    ///
    /// # Errors
    ///
    /// [`CallError::Operation`] with the code `no_oauth` or `identity_error`, and
    /// otherwise what went wrong around it.
    pub async fn resolve_identity(
        &self,
        access_token: &str,
        limits: CallLimits,
    ) -> Result<Identity, CallError> {
        let mut client = self.client.clone();
        let context = self.context("ResolveIdentity");
        let request = IdentityRequest {
            access_token: access_token.to_owned(),
        };
        let answer = self
            .unary(&context, limits, request, |request| async move {
                client.resolve_identity(request).await
            })
            .await?;
        match answer.error {
            Some(error) => Err(context.operation_error(error)),
            None => Ok(Identity {
                user_id: answer.user_id,
                display_name: answer.display_name,
            }),
        }
    }

    /// Which operations these config values permit. Nothing where the connector has no
    /// check: every connector of the original's is one.
    ///
    /// # Errors
    ///
    /// [`CallError::Operation`] if the check itself failed, and otherwise what went
    /// wrong around it.
    pub async fn check_permissions(
        &self,
        creds: Arguments,
        limits: CallLimits,
    ) -> Result<Option<Vec<OperationPermission>>, CallError> {
        let mut client = self.client.clone();
        let context = self.context("CheckPermissions");
        let answer = self
            .unary(
                &context,
                limits,
                PermsRequest { creds },
                |request| async move { client.check_permissions(request).await },
            )
            .await;
        let answer = match answer {
            Err(CallError::Transport(error)) if error.code == Code::Unimplemented => {
                return Ok(None);
            }
            answer => answer?,
        };
        if let Some(error) = answer.error {
            return Err(context.operation_error(error));
        }
        let permission = |operation: proto::OpHealth| OperationPermission {
            operation: operation.key,
            permitted: operation.ok,
            reason: operation.reason,
        };
        Ok(Some(answer.ops.into_iter().map(permission).collect()))
    }

    /// Whether the connector thinks it can work.
    ///
    /// # Errors
    ///
    /// [`CallError`]; never [`CallError::Operation`].
    pub async fn health(&self, limits: CallLimits) -> Result<Health, CallError> {
        let mut client = self.client.clone();
        let context = self.context("Health");
        let answer = self
            .unary(&context, limits, HealthRequest {}, |request| async move {
                client.health(request).await
            })
            .await?;
        Ok(Health {
            healthy: answer.healthy,
            detail: answer.detail,
        })
    }
}

impl fmt::Debug for GrpcConn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcConn")
            .field("plugin", &self.shared.plugin)
            .finish_non_exhaustive()
    }
}
