//! What a [`PluginSpec`] offers for verified execution.

use std::{path::Path, sync::Arc};

use tokio::{process::Command, time::Instant};

use super::{Checksum, Image, RunFrom, Verification, VerificationError};
use crate::host::{PluginSpec, StartError, StartErrorKind, StartStep, diagnose};

impl PluginSpec {
    /// The checksum that the program's file must have; none is asked for unless
    /// set.
    ///
    /// The file is opened once and exactly the bytes that were hashed are
    /// executed: changing or replacing the file after that changes nothing. This
    /// description, its clones and their processes share those bytes, so that a
    /// restart runs them again; setting a checksum anew forgets them. [`RunFrom`]
    /// says where they are kept.
    ///
    /// Only the program itself is verified, not the libraries and files that it
    /// loads. It may be at most 4 GiB long, and the host's user must be able to
    /// read it. There must be a program: with a runner or a plugin that runs
    /// already the start fails.
    ///
    /// ```no_run
    /// # use outboard_go_plugin::{handshake::HandshakeConfig, host::PluginSpec};
    /// # fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let handshake = HandshakeConfig::new("KV_PLUGIN", "hello", 1);
    /// let checksum = std::fs::read_to_string("kv-plugin.sha256")?;
    /// let spec = PluginSpec::new("kv", "./kv-plugin", handshake).checksum(checksum.parse()?);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn checksum(mut self, checksum: Checksum) -> PluginSpec {
        let run_from = self.verification.as_ref().map(|it| it.run_from);
        self.verification = Some(Verification::new(checksum, run_from.unwrap_or_default()));
        self
    }

    /// From where a program with a checksum is executed:
    /// [`RunFrom::PrivateCopy`] unless set. Without a checksum it does nothing.
    #[must_use]
    pub fn run_from(mut self, run_from: RunFrom) -> PluginSpec {
        if let Some(verification) = &self.verification {
            let checksum = verification.checksum.clone();
            self.verification = Some(Verification::new(checksum, run_from));
        }
        self
    }

    /// Verifies the program now, so that a later start, of this description or a
    /// clone, runs what the file is at this moment. Does nothing without a
    /// checksum, or if it was verified before.
    ///
    /// # Errors
    ///
    /// A [`StartError`] as [`start`](PluginSpec::start) would give, after at most
    /// the start timeout.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with time enabled.
    pub async fn verify(&self) -> Result<(), StartError> {
        if self.verification.is_none() {
            return Ok(());
        }
        let begun = Instant::now();
        let mut step = StartStep::Prepare;
        let verified = async {
            applicable(self)?;
            let program = self.program().unwrap_or(Path::new(""));
            let program = std::path::absolute(program).map_err(StartErrorKind::Io)?;
            prepare(self, &program, &mut step).await.map(drop)
        };
        tokio::time::timeout(self.start_timeout, verified)
            .await
            .unwrap_or(Err(StartErrorKind::Timeout(self.start_timeout)))
            .map_err(|kind| StartError::new(&self.name, step, kind, begun.elapsed()))
    }
}

/// Fails where a checksum is asked for and there is nothing to compare it with.
pub(in crate::host) fn applicable(spec: &PluginSpec) -> Result<(), StartErrorKind> {
    match &spec.verification {
        Some(_) if spec.program().is_none() => {
            let launch = spec.launch.to_string();
            let error = VerificationError::NoProgram(launch);
            Err(StartErrorKind::Verification(error))
        }
        _ => Ok(()),
    }
}

/// Looks at the program and, if it must have a checksum, verifies it; neither if
/// verified bytes of it are at hand.
pub(in crate::host) async fn prepare(
    spec: &PluginSpec,
    program: &Path,
    step: &mut StartStep,
) -> Result<Option<Arc<Image>>, StartErrorKind> {
    let Some(verification) = &spec.verification else {
        diagnose::preflight(program)?;
        return Ok(None);
    };
    if let Some(image) = verification.kept().await {
        return Ok(Some(image));
    }
    diagnose::preflight(program)?;
    *step = StartStep::Verify;
    let image = verification.image(program).await;
    image.map(Some).map_err(StartErrorKind::Verification)
}

/// What starts the program at this path, or the verified bytes of it.
pub(in crate::host) fn command(program: &Path, image: Option<&Image>) -> Command {
    let mut command = Command::new(image.map_or(program, Image::program));
    // Memory has no name that a program could make anything of. A copy has, and
    // a program that opens what it was started as must find the verified bytes.
    #[cfg(target_os = "linux")]
    if let Some(Image::Memory(_)) = image {
        command.arg0(program);
    }
    command
}
