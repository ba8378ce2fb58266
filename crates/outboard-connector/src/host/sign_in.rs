//! Signing in to the service behind a connector, and what depends on it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use outboard_contracts::connector::Module;
use uuid::Uuid;

use super::{
    ConnectorHost, blocking,
    error::{HostError, HostErrorKind, of_call, of_oauth, of_state},
    types::InstanceView,
};
use crate::{
    client::CallLimits,
    oauth::{Callback, OAuthError, Provider, begin},
    secrets::SecretText,
    state::{instances::Instance, tokens::StoredIdentity},
};

/// How long a question that is no operation may take, with its start.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(60);

fn soon() -> Instant {
    Instant::now() + QUESTION_TIMEOUT
}

/// A sign-in that has begun.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SignIn {
    /// Where to send the user.
    pub authorize_url: String,
    /// How long it is waited for, in seconds.
    pub expires_in_seconds: u64,
}

impl ConnectorHost {
    /// Where to send a user who is to sign in to an instance. The service sends the browser
    /// to `redirect_uri`; give what arrives there to [`ConnectorHost::finish_sign_in`].
    ///
    /// # Errors
    ///
    /// [`HostErrorKind::NotConfigured`] without `client_id`; [`HostErrorKind::NotFound`] when
    /// the connector has no sign-in.
    pub async fn begin_sign_in(
        &self,
        key: &str,
        instance: &str,
        redirect_uri: &str,
    ) -> Result<SignIn, HostError> {
        let manifest = self.manifest(key)?;
        let (host, key, name) = (self.clone(), key.to_owned(), instance.to_owned());
        let redirect_uri = redirect_uri.to_owned();
        self.with_state(move |state| {
            let instance = state.instance(&key, &name).map_err(of_state)?;
            let provider = Provider::of(&manifest.module).map_err(of_oauth)?;
            let client = state
                .oauth_client(&instance, &manifest.module, &|name| host.variable(name))
                .map_err(of_oauth)?;
            let begun = begin(&provider, &client, &redirect_uri).map_err(of_oauth)?;
            host.inner
                .pending
                .insert(instance.id, begun.pending)
                .map_err(of_oauth)?;
            Ok(SignIn {
                authorize_url: begun.authorize_url.into(),
                expires_in_seconds: crate::oauth::Limits::default().sign_in.as_secs(),
            })
        })
        .await
    }

    /// Ends what [`ConnectorHost::begin_sign_in`] began, with what the browser brought. The
    /// tokens are stored, and the connector is asked who it is; that it does not know is no
    /// error.
    ///
    /// # Errors
    ///
    /// [`HostErrorKind::SignIn`] when the user refused, or the answer belongs to no sign-in;
    /// [`HostErrorKind::Download`] when the service fails.
    pub async fn finish_sign_in(&self, callback: Callback) -> Result<InstanceView, HostError> {
        let (id, pending) = self.inner.pending.take(&callback).map_err(of_oauth)?;
        let sign_ins = Arc::clone(&self.inner.sign_ins);
        blocking(move || sign_ins.finish(id, pending, &callback).map_err(of_oauth)).await?;
        let instance = self
            .with_state(move |state| state.instance_by_id(id).map_err(of_state))
            .await?;
        if let Err(error) = self.find_out_who(&instance).await {
            tracing::info!(
                connector = instance.connector, %error,
                "signed in; who it is could not be found out",
            );
        }
        self.instance(&instance.connector, &id.to_string()).await
    }

    async fn find_out_who(&self, instance: &Instance) -> Result<(), HostError> {
        let manifest = self.manifest(&instance.connector)?;
        let token = self.access_token(&manifest.module, instance).await?;
        let Some(token) = token else { return Ok(()) };
        let lease = self.lease(&instance.connector, soon()).await?;
        let identity = lease
            .connection()
            .resolve_identity(token.expose(), CallLimits::within(QUESTION_TIMEOUT))
            .await
            .map_err(of_call)?;
        let id: Uuid = instance.id;
        self.with_state(move |state| {
            let identity = StoredIdentity {
                user_id: identity.user_id,
                display_name: identity.display_name,
            };
            state.set_identity(id, &identity).map_err(of_state)
        })
        .await
    }

    /// The token of the user who is signed in, renewed if it is about to end. `None` for
    /// connectors without sign-in, and where nobody is.
    pub(super) async fn access_token(
        &self,
        module: &Module,
        instance: &Instance,
    ) -> Result<Option<SecretText>, HostError> {
        if module.oauth.is_none() {
            return Ok(None);
        }
        let provider = Provider::of(module).map_err(of_oauth)?;
        let (host, module, instance) = (self.clone(), module.clone(), instance.clone());
        blocking(move || {
            let state = &host.inner.state;
            if state.sign_in(instance.id).map_err(of_state)?.is_none() {
                return Ok(None);
            }
            let client = state
                .oauth_client(&instance, &module, &|name| host.variable(name))
                .map_err(of_oauth)?;
            match host
                .inner
                .sign_ins
                .access_token(instance.id, &provider, &client)
            {
                Ok(token) => Ok(Some(token)),
                Err(OAuthError::NotSignedIn) => Ok(None),
                Err(error) => Err(of_oauth(error).hint(format!(
                    "outboard connector config sign-in {} --instance {}",
                    instance.connector, instance.name
                ))),
            }
        })
        .await
    }

    /// Which operations an instance's credentials permit: key, whether, and why not.
    ///
    /// # Errors
    ///
    /// [`HostErrorKind::Misbehaved`] also for a connector that does not know the question.
    pub async fn permissions(
        &self,
        key: &str,
        instance: Option<&str>,
    ) -> Result<Vec<(String, bool, String)>, HostError> {
        let entry = self.entry(key)?;
        let manifest = Arc::clone(&entry.callable()?.manifest);
        let config = self
            .call_config(key, &manifest, instance.map(str::to_owned), None)
            .await?;
        let lease = self.lease(key, soon()).await?;
        let permissions = lease
            .connection()
            .check_permissions(config.creds, CallLimits::within(QUESTION_TIMEOUT))
            .await
            .map_err(|error| of_call(error).masked(&config.masker))?
            .ok_or_else(|| {
                let message = format!("{key} cannot say what credentials permit");
                HostError::new(HostErrorKind::NotFound, message)
                    .hint("its author can give it a permission check")
            })?;
        Ok(permissions
            .into_iter()
            .map(|one| (one.operation, one.permitted, one.reason))
            .collect())
    }

    /// Whether the connector thinks that it works, and what it says. Starts it.
    ///
    /// # Errors
    ///
    /// When it cannot be started or does not answer.
    pub async fn health(&self, key: &str) -> Result<(bool, String), HostError> {
        self.entry(key)?.callable()?;
        let lease = self.lease(key, soon()).await?;
        let health = lease
            .connection()
            .health(CallLimits::within(QUESTION_TIMEOUT))
            .await
            .map_err(of_call)?;
        Ok((health.healthy, health.detail))
    }
}
