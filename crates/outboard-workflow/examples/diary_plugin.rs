//! A plugin that writes down what happens to it, and does what steps are named
//! after: what the tests of the manager start as a real process.

use std::{fs::OpenOptions, io::Write as _, path::PathBuf, process::ExitCode, time::Duration};

use outboard_sdk::{
    Error, Map, async_trait, json,
    workflow::{
        self, Manifest, ModuleInstance, ModuleProvider, PluginProvider, ServiceInvoker, StepInput,
        StepInstance, StepProvider, StepResult,
    },
};

fn main() -> ExitCode {
    workflow::serve(Diary)
}

struct Diary;

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
        ["step.echo", "step.sleep", "step.exit", "step.panic"]
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
        }))
    }
}

struct Step {
    kind: String,
    config: Map,
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
            _ => {}
        }
        StepResult::output(json!({
            "pid": std::process::id(),
            "config": config,
            "current": input.current,
        }))
    }
}
