//! Operations of a connector, each behind a lease of our pool, as the platform calls them.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use outboard_bench::DEADLINE;
use outboard_connector::{
    client::{CallLimits, ExecCall},
    pool::{Pool, PoolConfig, Program},
};
use outboard_go_plugin::host::{Checksum, ChecksumAlgorithm};
use tempfile::TempDir;
use tonic::Status;

use crate::{
    Failure,
    plan::{Amounts, Figure, Figures},
    report::median_of,
};

/// The key of the connector that answers.
const LARDER: &str = "larder";

/// A pool with the larder in it, and what its calls carry. Cloning shares it.
#[derive(Clone)]
pub(super) struct Larder {
    shared: Arc<Shared>,
}

struct Shared {
    pool: Pool,
    text: String,
    _directory: TempDir,
}

impl Larder {
    /// A pool that starts this program at the first call.
    pub(super) fn new(program: &Path) -> Result<Larder, Failure> {
        let directory = tempfile::tempdir()?;
        let pool = Pool::new(PoolConfig::new(directory.path()));
        let larder = Larder {
            shared: Arc::new(Shared {
                pool,
                text: "x".repeat(super::calls::BYTES),
                _directory: directory,
            }),
        };
        larder.place(LARDER, program)?;
        Ok(larder)
    }

    /// Puts another connector beside it.
    pub(super) fn place(&self, key: &str, program: &Path) -> Result<(), Failure> {
        let checksum = Checksum::of_file(ChecksumAlgorithm::Sha256, program)?.to_string();
        let sha256 = checksum.split(':').next_back().unwrap_or_default();
        self.shared.pool.set(Program {
            key: key.to_owned(),
            version: "1.2.0".to_owned(),
            program: program.to_owned(),
            sha256: sha256.to_owned(),
        })?;
        Ok(())
    }

    /// Starts a connector, and gives back how long that took.
    pub(super) async fn start(&self, key: &str) -> Result<Duration, Failure> {
        let begun = Instant::now();
        self.shared.pool.lease(key, begun + DEADLINE).await?;
        Ok(begun.elapsed())
    }

    async fn call(
        &self,
        operation: &str,
        input: [(&str, &str); 1],
        streamed: bool,
    ) -> Result<Bytes, Status> {
        let failed = |error: &dyn std::fmt::Display| Status::internal(error.to_string());
        let pool = &self.shared.pool;
        let lease = pool.lease(LARDER, Instant::now() + DEADLINE).await;
        let lease = lease.map_err(|error| failed(&error))?;
        let mut call = ExecCall {
            operation: operation.to_owned(),
            request_id: "bench".to_owned(),
            ..ExecCall::default()
        };
        for (key, value) in input {
            call.input.insert(key.to_owned(), value.to_owned());
        }
        for (key, value) in [("base_url", "https://larder.test"), ("api_key", "k")] {
            call.creds.insert(key.to_owned(), value.to_owned());
        }
        let (connection, limits) = (lease.connection(), CallLimits::within(DEADLINE));
        let answer = match streamed {
            true => connection.execute_stream(call, limits, |_| {}).await,
            false => connection.execute(call, limits).await,
        };
        answer.map_err(|error| failed(&error))
    }

    /// Lets the larder echo 100 bytes.
    pub(super) async fn echo(&self) -> Result<(), Status> {
        let text = &self.shared.text;
        let answer = self.call("echo", [("text", text)], false).await?;
        let found = answer
            .windows(text.len())
            .any(|part| part == text.as_bytes());
        match found {
            true => Ok(()),
            false => Err(Status::data_loss("the operation did not echo what it got")),
        }
    }

    /// Asks for a long result, once more than it measures.
    pub(super) async fn results(
        &self,
        amounts: &Amounts,
        figures: &mut Figures,
    ) -> Result<(), Failure> {
        let bytes = amounts.chunks * amounts.chunk_size;
        let mut times = Vec::with_capacity(amounts.streams);
        for _ in 0..=amounts.streams {
            let begun = Instant::now();
            let size = bytes.to_string();
            let arrived = self.call("big", [("bytes", &size)], true).await?.len();
            times.push(begun.elapsed().as_secs_f64());
            // The text and its quotes.
            if arrived != bytes + 2 {
                return Err(format!("{arrived} bytes arrived instead of {}", bytes + 2).into());
            }
        }
        let mebibytes = f64::from(u32::try_from(bytes)?) / f64::from(1 << 20);
        let rate = mebibytes / median_of(times.into_iter().skip(1));
        figures.insert(Figure::DownMibPerSecond, rate);
        Ok(())
    }

    pub(super) async fn shutdown(&self) {
        self.shared.pool.shutdown().await;
    }
}
