//! Capabilities: what one plugin offers and another needs, without either naming
//! the other.
//!
//! A [`Contract`] says what a capability is; plugins declare in their manifest that
//! they provide or consume it, and the [`CapabilityRegistry`] finds the best
//! provider.

mod registry;
mod resolver;

use std::any::TypeId;

pub use registry::{CapabilityRegistry, Provider};
pub use resolver::check_required;

/// What a capability is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// Its name, such as `key-value`.
    pub name: String,
    /// What it is for, in a sentence.
    pub description: String,
    /// Which interface its providers have.
    pub interface: InterfaceId,
    /// The methods that every provider has.
    pub required_methods: Vec<MethodSignature>,
}

/// Which interface a contract is about; two contracts of one name must agree in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum InterfaceId {
    /// A Rust type, usually `dyn Trait`.
    Type(TypeId, &'static str),
    /// An interface that has no Rust type here, by its name.
    Named(String),
    /// Nobody has said which: agrees with every interface. A plugin in another
    /// process that provides a capability says no more than the capability's name.
    Unspecified,
}

/// One method of a contract.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MethodSignature {
    /// Its name.
    pub name: String,
    /// The types of its parameters, in the contract's own words.
    pub params: Vec<String>,
    /// The types of its results, in the contract's own words.
    pub returns: Vec<String>,
}

impl InterfaceId {
    /// The interface that is the type `T`, usually `dyn Trait`.
    pub fn of<T: ?Sized + 'static>() -> Self {
        Self::Type(TypeId::of::<T>(), std::any::type_name::<T>())
    }

    /// Whether both may stand for the same interface.
    pub fn agrees_with(&self, other: &Self) -> bool {
        self == other || *self == Self::Unspecified || *other == Self::Unspecified
    }

    /// The interface of that name.
    pub fn named(name: impl Into<String>) -> Self {
        Self::Named(name.into())
    }
}

impl std::fmt::Display for InterfaceId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Type(_, name) => formatter.write_str(name),
            Self::Named(name) => formatter.write_str(name),
            Self::Unspecified => formatter.write_str("any interface"),
        }
    }
}

impl Contract {
    /// A contract without required methods.
    pub fn new(
        name: impl Into<String>,
        description: impl Into<String>,
        interface: InterfaceId,
    ) -> Self {
        Self {
            name: name.into(),
            description: description.into(),
            interface,
            required_methods: Vec::new(),
        }
    }

    /// Adds a method that every provider has.
    #[must_use]
    pub fn method(mut self, name: &str, params: &[&str], returns: &[&str]) -> Self {
        let owned = |types: &[&str]| types.iter().map(|text| (*text).to_owned()).collect();
        self.required_methods.push(MethodSignature {
            name: name.to_owned(),
            params: owned(params),
            returns: owned(returns),
        });
        self
    }
}
