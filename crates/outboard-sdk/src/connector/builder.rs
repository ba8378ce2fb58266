//! A connector as its author declares it.

use std::{collections::BTreeMap, fmt, future::Future, pin::Pin, sync::Arc};

use outboard_contracts::{
    connector::{
        Kind, Module,
        manifest::ManifestProblem,
        module::{Category, DefaultAccess, Meta, OAuth, Tag},
        validate_key,
    },
    version,
};

use super::{
    Context, Fields, Health, Identity, Operation, OperationError, Permission, operation::Run,
};

type Answer<T> = Pin<Box<dyn Future<Output = T> + Send>>;
pub(super) type Permissions<S> =
    Box<dyn Fn(Context<S>) -> Answer<Result<Vec<Permission>, OperationError>> + Send + Sync>;
pub(super) type CheckHealth = Box<dyn Fn() -> Answer<Health> + Send + Sync>;
pub(super) type ResolveIdentity =
    Box<dyn Fn(String) -> Answer<Result<Identity, OperationError>> + Send + Sync>;
pub(super) type ShutdownHook = Arc<dyn Fn() -> Answer<()> + Send + Sync>;

/// What version a connector is that nobody gave one.
const NO_VERSION: &str = "0.0.0-dev";

/// A connector: who it is, what it is configured with, and what it can do.
///
/// `S` is a struct that derives [`Fields`](macro@Fields), or `()` for a connector without
/// settings. Every call brings the settings of the instance that is called.
#[must_use]
pub struct Connector<S> {
    pub(super) module: Module,
    pub(super) operations: Vec<(String, Run<S>)>,
    pub(super) kind: Kind,
    pub(super) version: Option<String>,
    package_version: Option<&'static str>,
    pub(super) permissions: Option<Permissions<S>>,
    pub(super) health: Option<CheckHealth>,
    pub(super) identity: Option<ResolveIdentity>,
    pub(super) shutdown: Option<ShutdownHook>,
}

impl<S: Fields> Connector<S> {
    /// A connector that can do nothing yet. `key` is what hosts, directories and archives
    /// call it: 1 to 64 of `a-z`, `0-9` and `_`. `name` is for people.
    pub fn new(key: &str, name: &str) -> Connector<S> {
        Connector {
            module: Module {
                meta: Meta {
                    key: key.to_owned(),
                    name: name.to_owned(),
                    ..Meta::default()
                },
                configs: S::fields(),
                ..Module::default()
            },
            operations: Vec::new(),
            kind: Kind::Connector,
            version: None,
            package_version: S::package_version(),
            permissions: None,
            health: None,
            identity: None,
            shutdown: None,
        }
    }

    /// What it is for.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.module.meta.description = text.into();
        self
    }

    /// An emoji or the name of an icon.
    pub fn icon(mut self, icon: impl Into<String>) -> Self {
        self.module.meta.icon = icon.into();
        self
    }

    /// A word that it is filed under.
    pub fn tag(mut self, tag: Tag) -> Self {
        self.module.meta.default_tags.push(tag);
        self
    }

    /// It has exactly one instance, which always exists.
    pub fn fixed(mut self) -> Self {
        self.module.meta.fixed = true;
        self
    }

    /// Its operations may change while it runs.
    pub fn live_catalog(mut self) -> Self {
        self.module.meta.live_catalog = true;
        self
    }

    /// A session may have settings of its own.
    pub fn allow_session_config(mut self) -> Self {
        self.module.allow_session_config = true;
        self
    }

    /// What users may do with it unless an administrator says otherwise.
    pub fn default_access(mut self, access: DefaultAccess) -> Self {
        self.module.default_access = access;
        self
    }

    /// How users sign in to the service. The token comes with each call, as
    /// [`Context::access_token`]; [`Connector::identity`] tells whose it is.
    pub fn oauth(mut self, oauth: OAuth) -> Self {
        self.module.oauth = Some(oauth);
        self
    }

    /// What it is configured with, where its settings are [`Arguments`](super::Arguments)
    /// and the fields are known at run time only. They take the place of those of `S`.
    pub fn settings(mut self, fields: impl IntoIterator<Item = super::Field>) -> Self {
        self.module.configs = fields.into_iter().map(Into::into).collect();
        self
    }

    /// What kind of package it is; [`Kind::Connector`] unless said otherwise.
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Its version. Without this it is that of the package in which the settings, or the
    /// first input, derive [`Fields`](macro@Fields): the author's own.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// Operations under one heading.
    pub fn category(
        mut self,
        title: &str,
        description: &str,
        operations: impl IntoIterator<Item = Operation<S>>,
    ) -> Self {
        let mut category = Category {
            title: title.to_owned(),
            description: description.to_owned(),
            operations: Vec::new(),
        };
        for operation in operations {
            self.package_version = self.package_version.or(operation.package_version);
            self.operations
                .push((operation.declared.key.clone(), operation.run));
            category.operations.push(operation.declared);
        }
        self.module.operations.push(category);
        self
    }

    /// Tells which operations the settings of an instance permit. Without it hosts are
    /// told that this cannot be asked, as by the original.
    pub fn permissions<F, Work>(mut self, check: F) -> Self
    where
        F: Fn(Context<S>) -> Work + Send + Sync + 'static,
        Work: Future<Output = Result<Vec<Permission>, OperationError>> + Send + 'static,
    {
        self.permissions = Some(Box::new(move |context| Box::pin(check(context))));
        self
    }

    /// Tells whether the connector can work. It is asked without settings, so it is about
    /// the process and not about the service. Without it the connector is always healthy.
    pub fn health<F, Work>(mut self, check: F) -> Self
    where
        F: Fn() -> Work + Send + Sync + 'static,
        Work: Future<Output = Health> + Send + 'static,
    {
        self.health = Some(Box::new(move || Box::pin(check())));
        self
    }

    /// Tells whose access token it is.
    pub fn identity<F, Work>(mut self, resolve: F) -> Self
    where
        F: Fn(String) -> Work + Send + Sync + 'static,
        Work: Future<Output = Result<Identity, OperationError>> + Send + 'static,
    {
        self.identity = Some(Box::new(move |token| Box::pin(resolve(token))));
        self
    }

    /// Runs when the host asks the connector to stop, after the calls in flight are done:
    /// to close what is open. It has 0.9 seconds.
    pub fn on_shutdown<F, Work>(mut self, hook: F) -> Self
    where
        F: Fn() -> Work + Send + Sync + 'static,
        Work: Future<Output = ()> + Send + 'static,
    {
        self.shutdown = Some(Arc::new(move || Box::pin(hook())));
        self
    }
}

