//! One list of cases for every pair of host and plugin.

use outboard_interop::{cases, host, tools};

use crate::support::{RUST_KITCHEN, our_host_runs, python_plugin, python_spec, the_go_host_runs};

#[tokio::test]
async fn our_host_and_the_go_plugin_agree_on_every_case() {
    let Some(go) = tools::go() else { return };
    our_host_runs(
        cases::WORKFLOW,
        host::spec("go-kitchen", go.path("go-plugin-kitchen")),
    )
    .await;
}

#[tokio::test]
async fn our_host_and_the_python_plugin_agree_on_every_case() {
    let Some(python) = tools::python() else {
        return;
    };
    our_host_runs(cases::PYTHON, python_spec(&python)).await;
}

#[tokio::test]
async fn our_host_and_our_plugin_agree_on_every_case() {
    let spec = host::spec("rust-kitchen", RUST_KITCHEN).env("OUTBOARD_LOG", "trace");
    our_host_runs(cases::WORKFLOW, spec).await;
}

#[test]
fn the_go_host_and_our_plugin_agree_on_every_case() {
    let Some(go) = tools::go() else { return };
    let env = [("OUTBOARD_LOG", "trace".as_ref())];
    the_go_host_runs(cases::WORKFLOW, &go, RUST_KITCHEN.as_ref(), &env);
}

/// Without this pair nobody would know whether the list is right about Go.
#[test]
fn the_go_host_and_the_go_plugin_agree_on_every_case() {
    let Some(go) = tools::go() else { return };
    the_go_host_runs(cases::WORKFLOW, &go, &go.path("go-plugin-kitchen"), &[]);
}

#[test]
fn the_go_host_and_the_python_plugin_agree_on_every_case() {
    let (Some(go), Some(python)) = (tools::go(), tools::python()) else {
        return;
    };
    let env = [
        ("PATH", python.path.as_ref()),
        ("PYTHONDONTWRITEBYTECODE", "1".as_ref()),
    ];
    the_go_host_runs(cases::PYTHON, &go, &python_plugin(), &env);
}
