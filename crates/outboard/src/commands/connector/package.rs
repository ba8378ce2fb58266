//! What an author does with a connector: build, pack, sign, verify.

use std::path::{Path, PathBuf};

use outboard_connector::{
    package::{Origin, Package, SignatureState, build, keys, pack},
    store::Store,
    trust::{SignaturePolicy, Trust},
};
use outboard_contracts::connector::{signing::PublicKey, validate_key};
use serde_json::{Value, json};

use super::target::Connectors;
use crate::{
    cli::connector::{BuildArgs, KeygenArgs, PackArgs, SignArgs, TrustArgs, VerifyArgs},
    error::{CliError, Exit},
    output::{Output, line, progress},
    settings::Settings,
};

fn failed(error: impl std::fmt::Display) -> CliError {
    CliError::failed("package", error)
}

pub(super) fn build(arguments: &BuildArgs, output: &Output) -> Result<(), CliError> {
    let project = arguments
        .project
        .clone()
        .unwrap_or_else(|| PathBuf::from("."));
    if !project.join("Cargo.toml").is_file() {
        let message = format!("{} has no Cargo.toml", project.display());
        return Err(CliError::new(Exit::NotFound, "file", message)
            .hint("`outboard connector new KEY` writes a project"));
    }
    let out = match &arguments.out_dir {
        Some(out) => out.clone(),
        None => project.join("dist"),
    };
    let key = match &arguments.sign_key {
        Some(path) => Some(keys::read_private_key(path).map_err(failed)?),
        None => None,
    };
    let mut options = build::BuildOptions::default();
    options.sign_with = key.as_ref();
    progress(&format!("building {} …", project.display()));
    let package = build::build(&project, &out, &options, &|| false).map_err(failed)?;
    told(&package, "built", output);
    Ok(())
}

/// Says what a package is and where.
fn told(package: &Package, action: &str, output: &Output) {
    let manifest = package.manifest();
    let signed = manifest.envelope_signature.as_ref();
    let result = json!({
        "key": manifest.key(),
        "version": manifest.version,
        "kind": manifest.kind().as_str(),
        "os_arch": manifest.os_arch,
        "directory": package.directory(),
        "program": package.program(),
        "sha256": manifest.sha256,
        "signed_with": signed.map(|signed| signed.key_id.clone()),
    });
    output.result(&result, || {
        let signed = match signed {
            Some(signed) => format!(", signed with {}", signed.key_id),
            None => ", not signed".to_owned(),
        };
        line(&format!(
            "{action} {} {} for {} in {}{signed}",
            manifest.key(),
            manifest.version,
            manifest.os_arch.join(", "),
            package.directory().display()
        ));
    });
}

pub(super) fn pack(arguments: &PackArgs, output: &Output) -> Result<(), CliError> {
    let out = arguments
        .out_dir
        .clone()
        .unwrap_or_else(|| PathBuf::from("."));
    let archive = pack::pack(&arguments.directory, &out).map_err(failed)?;
    let bytes = std::fs::metadata(&archive).map_or(0, |metadata| metadata.len());
    let result = json!({ "archive": archive, "bytes": bytes });
    output.result(&result, || {
        line(&format!("packed {} ({bytes} bytes)", archive.display()));
    });
    Ok(())
}

pub(super) fn keygen(arguments: &KeygenArgs, output: &Output) -> Result<(), CliError> {
    let public = keys::generate_key(&arguments.file).map_err(failed)?;
    let beside = public_file(&arguments.file);
    write_new(&beside, &format!("{}\n", public.to_base64()))?;
    let result = json!({
        "private_key_file": arguments.file,
        "public_key_file": beside,
        "public_key": public.to_base64(),
        "key_id": public.id(),
    });
    output.result(&result, || {
        line(&format!(
            "private key in {}: keep it to yourself",
            arguments.file.display()
        ));
        line(&format!(
            "public key in {}: {}",
            beside.display(),
            public.to_base64()
        ));
        line(&format!("signatures call it {}", public.id()));
    });
    Ok(())
}

fn public_file(private: &Path) -> PathBuf {
    let mut name = private.as_os_str().to_owned();
    name.push(".pub");
    PathBuf::from(name)
}

fn write_new(path: &Path, text: &str) -> Result<(), CliError> {
    use std::io::Write as _;

    let written = std::fs::File::create_new(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| {
        CliError::failed("file", format!("cannot write {}: {error}", path.display()))
    })
}

pub(super) fn sign(arguments: &SignArgs, output: &Output) -> Result<(), CliError> {
    let key = keys::read_private_key(&arguments.key).map_err(failed)?;
    let package = pack::sign(&arguments.directory, &key).map_err(failed)?;
    told(&package, "signed", output);
    Ok(())
}

