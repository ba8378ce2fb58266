//! The plugin for the rows of the benchmarks that stream or use the broker.

use std::{
    pin::Pin,
    process::ExitCode,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use outboard_bench::{
    Echoing, call_echo,
    generated::{
        CallBackAnswer, CallBackRequest, DownloadRequest, Payload, UploadAnswer,
        bench_server::{Bench, BenchServer},
        echo_client::EchoClient,
        echo_server::EchoServer,
    },
    handshake,
};
use outboard_go_plugin::{
    broker::Broker,
    plugin::{ServeConfig, run},
    transport::Services,
};
use tonic::{Request, Response, Status, Streaming};

/// More than any row asks for.
const LARGEST_CHUNK: usize = 4 * 1024 * 1024;

struct Serving {
    broker: Broker,
}

#[tonic::async_trait]
impl Bench for Serving {
    type DownloadStream = Pin<Box<dyn Stream<Item = Result<Payload, Status>> + Send>>;

    async fn download(
        &self,
        request: Request<DownloadRequest>,
    ) -> Result<Response<Self::DownloadStream>, Status> {
        let DownloadRequest { chunks, chunk_size } = request.into_inner();
        let size = usize::try_from(chunk_size)
            .ok()
            .filter(|size| *size <= LARGEST_CHUNK)
            .ok_or_else(|| Status::invalid_argument("the chunks are too large"))?;
        let data = Bytes::from(vec![b'x'; size]);
        let chunks = (0..chunks).map(move |_| Ok(Payload { data: data.clone() }));
        Ok(Response::new(Box::pin(stream::iter(chunks))))
    }

    async fn upload(
        &self,
        request: Request<Streaming<Payload>>,
    ) -> Result<Response<UploadAnswer>, Status> {
        let mut stream = request.into_inner();
        let mut answer = UploadAnswer::default();
        while let Some(chunk) = stream.message().await? {
            answer.chunks += 1;
            answer.bytes += chunk.data.len() as u64;
        }
        Ok(Response::new(answer))
    }

    async fn call_back(
        &self,
        request: Request<CallBackRequest>,
    ) -> Result<Response<CallBackAnswer>, Status> {
        let request = request.into_inner();
        let begun = Instant::now();
        let channel = self.broker.dial(request.broker_id).await;
        let channel = channel.map_err(|error| Status::unavailable(error.to_string()))?;
        let mut client = EchoClient::new(channel);
        call_echo(&mut client, &request.data).await?;
        let first_nanos = nanos(begun.elapsed());
        for _ in 0..request.warmup {
            call_echo(&mut client, &request.data).await?;
        }
        let mut times = Vec::new();
        for _ in 0..request.calls {
            let begun = Instant::now();
            call_echo(&mut client, &request.data).await?;
            times.push(nanos(begun.elapsed()));
        }
        times.sort_unstable();
        let median_nanos = times.get(times.len() / 2).copied().unwrap_or_default();
        Ok(Response::new(CallBackAnswer {
            first_nanos,
            median_nanos,
        }))
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn main() -> ExitCode {
    run(ServeConfig::versioned(handshake(), [1], |context| {
        let broker = context.broker().clone();
        Services::new()
            .add_service(EchoServer::new(Echoing::default()))
            .add_service(BenchServer::new(Serving { broker }))
    }))
}
