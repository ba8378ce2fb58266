//! Where connectors are: behind a running server, or in the data directory itself. Both
//! answer with the same types.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use outboard_connector::{
    host::{
        CallAnswer, CallRequest, Caller, ConnectorHost, Description, HistoryPage, HistoryQuery,
        HostError, InstallFrom, InstallOptions, InstallOutcome, InstanceChange, InstanceView,
        ListQuery, OnProgress, SearchAnswer, SignIn, Summary,
    },
    oauth::Callback,
};
use outboard_contracts::connector::{Kind, validate_key};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use ureq::http::Method;

use crate::{
    api::{Api, failure},
    commands::host::{self, of_host},
    error::{CliError, Exit},
    settings::Settings,
};

/// What has to be encoded in a part of a path: all but what RFC 3986 leaves alone.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Who hears how far an installation is: its phase and per cent.
pub(super) type Bar = Arc<dyn Fn(&str, Option<u8>) + Send + Sync>;

/// The connectors, tools or jobs of one data directory.
pub(crate) struct Connectors {
    pub(super) kind: Kind,
    place: Place,
}

enum Place {
    Server(Api),
    Here {
        runtime: Runtime,
        host: ConnectorHost,
    },
}

impl Drop for Connectors {
    fn drop(&mut self) {
        if let Place::Here { runtime, host } = &self.place {
            runtime.block_on(host.shut_down());
        }
    }
}

impl Connectors {
    pub(crate) fn find(settings: &Settings, kind: Kind) -> Result<Connectors, CliError> {
        let place = match Api::find(&settings.data_dir())? {
            Some(api) => Place::Server(api),
            None => {
                let runtime = host::runtime()?;
                let host = {
                    let _inside = runtime.enter();
                    ConnectorHost::open(settings.connectors()?).map_err(of_host)?
                };
                Place::Here { runtime, host }
            }
        };
        Ok(Connectors { kind, place })
    }

    /// Becomes true when somebody wants to end what waits for something else than a host.
    /// Without a server the signals are caught already and would do nothing by themselves.
    pub(super) fn interrupted(&self) -> Arc<AtomicBool> {
        let flag = Arc::new(AtomicBool::new(false));
        if let Place::Here { runtime, .. } = &self.place {
            let flag = Arc::clone(&flag);
            let _inside = runtime.enter();
            let interrupted = crate::commands::serve::interrupted();
            runtime.spawn(async move {
                interrupted.await;
                flag.store(true, Ordering::Relaxed);
            });
        }
        flag
    }

