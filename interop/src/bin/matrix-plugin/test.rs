//! go-plugin's own test service.

use std::{io::Write as _, pin::Pin};

use futures_util::Stream;
use outboard_go_plugin::broker::Broker;
use outboard_interop::{
    generated::grpctest::{
        BidirectionalRequest, BidirectionalResponse, PanicRequest, PrintKvRequest, PrintKvResponse,
        PrintStdioRequest, TestRequest, TestResponse, print_kv_request::Value, test_server,
    },
    matrix,
};
use outboard_sdk::tracing::info;
use tonic::{Request, Response, Status, Streaming};

use crate::{Shared, peer::lock};

pub(crate) struct Test {
    broker: Broker,
    served: Shared,
}

impl Test {
    pub(crate) fn new(broker: Broker, served: Shared) -> Test {
        Test { broker, served }
    }
}

type Answers = Pin<Box<dyn Stream<Item = Result<TestResponse, Status>> + Send>>;

#[tonic::async_trait]
impl test_server::Test for Test {
    async fn double(
        &self,
        request: Request<TestRequest>,
    ) -> Result<Response<TestResponse>, Status> {
        let output = request.get_ref().input.wrapping_mul(2);
        Ok(Response::new(TestResponse { output }))
    }

    async fn print_kv(
        &self,
        request: Request<PrintKvRequest>,
    ) -> Result<Response<PrintKvResponse>, Status> {
        let PrintKvRequest { key, value } = request.into_inner();
        match value {
            Some(Value::ValueString(value)) => info!(key, value, "a key and a value"),
            Some(Value::ValueInt(value)) => info!(key, value, "a key and a value"),
            None => return Err(Status::invalid_argument("a key without a value")),
        }
        Ok(Response::new(PrintKvResponse {}))
    }

    async fn bidirectional(
        &self,
        request: Request<BidirectionalRequest>,
    ) -> Result<Response<BidirectionalResponse>, Status> {
        let said = matrix::ping(&self.broker, request.get_ref().id).await;
        if said.as_deref() != Ok("pong") {
            return Err(Status::unavailable(format!("the plugin pinged: {said:?}")));
        }
        let id = self.broker.next_id();
        let served = matrix::serve_ping_pong(&self.broker, id).await;
        let served = served.map_err(|error| Status::unavailable(error.to_string()))?;
        lock(&self.served).push(served);
        Ok(Response::new(BidirectionalResponse { id }))
    }

    type StreamStream = Answers;

    async fn stream(
        &self,
        request: Request<Streaming<TestRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let answers = futures_util::stream::try_unfold(request.into_inner(), |mut numbers| async {
            let number = numbers.message().await?;
            Ok(number.map(|number| {
                (
                    TestResponse {
                        output: number.input,
                    },
                    numbers,
                )
            }))
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn print_stdio(
        &self,
        request: Request<PrintStdioRequest>,
    ) -> Result<Response<()>, Status> {
        let failed = |error: std::io::Error| Status::internal(error.to_string());
        let mut stdout = std::io::stdout();
        stdout
            .write_all(&request.get_ref().stdout)
            .map_err(failed)?;
        stdout.flush().map_err(failed)?;
        let stderr = &request.get_ref().stderr;
        std::io::stderr().write_all(stderr).map_err(failed)?;
        Ok(Response::new(()))
    }

    async fn panic(&self, request: Request<PanicRequest>) -> Result<Response<()>, Status> {
        panic!("{}", request.get_ref().message)
    }
}
