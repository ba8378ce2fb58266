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
    println!("Building the host and an example plugin …");
    let programs = build(&["--package", "outboard", "--package", "store-plugin"])?;
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

    let demo = show(&server, &orders, &interrupt).and_then(|()| {
        let next = suggestions(&outboard, data.path(), &workflow, &orders);
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
    let answer = http::request(server.address(), method, path, json, interrupt)?;
    if answer.status != 200 {
        return Err(format!("{method} {path}: {} {}", answer.status, answer.body.trim()).into());
    }
    Ok(serde_json::from_str(&answer.body)?)
}

/// Three commands that work as they stand, from any directory, while the server is up.
fn suggestions(outboard: &Path, data: &Path, workflow: &Path, orders: &Path) -> [String; 3] {
    let word = |path: &Path| shell_word(&path.to_string_lossy());
    let command = format!("{} --data-dir {}", word(outboard), word(data));
    let input = serde_json::json!({ "path": orders }).to_string();
    let (plugin, workflow, input) = (layout::PLUGIN, word(workflow), shell_word(&input));
    [
        format!("{command} plugin show {plugin}"),
        format!("{command} plugin reload {plugin}"),
        format!("{command} run {workflow} --input {input}"),
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
