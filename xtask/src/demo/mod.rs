//! `cargo xtask demo`: the main job, on real input, through a plugin in its own
//! process.

mod http;
mod interrupt;
mod layout;
mod server;

use std::{
    io::IsTerminal as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use self::{interrupt::Interrupt, layout::DataDirectory, server::Server};
use crate::{
    Result,
    command::{build, root, shell_word},
};

pub(crate) fn run(_: &[String]) -> Result {
    println!("Building the host, an example plugin and an example connector …");
    let packages = ["outboard", layout::PLUGIN, layout::CONNECTOR];
    let packages: Vec<_> = packages
        .iter()
        .flat_map(|name| ["--package", name])
        .collect();
    let programs = build(&packages)?;
    let program = |name: &str| -> Result<PathBuf> {
        let found = programs.iter().find(|(target, _)| target == name);
        found
            .map(|(_, path)| path.clone())
            .ok_or_else(|| format!("cargo built no program {name:?}").into())
    };
    let outboard = program("outboard")?;
    // From here on a Ctrl-C must not leave anything behind.
    let interrupt = Interrupt::listen()?;
    let data = DataDirectory::with_plugin(&program(layout::PLUGIN)?)?;
    let workflow = root().join("examples/demo/restock.yaml");
    let orders = root().join("examples/data/orders.json");
    let mut server = Server::start(&outboard, data.path(), &workflow, &interrupt)?;
    println!("The server listens on http://{}\n", server.address());

    let host = Host {
        program: &outboard,
        data: data.path(),
    };
    let package = data.package(&program(layout::CONNECTOR)?)?;
    let shown = show(&server, &orders, &interrupt)
        .and_then(|()| connect(&host, &package))
        .and_then(|()| open(&host, &server));
    let demo = shown.and_then(|()| {
        let next = suggestions(&host, &orders);
        if !std::io::stdin().is_terminal() {
            println!("\nNobody is at the terminal, so here is what one would try next:");
            return try_all(&next, &interrupt);
        }
        println!("\nTry next, in another terminal:\n");
        next.iter().for_each(|command| println!("{command}\n"));
        println!("Ctrl-C stops the server and leaves nothing behind.");
        server.wait(&interrupt)
    });
    // Also when the demo failed: the server goes before its directory does.
    let stopped = server.stop(&interrupt);
    drop(data);
    demo.and(stopped)?;
    println!("\nStopped; nothing is left behind.");
    Ok(())
}

/// Runs the pipeline over the file and says what came of it.
fn show(server: &Server, orders: &Path, interrupt: &Interrupt) -> Result {
    let shown = orders.strip_prefix(root()).unwrap_or(orders).display();
    println!("Pipeline \"restock\" over {shown}, every step in the plugin's own process:");
    let input = serde_json::json!({ "path": orders }).to_string();
    let answer = request(server, "POST", "/restock", Some(&input), interrupt)?;
    let id = answer["run_id"].as_str().unwrap_or_default();
    let run = request(
        server,
        "GET",
        &format!("/api/v1/runs/{id}"),
        None,
        interrupt,
    )?;
    for step in run["steps"].as_array().into_iter().flatten() {
        let output = &step["output"];
        let what = match step["name"].as_str().unwrap_or_default() {
            "read" => format!("{} orders in {} bytes", output["count"], output["bytes"]),
            "check" => format!(
                "{} good, {} not",
                count(&output["valid"]),
                count(&output["invalid"])
            ),
            "save" => format!("{} kept in {}", output["stored"], output["store"]),
            _ => String::new(),
        };
        println!(
            "  {:<6} {:<10} {:>6.1} ms   {what}",
            step["name"].as_str().unwrap_or_default(),
            step["status"].as_str().unwrap_or_default(),
            step["duration_ms"].as_f64().unwrap_or_default(),
        );
    }
    let check = run["steps"].as_array().into_iter().flatten();
    let check = check.into_iter().find(|step| step["name"] == "check");
    for refused in check
        .and_then(|step| step["output"]["invalid"].as_array())
        .into_iter()
        .flatten()
    {
        let id = refused["item"]["id"]
            .as_str()
            .unwrap_or("an order without an id");
        let reasons: Vec<_> = refused["reasons"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|reason| {
                reason
                    .as_str()
                    .map_or_else(|| reason.to_string(), str::to_owned)
            })
            .collect();
        println!("  refused {id}: {}", reasons.join("; "));
    }
    let kept = run["output"]["keys"].as_array().into_iter().flatten();
    let kept: Vec<_> = kept.filter_map(Value::as_str).collect();
    println!("  in the store now: {}", kept.join(", "));
    Ok(())
}

fn count(list: &Value) -> usize {
    list.as_array().map_or(0, Vec::len)
}

fn request(
    server: &Server,
    method: &str,
    path: &str,
    json: Option<&str>,
    interrupt: &Interrupt,
) -> Result<Value> {
    let token = server.token();
    let answer = http::request(server.address(), token, method, path, json, interrupt)?;
    if answer.status != 200 {
        return Err(format!("{method} {path}: {} {}", answer.status, answer.body.trim()).into());
    }
    Ok(serde_json::from_str(&answer.body)?)
}

/// The program and its data directory.
struct Host<'a> {
    program: &'a Path,
    data: &'a Path,
}

