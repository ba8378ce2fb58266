//! A host in memory for one connector.

use std::time::Duration;

use outboard_contracts::connector::{
    Module,
    arguments::{self, Arguments},
    proto::{self, connector_client::ConnectorClient},
};
use outboard_go_plugin::transport::{Channel, serve_connection};
use serde_json::Value;
use tonic::Request;

use super::CallError;
use crate::connector::{Connector, Fields, Health, Identity, Permission, Progress, new_server};

/// How much fits into the in-memory connection in each direction.
const BUFFER_BYTES: usize = 64 * 1024;

/// How long a call may take unless [`ConnectorHost::with_timeout`] says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// A host that runs one connector, in this process.
///
/// It does what a host of ours does: an operation's input and the settings are JSON of any
/// type, are checked against the declared fields, and get their defaults.
///
/// ```
/// use outboard_sdk::connector::{Connector, Context, Fields, Operation, Secret};
/// use outboard_sdk::{json, testing::ConnectorHost};
///
/// #[derive(Fields)]
/// struct Settings {
///     #[field(required)]
///     api_key: Secret,
/// }
///
/// #[derive(Fields)]
/// struct Say {
///     text: String,
///     #[field(default = 1)]
///     times: u32,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), outboard_sdk::testing::CallError> {
/// let say = |_: Context<Settings>, input: Say| async move { Ok(input.text.repeat(input.times as usize)) };
/// let parrot = Connector::new("parrot", "Parrot").category("Talk", "", [Operation::new("say", "Say", say)]);
///
/// let host = ConnectorHost::start(parrot, json!({ "api_key": "secret" })).await?;
/// assert_eq!(host.execute("say", json!({ "text": "ho", "times": 3 })).await?, "hohoho");
///
/// let error = host.execute("shout", json!({})).await.unwrap_err();
/// assert_eq!(error.operation_code(), Some("unknown_operation"));
/// # Ok(())
/// # }
/// ```
///
/// Dropping it closes the connection, which cancels what runs.
#[derive(Debug)]
pub struct ConnectorHost {
    client: ConnectorClient<Channel>,
    module: Module,
    credentials: Arguments,
    timeout: Duration,
    connection: tokio::task::JoinHandle<()>,
}

/// What a streamed call brought.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Streamed {
    /// The result.
    pub result: Value,
    /// The result as it came.
    pub bytes: Vec<u8>,
    /// How long each piece of it was, in bytes.
    pub pieces: Vec<usize>,
    /// Every progress, in order.
    pub progress: Vec<Progress>,
}

