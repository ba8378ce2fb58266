//! A server over a data directory with connectors, and packages to install.

use std::{fs, net::SocketAddr, path::PathBuf, process::Command, sync::OnceLock};

use axum::{Router, extract::Path, routing::get};
use http::StatusCode;
use outboard_connector::{
    host::{ConnectorHost, HostConfig},
    platform,
};
use outboard_server::{ConnectorSteps, ServerBuilder, Token};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::{
    client::{Answer, Client},
    support::{Plugins, Running, TOKEN},
};

pub(crate) const CONNECTORS: &str = "/api/v1/connectors";

/// The program of `examples/waiter.rs`, which cargo builds with the tests.
fn waiter() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let built = tests.parent().unwrap().parent().unwrap();
    built.join("examples/waiter")
}

/// What it says of itself.
fn envelope() -> Value {
    static ENVELOPE: OnceLock<Value> = OnceLock::new();
    let dumped = ENVELOPE.get_or_init(|| {
        let output = Command::new(waiter()).arg("--dump-manifest").output();
        serde_json::from_slice(&output.unwrap().stdout).unwrap()
    });
    dumped.clone()
}

/// A package in a directory, whose manifest `change` may still change.
pub(crate) fn package(
    below: &std::path::Path,
    name: &str,
    change: impl FnOnce(&mut Value),
) -> PathBuf {
    let directory = below.join(name);
    fs::create_dir(&directory).unwrap();
    let mut envelope = envelope();
    change(&mut envelope);
    fs::write(directory.join("plugin.json"), envelope.to_string()).unwrap();
    fs::copy(waiter(), directory.join("waiter")).unwrap();
    directory
}

/// A server with connectors.
pub(crate) struct Restaurant {
    pub(crate) running: Running,
    pub(crate) host: ConnectorHost,
    data: TempDir,
}

impl Restaurant {
    /// With nothing installed.
    pub(crate) async fn empty() -> Restaurant {
        Restaurant::with(|_| {}, |server| server).await
    }

    /// With the waiter, and an instance that knows its table.
    pub(crate) async fn open() -> Restaurant {
        let restaurant = Restaurant::empty().await;
        restaurant.hire(|_| {}).await;
        restaurant
    }

    /// With settings of the host's and of the server's.
    pub(crate) async fn with(
        host: impl FnOnce(&mut HostConfig),
        server: impl FnOnce(ServerBuilder) -> ServerBuilder,
    ) -> Restaurant {
        let data = tempfile::tempdir().unwrap();
        let mut config = HostConfig::new(data.path().join("data"));
        host(&mut config);
        let host = ConnectorHost::open(config).unwrap();
        let token = Some(Token::new(TOKEN));
        let running = Running::start_as(Plugins::new(), token, |builder| {
            server(builder.connectors(host.clone()))
        })
        .await;
        let steps = ConnectorSteps::new(host.clone());
        running.engine.registry().register(&steps).unwrap();
        Restaurant {
            running,
            host,
            data,
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.running.client
    }

    /// A path that goes with the test.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.data.path().join(below)
    }

    /// Installs the waiter over HTTP, and makes an instance.
    pub(crate) async fn hire(&self, change: impl FnOnce(&mut Value)) {
        let package = package(self.data.path(), "package", change);
        let answer = self.install(&package).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let instance = json!({ "config": { "table": "7", "pin": "hunter2" } });
        let path = format!("{CONNECTORS}/waiter/instances");
        let answer = self.client().post(&path, &instance.to_string()).await;
        assert_eq!(answer.status, 201, "{answer:?}");
    }

    pub(crate) async fn install(&self, package: &std::path::Path) -> Answer {
        let body = json!({ "path": package }).to_string();
        self.client()
            .post(&format!("{CONNECTORS}/install"), &body)
            .await
    }

    /// Calls an operation of the waiter.
    pub(crate) async fn call(&self, operation: &str, body: Value) -> Answer {
        let path = format!("{CONNECTORS}/waiter/operations/{operation}");
        self.client().post(&path, &body.to_string()).await
    }

    pub(crate) async fn close(self) {
        self.running.stop().await;
        self.host.shut_down().await;
    }
}

/// A catalog that has a version of the waiter, of which nothing can be fetched.
pub(crate) fn catalog(directory: &std::path::Path, version: &str) -> String {
    let catalog = json!([{
        "key": "waiter", "name": "Waiter", "description": "", "version": version,
        "default_tags": [], "assets": { platform::host(): "http://127.0.0.1:9/waiter" },
    }]);
    let path = directory.join("catalog.json");
    fs::write(&path, catalog.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A web server with archives, and a catalog of them in a file.
pub(crate) struct Shop {
    directory: TempDir,
    address: SocketAddr,
}

impl Shop {
    pub(crate) async fn open() -> Shop {
        let directory = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let archives = directory.path().to_owned();
        let archive = move |Path(name): Path<String>| async move {
            fs::read(archives.join(name)).map_err(|_| StatusCode::NOT_FOUND)
        };
        let router = Router::new().route("/{name}", get(archive));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Shop { directory, address }
    }

    /// Puts a version of the waiter into the catalog, and says where the catalog is.
    pub(crate) fn sell(&self, version: &str) -> String {
        let package = package(self.directory.path(), version, |envelope| {
            envelope["version"] = json!(version);
        });
        let archive = outboard_connector::package::pack::pack(&package, self.directory.path());
        let archive = archive.unwrap();
        let name = archive.file_name().unwrap().to_str().unwrap();
        let meta = envelope()["module"]["Meta"].clone();
        let catalog = json!([{
            "key": "waiter", "name": "Waiter", "description": meta["Description"],
            "version": version, "default_tags": meta["DefaultTags"],
            "assets": { platform::host(): format!("http://{}/{name}", self.address) },
        }]);
        let path = self.directory.path().join("plugins.json");
        fs::write(&path, catalog.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    }
}