impl Host<'_> {
    /// A command line as it can be pasted, from any directory.
    fn line(&self, words: &[&str]) -> String {
        let program = shell_word(&self.program.to_string_lossy());
        let data = shell_word(&self.data.to_string_lossy());
        let words: Vec<_> = words.iter().map(|word| shell_word(word)).collect();
        format!("{program} --data-dir {data} {}", words.join(" "))
    }

    /// Runs a command for what it does; what it prints is shown only if it fails.
    fn run(&self, words: &[&str]) -> Result<String> {
        let mut command = Command::new(self.program);
        command.arg("--data-dir").arg(self.data).args(words);
        let output = command.stdin(Stdio::null()).output()?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("outboard {}: {}", words.join(" "), said.trim()).into())
    }
}

/// Installs the example connector and lets it read what the pipeline kept.
fn connect(host: &Host<'_>, package: &Path) -> Result {
    let kept = host.data.join("data/workflow/stock.db");
    let (package, kept) = (package.to_string_lossy(), kept.display());
    let key = layout::CONNECTOR_KEY;
    host.run(&["connector", "install", &package])?;
    host.run(&["connector", "config", "set", key, &format!("path={kept}")])?;
    println!("\nConnector {key:?} is installed and reads what the pipeline kept.");
    Ok(())
}

/// Says where the pages are, and opens them if somebody is there to look.
fn open(host: &Host<'_>, server: &Server) -> Result {
    let operation = format!("/ui/run/operation/{}/query", layout::CONNECTOR_KEY);
    if std::io::stdin().is_terminal() {
        let said = host.run(&["open"])?;
        println!("\nThe admin UI, by a link that signs you in once:\n\n  {said}");
        println!(
            "\nThere, run the connector: http://{}{operation}\nwith  SELECT key, value FROM items",
            server.address(),
        );
    } else {
        let link = host.run(&["open", "--print"])?;
        println!("\nThe admin UI, by a link that signs you in once: {link}");
    }
    Ok(())
}

/// Commands that work as they stand while the server is up.
fn suggestions(host: &Host<'_>, orders: &Path) -> [String; 3] {
    let input = serde_json::json!({ "path": orders }).to_string();
    let query = r#"{"sql": "SELECT key, value FROM items"}"#;
    let (plugin, key) = (layout::PLUGIN, layout::CONNECTOR_KEY);
    [
        host.line(&["plugin", "reload", plugin]),
        host.line(&["connector", "call", key, "query", "--input", query]),
        host.line(&[
            "run",
            &root().join("examples/demo/restock.yaml").to_string_lossy(),
            "--input",
            &input,
        ]),
    ]
}

/// Runs the commands in a shell, as they would be pasted.
fn try_all(commands: &[String], interrupt: &Interrupt) -> Result {
    for line in commands {
        interrupt.check()?;
        println!("\n$ {line}");
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).stdin(Stdio::null());
        let status = shell.status()?;
        if !status.success() {
            return Err(format!("what the demo suggests does not work: {status}").into());
        }
    }
    Ok(())
}
