//! Much data in one call, in each direction.

use std::time::Instant;

use bytes::Bytes;
use futures_util::stream;
use outboard_bench::{
    generated::{DownloadRequest, Payload, bench_client::BenchClient},
    with_deadline,
};
use outboard_go_plugin::{host::PluginProcess, transport::Channel};

use crate::{
    Failure,
    plan::{Amounts, Figure, Figures},
    report::median_of,
};

/// Sends as much as was asked for in each direction, once more than it measures.
pub(super) async fn measure(
    amounts: &Amounts,
    process: &PluginProcess,
    figures: &mut Figures,
) -> Result<(), Failure> {
    let mut client = BenchClient::new(process.channel());
    let (mut down, mut up) = (Vec::new(), Vec::new());
    for _ in 0..=amounts.streams {
        let begun = Instant::now();
        download(amounts, &mut client).await?;
        down.push(begun.elapsed().as_secs_f64());
        let begun = Instant::now();
        upload(amounts, &mut client).await?;
        up.push(begun.elapsed().as_secs_f64());
    }
    let bytes = u32::try_from(amounts.chunks * amounts.chunk_size)?;
    let mebibytes = f64::from(bytes) / f64::from(1 << 20);
    let rate = |times: Vec<f64>| mebibytes / median_of(times.into_iter().skip(1));
    figures.insert(Figure::DownMibPerSecond, rate(down));
    figures.insert(Figure::UpMibPerSecond, rate(up));
    Ok(())
}

async fn download(amounts: &Amounts, client: &mut BenchClient<Channel>) -> Result<(), Failure> {
    let request = with_deadline(DownloadRequest {
        chunks: u32::try_from(amounts.chunks)?,
        chunk_size: u32::try_from(amounts.chunk_size)?,
    });
    let mut stream = client.download(request).await?.into_inner();
    let mut arrived = 0;
    while let Some(chunk) = stream.message().await? {
        arrived += chunk.data.len();
    }
    complete(amounts, arrived)
}

async fn upload(amounts: &Amounts, client: &mut BenchClient<Channel>) -> Result<(), Failure> {
    let data = Bytes::from(vec![b'x'; amounts.chunk_size]);
    let chunks = std::iter::repeat_n(Payload { data }, amounts.chunks);
    let request = with_deadline(stream::iter(chunks));
    let answer = client.upload(request).await?.into_inner();
    complete(amounts, usize::try_from(answer.bytes)?)
}

fn complete(amounts: &Amounts, arrived: usize) -> Result<(), Failure> {
    let sent = amounts.chunks * amounts.chunk_size;
    match arrived == sent {
        true => Ok(()),
        false => Err(format!("{arrived} bytes arrived instead of {sent}").into()),
    }
}
