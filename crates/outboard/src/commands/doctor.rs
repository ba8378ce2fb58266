//! `outboard doctor`: what this machine offers, and what is wrong with it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use outboard_contracts::connector::Kind;
use outboard_server::{AssetLimits, discover_ui_plugins, inspect_ui_plugin};
use outboard_workflow::external::{DiscoveredPlugin, ExternalPluginManager};
use serde::Serialize;

use super::connector::Connectors;
use crate::{
    api::Api,
    error::CliError,
    output::{Output, table},
    settings::Settings,
};

/// How many open files a busy host wants: a handful for each plugin and call.
const WANTED_FILES: u64 = 1024;
/// What a plugin's socket adds to its directory's path, and what a socket's path
/// may have altogether, in bytes.
const SOCKET_NAME: usize = 50;
const SOCKET_PATH: usize = 107;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warning,
    Problem,
}

#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    verdict: Verdict,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

impl Check {
    fn ok(name: &'static str, detail: impl Into<String>) -> Check {
        Check {
            name,
            verdict: Verdict::Ok,
            detail: detail.into(),
            hint: None,
        }
    }

    fn warning(name: &'static str, detail: impl Into<String>, hint: &str) -> Check {
        let hint = Some(hint.to_owned());
        Check {
            name,
            verdict: Verdict::Warning,
            detail: detail.into(),
            hint,
        }
    }

    fn problem(name: &'static str, detail: impl Into<String>, hint: &str) -> Check {
        let hint = Some(hint.to_owned());
        Check {
            name,
            verdict: Verdict::Problem,
            detail: detail.into(),
            hint,
        }
    }
}

/// What this machine offers, without a look at what is installed. For the server's pages.
pub(super) fn machine(data_dir: &Path) -> Vec<outboard_server::MachineCheck> {
    let checks = of_machine(data_dir).into_iter().chain([environment()]);
    checks
        .map(|check| outboard_server::MachineCheck {
            name: check.name.to_owned(),
            verdict: match check.verdict {
                Verdict::Ok => outboard_server::Verdict::Ok,
                Verdict::Warning => outboard_server::Verdict::Warning,
                Verdict::Problem => outboard_server::Verdict::Problem,
            },
            detail: check.detail,
            hint: check.hint,
        })
        .collect()
}

fn of_machine(data_dir: &Path) -> Vec<Check> {
    vec![
        kernel(),
        process_descriptors(),
        open_files(),
        sockets(),
        data_directory(data_dir),
    ]
}

pub(crate) fn run(settings: &Settings, output: &Output) -> Result<(), CliError> {
    let mut checks = of_machine(&settings.data_dir());
    checks.extend(plugins(&settings.plugins_dir()));
    checks.extend(ui_plugins(&settings.plugins_dir()));
    checks.extend(connectors(settings));
    checks.push(server(&settings.data_dir()));
    checks.push(environment());
    output.result(&checks, || print(&checks));
    let problems = checks
        .iter()
        .filter(|check| check.verdict == Verdict::Problem)
        .count();
    if problems > 0 {
        if output.is_json() {
            // The result has said which.
            return Err(CliError::silent());
        }
        let noun = if problems == 1 { "problem" } else { "problems" };
        return Err(CliError::failed(
            "doctor",
            format!("{problems} {noun} found"),
        ));
    }
    Ok(())
}

/// The connectors that are installed, and what keeps some from being called. A data
/// directory that has none is left as it is.
fn connectors(settings: &Settings) -> Vec<Check> {
    let name = "connectors";
    let there = settings
        .connectors()
        .is_ok_and(|config| config.connectors_dir.is_dir());
    if !there {
        return vec![Check::ok(name, "none installed")];
    }
    let listed = match Connectors::find(settings, Kind::Connector).and_then(|all| all.list_all()) {
        Ok(listed) => listed,
        Err(error) => {
            let hint = error.hint.unwrap_or_default();
            return vec![Check::problem(name, error.message, &hint)];
        }
    };
    let mut checks: Vec<Check> = listed
        .iter()
        .filter_map(|summary| {
            let problem = summary.problem.as_ref()?;
            let detail = format!("{}: {}", summary.key, problem.detail);
            Some(Check::problem(
                name,
                detail,
                "install it again, or remove it",
            ))
        })
        .collect();
    if checks.is_empty() {
        checks.push(Check::ok(name, format!("{} installed", listed.len())));
    }
    checks
}

