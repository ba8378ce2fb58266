//! `outboard connector catalog build`.

use std::{fs, io::Write as _, path::Path};

use outboard_connector::{
    catalog::build::{
        FetchedAsset, GitHub, ListedRelease, from_directory, from_releases, parse_releases,
    },
    download::{DownloadLimits, Fetched, Wanted, download, parse_url},
    store::Store,
};
use outboard_contracts::connector::{
    Manifest,
    catalog::{Digest, Entry, print},
};
use serde_json::json;

use crate::{
    cli::connector::CatalogBuildArgs,
    error::{CliError, Exit},
    output::{Output, eprint_line, line, progress},
};

fn failed(error: impl std::fmt::Display) -> CliError {
    CliError::failed("catalog", error)
}

pub(super) fn build(arguments: &CatalogBuildArgs, output: &Output) -> Result<(), CliError> {
    let scratch = tempfile::tempdir()
        .map_err(|error| CliError::failed("file", format!("no directory to unpack in: {error}")))?;
    let store = Store::open(
        &scratch.path().join("unpacked"),
        &scratch.path().join("lock"),
    )
    .map_err(failed)?;
    let manifest_of = |path: &Path| -> Result<Manifest, String> {
        let package = store.open_package(path, &|| false);
        package
            .map(|package| package.manifest().clone())
            .map_err(|error| error.to_string())
    };
    let built = if let Some(directory) = &arguments.directory {
        if !directory.is_dir() {
            let message = format!("{} is no directory", directory.display());
            return Err(CliError::new(Exit::NotFound, "file", message));
        }
        from_directory(directory, arguments.base_url.as_deref(), &manifest_of).map_err(failed)?
    } else {
        let releases = match (&arguments.releases, &arguments.repository) {
            (Some(path), _) => {
                let bytes = fs::read(path).map_err(|error| {
                    let message = format!("cannot read {}: {error}", path.display());
                    CliError::new(Exit::NotFound, "file", message)
                })?;
                parse_releases(&bytes).map_err(failed)?
            }
            (None, Some(repository)) => listed(repository)?,
            (None, None) => return Err(CliError::usage("nothing to make a catalog of")),
        };
        from_releases(&releases, &|asset| {
            progress(&format!("reading {} …", asset.name));
            fetched(&asset.browser_download_url, scratch.path(), &manifest_of)
        })
    };
    for warning in &built.warnings {
        eprint_line(&format!("warning: {warning}"));
    }
    write(arguments, &built.entries, output)
}

fn write(arguments: &CatalogBuildArgs, entries: &[Entry], output: &Output) -> Result<(), CliError> {
    let text = print(entries);
    if arguments.out == Path::new("-") {
        line(text.trim_end());
        return Ok(());
    }
    let directory = match arguments.out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let written = tempfile::NamedTempFile::new_in(directory).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.persist(&arguments.out).map_err(|error| error.error)
    });
    written.map_err(|error| {
        let path = arguments.out.display();
        CliError::failed("file", format!("cannot write {path}: {error}"))
    })?;
    let result = json!({ "file": arguments.out, "connectors": entries.len() });
    output.result(&result, || {
        let path = arguments.out.display();
        line(&format!("wrote {path} with {} connectors", entries.len()));
    });
    Ok(())
}

/// The releases of a repository on GitHub.
fn listed(repository: &str) -> Result<Vec<ListedRelease>, CliError> {
    let token = std::env::var("GITHUB_TOKEN").ok();
    let github = GitHub::new(repository, token, None).map_err(CliError::usage)?;
    let tell = |page| progress(&format!("reading page {page} of the releases …"));
    let listing = github.releases(&tell, &|| false).map_err(failed)?;
    if !listing.complete {
        let count = listing.releases.len();
        eprint_line(&format!(
            "warning: only the newest {count} releases are read"
        ));
    }
    Ok(listing.releases)
}

fn fetched(
    url: &str,
    scratch: &Path,
    manifest_of: &dyn Fn(&Path) -> Result<Manifest, String>,
) -> Result<FetchedAsset, String> {
    let url = parse_url(url, false).map_err(|error| error.to_string())?;
    let file = tempfile::NamedTempFile::new_in(scratch).map_err(|error| error.to_string())?;
    let (mut file, path) = file.into_parts();
    let limits = DownloadLimits::default();
    let fetched = download(&Wanted::new(url), &mut file, &limits, &|_| {}, &|| false)
        .map_err(|error| error.to_string())?;
    let Fetched::File(downloaded) = fetched else {
        return Err("nothing came".to_owned());
    };
    Ok(FetchedAsset {
        manifest: manifest_of(&path)?,
        digest: Some(Digest {
            sha256: downloaded.sha256,
            size: downloaded.bytes,
        }),
    })
}
