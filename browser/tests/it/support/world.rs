//! A server to look at: one with ten plugins in mixed states and something done with them,
//! and one on which nothing was done yet.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::{
    Api, Home, Serving,
    programs::{program, scratch},
    wait_until,
};
use crate::driver::Browser;

/// A server, and the names in it that pages' addresses have.
#[derive(Debug)]
pub(crate) struct World {
    // Goes before the directory does.
    pub(crate) server: Serving,
    pub(crate) api: Api,
    pub(crate) home: Home,
    places: HashMap<&'static str, String>,
}

impl World {
    /// Nothing but a server that was just started.
    pub(crate) fn empty() -> World {
        World::started(Home::new(), &[])
    }

    fn started(home: Home, arguments: &[&str]) -> World {
        let server = Serving::start(&home, arguments);
        World {
            api: Api::local(&home, &server),
            server,
            home,
            places: HashMap::new(),
        }
    }

    /// The same with a catalog to install from.
    pub(crate) fn with_catalog() -> World {
        let home = Home::new();
        take_catalog(&home);
        World::started(home, &[])
    }

    /// Plugins that are ready, failed, not loaded and unusable; connectors that run, sleep,
    /// are disabled, have an update and are unusable; runs and calls that went well and
    /// that did not.
    pub(crate) fn full() -> World {
        let home = Home::new();
        home.store_plugin();
        home.hello_plugin();
        home.script_plugin(
            "report-builder",
            "Builds the weekly report, and waits to be loaded",
            "exit 0",
        );
        home.script_plugin(
            "mail-gateway",
            "Says no at every start",
            "echo no >&2; exit 3",
        );
        home.script_plugin("image-scaler", "", "exit 0");
        home.write(
            "data/plugins/image-scaler/plugin.json",
            "{\"name\": \"image-sc",
        );
        home.ui_plugin("examples/ui-plugin", "ui-plugin");
        let workflow = home.demo_workflow();
        take_catalog(&home);
        let mut world = World::started(home, &["--workflow", workflow.to_str().unwrap()]);
        world.install();
        world.work();
        world.break_the_greeter();
        world
    }

    fn install(&self) {
        let home = &self.home;
        let install = |package: PathBuf| {
            home.run(&["connector", "install", package.to_str().unwrap()]);
        };
        // An older version than the catalog's.
        install(home.path("packages/sql-connector-0.9.0"));
        install(home.connector_package("rest-connector", "0.1.0"));
        let shop = home.path("shop.db");
        let rows = "CREATE TABLE items (name TEXT, price REAL); \
             INSERT INTO items VALUES ('anvil', 120.5), ('bell', 8.0), ('candle', 1.25);";
        let database = rusqlite::Connection::open(&shop).unwrap();
        database.execute_batch(rows).unwrap();
        let path = format!("path={}", shop.display());
        home.run(&["connector", "config", "set", "sql", &path]);
        home.run(&[
            "connector",
            "config",
            "set",
            "rest",
            "base_url=http://127.0.0.1:9/v1",
        ]);
        for (key, name) in [("mail", "Mail"), ("chat", "Chat"), ("files", "Files")] {
            install(home.renamed_package(key, name));
        }
        home.run(&["connector", "disable", "chat"]);
        // Its program is no more what its package says.
        let program = home.path("data/connectors/files/versions/1.4.2/rest-connector");
        let _ = fs::remove_file(&program);
        fs::write(program, "not what was signed").unwrap();
    }

    /// Runs and calls, good ones and bad ones.
    fn work(&mut self) {
        let orders = self.home.orders();
        for _ in 0..3 {
            let id = self.api.run_pipeline("restock", &json!({ "path": orders }));
            self.places.insert("run", id);
        }
        let missing = self.home.path("no-such-orders.json");
        let id = self
            .api
            .run_pipeline("restock", &json!({ "path": missing }));
        self.places.insert("failed-run", id);
        let query = json!({ "input": { "sql": "SELECT name, price FROM items" } });
        let called = "/api/v1/connectors/sql/operations/query";
        self.api.done(called, &query);
        let wrong = json!({ "input": { "sql": "SELECT nothing FROM nowhere" } });
        self.api.post(called, &wrong);
        let calls = self.api.get("/api/v1/connectors/history").body;
        let call = calls["calls"][0]["id"].as_str().unwrap().to_owned();
        self.places.insert("call", call);
    }