impl ConnectorHost {
    /// Starts `connector` and connects to it, with `settings` for every call: an object,
    /// `json!({})` for none.
    ///
    /// # Errors
    ///
    /// [`CallError::Operation`] with the code `invalid_connector` where the connector is
    /// declared wrongly, and `bad_config` where it does not declare such settings.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub async fn start<S: Fields>(
        connector: Connector<S>,
        settings: Value,
    ) -> Result<ConnectorHost, CallError> {
        let module = connector.module().clone();
        let server = new_server(connector)
            .map_err(|error| operation("invalid_connector", error.to_string()))?;
        let credentials = arguments::read(&module.configs, &settings)
            .map_err(|error| operation("bad_config", error.to_string()))?;
        let (near, far) = tokio::io::duplex(BUFFER_BYTES);
        let services = server.services();
        let connection = tokio::spawn(async move {
            if let Err(error) = serve_connection(far, services).await {
                tracing::debug!(%error, "a connection in memory broke");
            }
        });
        let channel = Channel::from_io(near).await.map_err(CallError::Connect)?;
        let client = ConnectorClient::new(channel).max_decoding_message_size(usize::MAX);
        Ok(ConnectorHost {
            client,
            module,
            credentials,
            timeout: DEFAULT_TIMEOUT,
            connection,
        })
    }

    /// Another deadline for every call. The default is 30 seconds.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> ConnectorHost {
        self.timeout = timeout;
        self
    }

    /// Adds a value to the settings that the connector does not declare, as hosts add
    /// `access_token`.
    #[must_use]
    pub fn with_credential(
        mut self,
        key: impl Into<String>,
        value: impl Into<String>,
    ) -> ConnectorHost {
        self.credentials.insert(key.into(), value.into());
        self
    }

    /// The generated client, for calls that this host has no method for.
    pub fn client(&self) -> ConnectorClient<Channel> {
        self.client.clone()
    }

    /// Runs an operation. `input` is an object; `json!({})` is none.
    ///
    /// # Errors
    ///
    /// [`CallError::Operation`] where the operation fails or its input is not what it
    /// declares, [`CallError::Status`] where the call does.
    pub async fn execute(&self, operation: &str, input: Value) -> Result<Value, CallError> {
        let request = self.request(self.call(operation, &input)?);
        let response = self.client().execute(request).await?.into_inner();
        failed(response.error)?;
        parse(&response.result_json)
    }

    /// Runs an operation, and takes its result piece by piece, as hosts do.
    ///
    /// # Errors
    ///
    /// As [`ConnectorHost::execute`].
    pub async fn execute_stream(
        &self,
        operation: &str,
        input: Value,
    ) -> Result<Streamed, CallError> {
        let request = self.request(self.call(operation, &input)?);
        let mut chunks = self.client().execute_stream(request).await?.into_inner();
        let (mut bytes, mut pieces, mut progress) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            let Some(chunk) = chunks.message().await? else {
                return Err(tonic::Status::data_loss("the stream ended without eof").into());
            };
            failed(chunk.error)?;
            if (chunk.progress, chunk.total) != (0, 0) || !chunk.message.is_empty() {
                let share = |number: i32| u64::try_from(number).unwrap_or_default();
                progress.push(Progress::new(
                    share(chunk.progress),
                    share(chunk.total),
                    chunk.message,
                ));
            }
            if !chunk.data.is_empty() {
                pieces.push(chunk.data.len());
                bytes.extend_from_slice(&chunk.data);
            }
            if chunk.eof {
                let result = parse(&bytes)?;
                return Ok(Streamed {
                    result,
                    bytes,
                    pieces,
                    progress,
                });
            }
        }
    }

    /// What the connector is, as it says itself.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn schema(&self) -> Result<Module, CallError> {
        let request = self.request(proto::SchemaRequest {});
        let json = self
            .client()
            .schema(request)
            .await?
            .into_inner()
            .manifest_json;
        serde_json::from_slice(&json).map_err(|error| operation("bad_schema", error.to_string()))
    }

    /// Which operations the settings permit.
    ///
    /// # Errors
    ///
    /// See [`CallError`]; a connector without a check answers `Unimplemented`.
    pub async fn permissions(&self) -> Result<Vec<Permission>, CallError> {
        let request = self.request(proto::PermsRequest {
            creds: self.credentials.clone(),
        });
        let response = self.client().check_permissions(request).await?.into_inner();
        failed(response.error)?;
        let permissions = response.ops.into_iter().map(|one| match one.ok {
            true => Permission::granted(one.key),
            false => Permission::denied(one.key, one.reason),
        });
        Ok(permissions.collect())
    }

    /// Whose access token it is.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn identity(&self, access_token: &str) -> Result<Identity, CallError> {
        let access_token = access_token.to_owned();
        let request = self.request(proto::IdentityRequest { access_token });
        let response = self.client().resolve_identity(request).await?.into_inner();
        failed(response.error)?;
        Ok(Identity::new(response.user_id, response.display_name))
    }

    /// Whether the connector can work.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn health(&self) -> Result<Health, CallError> {
        let request = self.request(proto::HealthRequest {});
        let response = self.client().health(request).await?.into_inner();
        Ok(match response.healthy {
            true => Health::healthy().detail(response.detail),
            false => Health::unhealthy(response.detail),
        })
    }

    fn call(&self, operation_key: &str, input: &Value) -> Result<proto::ExecuteRequest, CallError> {
        let arguments = match self.module.operation(operation_key) {
            Some(declared) => arguments::read(&declared.input, input)
                .map_err(|error| operation("bad_args", error.to_string()))?,
            // The connector says what it thinks of it.
            None => Arguments::new(),
        };
        Ok(proto::ExecuteRequest {
            operation: operation_key.to_owned(),
            args_json: Value::from_iter(arguments).to_string().into(),
            creds: self.credentials.clone(),
            request_id: "test-request".to_owned(),
            session_id: "test-session".to_owned(),
        })
    }

    /// A request with the deadline that every call has.
    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.timeout);
        request
    }
}

impl Drop for ConnectorHost {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

fn operation(code: &str, message: impl Into<String>) -> CallError {
    CallError::Operation {
        code: code.to_owned(),
        message: message.into(),
    }
}

fn failed(error: Option<proto::Error>) -> Result<(), CallError> {
    match error {
        Some(error) => Err(operation(&error.code, error.message)),
        None => Ok(()),
    }
}

fn parse(result: &[u8]) -> Result<Value, CallError> {
    serde_json::from_slice(result)
        .map_err(|error| operation("bad_result", format!("the result is not JSON: {error}")))
}