fn print(checks: &[Check]) {
    let rows: Vec<_> = checks
        .iter()
        .map(|check| {
            let verdict = match check.verdict {
                Verdict::Ok => "ok",
                Verdict::Warning => "warning",
                Verdict::Problem => "PROBLEM",
            };
            let mut detail = check.detail.clone();
            if let Some(hint) = &check.hint {
                detail = format!("{detail}; {hint}");
            }
            vec![check.name.to_owned(), verdict.to_owned(), detail]
        })
        .collect();
    table(&["CHECK", "VERDICT", "DETAIL"], &rows);
}

fn kernel() -> Check {
    let name = rustix::system::uname();
    let text = format!(
        "{} {} on {}",
        name.sysname().to_string_lossy(),
        name.release().to_string_lossy(),
        name.machine().to_string_lossy()
    );
    if cfg!(target_os = "linux") {
        Check::ok("platform", text)
    } else {
        Check::warning("platform", text, "only Linux is tested")
    }
}

fn process_descriptors() -> Check {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{PidfdFlags, getpid, pidfd_open};
        match pidfd_open(getpid(), PidfdFlags::empty()) {
            Ok(_) => Check::ok("pidfd", "a plugin's end is seen at once"),
            Err(error) => Check::warning(
                "pidfd",
                format!("not available: {error}"),
                "what a crashed plugin started may outlive it; use Linux 5.3 or newer",
            ),
        }
    }
    #[cfg(not(target_os = "linux"))]
    Check::warning(
        "pidfd",
        "not available here",
        "what a crashed plugin started may outlive it",
    )
}

fn open_files() -> Check {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    match limit {
        Some(limit) if limit < WANTED_FILES => Check::warning(
            "open files",
            format!("limited to {limit}"),
            "raise it with `ulimit -n 4096`, or LimitNOFILE in a systemd unit",
        ),
        Some(limit) => Check::ok("open files", format!("limited to {limit}")),
        None => Check::ok("open files", "unlimited"),
    }
}

fn sockets() -> Check {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let directory = runtime
        .filter(|path| path.is_absolute())
        .unwrap_or_else(std::env::temp_dir);
    let length = directory.as_os_str().len() + SOCKET_NAME;
    if let Err(error) = probe(&directory) {
        return Check::problem(
            "sockets",
            format!("cannot write to {}: {error}", directory.display()),
            "set XDG_RUNTIME_DIR or TMPDIR to a directory of yours",
        );
    }
    if length > SOCKET_PATH {
        return Check::warning(
            "sockets",
            format!("the path {} is long", directory.display()),
            "/tmp is used instead; set XDG_RUNTIME_DIR or TMPDIR to a shorter one",
        );
    }
    Check::ok(
        "sockets",
        format!("in private directories under {}", directory.display()),
    )
}

fn data_directory(path: &Path) -> Check {
    if !path.exists() {
        let text = format!("{} does not exist yet", path.display());
        return Check::ok(
            "data directory",
            format!("{text}; `outboard serve` creates it"),
        );
    }
    match probe(path) {
        Ok(()) => Check::ok("data directory", path.display().to_string()),
        Err(error) => Check::problem(
            "data directory",
            format!("cannot write to {}: {error}", path.display()),
            "correct its owner, or choose another with --data-dir",
        ),
    }
}

/// Whether a file can be made there.
fn probe(directory: &Path) -> std::io::Result<()> {
    let path = directory.join(format!(".outboard-doctor-{}", std::process::id()));
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)?;
    fs::remove_file(path)
}

