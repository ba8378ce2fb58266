//! What can go wrong in a host.

use std::fmt;

use crate::{
    catalog::ReaderError,
    client::CallError,
    download::DownloadError,
    oauth::OAuthError,
    package::{PackageError, VerifyError},
    pool::PoolError,
    secrets::Masker,
    state::StateError,
    store::StoreError,
};

/// Why something was not done. Branch on [`HostError::kind`].
#[derive(Clone, Debug)]
pub struct HostError {
    kind: HostErrorKind,
    message: String,
    hint: Option<String>,
}

/// The kinds of failure; [`HostErrorKind::as_str`] is the word in APIs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostErrorKind {
    /// A key, name or id that can be none.
    InvalidName,
    /// There is no such connector, operation, instance or version.
    NotFound,
    /// It is disabled.
    Disabled,
    /// Input or config that the declared fields do not allow.
    InvalidInput,
    /// The connector has several instances, or none and needs one, or config is missing.
    NotConfigured,
    /// Policy says no: signature, revocation, downgrade, a destructive call without
    /// confirmation.
    Refused,
    /// It is there already, or somebody else is changing it.
    Conflict,
    /// The package, manifest or program cannot be used.
    Unusable,
    /// The operation ran and failed; the code is the connector's.
    Operation {
        /// The connector's code.
        code: String,
    },
    /// The connector's process misbehaved: it did not start, died or spoke nonsense.
    Misbehaved,
    /// It failed often and is not tried again yet.
    Unavailable,
    /// Every process is in use and stayed so.
    Overloaded,
    /// It took too long.
    Deadline,
    /// Too much data.
    TooLarge,
    /// Something could not be fetched.
    Download,
    /// A user must sign in.
    SignIn,
    /// The host is stopping.
    Stopping,
    /// The state cannot be read or written.
    State,
    /// The system failed us.
    Internal,
}

impl HostErrorKind {
    /// The word for it in APIs.
    pub fn as_str(&self) -> &'static str {
        match self {
            HostErrorKind::InvalidName => "invalid_name",
            HostErrorKind::NotFound => "not_found",
            HostErrorKind::Disabled => "disabled",
            HostErrorKind::InvalidInput => "invalid_input",
            HostErrorKind::NotConfigured => "not_configured",
            HostErrorKind::Refused => "refused",
            HostErrorKind::Conflict => "conflict",
            HostErrorKind::Unusable => "unusable",
            HostErrorKind::Operation { .. } => "operation",
            HostErrorKind::Misbehaved => "misbehaved",
            HostErrorKind::Unavailable => "unavailable",
            HostErrorKind::Overloaded => "overloaded",
            HostErrorKind::Deadline => "deadline",
            HostErrorKind::TooLarge => "too_large",
            HostErrorKind::Download => "download",
            HostErrorKind::SignIn => "sign_in",
            HostErrorKind::Stopping => "stopping",
            HostErrorKind::State => "state",
            HostErrorKind::Internal => "internal",
        }
    }
}

