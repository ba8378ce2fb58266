//! Our host's figures, measured as `go-bench` measures the Go host's.

use std::{
    error::Error,
    path::Path,
    time::{Duration, Instant},
};

use outboard_contracts::{
    value,
    workflow::proto::{
        CreateStepRequest, ExecuteStepRequest, plugin_service_client::PluginServiceClient,
    },
};
use outboard_go_plugin::{host::PluginProcess, transport::Channel};
use outboard_interop::host;
use tokio::{runtime, task::JoinSet};
use tonic::{Request, Status};

use crate::{
    plan::{Figures, Plan},
    report::median_of,
};

/// The runtime that the caller lives on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Caller {
    /// One thread for the caller and the connection.
    CurrentThread,
    /// Two worker threads, with the caller spawned on one of them.
    MultiThread,
}

pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// Measures a plugin from our host.
pub(crate) fn measure(plan: &Plan, plugin: &Path, caller: Caller) -> Result<Figures, Failure> {
    let (plan, plugin) = (plan.clone(), plugin.to_owned());
    let work = async move { everything(&plan, &plugin).await };
    match caller {
        Caller::CurrentThread => runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(work),
        Caller::MultiThread => {
            let runtime = runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()?;
            runtime.block_on(async { tokio::spawn(work).await })?
        }
    }
}

/// How much memory a plugin has, in KiB, after it was asked for its manifest a few
/// times.
pub(crate) fn memory(plan: &Plan, plugin: &Path) -> Result<f64, Failure> {
    let measure = async {
        let process = host::spec("bench", plugin).start().await?;
        let mut client = PluginServiceClient::new(process.channel());
        for _ in 0..plan.warmup {
            client.get_manifest(with_deadline(())).await?;
        }
        let kibibytes = resident_kibibytes(&process)?;
        process.stop().await;
        Ok(kibibytes)
    };
    runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(measure)
}

async fn everything(plan: &Plan, plugin: &Path) -> Result<Figures, Failure> {
    let spec = host::spec("bench", plugin);
    let process = spec.start().await?;
    let mut calls = Calls::new(process.channel()).await?;
    for _ in 0..plan.warmup {
        calls.one().await?;
    }
    let mut times = Vec::with_capacity(plan.unary);
    for _ in 0..plan.unary {
        let begun = Instant::now();
        calls.one().await?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    let percentile = |hundredths: usize| micros(times[times.len() * hundredths / 100]);
    let calls_per_second = together(plan, &calls).await?;
    let rss_kib = resident_kibibytes(&process)?;
    process.stop().await;

    let (mut starts, mut stops) = (Vec::new(), Vec::new());
    for _ in 0..plan.starts {
        let begun = Instant::now();
        let process = spec.start().await?;
        PluginServiceClient::new(process.channel())
            .get_manifest(with_deadline(()))
            .await?;
        starts.push(millis(begun.elapsed()));
        let begun = Instant::now();
        process.stop().await;
        stops.push(millis(begun.elapsed()));
    }
    Ok(Figures {
        unary_p50_us: percentile(50),
        unary_p99_us: percentile(99),
        calls_per_second,
        start_ms: median_of(starts),
        kill_ms: median_of(stops),
        rss_kib,
    })
}

/// One step that echoes, and the request that executes it.
#[derive(Clone)]
struct Calls {
    client: PluginServiceClient<Channel>,
    request: ExecuteStepRequest,
}

impl Calls {
    async fn new(channel: Channel) -> Result<Calls, Failure> {
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
        let mut data = value::Map::new();
        data.insert("payload".to_owned(), "x".repeat(100).into());
        let request = ExecuteStepRequest {
            handle_id: created.handle_id,
            trigger_data: Some(value::map_to_struct(&data)?),
            ..Default::default()
        };
        Ok(Calls { client, request })
    }

    async fn one(&mut self) -> Result<(), Status> {
        let request = with_deadline(self.request.clone());
        let answer = self.client.execute_step(request).await?.into_inner();
        if answer.error.is_empty() {
            Ok(())
        } else {
            Err(Status::internal(answer.error))
        }
    }
}

/// Calls per second with many callers at once.
async fn together(plan: &Plan, calls: &Calls) -> Result<f64, Failure> {
    let each = u32::try_from(plan.calls / plan.callers)?;
    let callers = u32::try_from(plan.callers)?;
    let mut tasks = JoinSet::new();
    let begun = Instant::now();
    for _ in 0..callers {
        let mut calls = calls.clone();
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

fn resident_kibibytes(process: &PluginProcess) -> Result<f64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid()))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .ok_or("the kernel does not say how much memory the plugin has")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

fn with_deadline<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(Duration::from_secs(30));
    request
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
