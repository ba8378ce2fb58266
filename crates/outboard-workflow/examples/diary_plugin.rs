//! A plugin that writes down what happens to it, and does what steps are named
//! after: what the tests of the manager start as a real process.

use std::{
    fs::OpenOptions,
    io::Write as _,
    path::PathBuf,
    process::ExitCode,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use outboard_sdk::{
    Error, Map, async_trait, json,
    workflow::{
        self, Engine, Manifest, ModuleInstance, ModuleProvider, PluginProvider, ServiceInvoker,
        StepInput, StepInstance, StepProvider, StepResult, TriggerCallback, TriggerInstance,
        TriggerProvider,
    },
};

fn main() -> ExitCode {
    workflow::serve(Diary {
        engine: Engine::new(),
    })
}

struct Diary {
    engine: Engine,
}

impl Diary {
    /// Something on disk makes it a plugin of before callbacks.
    fn knows_callbacks(&self) -> bool {
        !std::fs::exists("no-callbacks").unwrap_or(false)
    }
}

impl PluginProvider for Diary {
    fn manifest(&self) -> Manifest {
        // A new version of the program says so.
        let version = std::fs::read_to_string("version.txt").unwrap_or("1.0.0".to_owned());
        Manifest::new("diary", version.trim())
            .author("tests")
            .description("writes things down")
    }

    fn modules(&self) -> Option<&dyn ModuleProvider> {
        Some(self)
    }

    fn steps(&self) -> Option<&dyn StepProvider> {
        Some(self)
    }

    fn triggers(&self) -> Option<&dyn TriggerProvider> {
        self.knows_callbacks().then_some(self)
    }

    fn engine(&self) -> Option<&Engine> {
        self.knows_callbacks().then_some(&self.engine)
    }
}

#[async_trait]
impl TriggerProvider for Diary {
    fn trigger_types(&self) -> Vec<String> {
        vec!["diary.bell".to_owned()]
    }

    async fn create_trigger(
        &self,
        _: &str,
        name: &str,
        config: Map,
        callback: TriggerCallback,
    ) -> Result<Box<dyn TriggerInstance>, Error> {
        if config.contains_key("refuse") {
            return Err(Error::new("no rope"));
        }
        let book = Book {
            name: name.to_owned(),
            path: text(&config, "path").into(),
        };
        book.write("created")?;
        Ok(Box::new(Bell {
            book,
            callback,
            config,
            task: Mutex::default(),
        }))
    }
}

/// Rings when its file `ring` is written, and each time says how often.
struct Bell {
    book: Book,
    callback: TriggerCallback,
    config: Map,
    task: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

#[async_trait]
impl TriggerInstance for Bell {
    async fn start(&self) -> Result<(), Error> {
        self.book.write("started")?;
        let (callback, ring) = (self.callback.clone(), text(&self.config, "ring"));
        // Before the start returns: what is written after it must be seen.
        let mut seen = match self.config.contains_key("at_once") {
            true => String::new(),
            false => std::fs::read_to_string(&ring).unwrap_or_default(),
        };
        let task = tokio::spawn(async move {
            loop {
                let now = std::fs::read_to_string(&ring).unwrap_or_default();
                if now != seen {
                    let data = json!({ "ring": now, "pid": std::process::id() });
                    let data = data.as_object().cloned().unwrap_or_default();
                    if let Err(error) = callback.fire("ring", data).await {
                        outboard_sdk::tracing::error!(%error, "nobody heard the bell");
                    }
                    seen = now;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        Ok(())
    }

    async fn stop(&self) -> Result<(), Error> {
        let task = self
            .task
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(task) = task {
            task.abort();
        }
        self.book.write("stopped")
    }
}

fn text(config: &Map, key: &str) -> String {
    config
        .get(key)
        .and_then(|value| value.as_str())
        .unwrap_or_default()
        .to_owned()
}

#[async_trait]
impl ModuleProvider for Diary {
    fn module_types(&self) -> Vec<String> {
        vec!["diary.book".to_owned()]
    }

    async fn create_module(
        &self,
        _: &str,
        name: &str,
        config: Map,
    ) -> Result<Box<dyn ModuleInstance>, Error> {
        // Something on disk decides that the new version cannot go on.
        if std::fs::exists("refuse-modules")? {
            return Err(Error::new("no more paper"));
        }
        let book = Book {
            name: name.to_owned(),
            path: text(&config, "path").into(),
        };
        book.write("created")?;
        Ok(Box::new(book))
    }
}

struct Book {
    name: String,
    path: PathBuf,
}

impl Book {
    fn write(&self, event: &str) -> Result<(), Error> {
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.path)?;
        // One write, so that lines of two processes do not mix.
        file.write_all(format!("{} {} {event}\n", std::process::id(), self.name).as_bytes())?;
        Ok(())
    }
}

impl Drop for Book {
    fn drop(&mut self) {
        let _ = self.write("destroyed");
    }
}

#[async_trait]
impl ModuleInstance for Book {
    async fn init(&self) -> Result<(), Error> {
        self.write("initialized")
    }

    async fn start(&self) -> Result<(), Error> {
        self.write("started")
    }

    async fn stop(&self) -> Result<(), Error> {
        self.write("stopped")
    }

    fn service(&self) -> Option<&dyn ServiceInvoker> {
        Some(self)
    }
}

#[async_trait]
impl ServiceInvoker for Book {
    async fn invoke(&self, method: &str, args: Map) -> Result<Map, Error> {
        match method {
            "note" => self.write(&text(&args, "text")).map(|()| Map::new()),
            _ => Err(Error::new(format!("unknown method {method:?}"))),
        }
    }
}

#[async_trait]
impl StepProvider for Diary {
    fn step_types(&self) -> Vec<String> {
        [
            "step.echo",
            "step.sleep",
            "step.exit",
            "step.panic",
            "step.call",
        ]
        .map(str::to_owned)
        .into()
    }

    async fn create_step(
        &self,
        step_type: &str,
        _: &str,
        config: Map,
    ) -> Result<Box<dyn StepInstance>, Error> {
        Ok(Box::new(Step {
            kind: step_type.to_owned(),
            config,
            engine: self.engine.clone(),
        }))
    }
}

struct Step {
    kind: String,
    config: Map,
    engine: Engine,
}

#[async_trait]
impl StepInstance for Step {
    async fn execute(&self, input: StepInput) -> Result<StepResult, Error> {
        let config = input.config_or(&self.config).clone();
        match self.kind.as_str() {
            "step.sleep" => {
                let ms = config.get("ms").and_then(|ms| ms.as_u64()).unwrap_or(0);
                std::fs::write(text(&config, "started"), "")?;
                tokio::time::sleep(Duration::from_millis(ms)).await;
            }
            // Dying without notice is what this step is for.
            #[allow(clippy::disallowed_methods)]
            "step.exit" => {
                eprintln!("[ERROR] the pen broke");
                std::process::exit(9);
            }
            "step.panic" => panic!("ink everywhere"),
            // What a plugin may call, whatever comes of it.
            "step.call" => return self.call(&config).await,
            _ => {}
        }
        StepResult::output(json!({
            "pid": std::process::id(),
            "config": config,
            "current": input.current,
        }))
    }
}

impl Step {
    async fn call(&self, config: &Map) -> Result<StepResult, Error> {
        let engine = &self.engine;
        let outcome = match text(config, "call").as_str() {
            "trigger" => engine
                .trigger(&text(config, "name"), "now", config.clone())
                .await
                .map(|()| true),
            "service" => engine.has_service(&text(config, "name")).await,
            _ => engine
                .log(
                    outboard_sdk::tracing::Level::ERROR,
                    &text(config, "name"),
                    config.clone(),
                )
                .await
                .map(|()| true),
        };
        StepResult::output(match outcome {
            Ok(answer) => json!({ "answer": answer }),
            Err(error) => {
                json!({ "kind": format!("{:?}", error.kind()), "error": error.message() })
            }
        })
    }
}
