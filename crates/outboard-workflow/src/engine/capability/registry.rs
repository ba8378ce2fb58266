//! Which capabilities exist, who provides them, and who is the best provider.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock},
};

use super::{Contract, InterfaceId};
use crate::engine::EngineError;

/// Contracts and their providers. Shared by reference; every method is short and
/// calls no foreign code under its lock.
#[derive(Debug, Default)]
pub struct CapabilityRegistry {
    entries: RwLock<BTreeMap<String, Entry>>,
}

#[derive(Clone, Debug, Default)]
struct Entry {
    /// Who defined the contract, in the order in which they came.
    contracts: Vec<(String, Contract)>,
    providers: Vec<Provider>,
}

impl Entry {
    fn exists(&self) -> bool {
        !self.contracts.is_empty()
    }

    /// The first contract that names an interface, or else the first.
    fn best_contract(&self) -> Option<&(String, Contract)> {
        self.contracts
            .iter()
            .find(|(_, contract)| contract.interface != InterfaceId::Unspecified)
            .or_else(|| self.contracts.first())
    }
}

/// Who provides a capability.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// The plugin's name.
    pub plugin: String,
    /// Among several the highest is used; the one that came first, if equal.
    pub priority: i64,
    /// Which interface it provides.
    pub interface: InterfaceId,
}

impl CapabilityRegistry {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers what a capability is, on behalf of `owner`. The same contract may
    /// be registered by several; it exists until the last of them is gone.
    ///
    /// # Errors
    ///
    /// The contract has no name, or the name stands for another interface already.
    pub fn register_contract(&self, owner: &str, contract: Contract) -> Result<(), EngineError> {
        if contract.name.is_empty() {
            return Err(EngineError::Capability {
                capability: String::new(),
                reason: format!("plugin {owner:?} defines a capability without a name"),
            });
        }
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.entry(contract.name.clone()).or_default();
        if let Some((other, existing)) = entry.best_contract()
            && !existing.interface.agrees_with(&contract.interface)
        {
            return Err(EngineError::Capability {
                capability: contract.name,
                reason: format!(
                    "plugin {owner:?} defines it as {}, but plugin {other:?} as {}",
                    contract.interface, existing.interface
                ),
            });
        }
        if !entry
            .contracts
            .iter()
            .any(|(existing, _)| existing == owner)
        {
            entry.contracts.push((owner.to_owned(), contract));
        }
        Ok(())
    }

    /// Registers that `plugin` provides a capability. Doing so again changes the
    /// priority.
    ///
    /// # Errors
    ///
    /// The capability has no contract, or one about another interface.
    pub fn register_provider(
        &self,
        capability: &str,
        plugin: &str,
        priority: i64,
        interface: InterfaceId,
    ) -> Result<(), EngineError> {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let entry = entries
            .get_mut(capability)
            .filter(|entry| entry.exists())
            .ok_or_else(|| EngineError::UnknownCapability {
                capability: capability.to_owned(),
            })?;
        if let Some((owner, contract)) = entry.best_contract()
            && !contract.interface.agrees_with(&interface)
        {
            return Err(EngineError::Capability {
                capability: capability.to_owned(),
                reason: format!(
                    "plugin {plugin:?} provides {interface}, but plugin {owner:?} defines it as {}",
                    contract.interface
                ),
            });
        }
        match entry
            .providers
            .iter_mut()
            .find(|provider| provider.plugin == plugin)
        {
            Some(provider) => provider.priority = priority,
            None => entry.providers.push(Provider {
                plugin: plugin.to_owned(),
                priority,
                interface,
            }),
        }
        Ok(())
    }

    /// Forgets everything that a plugin registered. Providers of a capability whose
    /// last contract goes are kept, and count again when a contract comes back.
    pub fn unregister(&self, plugin: &str) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        for entry in entries.values_mut() {
            entry.contracts.retain(|(owner, _)| owner != plugin);
            entry.providers.retain(|provider| provider.plugin != plugin);
        }
        entries.retain(|_, entry| entry.exists() || !entry.providers.is_empty());
    }

    /// What a capability is.
    pub fn contract(&self, capability: &str) -> Option<Contract> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries
            .get(capability)?
            .best_contract()
            .map(|(_, contract)| contract.clone())
    }

    /// The best provider.
    ///
    /// # Errors
    ///
    /// The capability is unknown, or nobody provides it.
    pub fn resolve(&self, capability: &str) -> Result<Provider, EngineError> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let entry = entries
            .get(capability)
            .filter(|entry| entry.exists())
            .ok_or_else(|| EngineError::UnknownCapability {
                capability: capability.to_owned(),
            })?;
        let mut best: Option<&Provider> = None;
        for provider in &entry.providers {
            if best.is_none_or(|best| provider.priority > best.priority) {
                best = Some(provider);
            }
        }
        best.cloned().ok_or_else(|| EngineError::NoProvider {
            capability: capability.to_owned(),
        })
    }

    /// Whether somebody provides the capability.
    pub fn has_provider(&self, capability: &str) -> bool {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries
            .get(capability)
            .is_some_and(|entry| entry.exists() && !entry.providers.is_empty())
    }

    /// The names of all capabilities, sorted.
    pub fn list(&self) -> Vec<String> {
        self.entries
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .filter(|(_, entry)| entry.exists())
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Everybody who provides the capability, in the order in which they came. The
    /// list is the caller's own.
    pub fn providers(&self, capability: &str) -> Vec<Provider> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries
            .get(capability)
            .map(|entry| entry.providers.clone())
            .unwrap_or_default()
    }
}

impl Clone for CapabilityRegistry {
    /// A registry of its own with the same content.
    fn clone(&self) -> Self {
        let entries = self
            .entries
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        Self {
            entries: RwLock::new(entries),
        }
    }
}