    /// The word of the kind, as commands and routes have it.
    pub(super) fn word(&self) -> &'static str {
        self.kind.as_str()
    }

    fn path(&self, parts: &[&str]) -> String {
        let mut path = format!("/api/v1/{}s", self.word());
        for part in parts {
            path.push('/');
            path.extend(utf8_percent_encode(part, ENCODED));
        }
        path
    }

    /// Only these kinds of failure are told with a hint for the command line.
    fn here<T>(&self, key: &str, result: Result<T, CliError>) -> Result<T, CliError> {
        let word = self.word();
        result.map_err(|error| match error.kind.as_str() {
            "not_found" if error.hint.is_none() => {
                error.hint(format!("`outboard {word} list` shows what is installed"))
            }
            "disabled" => error.hint(format!(
                "`outboard connector enable {key}` lets it be called again"
            )),
            _ => error,
        })
    }

    fn ask<T: DeserializeOwned>(
        &self,
        key: &str,
        remote: impl FnOnce(&Api) -> Result<Value, CliError>,
        local: impl AsyncFnOnce(&ConnectorHost) -> Result<T, HostError>,
    ) -> Result<T, CliError> {
        let result = match &self.place {
            Place::Server(api) => remote(api).and_then(read),
            Place::Here { runtime, host } => runtime.block_on(async {
                tokio::select! {
                    done = local(host) => done.map_err(of_host),
                    () = crate::commands::serve::interrupted() => Err(CliError::failed(
                        "interrupted",
                        "interrupted before it was done",
                    )),
                }
            }),
        };
        self.here(key, result)
    }

    pub(super) fn list(&self) -> Result<Vec<Summary>, CliError> {
        let query = ListQuery {
            kind: Some(self.kind),
        };
        self.ask(
            "",
            |api| pages(api, &self.path(&[]), "connectors"),
            async |host| host.list(query).await,
        )
    }

    /// Those of every kind.
    pub(crate) fn list_all(&self) -> Result<Vec<Summary>, CliError> {
        self.ask(
            "",
            |api| pages(api, &format!("{}?kind=all", self.path(&[])), "connectors"),
            async |host| host.list(ListQuery::default()).await,
        )
    }

    pub(super) fn describe(&self, key: &str) -> Result<Description, CliError> {
        let key = checked(key)?;
        self.ask(
            key,
            |api| api.get(&self.path(&[key])),
            async |host| host.describe(key).await,
        )
    }

    pub(super) fn call(
        &self,
        key: &str,
        operation: &str,
        request: &CallRequest,
        progress: OnProgress,
    ) -> Result<CallAnswer, CliError> {
        let key = checked(key)?;
        self.ask(
            key,
            |api| {
                let path = self.path(&[key, "operations", operation]);
                let mut answer = None;
                api.stream(
                    Method::POST,
                    &path,
                    Some(&json!(request)),
                    |event, data| match event {
                        "progress" => {
                            if let Ok(value) = serde_json::from_value(data) {
                                progress(value);
                            }
                        }
                        "result" => answer = Some(Ok(data)),
                        "error" => answer = Some(Err(of_event(&data))),
                        _ => {}
                    },
                )?;
                answer.unwrap_or_else(|| Err(cut_off()))
            },
            async |host| {
                let caller = Caller {
                    name: "cli".to_owned(),
                    request_id: String::new(),
                };
                let progress = Arc::clone(&progress);
                host.call(key, operation, request.clone(), caller, Some(progress))
                    .await
            },
        )
    }

    pub(super) fn install(
        &self,
        from: &InstallFrom,
        options: &InstallOptions,
        progress: Bar,
    ) -> Result<InstallOutcome, CliError> {
        self.ask(
            "",
            |api| {
                let mut body = json!(options);
                if let (Some(body), Value::Object(from)) = (body.as_object_mut(), json!(from)) {
                    body.extend(from);
                }
                installing(api, &self.path(&["install"]), &body, &progress)
            },
            async |host| {
                host.install(from.clone(), options.clone(), Some(telling(&progress)))
                    .await
            },
        )
    }

    pub(super) fn update(
        &self,
        key: &str,
        options: &InstallOptions,
        progress: Bar,
    ) -> Result<InstallOutcome, CliError> {
        let key = checked(key)?;
        self.ask(
            key,
            |api| {
                installing(
                    api,
                    &self.path(&[key, "update"]),
                    &json!(options),
                    &progress,
                )
            },
            async |host| {
                host.update(key, options.clone(), Some(telling(&progress)))
                    .await
            },
        )
    }

    pub(super) fn rollback(
        &self,
        key: &str,
        version: Option<&str>,
    ) -> Result<InstallOutcome, CliError> {
        let key = checked(key)?;
        self.ask(
            key,
            |api| {
                let body = json!({ "version": version });
                api.send(Method::POST, &self.path(&[key, "rollback"]), Some(&body))
            },
            async |host| host.rollback(key, version).await,
        )
    }

    pub(super) fn remove(&self, key: &str, purge: bool) -> Result<InstallOutcome, CliError> {
        let key = checked(key)?;
        self.ask(
            key,
            |api| {
                let query = if purge { "?purge=1" } else { "" };
                api.send(
                    Method::DELETE,
                    &format!("{}{query}", self.path(&[key])),
                    None,
                )
            },
            async |host| host.remove(key, purge).await,
        )
    }

    pub(super) fn set_enabled(&self, key: &str, enabled: bool) -> Result<Summary, CliError> {
        let key = checked(key)?;
        let action = if enabled { "enable" } else { "disable" };
        self.ask(
            key,
            |api| api.post(&self.path(&[key, action])),
            async |host| host.set_enabled(key, enabled).await,
        )
    }

    pub(super) fn verify(&self, key: &str) -> Result<Summary, CliError> {
        let key = checked(key)?;
        self.ask(
            key,
            |api| api.post(&self.path(&[key, "verify"])),
            async |host| host.verify(key).await,
        )
    }

    pub(super) fn search(&self, query: &str) -> Result<SearchAnswer, CliError> {
        self.ask(
            "",
            |api| {
                let query = utf8_percent_encode(query, NON_ALPHANUMERIC);
                api.get(&format!("{}?q={query}", self.path(&["catalog"])))
            },
            async |host| host.search(query).await,
        )
    }

    pub(super) fn instances(&self, key: &str) -> Result<Vec<InstanceView>, CliError> {
        let key = checked(key)?;
        self.ask(
            key,
            |api| pages(api, &self.path(&[key, "instances"]), "instances"),
            async |host| host.instances(key).await,
        )
    }

    pub(super) fn instance(&self, key: &str, name: &str) -> Result<InstanceView, CliError> {
        let key = checked(key)?;
        self.ask(
            key,
            |api| api.get(&self.path(&[key, "instances", name])),
            async |host| host.instance(key, name).await,
        )
    }

    /// Changes an instance, or makes it when there is none of that name.
    pub(super) fn set_instance(
        &self,
        key: &str,
        name: &str,
        change: &InstanceChange,
    ) -> Result<InstanceView, CliError> {
        let key = checked(key)?;
        let exists = self
            .instances(key)?
            .iter()
            .any(|instance| instance.name == name || instance.id == name);
        let mut change = change.clone();
        if exists {
            return self.ask(
                key,
                |api| {
                    let path = self.path(&[key, "instances", name]);
                    api.send(Method::PATCH, &path, Some(&json!(change)))
                },
                async |host| host.update_instance(key, name, change.clone()).await,
            );
        }
        change.name = Some(name.to_owned());
        self.ask(
            key,
            |api| {
                let path = self.path(&[key, "instances"]);
                api.send(Method::POST, &path, Some(&json!(change)))
            },
            async |host| host.create_instance(key, change.clone()).await,
        )
    }

    pub(super) fn remove_instance(&self, key: &str, name: &str) -> Result<(), CliError> {
        let key = checked(key)?;
        let removed: Result<Value, CliError> = self.ask(
            key,
            |api| api.send(Method::DELETE, &self.path(&[key, "instances", name]), None),
            async |host| {
                host.delete_instance(key, name).await?;
                Ok(Value::Null)
            },
        );
        removed.map(drop)
    }

    pub(super) fn history(&self, query: &HistoryQuery) -> Result<HistoryPage, CliError> {
        self.ask(
            "",
            |api| {
                let mut path = format!("{}?", self.path(&["history"]));
                let Value::Object(parameters) = json!(query) else {
                    return api.get(&path);
                };
                for (name, value) in parameters {
                    let text = match value {
                        Value::Null => continue,
                        Value::String(text) => text,
                        other => other.to_string(),
                    };
                    let text = utf8_percent_encode(&text, NON_ALPHANUMERIC);
                    path.push_str(&format!("{name}={text}&"));
                }
                api.get(path.trim_end_matches(['&', '?']))
            },
            async |host| host.history(query.clone()).await,
        )
    }

    pub(super) fn logs(&self, key: &str, lines: usize) -> Result<Vec<Value>, CliError> {
        let key = checked(key)?;
        match &self.place {
            Place::Server(api) => {
                let answer = api.get(&format!("{}?lines={lines}", self.path(&[key, "logs"])));
                let answer = self.here(key, answer)?;
                read(answer["lines"].clone())
            }
            Place::Here { .. } => Err(CliError::failed(
                "no_server",
                "no server runs, and only a server keeps what connectors say",
            )
            .hint("with -v, `outboard connector call` prints it as it comes")),
        }
    }

    /// A sign-in with a browser. The redirect arrives at this command, also when a server
    /// keeps the tokens.
    pub(super) fn begin_sign_in(
        &self,
        key: &str,
        name: &str,
        redirect_uri: &str,
    ) -> Result<SignIn, CliError> {
        let key = checked(key)?;
        self.ask(
            key,
            |api| {
                let path = self.path(&[key, "instances", name, "sign-in"]);
                let body = json!({ "redirect_uri": redirect_uri });
                api.send(Method::POST, &path, Some(&body))
            },
            async |host| host.begin_sign_in(key, name, redirect_uri).await,
        )
    }

    pub(super) fn finish_sign_in(&self, callback: &Callback) -> Result<InstanceView, CliError> {
        self.ask(
            "",
            |api| {
                let body = json!({ "query": callback.to_query() });
                let path = self.path(&["oauth", "finish"]);
                api.send(Method::POST, &path, Some(&body))
            },
            async |host| host.finish_sign_in(callback.clone()).await,
        )
    }
}

