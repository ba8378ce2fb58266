//! A server on a free port, over a directory of plugins.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use outboard_go_plugin::host::RestartPolicy;
use outboard_server::{Access, HostPolicy, Server, ServerBuilder, Token};
use outboard_workflow::{
    engine::{
        Engine,
        workflow_file::{self, CheckOptions},
    },
    external::ExternalPluginManager,
};
use serde_json::json;
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use crate::client::Client;

pub(crate) const TOKEN: &str = "the-token";

/// A directory of plugins that goes with the test.
pub(crate) struct Plugins(TempDir);

impl Plugins {
    pub(crate) fn new() -> Plugins {
        Plugins(tempfile::tempdir().unwrap())
    }

    pub(crate) fn with_kitchen() -> Plugins {
        let plugins = Plugins::new();
        plugins.kitchen();
        plugins
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    /// The plugin of `examples/kitchen.rs`, which cargo builds with the tests.
    pub(crate) fn kitchen(&self) {
        let tests = std::env::current_exe().unwrap();
        let program = tests
            .parent()
            .unwrap()
            .parent()
            .unwrap()
            .join("examples/kitchen");
        let manifest = json!({
            "name": "kitchen", "version": "1.0.0", "author": "tests", "description": "cooks",
        });
        self.plugin("kitchen", &manifest.to_string());
        let copy = self.path("kitchen/kitchen");
        fs::hard_link(&program, &copy)
            .or_else(|_| fs::copy(&program, &copy).map(drop))
            .unwrap();
    }

    /// A directory with a `plugin.json` and nothing else.
    pub(crate) fn plugin(&self, name: &str, manifest: &str) {
        fs::create_dir(self.path(name)).unwrap();
        fs::write(self.path(name).join("plugin.json"), manifest).unwrap();
    }

    /// A plugin that is a shell script.
    pub(crate) fn script(&self, name: &str, body: &str) {
        let manifest = json!({
            "name": name, "version": "1.0.0", "author": "tests", "description": "a script",
        });
        self.plugin(name, &manifest.to_string());
        let program = self.path(name).join(name);
        fs::write(&program, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn manager(&self) -> ExternalPluginManager {
        let restart = RestartPolicy {
            first_delay: Duration::from_millis(1),
            ..RestartPolicy::default()
        };
        ExternalPluginManager::builder(self.0.path())
            .start_timeout(Duration::from_secs(20))
            .restart_policy(restart)
            .build()
    }
}

/// A server that serves until [`Running::stop`].
pub(crate) struct Running {
    /// With the token.
    pub(crate) client: Client,
    pub(crate) plugins: Plugins,
    pub(crate) engine: Engine,
    pub(crate) manager: ExternalPluginManager,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

impl Running {
    pub(crate) async fn start(plugins: Plugins) -> Running {
        Running::start_with(plugins, Some(Token::new(TOKEN))).await
    }

    pub(crate) async fn start_with(plugins: Plugins, token: Option<Token>) -> Running {
        Running::start_as(plugins, token, |server| server).await
    }

    /// The same, with settings of the server's.
    pub(crate) async fn start_as(
        plugins: Plugins,
        token: Option<Token>,
        settings: impl FnOnce(ServerBuilder) -> ServerBuilder,
    ) -> Running {
        let access = |hosts| Access::new(hosts, token);
        Running::start_guarded(plugins, access, settings).await
    }

    /// The same, with access of the test's own.
    pub(crate) async fn start_guarded(
        plugins: Plugins,
        access: impl FnOnce(HostPolicy) -> Access,
        settings: impl FnOnce(ServerBuilder) -> ServerBuilder,
    ) -> Running {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (manager, engine) = (plugins.manager(), Engine::builder().build().unwrap());
        let access = access(HostPolicy::new(address, &["box.example".to_owned()]));
        let server = Server::builder(manager.clone(), engine.clone(), access);
        let server = settings(server).build();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            server
                .serve(listener, stopped, Duration::from_secs(20))
                .await
        });
        let headers = vec![
            ("host", address.to_string()),
            ("authorization", format!("Bearer {TOKEN}")),
        ];
        Running {
            client: Client { address, headers },
            plugins,
            engine,
            manager,
            stop,
            task,
        }
    }

    /// Loads the kitchen over HTTP and starts a workflow over it.
    pub(crate) async fn with_workflow(file: &str) -> Running {
        let running = Running::start(Plugins::with_kitchen()).await;
        running.apply(file).await;
        running
    }

    /// Loads the kitchen over HTTP and starts a workflow over it.
    pub(crate) async fn apply(&self, file: &str) {
        let loaded = self
            .client
            .post("/api/v1/plugins/external/kitchen/load", "")
            .await;
        assert_eq!(loaded.status, 200, "{loaded:?}");
        let types = self.engine.registry().known_types();
        let options = CheckOptions {
            types: Some(&types),
            ..CheckOptions::permissive()
        };
        let workflow = workflow_file::check(file.as_bytes(), &options).unwrap();
        self.engine.apply(&workflow, Path::new(".")).await.unwrap();
    }

    /// Tells the server to stop, and does not wait for it.
    pub(crate) fn begin_stop(
        self,
    ) -> (
        JoinHandle<std::io::Result<()>>,
        Engine,
        ExternalPluginManager,
        Plugins,
    ) {
        let _ = self.stop.send(());
        (self.task, self.engine, self.manager, self.plugins)
    }

    /// Stops the server, the engine and the plugins.
    pub(crate) async fn stop(self) {
        let (task, engine, manager, _plugins) = self.begin_stop();
        task.await.unwrap().unwrap();
        engine.stop().await;
        manager.shutdown().await;
    }
}

/// Waits until something is so.
pub(crate) async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < until, "not within 30 seconds: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
