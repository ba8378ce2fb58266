//! Settings: a flag, else an `OUTBOARD_…` variable, else `outboard.toml`, else
//! the default. Each one remembers where it came from.

use std::{
    collections::BTreeMap,
    env, fmt, fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use outboard_connector::host::HostConfig;

use crate::{cli::Global, error::CliError};

/// One setting that there is.
struct Key {
    name: &'static str,
    default: &'static str,
    help: &'static str,
    /// The variable of the connector original's that means the same.
    original: Option<&'static str>,
}

/// A setting without a variable of the original's.
const fn key(name: &'static str, default: &'static str, help: &'static str) -> Key {
    Key {
        name,
        default,
        help,
        original: None,
    }
}

impl Key {
    const fn original(mut self, variable: &'static str) -> Key {
        self.original = Some(variable);
        self
    }
}

/// All settings. The variable of `data_dir` is `OUTBOARD_DATA_DIR`, and so on.
const KEYS: &[Key] = &[
    key("addr", "127.0.0.1:7400", "where `serve` listens"),
    key(
        "allow_remote",
        "false",
        "let `serve` listen beyond this machine",
    ),
    key(
        "calls_per_connector",
        "64",
        "how many calls of one connector run at once",
    ),
    key(
        "catalogs",
        "",
        "where connectors are found: URLs or files, with commas between",
    )
    .original("WICK_PLUGIN_CATALOG"),
    key(
        "connector_cpu_seconds",
        "",
        "processor time of a connector, if it is limited",
    )
    .original("WICK_PLUGIN_RLIMIT_CPU_SEC"),
    key(
        "connector_memory_mib",
        "",
        "address space of a connector, if it is limited",
    )
    .original("WICK_PLUGIN_RLIMIT_AS_MB"),
    key(
        "connector_open_files",
        "",
        "open files of a connector, if they are limited",
    )
    .original("WICK_PLUGIN_RLIMIT_NOFILE"),
    key(
        "connector_variables",
        "",
        "variables that config fields with an env_override may read, with commas between",
    ),
    key(
        "connectors_dir",
        "",
        "connectors, if not in the data directory",
    )
    .original("WICK_PLUGINS_DIR"),
    key("data_dir", "", "state, plugins, keys"),
    key("dev", "false", "no token; loopback only"),
    key("drain_timeout", "30s", "what running calls get at a stop"),
    key("history_age", "720h", "how long calls are remembered"),
    key("history_calls", "100000", "how many calls are remembered"),
    key(
        "hosts",
        "",
        "further names that the server answers to, with commas between",
    ),
    key(
        "idle_timeout",
        "5m",
        "how long the process of an unused connector is kept",
    ),
    key("inherit_environment", "basics", "basics, all or none"),
    key("log_format", "text", "text or json"),
    key(
        "max_processes",
        "8",
        "how many connectors run at once; 0 is no limit",
    )
    .original("WICK_PLUGIN_MAX_PROCS"),
    key(
        "max_requests",
        "256",
        "how many requests `serve` works on at once",
    ),
    key("plugins_dir", "", "plugins, if not in the data directory"),
    key(
        "queue_timeout",
        "10s",
        "how long a call waits for a process",
    )
    .original("WICK_PLUGIN_QUEUE_TIMEOUT"),
    key(
        "reload_interval",
        "5s",
        "how often `serve` looks for changes that it was not told of",
    ),
    key(
        "requests_per_second",
        "500",
        "how many requests a token may make in a second",
    ),
    key(
        "signature_policy",
        "",
        "unsigned-ok, signed or signed-envelope; unset: signed, but for directories of this machine",
    ),
    key("start_timeout", "60s", "what a plugin gets to start"),
    key(
        "tls_cert",
        "",
        "certificate of the server and those above it, in PEM form",
    ),
    key("tls_key", "", "the certificate's key, in PEM form"),
    key(
        "warm",
        "",
        "connectors that always run, with commas between",
    )
    .original("WICK_PLUGIN_WARM"),
    key("workflow", "", "the workflow file that `serve` runs"),
];

/// The most that `max_requests` can be: each may hold a body and an open file.
const MAX_REQUESTS: usize = 65_536;

/// Where a setting came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Flag,
    Variable(String),
    File(PathBuf),
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Flag => f.write_str("flag"),
            Source::Variable(name) => f.write_str(name),
            Source::File(path) => path.display().fmt(f),
            Source::Default => f.write_str("default"),
        }
    }
}