/// All pages of a list, each an object with `items` by that name and `next_cursor`.
fn pages(api: &Api, path: &str, name: &str) -> Result<Value, CliError> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let separator = if path.contains('?') { '&' } else { '?' };
        let page = api.get(&format!("{path}{separator}limit=500{cursor}"))?;
        match &page[name] {
            Value::Array(items) => all.extend(items.iter().cloned()),
            // A list that has no pages.
            _ => return Ok(page),
        }
        match page["next_cursor"].as_str() {
            Some(next) => {
                cursor = format!("&cursor={}", utf8_percent_encode(next, NON_ALPHANUMERIC))
            }
            None => return Ok(Value::Array(all)),
        }
    }
}

fn installing(api: &Api, path: &str, body: &Value, progress: &Bar) -> Result<Value, CliError> {
    let mut answer = None;
    api.stream(Method::POST, path, Some(body), |event, data| match event {
        "progress" => {
            let percent = data["percent"]
                .as_u64()
                .and_then(|percent| u8::try_from(percent).ok());
            progress(data["phase"].as_str().unwrap_or_default(), percent);
        }
        "done" => answer = Some(Ok(data)),
        "error" => answer = Some(Err(of_event(&data))),
        _ => {}
    })?;
    answer.unwrap_or_else(|| Err(cut_off()))
}

fn telling(progress: &Bar) -> outboard_connector::host::InstallProgress {
    let progress = Arc::clone(progress);
    Arc::new(move |told| {
        let told = json!(told);
        let percent = told["percent"]
            .as_u64()
            .and_then(|percent| u8::try_from(percent).ok());
        progress(told["phase"].as_str().unwrap_or_default(), percent);
    })
}

fn of_event(problem: &Value) -> CliError {
    let status = problem["status"]
        .as_u64()
        .and_then(|status| u16::try_from(status).ok());
    failure(status.unwrap_or(500), problem, "")
}

fn cut_off() -> CliError {
    CliError::failed("connection", "the server ended the answer too early").hint("its log says why")
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, CliError> {
    serde_json::from_value(value).map_err(|error| {
        CliError::failed(
            "server",
            format!("the server's answer cannot be read: {error}"),
        )
        .hint("is it of another version? restart it with this one")
    })
}

/// What goes into a path. A key that is none is refused before anybody is asked.
pub(super) fn checked(key: &str) -> Result<&str, CliError> {
    match validate_key(key) {
        Ok(()) => Ok(key),
        Err(error) => Err(CliError::new(Exit::Usage, "invalid_name", error)),
    }
}
