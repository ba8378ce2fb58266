//! A look at a package before it is installed: who signed it, and what it changes.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use outboard_contracts::connector::{Manifest, catalog::version_newer};
use serde::{Deserialize, Serialize};

use super::{
    Changes, ConnectorHost, InstallProgress, Rights, blocking, changes, describe,
    error::{HostError, of_store},
    install::Cancelling,
    registry,
    types::{InstallFrom, InstallOptions},
};
use crate::{
    package::SignatureState,
    store::StoreError,
    trust::{SignaturePolicy, Trust},
};

/// What an installation would bring.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "InstallReview")
)]
pub struct Review {
    /// The connector.
    pub key: String,
    /// Its name for people.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// `connector`, `tool` or `job`.
    pub kind: String,
    /// The version that would be current.
    pub version: String,
    /// The one that is current now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub installed: Option<String>,
    /// `none`, `unverifiable`, `program` or `envelope`.
    pub signed: String,
    /// Which key signed it, if a trusted one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// Why it would be refused, if it would.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// Whether the refusal is for want of a signature, which can be allowed for once.
    pub unsigned: bool,
    /// Whether it is older than what is installed, which can be allowed, too.
    pub older: bool,
    /// Where it came from.
    pub source: String,
    /// The SHA-256 of the archive. An installation that is asked for this one installs what
    /// was looked at and nothing else. A directory has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive_sha256: Option<String>,
    /// Its operations.
    pub operations: Vec<String>,
    /// What it may do or have.
    pub rights: Rights,
    /// What it changes over what is installed, if something is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Changes>,
}

impl ConnectorHost {
    /// Gets a package as [`ConnectorHost::install`] does and judges it, and installs
    /// nothing. Dropping the future cancels what goes on.
    ///
    /// # Errors
    ///
    /// As for an installation, but that a package which would be refused is described with
    /// the reason.
    pub async fn review(
        &self,
        from: InstallFrom,
        options: InstallOptions,
        progress: Option<InstallProgress>,
    ) -> Result<Review, HostError> {
        let cancelled = Arc::new(AtomicBool::new(false));
        let _cancelling = Cancelling(Arc::clone(&cancelled));
        let host = self.clone();
        blocking(move || {
            let tell = |told| {
                if let Some(progress) = &progress {
                    progress(told);
                }
            };
            host.reviewed(&from, &options, &tell, &|| {
                cancelled.load(Ordering::Relaxed)
            })
        })
        .await
    }

    fn reviewed(
        &self,
        from: &InstallFrom,
        options: &InstallOptions,
        tell: &dyn Fn(crate::download::Progress),
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Review, HostError> {
        let opened = self.opened(from, options, tell, cancelled)?;
        let request = self.request(&opened, options)?;
        let package = &opened.package;
        let manifest = package.manifest();
        let before = self.inner.store.get(manifest.key()).ok();
        let judged = self.inner.store.judge(package, &request);
        let (signed, refusal) = match judged {
            Ok(verified) => (verified.signed, None),
            Err(error) => (
                signature(package.manifest_bytes(), manifest, &request.trust),
                Some(error),
            ),
        };
        let unsigned = refusal.as_ref().is_some_and(StoreError::is_unsigned);
        let (signed, key_id) = registry::signed(&signed);
        let summary = describe::summary(manifest);
        Ok(Review {
            key: summary.key,
            name: summary.name,
            description: summary.description,
            kind: summary.kind,
            version: summary.version,
            installed: before.as_ref().map(|before| before.version.clone()),
            signed,
            key_id,
            refusal: refusal.map(|error| of_store(error).to_string()),
            unsigned,
            older: before
                .as_ref()
                .is_some_and(|before| version_newer(&before.version, &manifest.version)),
            archive_sha256: package.archive_sha256().map(str::to_owned),
            operations: manifest
                .module
                .all_operations()
                .map(|one| one.key.clone())
                .collect(),
            rights: Rights::of(&manifest.module),
            changes: before.map(|before| changes(&before.manifest, manifest)),
            source: opened.source,
        })
    }
}

/// What the signatures of a refused package are worth.
fn signature(bytes: &[u8], manifest: &Manifest, trust: &Trust) -> SignatureState {
    let policy = SignaturePolicy::UnsignedOk;
    crate::package::signature_state(bytes, manifest, trust, policy).unwrap_or(
        match manifest.signature.is_empty() {
            true => SignatureState::None,
            false => SignatureState::Unverifiable,
        },
    )
}
