//! Calls that echo 100 bytes: a step of the workflow family, an operation of a
//! connector, or the benchmarks' own service.

use std::time::Instant;

use bytes::Bytes;
use outboard_bench::{call_echo, generated::echo_client::EchoClient, with_deadline};
use outboard_contracts::{
    value,
    workflow::proto::{
        CreateStepRequest, ExecuteStepRequest, plugin_service_client::PluginServiceClient,
    },
};
use outboard_go_plugin::transport::Channel;
use prost_types::{Struct, Value, value::Kind};
use tokio::task::JoinSet;
use tonic::Status;

use super::connector::Larder;
use crate::{Failure, plan::Program};

/// How much one call carries, there and back.
pub(super) const BYTES: usize = 100;

/// The call that is made over and over.
#[derive(Clone)]
pub(super) enum Calls {
    Step {
        client: PluginServiceClient<Channel>,
        request: Box<ExecuteStepRequest>,
        text: String,
    },
    Echo {
        client: EchoClient<Channel>,
        data: Bytes,
    },
    Operation(Larder),
}

impl Calls {
    pub(super) async fn new(program: Program, channel: Channel) -> Result<Calls, Failure> {
        if program == Program::Bench {
            let client = EchoClient::new(channel);
            let data = payload();
            return Ok(Calls::Echo { client, data });
        }
        let mut client = PluginServiceClient::new(channel);
        let create = CreateStepRequest {
            r#type: "step.echo".to_owned(),
            name: "bench".to_owned(),
            ..Default::default()
        };
        let created = client
            .create_step(with_deadline(create))
            .await?
            .into_inner();
        let text = "x".repeat(BYTES);
        let mut data = value::Map::new();
        data.insert("payload".to_owned(), text.clone().into());
        let request = Box::new(ExecuteStepRequest {
            handle_id: created.handle_id,
            trigger_data: Some(value::map_to_struct(&data)?),
            ..Default::default()
        });
        Ok(Calls::Step {
            client,
            request,
            text,
        })
    }

    pub(super) async fn one(&mut self) -> Result<(), Status> {
        let (client, request, text) = match self {
            Calls::Echo { client, data } => return call_echo(client, data).await,
            Calls::Operation(larder) => return larder.echo().await,
            Calls::Step {
                client,
                request,
                text,
            } => (client, request, text),
        };
        let request = with_deadline(ExecuteStepRequest::clone(request));
        let answer = client.execute_step(request).await?.into_inner();
        if !answer.error.is_empty() {
            return Err(Status::internal(answer.error));
        }
        match answer.output.as_ref().and_then(echoed) {
            Some(echoed) if echoed == text => Ok(()),
            _ => Err(Status::data_loss("the step did not echo what it got")),
        }
    }

    /// Calls per second with many callers at once.
    pub(super) async fn together(&self, callers: usize, calls: usize) -> Result<f64, Failure> {
        let each = u32::try_from(calls / callers)?;
        let callers = u32::try_from(callers)?;
        let mut tasks = JoinSet::new();
        let begun = Instant::now();
        for _ in 0..callers {
            let mut calls = self.clone();
            tasks.spawn(async move {
                for _ in 0..each {
                    calls.one().await?;
                }
                Ok::<(), Status>(())
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        Ok(f64::from(each * callers) / begun.elapsed().as_secs_f64())
    }
}

/// What the step made of the text that it was triggered with.
fn echoed(output: &Struct) -> Option<&str> {
    let inner = match &output.fields.get("trigger_data")?.kind {
        Some(Kind::StructValue(inner)) => inner,
        _ => return None,
    };
    match inner.fields.get("payload") {
        Some(Value {
            kind: Some(Kind::StringValue(text)),
        }) => Some(text),
        _ => None,
    }
}

pub(super) fn payload() -> Bytes {
    Bytes::from(vec![b'x'; BYTES])
}

/// The call that shows that a start is complete.
pub(super) async fn first(program: Program, channel: Channel) -> Result<(), Status> {
    match program {
        Program::Bench => call_echo(&mut EchoClient::new(channel), &payload()).await,
        // A pool starts those; no row is about that.
        Program::Connector => Err(Status::unimplemented("no row starts a connector")),
        Program::Kitchen | Program::Hello => {
            let mut client = PluginServiceClient::new(channel);
            client.get_manifest(with_deadline(())).await.map(drop)
        }
    }
}
