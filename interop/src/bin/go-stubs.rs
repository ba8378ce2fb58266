//! Generates the committed Go stubs in `interop/go` from `proto/`, or checks them
//! (`--check`), without protoc.
//!
//! A protoc plugin is a program that reads a `CodeGeneratorRequest` on stdin
//! and writes a `CodeGeneratorResponse` on stdout. protox compiles the `.proto`
//! file into what the request needs; the two generators are `tool` dependencies
//! of the Go module, pinned by its `go.sum`.

use std::{
    error::Error,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use prost::Message;
use prost_types::compiler::{CodeGeneratorRequest, CodeGeneratorResponse, Version};

const MESSAGES: &str = "google.golang.org/protobuf/cmd/protoc-gen-go";
const SERVICES: &str = "google.golang.org/grpc/cmd/protoc-gen-go-grpc";

/// A `.proto` file and the Go package that is made of it.
struct Stubs {
    include: &'static str,
    proto: &'static str,
    package: &'static str,
    generators: &'static [&'static str],
}

const ALL: &[Stubs] = &[
    Stubs {
        include: "proto/workflow",
        proto: "plugin.proto",
        package: "workflowpb",
        generators: &[MESSAGES, SERVICES],
    },
    Stubs {
        include: "proto/connector",
        proto: "connector.proto",
        package: "connectorpb",
        generators: &[MESSAGES, SERVICES],
    },
    Stubs {
        include: "proto/bench",
        proto: "bench.proto",
        package: "benchpb",
        generators: &[MESSAGES, SERVICES],
    },
    // Also compiled with a grpc that is too old for what the second generator
    // writes today, so its services are described by hand.
    Stubs {
        include: "proto/interop",
        proto: "peer.proto",
        package: "peerpb",
        generators: &[MESSAGES],
    },
];

fn main() -> ExitCode {
    let check = std::env::args().any(|argument| argument == "--check");
    match run(check) {
        Ok(stale) if stale.is_empty() => ExitCode::SUCCESS,
        Ok(stale) => {
            eprintln!("these Go stubs differ from proto/: {}", stale.join(", "));
            eprintln!("run `cargo run -p outboard-interop --features stubs --bin go-stubs`");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("go-stubs: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Writes or compares every stub; returns those that differ when checking.
fn run(check: bool) -> Result<Vec<String>, Box<dyn Error>> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let go_module = package.join("go");
    let mut stale = Vec::new();
    for stubs in ALL {
        let request = request(stubs, &package.join("..").join(stubs.include))?;
        let out = go_module.join(stubs.package);
        fs::create_dir_all(&out)?;
        for generator in stubs.generators {
            for file in generate(generator, &go_module, &request)?.file {
                let name = file.name.ok_or("a generated file has no name")?;
                let text = file.content.unwrap_or_default();
                let destination: PathBuf = out.join(&name);
                if fs::read_to_string(&destination).is_ok_and(|old| old == text) {
                    continue;
                }
                if check {
                    stale.push(format!("{}/{name}", stubs.package));
                } else {
                    fs::write(&destination, text)?;
                    println!("wrote {}", destination.display());
                }
            }
        }
    }
    Ok(stale)
}

/// Compiles a `.proto` file and its imports into a generator's request.
fn request(stubs: &Stubs, include: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    let Stubs { proto, package, .. } = stubs;
    let mut compiler = protox::Compiler::new([include])?;
    compiler
        .include_imports(true)
        .include_source_info(true)
        .open_file(proto)?;
    let request = CodeGeneratorRequest {
        file_to_generate: vec![(*proto).to_owned()],
        // `M` names the Go package here, so that the contract itself says
        // nothing about Go.
        parameter: Some(format!(
            "paths=source_relative,M{proto}=outboard.test/interop/{package}"
        )),
        proto_file: compiler.file_descriptor_set().file,
        // The generators print the compiler's version into each file's header.
        compiler_version: Some(Version {
            major: Some(0),
            minor: Some(0),
            patch: Some(0),
            suffix: Some("protox".to_owned()),
        }),
    };
    Ok(request.encode_to_vec())
}

fn generate(
    generator: &str,
    go_module: &Path,
    request: &[u8],
) -> Result<CodeGeneratorResponse, Box<dyn Error>> {
    let mut child = Command::new("go")
        .args(["tool", generator])
        .current_dir(go_module)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run `go tool {generator}`: {error}"))?;
    // The generators read all of stdin before they write, so this cannot stall.
    child.stdin.take().ok_or("no stdin")?.write_all(request)?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(format!("`go tool {generator}` ended with {}", output.status).into());
    }
    let response = CodeGeneratorResponse::decode(output.stdout.as_slice())?;
    match response.error {
        Some(error) => Err(format!("{generator}: {error}").into()),
        None => Ok(response),
    }
}