/// A setting's text and where it came from.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) value: String,
    pub(crate) source: Source,
}

/// The form of our own log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// The settings in effect.
#[derive(Debug, Clone)]
pub(crate) struct Settings(BTreeMap<&'static str, Setting>);

impl Settings {
    /// Looks everything up. `flags` are those of the command at hand.
    pub(crate) fn load(
        global: &Global,
        flags: &[(&'static str, Option<String>)],
    ) -> Result<Settings, CliError> {
        let file = match &global.config {
            Some(path) => Some(read_file(path)?.ok_or_else(|| {
                CliError::usage(format!("there is no file {}", path.display()))
                    .hint("--config names an existing outboard.toml")
            })?),
            None => {
                let mut found = None;
                for path in usual_files() {
                    found = read_file(&path)?;
                    if found.is_some() {
                        break;
                    }
                }
                found
            }
        };
        let path_flag = |path: &Option<PathBuf>| {
            path.as_ref()
                .map(|path| path.to_string_lossy().into_owned())
        };
        let own = [
            ("data_dir", path_flag(&global.data_dir)),
            ("plugins_dir", path_flag(&global.plugins_dir)),
            ("log_format", global.log_format.clone()),
        ];
        let mut settings = BTreeMap::new();
        for key in KEYS {
            let flag = own
                .iter()
                .chain(flags)
                .find(|(name, value)| *name == key.name && value.is_some());
            let variable = format!("OUTBOARD_{}", key.name.to_uppercase());
            let (value, source) = if let Some((_, Some(value))) = flag {
                (value.clone(), Source::Flag)
            } else if let Some(value) = text_of(&variable)? {
                (value, Source::Variable(variable))
            } else if let Some((variable, value)) = of_original(key)? {
                (value, Source::Variable(variable))
            } else if let Some(value) = file.as_ref().and_then(|file| file.values.get(key.name)) {
                let source = file
                    .as_ref()
                    .map(|file| file.path.clone())
                    .unwrap_or_default();
                (value.clone(), Source::File(source))
            } else {
                (default(key), Source::Default)
            };
            let Key { name, help, .. } = *key;
            settings.insert(
                name,
                Setting {
                    name,
                    help,
                    value,
                    source,
                },
            );
        }
        let mut settings = Settings(settings);
        for (name, directory) in [("plugins_dir", "plugins"), ("connectors_dir", "connectors")] {
            let inside = settings.data_dir().join(directory);
            if let Some(setting) = settings.0.get_mut(name)
                && setting.value.is_empty()
            {
                setting.value = inside.to_string_lossy().into_owned();
            }
        }
        // A value that cannot be read is found now, not when it is needed.
        settings.addr()?;
        settings.log_format()?;
        settings.duration("start_timeout")?;
        settings.duration("drain_timeout")?;
        settings.max_requests()?;
        settings.requests_per_second()?;
        settings.tls_files()?;
        settings.switch("dev")?;
        settings.switch("allow_remote")?;
        settings.inherit_environment()?;
        settings.connectors()?;
        Ok(settings)
    }

    /// Every setting, sorted by name.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Setting> {
        self.0.values()
    }

    fn text(&self, name: &str) -> &str {
        self.0
            .get(name)
            .map_or("", |setting| setting.value.as_str())
    }

    fn wrong(&self, name: &str, expected: &str) -> CliError {
        let source = self.0.get(name).map(|setting| setting.source.to_string());
        CliError::usage(format!(
            "{name} = {:?} (from {}) is not {expected}",
            self.text(name),
            source.unwrap_or_default()
        ))
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.text("data_dir").into()
    }

    pub(crate) fn plugins_dir(&self) -> PathBuf {
        self.text("plugins_dir").into()
    }

    pub(crate) fn workflow(&self) -> Option<PathBuf> {
        Some(self.text("workflow"))
            .filter(|text| !text.is_empty())
            .map(PathBuf::from)
    }

    pub(crate) fn addr(&self) -> Result<std::net::SocketAddr, CliError> {
        let text = self.text("addr").replace("localhost:", "127.0.0.1:");
        text.parse()
            .map_err(|_| self.wrong("addr", "an address and a port, such as 127.0.0.1:7400"))
    }

    /// Further names that the server answers to.
    pub(crate) fn hosts(&self) -> Vec<String> {
        self.list("hosts")
    }

    pub(crate) fn log_format(&self) -> Result<LogFormat, CliError> {
        match self.text("log_format") {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err(self.wrong("log_format", "text or json")),
        }
    }

    pub(crate) fn switch(&self, name: &str) -> Result<bool, CliError> {
        match self.text(name) {
            "true" | "1" | "yes" => Ok(true),
            "false" | "0" | "no" => Ok(false),
            _ => Err(self.wrong(name, "true or false")),
        }
    }

    pub(crate) fn duration(&self, name: &str) -> Result<Duration, CliError> {
        let parsed: Option<jiff::SignedDuration> = self.text(name).parse().ok();
        parsed
            .and_then(|duration| duration.try_into().ok())
            .filter(|duration: &Duration| !duration.is_zero())
            .ok_or_else(|| self.wrong(name, "a duration, such as 30s or 2m"))
    }

    /// How many requests a token may make in a second.
    pub(crate) fn requests_per_second(&self) -> Result<u32, CliError> {
        self.number("requests_per_second", 1)
    }

    /// Certificate and key, if the server is to speak TLS.
    pub(crate) fn tls_files(&self) -> Result<Option<(PathBuf, PathBuf)>, CliError> {
        match (self.text("tls_cert"), self.text("tls_key")) {
            ("", "") => Ok(None),
            ("", _) => Err(self.wrong("tls_cert", "a file; tls_key is set, and they go together")),
            (_, "") => Err(self.wrong("tls_key", "a file; tls_cert is set, and they go together")),
            (certificate, key) => Ok(Some((certificate.into(), key.into()))),
        }
    }

    /// How many requests are worked on at once.
    pub(crate) fn max_requests(&self) -> Result<usize, CliError> {
        let number = self.text("max_requests").parse().ok();
        number
            .filter(|number| (1..=MAX_REQUESTS).contains(number))
            .ok_or_else(|| {
                let expected = format!("a number from 1 to {MAX_REQUESTS}");
                self.wrong("max_requests", &expected)
            })
    }

    /// What the connectors of the data directory are run with.
    pub(crate) fn connectors(&self) -> Result<HostConfig, CliError> {
        let mut config = HostConfig::new(self.data_dir());
        config.connectors_dir = self.text("connectors_dir").into();
        config.catalogs = self.list("catalogs");
        config.catalog_token = secret("OUTBOARD_CATALOG_TOKEN")?;
        config.secret_key = secret("OUTBOARD_SECRET_KEY")?;
        config.signature_policy = match self.text("signature_policy") {
            "" => None,
            word @ ("unsigned-ok" | "signed" | "signed-envelope") => Some(word.to_owned()),
            _ => {
                let expected = "unsigned-ok, signed or signed-envelope";
                return Err(self.wrong("signature_policy", expected));
            }
        };
        config.max_processes = self.number("max_processes", 0)?;
        config.queue_timeout = self.duration("queue_timeout")?;
        config.idle_timeout = self.duration("idle_timeout")?;
        config.start_timeout = self.duration("start_timeout")?;
        config.drain_timeout = self.duration("drain_timeout")?;
        config.calls_per_connector = self.number("calls_per_connector", 1)?;
        config.warm = self.list("warm");
        config.memory_limit_mib = self.limit("connector_memory_mib")?;
        config.cpu_limit_seconds = self.limit("connector_cpu_seconds")?;
        config.open_files_limit = self.limit("connector_open_files")?;
        config.poll_interval = self.duration("reload_interval")?;
        config.history_age = self.duration("history_age")?;
        config.history_count = self.number("history_calls", 0)?;
        config.environment_overrides = self.list("connector_variables");
        Ok(config)
    }

    fn list(&self, name: &str) -> Vec<String> {
        let parts = self.text(name).split(',').map(str::trim);
        parts
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    }

    fn number<T: std::str::FromStr + PartialOrd + fmt::Display>(
        &self,
        name: &str,
        least: T,
    ) -> Result<T, CliError> {
        let number = self.text(name).parse().ok();
        number
            .filter(|number| *number >= least)
            .ok_or_else(|| self.wrong(name, &format!("a number from {least}")))
    }

    fn limit(&self, name: &str) -> Result<Option<u64>, CliError> {
        match self.text(name) {
            "" => Ok(None),
            _ => self.number(name, 1).map(Some),
        }
    }

    pub(crate) fn inherit_environment(
        &self,
    ) -> Result<outboard_go_plugin::host::Inherit, CliError> {
        use outboard_go_plugin::host::Inherit;
        match self.text("inherit_environment") {
            "basics" => Ok(Inherit::Basics),
            "all" => Ok(Inherit::All),
            "none" => Ok(Inherit::None),
            _ => Err(self.wrong("inherit_environment", "basics, all or none")),
        }
    }
}

/// The value of the original's variable, where it has one that is set.
fn of_original(key: &Key) -> Result<Option<(String, String)>, CliError> {
    match key.original {
        Some(variable) => Ok(text_of(variable)?.map(|value| (variable.to_owned(), value))),
        None => Ok(None),
    }
}

/// A secret, which is no setting: settings are shown.
fn secret(variable: &str) -> Result<Option<String>, CliError> {
    text_of(variable)
}

fn text_of(variable: &str) -> Result<Option<String>, CliError> {
    match env::var_os(variable).filter(|value| !value.is_empty()) {
        Some(value) => value
            .into_string()
            .map(Some)
            .map_err(|_| CliError::usage(format!("{variable} is not text in UTF-8"))),
        None => Ok(None),
    }
}

fn default(key: &Key) -> String {
    if key.name != "data_dir" {
        return key.default.to_owned();
    }
    base("XDG_DATA_HOME", ".local/share")
        .join("outboard")
        .to_string_lossy()
        .into_owned()
}

/// A base directory of the XDG specification. A relative one does not count.
fn base(variable: &str, in_home: &str) -> PathBuf {
    let set = env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    set.unwrap_or_else(|| {
        env::var_os("HOME")
            .map(PathBuf::from)
            .unwrap_or_else(env::temp_dir)
            .join(in_home)
    })
}

fn usual_files() -> [PathBuf; 2] {
    let name = "outboard.toml";
    [
        PathBuf::from(name),
        base("XDG_CONFIG_HOME", ".config")
            .join("outboard")
            .join(name),
    ]
}

struct File {
    path: PathBuf,
    values: BTreeMap<String, String>,
}

fn read_file(path: &Path) -> Result<Option<File>, CliError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(CliError::usage(format!(
                "cannot read {}: {error}",
                path.display()
            )));
        }
    };
    parse_file(path, &text).map(Some)
}

