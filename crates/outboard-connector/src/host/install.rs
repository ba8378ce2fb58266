//! What is installed, and in which version.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use outboard_contracts::connector::{catalog::version_newer, validate_key};

use super::{
    ConnectorHost, InstallProgress, blocking,
    error::{HostError, HostErrorKind, of_catalog, of_download, of_state, of_store},
    registry, running_policy,
    types::{Available, InstallFrom, InstallOptions, InstallOutcome, SearchAnswer, Summary},
};
use crate::{
    download::{DownloadLimits, Fetched, Phase, Progress, Wanted, download, parse_url, shown},
    package::{Origin, Package},
    platform,
    store::{InstallRequest, Installed, StoreError},
    trust::{SignaturePolicy, Trust},
};

/// What an installation is to bring, as far as that is known before.
pub(super) struct Expected {
    pub(super) key: Option<String>,
    pub(super) version: Option<String>,
    pub(super) archive_sha256: Option<String>,
}

/// A package that could be installed.
pub(super) struct Opened {
    pub(super) package: Package,
    pub(super) source: String,
    pub(super) origin: Origin,
    pub(super) expected: Expected,
}

/// How a package is got.
struct Get<'a> {
    options: &'a InstallOptions,
    tell: &'a dyn Fn(Progress),
    cancelled: &'a dyn Fn() -> bool,
}

/// Tells the work that nobody waits for it any more.
pub(super) struct Cancelling(pub(super) Arc<AtomicBool>);

impl Drop for Cancelling {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl ConnectorHost {
    /// Installs a package, verified. A process that runs is drained, not killed. Dropping
    /// the future cancels what is not in place yet.
    ///
    /// # Errors
    ///
    /// [`HostErrorKind::Refused`] by policy, [`HostErrorKind::Unusable`] for what is no
    /// package, [`HostErrorKind::NotFound`] and [`HostErrorKind::Download`] for sources.
    /// What was installed before is as it was then.
    pub async fn install(
        &self,
        from: InstallFrom,
        options: InstallOptions,
        progress: Option<InstallProgress>,
    ) -> Result<InstallOutcome, HostError> {
        let cancelled = Arc::new(AtomicBool::new(false));
        // Dropped with this future, also when nobody waits for it any more.
        let _cancelling = Cancelling(Arc::clone(&cancelled));
        let host = self.clone();
        let outcome = blocking(move || {
            let tell = |told: Progress| {
                if let Some(progress) = &progress {
                    progress(told);
                }
            };
            let cancelled = || cancelled.load(Ordering::Relaxed);
            let outcome = host.installed(&from, &options, &tell, &cancelled)?;
            tell(Progress::of(Phase::Done));
            Ok(outcome)
        })
        .await?;
        self.reload().await?;
        Ok(outcome)
    }

    /// Installs the newest version that a catalog has for this machine.
    ///
    /// # Errors
    ///
    /// [`HostErrorKind::NotFound`] when it is not installed, or no catalog has it; otherwise
    /// as [`ConnectorHost::install`].
    pub async fn update(
        &self,
        key: &str,
        options: InstallOptions,
        progress: Option<InstallProgress>,
    ) -> Result<InstallOutcome, HostError> {
        let entry = self.entry(key)?;
        let catalog = Arc::clone(&self.inner.catalog);
        let (owned, wanted) = (key.to_owned(), options.version.clone());
        let resolved = blocking(move || {
            catalog
                .resolve(&owned, wanted.as_deref(), &platform::host())
                .map_err(of_catalog)
        })
        .await?;
        let installed = entry.version();
        if options.version.is_none() && !version_newer(&resolved.version, installed) {
            let summary = entry.summary();
            return Ok(InstallOutcome {
                key: key.to_owned(),
                version: installed.to_owned(),
                previous: Some(installed.to_owned()),
                action: "unchanged".to_owned(),
                signed: summary.signed,
                source: resolved.location,
            });
        }
        self.install(InstallFrom::Name(key.to_owned()), options, progress)
            .await
    }

    /// Makes the version that was current before current again, or the one that is named.
    ///
    /// # Errors
    ///
    /// [`HostErrorKind::NotFound`] when there is none; [`HostErrorKind::Refused`] when it may
    /// not run any more.
    pub async fn rollback(
        &self,
        key: &str,
        version: Option<&str>,
    ) -> Result<InstallOutcome, HostError> {
        let before = self.entry(key)?.version().to_owned();
        let trust = self.trust()?;
        let (host, key, version) = (self.clone(), key.to_owned(), version.map(str::to_owned));
        let outcome = blocking(move || {
            let trust = for_what_is_installed(&trust);
            let store = &host.inner.store;
            let now = match &version {
                Some(version) => store.use_version(&key, version, &trust),
                None => store.rollback(&key, &trust),
            };
            let now = now.map_err(of_store)?;
            outcome(&now, &trust, Some(before), "rolled_back", String::new())
        })
        .await?;
        self.reload().await?;
        Ok(outcome)
    }