fn plugins(path: &Path) -> Vec<Check> {
    let found = match ExternalPluginManager::new(path).discover_plugins() {
        Ok(found) => found,
        Err(error) => {
            let text = format!("{}: {error}", path.display());
            return vec![Check::problem(
                "plugins",
                text,
                "correct the directory's permissions",
            )];
        }
    };
    let loadable = found
        .iter()
        .filter(|plugin| plugin.manifest.is_ok())
        .count();
    let mut checks = vec![Check::ok(
        "plugins",
        format!("{loadable} in {}", path.display()),
    )];
    checks.extend(claimed_twice(&found));
    checks.extend(without_program(path));
    for plugin in found {
        if let Err(error) = plugin.manifest {
            checks.push(Check::problem(
                "plugin",
                error.to_string(),
                "it will not be loaded",
            ));
        }
    }
    checks
}

/// UI plugins, read as they would be loaded.
fn ui_plugins(path: &Path) -> Vec<Check> {
    let name = "UI plugins";
    let found = match discover_ui_plugins(path) {
        Ok(found) => found,
        // It was said of the plugins.
        Err(_) => return Vec::new(),
    };
    let mut checks = Vec::new();
    let mut usable = 0;
    for plugin in found {
        match inspect_ui_plugin(path, &plugin.name, &AssetLimits::default()) {
            Ok(_) => usable += 1,
            Err(error) => {
                let hint = "its pages will not be shown";
                checks.push(Check::problem(name, error.to_string(), hint));
            }
        }
    }
    checks.insert(0, Check::ok(name, format!("{usable} usable")));
    checks
}

/// Directories with a manifest and no program that could be started, which is what
/// a build or a copy that was forgotten leaves. They do not count as plugins.
fn without_program(path: &Path) -> Vec<Check> {
    use std::os::unix::fs::PermissionsExt as _;

    let Ok(entries) = fs::read_dir(path) else {
        return Vec::new();
    };
    let mut checks = Vec::new();
    for entry in entries.flatten() {
        let directory = entry.path();
        if !directory.join("plugin.json").is_file() {
            continue;
        }
        let program = directory.join(entry.file_name());
        let (what, hint) = match fs::metadata(&program) {
            Err(_) => ("there is no program", "build the plugin, and copy it there"),
            Ok(metadata) if metadata.permissions().mode() & 0o111 == 0 => {
                ("not executable is", "make it executable with chmod +x")
            }
            Ok(_) => continue,
        };
        let text = format!("{:?}: {what} {}", entry.file_name(), program.display());
        checks.push(Check::problem("plugin", text, hint));
    }
    checks
}

/// Types that two plugins have: only one of them can be loaded.
fn claimed_twice(found: &[DiscoveredPlugin]) -> Vec<Check> {
    let mut owners: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for plugin in found {
        let Ok(manifest) = &plugin.manifest else {
            continue;
        };
        for (kind, types) in [
            ("module", &manifest.module_types),
            ("step", &manifest.step_types),
            ("trigger", &manifest.trigger_types),
        ] {
            for name in types {
                owners.entry((kind, name)).or_default().push(&plugin.name);
            }
        }
    }
    owners.retain(|_, plugins| plugins.len() > 1);
    let check = |((kind, name), plugins): ((&str, &str), Vec<&str>)| {
        Check::problem(
            "types",
            format!("{kind} type {name:?} is of {}", plugins.join(" and ")),
            "only one of them can be loaded: remove the others",
        )
    };
    owners.into_iter().map(check).collect()
}

fn server(data_dir: &Path) -> Check {
    match Api::find(data_dir) {
        Ok(None) => Check::ok("server", "none runs on this data directory"),
        Ok(Some(api)) => match api.get("/healthz") {
            Ok(_) => Check::ok("server", "one runs on this data directory and answers"),
            Err(error) => Check::problem("server", error.message, "stop it and start it again"),
        },
        Err(error) => Check::problem("server", error.message, "remove server.json if none runs"),
    }
}

fn environment() -> Check {
    let left: Vec<_> = outboard_go_plugin::environment::ALL
        .iter()
        .filter(|name| std::env::var_os(name).is_some())
        .copied()
        .collect();
    if left.is_empty() {
        return Check::ok("environment", "nothing of a plugin host's is set");
    }
    Check::warning(
        "environment",
        format!("{} set", left.join(", ")),
        "Outboard does not pass them on to plugins; other hosts started from here may",
    )
}