impl<S> Connector<S> {
    /// What it is, as hosts read it.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// The version that its packages have.
    pub fn package_version(&self) -> &str {
        self.version
            .as_deref()
            .or(self.package_version)
            .unwrap_or(NO_VERSION)
    }

    /// Checks what was declared. [`serve`](super::serve()) does this before anything else,
    /// also when it prints the manifest.
    ///
    /// # Errors
    ///
    /// [`InvalidConnector`] with the first thing that is wrong.
    pub fn check(&self) -> Result<(), InvalidConnector> {
        let key = &self.module.meta.key;
        let invalid = |what: String| InvalidConnector {
            key: key.clone(),
            what,
        };
        validate_key(key).map_err(|error| invalid(error.to_string()))?;
        if self.module.meta.name.trim().is_empty() {
            return Err(invalid("it has no name".to_owned()));
        }
        version::parse(self.package_version()).map_err(|error| invalid(error.to_string()))?;
        let mut operations = BTreeMap::new();
        for operation in self.module.all_operations() {
            let key = &operation.key;
            validate_key(key).map_err(|error| {
                let named = error
                    .to_string()
                    .replace("a connector's key", "an operation's key");
                invalid(format!("operation {key:?}: {named}"))
            })?;
            if operations.insert(key, ()).is_some() {
                let problem = ManifestProblem::DuplicateOperation { key: key.clone() };
                return Err(invalid(problem.to_string()));
            }
            check_fields(&operation.input)
                .map_err(|what| invalid(format!("the input of {key:?}: {what}")))?;
        }
        if operations.is_empty() {
            return Err(invalid(ManifestProblem::NoOperations.to_string()));
        }
        check_fields(&self.module.configs).map_err(|what| invalid(format!("the settings: {what}")))
    }
}

fn check_fields(fields: &[super::Config]) -> Result<(), String> {
    let mut seen = std::collections::BTreeSet::new();
    for field in fields {
        let key = &field.key;
        if key.is_empty() {
            return Err("a field has no key".to_owned());
        }
        if !seen.insert(key) {
            return Err(format!("the field {key:?} is there twice"));
        }
        if field.is_secret && !field.value.is_empty() {
            return Err(format!(
                "the secret {key:?} has a default, which everybody could read in the manifest"
            ));
        }
        if let Some((other, _)) = field.visible_when.split_once(':')
            && !fields.iter().any(|field| field.key == other)
        {
            return Err(format!("{key:?} depends on {other:?}, which is not there"));
        }
    }
    Ok(())
}

/// A connector that must not be shipped as it was declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidConnector {
    key: String,
    what: String,
}

impl InvalidConnector {
    /// What is wrong.
    pub fn problem(&self) -> &str {
        &self.what
    }
}

impl fmt::Display for InvalidConnector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let InvalidConnector { key, what } = self;
        write!(
            formatter,
            "the connector {key:?} is declared wrongly: {what}; mend its code"
        )
    }
}

impl std::error::Error for InvalidConnector {}

impl<S> fmt::Debug for Connector<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Connector")
            .field("module", &self.module)
            .field("kind", &self.kind)
            .field("version", &self.package_version())
            .finish_non_exhaustive()
    }
}