impl HostError {
    /// An error of that kind, in words for people.
    pub fn new(kind: HostErrorKind, message: impl fmt::Display) -> HostError {
        HostError {
            kind,
            message: message.to_string(),
            hint: None,
        }
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> HostError {
        self.hint = Some(hint.to_string());
        self
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> &HostErrorKind {
        &self.kind
    }

    /// What happened, without the hint.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    pub fn what_to_do(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for HostError {}

impl HostError {
    /// The same with secrets taken out of its texts.
    pub(super) fn masked(mut self, masker: &Masker) -> HostError {
        self.message = masker.mask(&self.message).into_owned();
        self
    }
}

pub(super) fn of_state(error: StateError) -> HostError {
    let kind = match &error {
        StateError::Key(_) | StateError::Name { .. } => HostErrorKind::InvalidName,
        StateError::NoInstance { .. } => HostErrorKind::NotFound,
        StateError::NameTaken { .. } => HostErrorKind::Conflict,
        StateError::Missing { .. } => HostErrorKind::NotConfigured,
        StateError::Locked { .. } => HostErrorKind::Refused,
        StateError::NotSignedIn { .. } => HostErrorKind::SignIn,
        StateError::Input(_)
        | StateError::TooLong { .. }
        | StateError::TooManyInstances { .. }
        | StateError::Environment { .. } => HostErrorKind::InvalidInput,
        _ => HostErrorKind::State,
    };
    let hint = match &error {
        StateError::Missing {
            connector,
            instance,
            ..
        } => Some(format!(
            "outboard connector config set {connector} FIELD=VALUE --instance {instance}"
        )),
        StateError::NoInstance { connector, .. } if !connector.is_empty() => Some(format!(
            "`outboard connector config list {connector}` shows those that there are"
        )),
        _ => None,
    };
    let told = HostError::new(kind, error);
    match hint {
        Some(hint) => told.hint(hint),
        None => told,
    }
}

pub(super) fn of_store(error: StoreError) -> HostError {
    let kind = match &error {
        StoreError::InvalidKey { .. } => HostErrorKind::InvalidName,
        error if error.is_not_found() => HostErrorKind::NotFound,
        error if error.is_policy() => HostErrorKind::Refused,
        StoreError::Busy { .. } | StoreError::Changed { .. } => HostErrorKind::Conflict,
        StoreError::Io { .. } | StoreError::LockFile { .. } | StoreError::Journal { .. } => {
            HostErrorKind::State
        }
        _ => HostErrorKind::Unusable,
    };
    let hint = match &error {
        StoreError::Downgrade { .. } => Some("--allow-downgrade, or `outboard connector rollback`"),
        StoreError::Verify(VerifyError { problem, .. }) if problem.is_policy() => Some(
            "`outboard connector trust FILE` trusts a public key; --allow-unsigned makes an exception",
        ),
        StoreError::Package(PackageError::NoManifest { .. }) => {
            Some("`outboard connector build` makes a package")
        }
        _ => None,
    };
    let told = HostError::new(kind, error);
    match hint {
        Some(hint) => told.hint(hint),
        None => told,
    }
}

/// The word for what is wrong with something that lies where connectors are.
pub(super) fn problem_kind(error: &StoreError) -> &'static str {
    match error {
        StoreError::Package(PackageError::NoManifest { .. }) => "no_manifest",
        StoreError::Package(PackageError::Manifest { .. }) => "invalid_manifest",
        StoreError::Package(PackageError::Program { .. }) | StoreError::NotExecutable { .. } => {
            "no_program"
        }
        StoreError::DirectoryName { .. } | StoreError::VersionName { .. } => "wrong_directory",
        StoreError::InvalidKey { .. } => "invalid_name",
        StoreError::Link { .. } => "link",
        _ => "unusable",
    }
}

pub(super) fn of_pool(error: PoolError) -> HostError {
    let kind = match &error {
        PoolError::Key(_) => HostErrorKind::InvalidName,
        PoolError::Unknown { .. } | PoolError::Removed { .. } => HostErrorKind::NotFound,
        PoolError::Checksum { .. } => HostErrorKind::Unusable,
        PoolError::Start(_) => HostErrorKind::Misbehaved,
        PoolError::Resting { .. } => HostErrorKind::Unavailable,
        PoolError::QueueFull { .. } => HostErrorKind::Overloaded,
        PoolError::Timeout { .. } => HostErrorKind::Overloaded,
        PoolError::ShuttingDown => HostErrorKind::Stopping,
    };
    HostError::new(kind, error)
}

pub(super) fn of_call(error: CallError) -> HostError {
    let kind = match &error {
        CallError::Operation(error) => HostErrorKind::Operation {
            code: error.code.clone(),
        },
        CallError::Deadline(_) => HostErrorKind::Deadline,
        CallError::TooLarge(_) => HostErrorKind::TooLarge,
        _ => HostErrorKind::Misbehaved,
    };
    HostError::new(kind, error)
}

pub(super) fn of_download(error: DownloadError) -> HostError {
    let kind = match &error {
        DownloadError::Url { .. } => HostErrorKind::InvalidInput,
        DownloadError::Scheme { .. } | DownloadError::Redirect { .. } => HostErrorKind::Refused,
        DownloadError::Size { .. } | DownloadError::Digest { .. } => HostErrorKind::Refused,
        DownloadError::Token { .. } => HostErrorKind::InvalidInput,
        DownloadError::TooLarge { .. } => HostErrorKind::TooLarge,
        DownloadError::Status { status: 404, .. } => HostErrorKind::NotFound,
        DownloadError::Io(_) | DownloadError::NoRoom { .. } => HostErrorKind::Internal,
        _ => HostErrorKind::Download,
    };
    let refused = matches!(error, DownloadError::Scheme { .. });
    let told = HostError::new(kind, error);
    match refused {
        true => told.hint("--allow-http makes an exception"),
        false => told,
    }
}

pub(super) fn of_catalog(error: ReaderError) -> HostError {
    let (kind, hint) = match &error {
        ReaderError::NoCatalog => (
            HostErrorKind::NotFound,
            "name one with the setting `catalogs`, or install from a directory, an archive or a URL",
        ),
        ReaderError::Asset { .. } => (
            HostErrorKind::Refused,
            "the catalog's keeper can mend it; until then, install from an archive or a URL",
        ),
        _ => (
            HostErrorKind::NotFound,
            "`outboard connector search` shows what the catalogs have",
        ),
    };
    HostError::new(kind, error).hint(hint)
}

pub(super) fn of_oauth(error: OAuthError) -> HostError {
    let kind = match error {
        OAuthError::State(error) => return of_state(error),
        OAuthError::NotOffered { .. } => HostErrorKind::NotFound,
        OAuthError::NoClient => HostErrorKind::NotConfigured,
        OAuthError::Url { .. } | OAuthError::Callback { .. } => HostErrorKind::InvalidInput,
        OAuthError::TooManyPending { .. } => HostErrorKind::Overloaded,
        OAuthError::Expired { .. } | OAuthError::Timeout { .. } => HostErrorKind::Deadline,
        OAuthError::NotSignedIn
        | OAuthError::SignInAgain { .. }
        | OAuthError::Denied { .. }
        | OAuthError::StateMismatch => HostErrorKind::SignIn,
        _ => HostErrorKind::Download,
    };
    HostError::new(kind, error)
}