fn parse_file(path: &Path, text: &str) -> Result<File, CliError> {
    let table: toml::Table = text
        .parse()
        .map_err(|error| CliError::usage(format!("{}: {error}", path.display())))?;
    let mut values = BTreeMap::new();
    for (name, value) in table {
        if !KEYS.iter().any(|key| key.name == name) {
            let nearest = KEYS
                .iter()
                .map(|key| (strsim::damerau_levenshtein(key.name, &name), key.name))
                .min()
                .map_or("", |(_, nearest)| nearest);
            return Err(CliError::usage(format!(
                "{}: there is no setting {name:?}",
                path.display()
            ))
            .hint(format!(
                "did you mean {nearest:?}? `outboard config show` lists all of them"
            )));
        }
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Boolean(value) => value.to_string(),
            toml::Value::Integer(value) => value.to_string(),
            other => {
                return Err(CliError::usage(format!(
                    "{}: {name} is a {}, and settings are text, numbers or switches",
                    path.display(),
                    other.type_str()
                )));
            }
        };
        values.insert(name, text);
    }
    Ok(File {
        path: path.to_owned(),
        values,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_names_the_nearest_known_one() {
        let error = parse_file(Path::new("outboard.toml"), "plugin_dir = 'x'").err();
        let error = error.expect("an unknown key");
        assert!(error.message.contains("\"plugin_dir\""), "{error:?}");
        assert!(
            error
                .hint
                .is_some_and(|hint| hint.contains("\"plugins_dir\""))
        );
    }

    #[test]
    fn text_numbers_and_switches_are_read_and_the_rest_is_refused() {
        let read = |text| parse_file(Path::new("outboard.toml"), text);
        let file = read("dev = true\naddr = '127.0.0.1:1'").unwrap_or_else(|error| {
            panic!("{error:?}");
        });
        assert_eq!(file.values["dev"], "true");
        assert!(read("dev = [1]").is_err());
        assert!(read("dev = ").is_err());
    }
}