    /// Removes every version. Instances and history stay unless `purge`.
    ///
    /// # Errors
    ///
    /// [`HostErrorKind::NotFound`].
    pub async fn remove(&self, key: &str, purge: bool) -> Result<InstallOutcome, HostError> {
        validate_key(key).map_err(|error| HostError::new(HostErrorKind::InvalidName, error))?;
        let before = self.entry(key).ok().map(|entry| entry.version().to_owned());
        let (host, owned) = (self.clone(), key.to_owned());
        blocking(move || {
            match host.inner.store.remove(&owned) {
                // What it left behind can be purged later, too.
                Err(StoreError::NotInstalled { .. }) if purge => {}
                removed => removed.map_err(of_store)?,
            }
            if purge {
                let state = &host.inner.state;
                state.forget(&owned).map_err(of_state)?;
                state.forget_calls(&owned).map_err(of_state)?;
            }
            Ok(())
        })
        .await?;
        self.reload().await?;
        Ok(InstallOutcome {
            key: key.to_owned(),
            version: before.clone().unwrap_or_default(),
            previous: before,
            action: "removed".to_owned(),
            signed: String::new(),
            source: String::new(),
        })
    }

    /// Verifies what is installed again: program, signatures, revocation.
    ///
    /// # Errors
    ///
    /// [`HostErrorKind::Refused`] or [`HostErrorKind::Unusable`] with what speaks against it.
    pub async fn verify(&self, key: &str) -> Result<Summary, HostError> {
        let entry = self.entry(key)?;
        let trust = self.trust()?;
        let (store, owned) = (Arc::clone(&self.inner.store), key.to_owned());
        let verified = blocking(move || {
            let trust = for_what_is_installed(&trust);
            store.verify(&owned, &trust).map_err(of_store)
        })
        .await?;
        let mut summary = self.summary(&entry);
        (summary.signed, summary.key_id) = registry::signed(&verified.signed);
        Ok(summary)
    }

    /// Looks into the catalogs; an empty query finds everything. All words must be found in
    /// key, name, description or tags.
    ///
    /// # Errors
    ///
    /// None: a catalog that cannot be read is a warning.
    pub async fn search(&self, query: &str) -> Result<SearchAnswer, HostError> {
        let catalog = Arc::clone(&self.inner.catalog);
        let snapshot = blocking(move || Ok(catalog.snapshot())).await?;
        let platform = platform::host();
        let entries = self.entries();
        let available = snapshot
            .search(query)
            .into_iter()
            .map(|available| {
                let entry = available.entry.clone();
                let kind = entry.kind();
                let release = entry.release(None, &platform).ok();
                let installed = entries.get(&entry.key).map(|entry| entry.version());
                let version = release
                    .as_ref()
                    .map_or(entry.version.clone(), |release| release.version.clone());
                Available {
                    update_available: release.is_some()
                        && installed.is_some_and(|installed| version_newer(&version, installed)),
                    arch_ok: release.is_some(),
                    digest: release
                        .as_ref()
                        .is_some_and(|release| release.digests.contains_key(&platform)),
                    os_arch: entry.assets.into_keys().collect(),
                    tags: entry.default_tags.into_iter().map(|tag| tag.name).collect(),
                    installed: installed.map(str::to_owned),
                    kind: kind.as_str().to_owned(),
                    catalog: available.catalog(),
                    key: entry.key,
                    name: entry.name,
                    description: entry.description,
                    version,
                }
            })
            .collect();
        let mut warnings = snapshot.warnings;
        if !self.inner.catalog.has_catalogs() {
            warnings.push("no catalog is set: the setting `catalogs` names them".to_owned());
        }
        Ok(SearchAnswer {
            available,
            warnings,
        })
    }

    /// The catalogs that are looked into, without credentials.
    pub fn catalogs(&self) -> Vec<String> {
        self.inner.catalog.shown()
    }

    fn installed(
        &self,
        from: &InstallFrom,
        options: &InstallOptions,
        tell: &dyn Fn(Progress),
        cancelled: &dyn Fn() -> bool,
    ) -> Result<InstallOutcome, HostError> {
        let opened = self.opened(from, options, tell, cancelled)?;
        let request = self.request(&opened, options)?;
        let (trust, package) = (&request.trust, &opened.package);
        let store = &self.inner.store;
        let before = store.get(package.manifest().key()).ok();
        let now = store.install(package, &request, tell).map_err(of_store)?;
        let action = match &before {
            None => "installed",
            Some(before) if before.manifest_bytes == now.manifest_bytes => "unchanged",
            Some(before) if before.version == now.version => "replaced",
            Some(before) if version_newer(&now.version, &before.version) => "updated",
            Some(_) => "downgraded",
        };
        let previous = before.map(|before| before.version);
        outcome(&now, trust, previous, action, opened.source)
    }

