//! A running provider, and its calls in the words of Terraform.

use std::{env, path::Path, time::Duration};

use outboard_go_plugin::{
    handshake::HandshakeConfig,
    host::{ExitReport, PluginProcess, PluginSpec},
    reattach::{ReattachConfig, TF_REATTACH_PROVIDERS},
    transport::{Channel, MAX_MESSAGE_BYTES},
};
use prost::bytes::Bytes;
use tonic::Request;

use crate::{
    Failure,
    failure::{judge, path},
    generated::{
        ApplyRequest, ConfigureRequest, Diagnostic, InterruptRequest, PlanRequest, ReadDataRequest,
        ReadRequest, Schema, SchemaAnswer, SchemaRequest, ValidateRequest,
        provider_client::ProviderClient,
    },
    value::{self, Value, decode, encode},
};

/// How long a call may take. Real providers may wait long for the services behind them.
const CALL_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// What every Terraform provider of protocol version 6 expects of its host.
pub fn handshake() -> HandshakeConfig {
    HandshakeConfig::new(
        "TF_PLUGIN_MAGIC_COOKIE",
        "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
        6,
    )
}

/// A provider by its address, such as `registry.terraform.io/hashicorp/random`, if
/// `TF_REATTACH_PROVIDERS` says that one runs; else by the path of its program.
///
/// # Errors
///
/// When the variable is wrong.
pub fn find(provider: &str) -> Result<PluginSpec, Failure> {
    let variable = env::var(TF_REATTACH_PROVIDERS).unwrap_or_else(|_| "{}".to_owned());
    Ok(match running(&variable, provider)? {
        Some(running) => running,
        None => spec(provider),
    })
}

/// A provider that somebody else has started, as the variable `TF_REATTACH_PROVIDERS`
/// describes it. It is spoken to in plain text, and runs on when a host has stopped.
///
/// # Errors
///
/// When the variable is wrong.
pub fn running(variable: &str, address: &str) -> Result<Option<PluginSpec>, Failure> {
    let config = ReattachConfig::map_from_json(variable)?.remove(address);
    Ok(config.map(|config| PluginSpec::new(address, config, handshake())))
}

/// How a provider is started from its program.
pub fn spec(program: impl AsRef<Path>) -> PluginSpec {
    let program = program.as_ref();
    let name = program.file_name().unwrap_or(program.as_os_str());
    PluginSpec::new(name.to_string_lossy(), program, handshake())
}

/// A provider's process with the client for it.
#[derive(Debug)]
pub struct Provider {
    process: PluginProcess,
    client: ProviderClient<Channel>,
    schemas: SchemaAnswer,
}

/// A resource as the provider left or found it.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// The type of the resource.
    pub type_name: String,
    /// Its attributes.
    pub value: Value,
    private: Bytes,
}

/// What would become of a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The type of the resource.
    pub type_name: String,
    /// What it is now, if it exists.
    pub prior: Option<State>,
    /// What it would be; null if it would be removed.
    pub planned: Value,
    /// The attributes for whose sake it has to be removed and made anew. Applying does
    /// not do that by itself.
    pub replaces: Vec<String>,
    config: Value,
    private: Bytes,
}

impl Provider {
    /// Starts the process, or finds it, and asks for its schemas.
    ///
    /// # Errors
    ///
    /// When it does not start, or does not tell its schemas.
    pub async fn start(spec: &PluginSpec) -> Result<Provider, Failure> {
        let process = spec.start().await?;
        let mut client = ProviderClient::new(process.channel())
            // Large providers have schemas of more than tonic's 4 MiB.
            .max_decoding_message_size(MAX_MESSAGE_BYTES);
        let asked = client.get_provider_schema(request(SchemaRequest {})).await;
        let mut schemas = asked?.into_inner();
        show(judge(std::mem::take(&mut schemas.diagnostics))?);
        Ok(Provider {
            process,
            client,
            schemas,
        })
    }

    /// Its process.
    pub fn process(&self) -> &PluginProcess {
        &self.process
    }

    /// What it has, and which attributes.
    pub fn schemas(&self) -> &SchemaAnswer {
        &self.schemas
    }

    /// Gives it its settings.
    ///
    /// # Errors
    ///
    /// When it refuses them.
    pub async fn configure(&mut self, settings: &[(&str, Value)]) -> Result<(), Failure> {
        let schema = self.schemas.provider.clone().unwrap_or_default();
        let asked = self.client.configure_provider(request(ConfigureRequest {
            host_version: env!("CARGO_PKG_VERSION").to_owned(),
            config: Some(encode(&value::object(&schema, settings)?)),
        }));
        let answer = asked.await?.into_inner();
        show(judge(answer.diagnostics)?);
        Ok(())
    }

    /// Checks a resource's configuration, and returns what it warns of.
    ///
    /// # Errors
    ///
    /// When it refuses the configuration.
    pub async fn validate(
        &mut self,
        type_name: &str,
        config: &[(&str, Value)],
    ) -> Result<Vec<Diagnostic>, Failure> {
        let config = value::object(self.resource(type_name)?, config)?;
        let asked = self
            .client
            .validate_resource_config(request(ValidateRequest {
                type_name: type_name.to_owned(),
                config: Some(encode(&config)),
            }));
        judge(asked.await?.into_inner().diagnostics)
    }