    /// A plugin that ran, crashed and does not start again.
    fn break_the_greeter(&self) {
        self.home.run(&["plugin", "load", "hello-plugin"]);
        let program = self.home.path("data/plugins/hello-plugin/hello-plugin");
        fs::remove_file(&program).unwrap();
        self.home.script_plugin(
            "hello-plugin",
            "It greets",
            "echo 'out of greetings' >&2; exit 7",
        );
        let shown = || {
            self.home
                .json(&["plugin", "show", "hello-plugin", "--json"])
        };
        let pid = shown()["pid"].as_i64().unwrap();
        let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        kill_process(pid, Signal::KILL).unwrap();
        wait_until("the greeter is given up", || {
            (shown()["state"] == "failed").then_some(())
        });
    }

    /// A page's address, with the names of this world in place of `{run}` and the like.
    pub(crate) fn at(&self, path: &str) -> String {
        let mut path = path.to_owned();
        for (name, value) in &self.places {
            path = path.replace(&format!("{{{name}}}"), value);
        }
        assert!(!path.contains('{'), "{path} has a name that nobody knows");
        self.server.at(&path)
    }

    /// Signs a browser in as whoever runs the server.
    #[track_caller]
    pub(crate) fn sign_in(&self, browser: &Browser) {
        let link = self.api.done("/api/v1/sign-in-links", &json!({}));
        browser.go(link["url"].as_str().unwrap());
        browser.see("h1", "Overview");
    }
}

/// Settings with a catalog, and the key of its publisher among those that are trusted.
fn take_catalog(home: &Home) {
    let release = release();
    let key = release.join("publisher.key.pub");
    home.run(&["connector", "trust", key.to_str().unwrap()]);
    // Copies, so that what pages show of them are places of this home.
    for part in ["release", "packages/sql-connector-0.9.0"] {
        copy_files(&release.join(part), &home.path(part));
    }
    let catalog = home.path("release/plugins.json");
    let settings = format!("catalogs = {:?}\n", catalog.to_str().unwrap());
    home.write("outboard.toml", &settings);
}

/// A directory in which two versions of the SQL connector and one of the other lie signed
/// and packed, with a catalog of them. Packing takes seconds, so that it is done once.
fn release() -> PathBuf {
    static MADE: Mutex<()> = Mutex::new(());
    let _one_at_a_time = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let made = scratch().join("release");
    let programs = ["outboard", "sql-connector", "rest-connector"].map(program);
    let changed = programs.iter().map(|path| modified(path)).max();
    if modified(&made.join("release/plugins.json")) > changed.flatten() {
        return made;
    }
    let home = Home::new();
    home.run(&["connector", "keygen", "publisher.key"]);
    for (program, version) in [
        ("sql-connector", "0.9.0"),
        ("sql-connector", "1.0.0"),
        ("rest-connector", "0.1.0"),
    ] {
        let package = home.connector_package(program, version);
        let package = package.to_str().unwrap();
        home.run(&["connector", "sign", package, "--key", "publisher.key"]);
        home.run(&["connector", "pack", package, "--out-dir", "release"]);
    }
    let file = "release/plugins.json";
    home.run(&["connector", "catalog", "build", "release", "--out", file]);
    let unfinished = scratch().join(format!("release.{}", std::process::id()));
    for part in ["release", "packages/sql-connector-0.9.0"] {
        copy_files(&home.path(part), &unfinished.join(part));
    }
    let key = home.path("publisher.key.pub");
    fs::copy(key, unfinished.join("publisher.key.pub")).unwrap();
    let _ = fs::remove_dir_all(&made);
    fs::rename(&unfinished, &made).unwrap();
    made
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|file| file.modified()).ok()
}

fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