    /// What is asked of a package that was got.
    pub(super) fn request(
        &self,
        opened: &Opened,
        options: &InstallOptions,
    ) -> Result<InstallRequest, HostError> {
        let mut trust = self.trust()?;
        if options.allow_unsigned {
            trust.set_policy(SignaturePolicy::UnsignedOk);
        }
        let mut request = InstallRequest::new(opened.source.clone(), trust, opened.origin);
        request.expected_key.clone_from(&opened.expected.key);
        request
            .expected_version
            .clone_from(&opened.expected.version);
        request
            .expected_archive_sha256
            .clone_from(&opened.expected.archive_sha256);
        request.allow_downgrade = options.allow_downgrade;
        request.locked = options.locked;
        Ok(request)
    }

    /// Gets a package and opens it, and nothing is installed by that.
    pub(super) fn opened(
        &self,
        from: &InstallFrom,
        options: &InstallOptions,
        tell: &dyn Fn(Progress),
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Opened, HostError> {
        let mut expected = Expected {
            key: None,
            version: options.version.clone(),
            archive_sha256: options.sha256.clone(),
        };
        let get = Get {
            options,
            tell,
            cancelled,
        };
        match from {
            InstallFrom::Path(path) => {
                self.package(path, path.display().to_string(), expected, &get)
            }
            InstallFrom::Url(url) => {
                let url = parse_url(url, options.allow_http).map_err(of_download)?;
                self.fetched(&Wanted::new(url), expected, &get)
            }
            InstallFrom::Name(key) => {
                validate_key(key)
                    .map_err(|error| HostError::new(HostErrorKind::InvalidName, error))?;
                let wanted = options.version.as_deref();
                let resolved = self
                    .inner
                    .catalog
                    .resolve(key, wanted, &platform::host())
                    .map_err(of_catalog)?;
                expected.key = Some(resolved.key.clone());
                expected.version = Some(resolved.version.clone());
                if let Some(digest) = &resolved.digest {
                    expected.archive_sha256 = Some(digest.sha256.clone());
                }
                let wanted = resolved.wanted(options.allow_http).map_err(of_download)?;
                if let Some(wanted) = wanted {
                    return self.fetched(&wanted, expected, &get);
                }
                let path = PathBuf::from(&resolved.location);
                self.package(&path, resolved.location, expected, &get)
            }
        }
    }

    fn fetched(
        &self,
        wanted: &Wanted,
        expected: Expected,
        get: &Get<'_>,
    ) -> Result<Opened, HostError> {
        let limits = DownloadLimits {
            allow_http: get.options.allow_http,
            ..DownloadLimits::default()
        };
        let directory = self.inner.config.cache_dir();
        let file = tempfile::NamedTempFile::new_in(&directory).map_err(|error| {
            let message = format!("cannot write in {}: {error}", directory.display());
            HostError::new(HostErrorKind::Internal, message)
        })?;
        let source = shown(&wanted.url);
        let (mut file, path) = file.into_parts();
        let fetched = download(wanted, &mut file, &limits, get.tell, get.cancelled);
        if let Fetched::NotModified = fetched.map_err(of_download)? {
            let message = format!("{source} sent nothing");
            return Err(HostError::new(HostErrorKind::Download, message));
        }
        self.package(&path, source, expected, get)
    }

    fn package(
        &self,
        path: &Path,
        source: String,
        expected: Expected,
        get: &Get<'_>,
    ) -> Result<Opened, HostError> {
        let is_directory = fs::metadata(path).is_ok_and(|metadata| metadata.is_dir());
        let origin = match is_directory {
            true => Origin::LocalDirectory,
            false => Origin::Elsewhere,
        };
        (get.tell)(Progress::of(Phase::Verifying));
        let package = self.inner.store.open_package(path, get.cancelled);
        Ok(Opened {
            package: package.map_err(of_store)?,
            source,
            origin,
            expected,
        })
    }
}

fn outcome(
    now: &Installed,
    trust: &Trust,
    previous: Option<String>,
    action: &str,
    source: String,
) -> Result<InstallOutcome, HostError> {
    let signed = now
        .signed(trust)
        .map_err(|problem| HostError::new(HostErrorKind::Refused, problem))?;
    Ok(InstallOutcome {
        key: now.key.clone(),
        version: now.version.clone(),
        previous,
        action: action.to_owned(),
        signed: registry::signed(&signed).0,
        source,
    })
}

/// What is asked of a connector that is installed already: what it was let in by does not
/// count twice.
pub(super) fn for_what_is_installed(trust: &Trust) -> Trust {
    let mut trust = trust.clone();
    trust.set_policy(running_policy(&trust));
    trust
}
