//! What may be called: the directory, the state and the policy, looked at together.

use std::{collections::BTreeMap, sync::Arc};

use outboard_contracts::connector::{Kind, Manifest};

use super::{
    describe,
    error::{HostError, HostErrorKind},
    types::{Problem, Summary},
};
use crate::{package::SignatureState, store::Installed};

/// One connector as it was when the directory was looked at last.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) enabled: bool,
    pub(super) state: EntryState,
}

/// Whether it can be called.
#[derive(Clone, Debug)]
pub(super) enum EntryState {
    /// Nothing speaks against it but perhaps that it is disabled.
    Usable {
        installed: Arc<Installed>,
        signed: SignatureState,
    },
    /// It can be described and not called.
    Refused {
        installed: Arc<Installed>,
        problem: Problem,
    },
    /// There is not even a manifest.
    Broken { problem: Problem },
}

impl Entry {
    pub(super) fn manifest(&self) -> Option<&Arc<Manifest>> {
        match &self.state {
            EntryState::Usable { installed, .. } | EntryState::Refused { installed, .. } => {
                Some(&installed.manifest)
            }
            EntryState::Broken { .. } => None,
        }
    }

    pub(super) fn version(&self) -> &str {
        self.manifest().map_or("", |manifest| &manifest.version)
    }

    pub(super) fn kind(&self) -> Kind {
        self.manifest()
            .map_or(Kind::Connector, |manifest| manifest.kind())
    }

    fn problem(&self) -> Option<&Problem> {
        match &self.state {
            EntryState::Usable { .. } => None,
            EntryState::Refused { problem, .. } | EntryState::Broken { problem } => Some(problem),
        }
    }

    /// What is installed, if it may be called.
    pub(super) fn callable(&self) -> Result<&Arc<Installed>, HostError> {
        let installed = match &self.state {
            EntryState::Usable { installed, .. } => installed,
            EntryState::Refused { problem, .. } => {
                let message = format!("{} may not be called: {}", self.key, problem.detail);
                return Err(HostError::new(HostErrorKind::Refused, message).hint(
                    "`outboard connector verify` says more; install a version that is signed by a trusted key",
                ));
            }
            EntryState::Broken { problem } => {
                let message = format!("{} cannot be used: {}", self.key, problem.detail);
                return Err(HostError::new(HostErrorKind::Unusable, message)
                    .hint("install it again, or remove it"));
            }
        };
        if self.enabled {
            return Ok(installed);
        }
        let message = format!("{} is disabled", self.key);
        Err(HostError::new(HostErrorKind::Disabled, message)
            .hint(format!("`outboard connector enable {}`", self.key)))
    }

    pub(super) fn summary(&self) -> Summary {
        let mut summary = match self.manifest() {
            Some(manifest) => describe::summary(manifest),
            None => describe::summary(&Manifest::default()),
        };
        // Without a manifest the directory's name is all there is.
        summary.key.clone_from(&self.key);
        if summary.name.is_empty() {
            summary.name.clone_from(&self.key);
        }
        summary.enabled = self.enabled;
        summary.problem = self.problem().cloned();
        if let EntryState::Usable { signed: state, .. } = &self.state {
            (summary.signed, summary.key_id) = signed(state);
        } else if let Some(manifest) = self.manifest()
            && !manifest.signature.is_empty()
        {
            "unverifiable".clone_into(&mut summary.signed);
        }
        summary
    }
}

/// A signature in the words of the API, and the key that made it.
pub(super) fn signed(state: &SignatureState) -> (String, Option<String>) {
    match state {
        SignatureState::None => ("none".to_owned(), None),
        SignatureState::Unverifiable => ("unverifiable".to_owned(), None),
        SignatureState::Program { key_id } => ("program".to_owned(), Some(key_id.clone())),
        SignatureState::Envelope { key_id } => ("envelope".to_owned(), Some(key_id.clone())),
    }
}

/// All entries by key.
pub(super) type Entries = BTreeMap<String, Arc<Entry>>;

/// What differs between two looks at the directory.
#[derive(Debug)]
pub(super) enum Difference {
    /// Call this program from now on.
    Run(Arc<Installed>),
    /// Call it no more.
    Stop(String),
    /// Tell those who follow.
    Tell {
        key: String,
        change: &'static str,
        version: String,
        detail: Option<String>,
    },
}

/// What to do to come from one look to the next.
pub(super) fn differences(before: &Entries, after: &Entries) -> Vec<Difference> {
    let mut found = Vec::new();
    for (key, entry) in after {
        let old = before.get(key);
        let tell = |change, detail| Difference::Tell {
            key: key.clone(),
            change,
            version: entry.version().to_owned(),
            detail,
        };
        let running = old.and_then(|old| runnable(old));
        match (running, runnable(entry)) {
            (Some(before), Some(now)) if same_program(before, now) => {}
            (_, Some(now)) => found.push(Difference::Run(Arc::clone(now))),
            (Some(_), None) => found.push(Difference::Stop(key.clone())),
            (None, None) => {}
        }
        match old {
            None => found.push(tell("installed", None)),
            Some(old) => {
                if changed_manifest(old, entry) {
                    found.push(tell("updated", None));
                }
                if old.enabled != entry.enabled {
                    let change = if entry.enabled { "enabled" } else { "disabled" };
                    found.push(tell(change, None));
                }
            }
        }
        if let Some(problem) = entry.problem()
            && old.and_then(|old| old.problem()) != Some(problem)
        {
            found.push(tell("problem", Some(problem.detail.clone())));
        }
    }
    for (key, entry) in before {
        if !after.contains_key(key) {
            if runnable(entry).is_some() {
                found.push(Difference::Stop(key.clone()));
            }
            found.push(Difference::Tell {
                key: key.clone(),
                change: "removed",
                version: entry.version().to_owned(),
                detail: None,
            });
        }
    }
    found
}

fn runnable(entry: &Entry) -> Option<&Arc<Installed>> {
    match &entry.state {
        EntryState::Usable { installed, .. } if entry.enabled => Some(installed),
        _ => None,
    }
}

/// A process goes on when neither the program nor where it lies has changed. Only the
/// manifest may have: then what is described changes and what runs does not.
fn same_program(before: &Installed, now: &Installed) -> bool {
    before.manifest.sha256 == now.manifest.sha256
        && before.program == now.program
        && before.version == now.version
}

fn changed_manifest(before: &Entry, now: &Entry) -> bool {
    before.manifest() != now.manifest()
}
