//! Go programs that run as the bytes whose checksum was compared.

use std::{fs, path::Path};

use outboard_go_plugin::host::{Checksum, ChecksumAlgorithm, RunFrom, StartStep};
use outboard_interop::{cases, host, tools};

use crate::support::our_host_runs;

fn checksum(program: &Path) -> Checksum {
    Checksum::of_file(ChecksumAlgorithm::Sha256, program).unwrap()
}

#[tokio::test]
async fn a_verified_go_plugin_passes_every_case_from_a_copy_and_from_memory() {
    let Some(go) = tools::go() else { return };
    let program = go.path("go-plugin-kitchen");
    for run_from in [RunFrom::PrivateCopy, RunFrom::Memory] {
        let spec = host::spec("verified", &program)
            .checksum(checksum(&program))
            .run_from(run_from);
        our_host_runs(cases::WORKFLOW, spec).await;
    }
}

#[tokio::test]
async fn a_go_program_finds_the_verified_bytes_and_its_neighbours_by_its_own_path() {
    let Some(go) = tools::go() else { return };
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("own");
    fs::copy(go.path("go-own-executable"), &program).unwrap();
    fs::write(directory.path().join("beside"), "neighbour").unwrap();
    let spec = host::spec("own", &program).checksum(checksum(&program));
    spec.verify().await.unwrap();
    fs::write(&program, "something else").unwrap();
    let error = spec.start().await.unwrap_err();
    assert_eq!(error.step(), StartStep::Handshake, "{error}");
    let verified = checksum(&go.path("go-own-executable")).to_string();
    assert_eq!(error.last_lines(), [verified, "neighbour <nil>".to_owned()]);
}
