//! Signing in, against a real identity server.

use std::{sync::Arc, time::Duration};

use outboard_connector::{
    oauth::{Limits, OAuthError, SignIns},
    state::{
        State,
        instances::{By, Instance, NewInstance},
    },
};
use outboard_contracts::connector::module::{Module, OAuth};
use serde_json::json;
use url::Url;

use crate::state::{Home, module, nothing};

mod answers;
mod loopback;
mod renewal;
mod server;
mod signing_in;

use server::IdentityServer;

/// An instance of a connector that signs in to a server of our own.
struct World {
    home: Home,
    server: IdentityServer,
    state: Arc<State>,
    sign_ins: Arc<SignIns>,
    module: Module,
    instance: Instance,
}

impl World {
    fn new() -> World {
        World::with(Limits {
            request: Duration::from_secs(10),
            ..Limits::default()
        })
    }

    fn with(limits: Limits) -> World {
        let home = Home::new();
        let server = IdentityServer::start();
        let state = Arc::new(home.open());
        let module = Module {
            oauth: Some(OAuth {
                authorize_url: server.url("/authorize?tenant=t"),
                token_url: server.url("/token"),
                extra_params: [("access_type".to_owned(), "offline".to_owned())].into(),
                scopes: "read write".to_owned(),
                ..OAuth::default()
            }),
            ..module(vec![])
        };
        let new = NewInstance {
            connector: "service",
            name: "work",
            owner: "",
        };
        let input =
            json!({ "client_id": server::CLIENT_ID, "client_secret": server::CLIENT_SECRET });
        let instance = state
            .create_instance(&new, &module, &input, By::User)
            .unwrap();
        World {
            sign_ins: Arc::new(SignIns::new(state.clone(), limits)),
            home,
            server,
            state,
            module,
            instance,
        }
    }

    /// As on the command line, with a browser that follows redirects.
    fn sign_in(&self) -> Result<(), OAuthError> {
        std::thread::scope(|scope| {
            self.sign_ins.sign_in(
                &self.instance,
                &self.module,
                &nothing,
                &mut |url: &Url| {
                    let url = url.clone();
                    scope.spawn(move || browse(&url));
                },
                &|| false,
            )
        })
    }

    /// What a call does for its token.
    fn token(&self) -> Result<String, OAuthError> {
        let provider = outboard_connector::oauth::Provider::of(&self.module)?;
        let client = self
            .state
            .oauth_client(&self.instance, &self.module, &nothing)?;
        let token = self
            .sign_ins
            .access_token(self.instance.id, &provider, &client)?;
        Ok(token.into_exposed())
    }
}

/// The status and the page where the redirects end.
fn browse(url: &Url) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .into();
    let mut answer = agent.get(url.as_str()).call().unwrap();
    let page = answer.body_mut().read_to_string().unwrap();
    (answer.status().as_u16(), page)
}
