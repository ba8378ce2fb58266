//! Generates the committed Rust sources from `proto/`, or checks that they
//! are what it would generate (`--check`). Needs no protoc.
//!
//! It is a package of its own, so that the other `cargo xtask` commands do not
//! compile a protobuf compiler first.

use std::{error::Error, fs, path::Path, process::ExitCode};

/// One run of the generator: a set of `.proto` files and where their Rust goes.
struct Target {
    include: &'static str,
    protos: &'static [&'static str],
    out: &'static str,
}

const TARGETS: &[Target] = &[
    Target {
        include: "proto/goplugin",
        protos: &["goplugin.proto", "health.proto"],
        out: "crates/outboard-go-plugin/src/generated",
    },
    Target {
        include: "crates/outboard-go-plugin/examples/kv",
        protos: &["kv.proto"],
        out: "crates/outboard-go-plugin/examples/kv/generated",
    },
    Target {
        include: "proto/workflow",
        protos: &["plugin.proto"],
        out: "crates/outboard-contracts/src/generated",
    },
    Target {
        include: "proto/connector",
        protos: &["connector.proto"],
        out: "crates/outboard-contracts/src/generated",
    },
    Target {
        include: "examples/terraform-provider/proto",
        protos: &["provider.proto"],
        out: "examples/terraform-provider/src/generated",
    },
    Target {
        include: "proto/bench",
        protos: &["bench.proto"],
        out: "benches/src/generated",
    },
    Target {
        include: "proto/interop",
        protos: &["grpctest.proto", "peer.proto"],
        out: "interop/src/generated",
    },
];

fn main() -> ExitCode {
    let check = std::env::args().any(|argument| argument == "--check");
    match run(check) {
        Ok(stale) if stale.is_empty() => ExitCode::SUCCESS,
        Ok(stale) => {
            eprintln!(
                "generated code differs from proto/ in: {}",
                stale.join(", ")
            );
            eprintln!("run `cargo xtask codegen` and commit the result");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("codegen: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(check: bool) -> Result<Vec<String>, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut stale = Vec::new();
    for target in TARGETS {
        let include = root.join(target.include);
        let descriptors = protox::compile(target.protos, [&include])?;
        let scratch = root.join("target/codegen").join(target.out);
        fs::create_dir_all(&scratch)?;
        for old in fs::read_dir(&scratch)? {
            fs::remove_file(old?.path())?;
        }
        let mut config = prost_build::Config::new();
        // Ordered maps make our bytes deterministic, as the golden files are.
        config.btree_map(["."]);
        config.bytes(["."]);
        tonic_prost_build::configure()
            .build_transport(false)
            .emit_rerun_if_changed(false)
            .out_dir(&scratch)
            .compile_fds_with_config(descriptors, config)?;
        let out = root.join(target.out);
        fs::create_dir_all(&out)?;
        for file in fs::read_dir(&scratch)? {
            let file = file?;
            let text = prettyplease::unparse(&syn::parse_file(&fs::read_to_string(file.path())?)?);
            let destination = out.join(file.file_name());
            if fs::read_to_string(&destination).is_ok_and(|old| old == text) {
                continue;
            }
            if check {
                stale.push(format!(
                    "{}/{}",
                    target.out,
                    file.file_name().to_string_lossy()
                ));
            } else {
                fs::write(&destination, text)?;
            }
        }
    }
    Ok(stale)
}