    /// Plans a resource: to make it, or to change what is there into it.
    ///
    /// # Errors
    ///
    /// When it refuses.
    pub async fn plan(
        &mut self,
        type_name: &str,
        prior: Option<State>,
        config: &[(&str, Value)],
    ) -> Result<Plan, Failure> {
        let schema = self.resource(type_name)?;
        let config = value::object(schema, config)?;
        let before = prior.as_ref().map_or(&Value::Nil, |state| &state.value);
        let proposed = value::propose(schema, before, &config);
        self.plan_change(type_name, prior, proposed, config).await
    }

    /// Plans to remove a resource.
    ///
    /// # Errors
    ///
    /// When it refuses.
    pub async fn plan_removal(&mut self, prior: State) -> Result<Plan, Failure> {
        let type_name = prior.type_name.clone();
        self.plan_change(&type_name, Some(prior), Value::Nil, Value::Nil)
            .await
    }

    async fn plan_change(
        &mut self,
        type_name: &str,
        prior: Option<State>,
        proposed: Value,
        config: Value,
    ) -> Result<Plan, Failure> {
        let private = prior.as_ref().map(|state| state.private.clone());
        let asked = self.client.plan_resource_change(request(PlanRequest {
            type_name: type_name.to_owned(),
            prior_state: Some(encode(value_of(&prior))),
            proposed_state: Some(encode(&proposed)),
            config: Some(encode(&config)),
            prior_private: private.unwrap_or_default(),
        }));
        let answer = asked.await?.into_inner();
        show(judge(answer.diagnostics)?);
        Ok(Plan {
            type_name: type_name.to_owned(),
            prior,
            planned: decode(answer.planned_state)?,
            replaces: answer.requires_replace.iter().map(path).collect(),
            config,
            private: answer.planned_private,
        })
    }

    /// Does what was planned; nothing is left of a resource that was to be removed.
    ///
    /// # Errors
    ///
    /// When it refuses, or does only a part of it.
    pub async fn apply(&mut self, plan: Plan) -> Result<Option<State>, Failure> {
        let asked = self.client.apply_resource_change(request(ApplyRequest {
            type_name: plan.type_name.clone(),
            prior_state: Some(encode(value_of(&plan.prior))),
            planned_state: Some(encode(&plan.planned)),
            config: Some(encode(&plan.config)),
            planned_private: plan.private,
        }));
        let answer = asked.await?.into_inner();
        show(judge(answer.diagnostics)?);
        let value = decode(answer.new_state)?;
        Ok(State::unless_gone(plan.type_name, value, answer.private))
    }

    /// Looks how a resource is by now; nothing if it is gone.
    ///
    /// # Errors
    ///
    /// When the provider cannot tell.
    pub async fn read(&mut self, state: State) -> Result<Option<State>, Failure> {
        let asked = self.client.read_resource(request(ReadRequest {
            type_name: state.type_name.clone(),
            current_state: Some(encode(&state.value)),
            private: state.private,
        }));
        let answer = asked.await?.into_inner();
        show(judge(answer.diagnostics)?);
        let value = decode(answer.new_state)?;
        Ok(State::unless_gone(state.type_name, value, answer.private))
    }

    /// Asks a data source.
    ///
    /// # Errors
    ///
    /// When the provider cannot tell.
    pub async fn data(
        &mut self,
        type_name: &str,
        config: &[(&str, Value)],
    ) -> Result<Value, Failure> {
        let schema = self.schemas.data_sources.get(type_name);
        let schema = schema.ok_or_else(|| Failure::Unknown(format!("data source {type_name}")))?;
        let asked = self.client.read_data_source(request(ReadDataRequest {
            type_name: type_name.to_owned(),
            config: Some(encode(&value::object(schema, config)?)),
        }));
        let answer = asked.await?.into_inner();
        show(judge(answer.diagnostics)?);
        decode(answer.state)
    }

    /// What interrupts the calls that run, while this is busy with one.
    pub fn interrupter(&self) -> Interrupter {
        Interrupter(self.client.clone())
    }

    /// Ends the process; one that was reattached to runs on.
    pub async fn stop(self) -> ExitReport {
        self.process.stop().await
    }

    fn resource(&self, type_name: &str) -> Result<&Schema, Failure> {
        let found = self.schemas.resources.get(type_name);
        found.ok_or_else(|| Failure::Unknown(format!("resource {type_name}")))
    }
}

impl State {
    fn unless_gone(type_name: String, value: Value, private: Bytes) -> Option<State> {
        (!value.is_nil()).then_some(State {
            type_name,
            value,
            private,
        })
    }
}

/// Interrupts calls, as Terraform does when somebody presses Ctrl-C.
#[derive(Debug, Clone)]
pub struct Interrupter(ProviderClient<Channel>);

impl Interrupter {
    /// Makes the provider give up the calls that run. The process goes on.
    ///
    /// # Errors
    ///
    /// When it cannot be asked.
    pub async fn interrupt(&mut self) -> Result<(), Failure> {
        let answer = self.0.stop_provider(request(InterruptRequest {})).await?;
        match answer.into_inner().error {
            none if none.is_empty() => Ok(()),
            error => Err(Failure::Call(tonic::Status::unknown(error))),
        }
    }
}

fn request<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(CALL_TIMEOUT);
    request
}

fn value_of(state: &Option<State>) -> &Value {
    state.as_ref().map_or(&Value::Nil, |state| &state.value)
}

fn show(warnings: Vec<Diagnostic>) {
    for warning in warnings {
        eprintln!("{warning}");
    }
}