/// A public key, as a file or as itself.
fn public_key(text: &str) -> Result<PublicKey, CliError> {
    let path = Path::new(text);
    if text.contains(['.', '\\']) && !path.exists() {
        let message = format!("there is no file {text}");
        return Err(CliError::new(Exit::NotFound, "file", message));
    }
    let wrong = |error: &dyn std::fmt::Display| {
        CliError::usage(format!("{text}: {error}"))
            .hint("a public key is a file that `outboard connector keygen` made, or its text")
    };
    if !path.is_file() {
        return PublicKey::from_base64(text).map_err(|error| wrong(&error));
    }
    let read = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    PublicKey::from_base64(&read).map_err(|error| wrong(&error))
}

/// Trusts a public key from now on: it goes where the keys of the data directory are.
pub(super) fn trust(
    arguments: &TrustArgs,
    settings: &Settings,
    output: &Output,
) -> Result<(), CliError> {
    let key = public_key(&arguments.public_key)?;
    let directory = settings.data_dir().join("keys");
    let path = directory.join(format!("{}.pub", key.id()));
    let result = json!({ "key_id": key.id(), "public_key": key.to_base64(), "file": path });
    if !path.is_file() {
        use std::os::unix::fs::DirBuilderExt as _;
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory)
            .map_err(|error| {
                CliError::failed(
                    "file",
                    format!("cannot make {}: {error}", directory.display()),
                )
            })?;
        write_new(&path, &format!("{}\n", key.to_base64()))?;
    }
    output.result(&result, || line(&format!("trusts {}", key.id())));
    Ok(())
}

/// Whether a text that may be a path or a key is a path: it looks like one, or there is a
/// file or a package of that name. A project that is called like its connector is neither.
pub(super) fn is_path(text: &str) -> bool {
    let path = Path::new(text);
    text.contains(['/', '.']) || path.is_file() || path.join("plugin.json").is_file()
}

pub(super) fn verify(
    arguments: &VerifyArgs,
    settings: &Settings,
    output: &Output,
) -> Result<(), CliError> {
    let path = Path::new(&arguments.package);
    if !is_path(&arguments.package) && validate_key(&arguments.package).is_ok() {
        let target = Connectors::find(settings, outboard_contracts::connector::Kind::Connector)?;
        let summary = target.verify(&arguments.package)?;
        output.result(&summary, || {
            let signed = verdict(&summary.signed, summary.key_id.as_deref());
            line(&format!("{} {}: {signed}", summary.key, summary.version));
        });
        return Ok(());
    }
    let environment = |name: &str| std::env::var(name).ok();
    let keys = settings.data_dir().join("keys");
    let mut trust = Trust::load(&keys, None, &environment).map_err(failed)?;
    // What is asked is what the package is, not whether a policy would take it.
    trust.set_policy(SignaturePolicy::UnsignedOk);
    for key in &arguments.public_key {
        trust.trust_key(public_key(key)?);
    }
    let scratch = tempfile::tempdir()
        .map_err(|error| CliError::failed("file", format!("no directory to unpack in: {error}")))?;
    let store = Store::open(
        &scratch.path().join("unpacked"),
        &scratch.path().join("lock"),
    )
    .map_err(failed)?;
    let package = store.open_package(path, &|| false).map_err(|error| {
        let exit = match path.exists() {
            true => Exit::Failed,
            false => Exit::NotFound,
        };
        CliError::new(exit, "package", error)
    })?;
    let verified = package
        .verify(&trust, Origin::Elsewhere)
        .map_err(|error| CliError::new(Exit::Refused, "refused", error))?;
    let (signed, key_id) = match &verified.signed {
        SignatureState::None => ("none", None),
        SignatureState::Program { key_id } => ("program", Some(key_id.clone())),
        SignatureState::Envelope { key_id } => ("envelope", Some(key_id.clone())),
        _ => ("unverifiable", None),
    };
    let manifest = package.manifest();
    let result: Value = json!({
        "key": manifest.key(),
        "version": manifest.version,
        "sha256": verified.sha256,
        "signed": signed,
        "key_id": key_id,
    });
    output.result(&result, || {
        let signed = verdict(signed, key_id.as_deref());
        line(&format!(
            "{} {}: {signed}",
            manifest.key(),
            manifest.version
        ));
    });
    Ok(())
}

fn verdict(signed: &str, key_id: Option<&str>) -> String {
    let key = key_id.unwrap_or_default();
    match signed {
        "envelope" => format!("the program is what plugin.json says; all of it signed with {key}"),
        "program" => format!("the program is what plugin.json says; it alone signed with {key}"),
        "unverifiable" => {
            "the program is what plugin.json says; signed by nobody who is trusted".to_owned()
        }
        _ => "the program is what plugin.json says; not signed".to_owned(),
    }
}
