//! Catalogs from the web and from files, and catalogs that are made.

use std::{
    fs,
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use outboard_connector::catalog::{
    Reader, ReaderConfig, ReaderError, Source,
    build::{FetchedAsset, from_directory, from_releases, parse_releases},
};
use outboard_contracts::connector::{
    Manifest,
    catalog::{Digest, parse, print},
    module::{Category, Operation, Tag},
};
use serde_json::Value;
use tempfile::TempDir;

use crate::web::{Web, answer};

const RELEASES: &str = include_str!("../golden/connector-catalog-releases.json");
const CATALOG: &str = include_str!("../golden/connector-catalog.json");

const SMALL: &str = r#"[{"key":"weather","name":"Weather","version":"1.0.0",
    "assets":{"linux/amd64":"weather-1.0.0-linux-amd64.zip"}}]"#;

fn config(web: &Web, cache: &TempDir) -> ReaderConfig {
    let source = Source::Url(web.url("/lists/plugins.json?token=s3cr3t"));
    ReaderConfig::new(vec![source], cache.path())
}

#[test]
fn a_catalog_is_fetched_once_while_it_is_young_and_asked_for_by_its_tag_after() {
    let web = Web::start(|request, stream| match request.header("if-none-match") {
        Some("\"1\"") => answer(stream, "304 Not Modified", "", b""),
        _ => answer(stream, "200 OK", "etag: \"1\"\r\n", SMALL.as_bytes()),
    });
    let cache = tempfile::tempdir().unwrap();
    let reader = Reader::new(config(&web, &cache));
    for _ in 0..3 {
        assert!(reader.snapshot().available.contains_key("weather"));
    }
    assert_eq!(web.requests().len(), 1);

    // Another process finds the copy, which is too old for it.
    let mut old = config(&web, &cache);
    old.time_to_live = Duration::ZERO;
    let reader = Reader::new(old);
    let resolved = reader.resolve("weather", None, "linux/amd64").unwrap();
    assert_eq!(
        resolved.location,
        web.url("/lists/weather-1.0.0-linux-amd64.zip").as_str()
    );
    let requests = web.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[1].header("if-none-match"), Some("\"1\""));
}

#[test]
fn the_last_copy_is_used_when_there_is_no_better_one_and_the_answer_says_so() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let web = Web::start(
        move |_, stream| match count.fetch_add(1, Ordering::SeqCst) {
            0 => answer(stream, "200 OK", "", SMALL.as_bytes()),
            _ => answer(stream, "500 Oops", "", b"<html>"),
        },
    );
    let cache = tempfile::tempdir().unwrap();
    let mut config = config(&web, &cache);
    config.time_to_live = Duration::ZERO;
    assert!(Reader::new(config.clone()).snapshot().warnings.is_empty());
    let snapshot = Reader::new(config).snapshot();
    assert!(snapshot.available.contains_key("weather"));
    let warning = &snapshot.warnings[0];
    assert!(
        warning.contains("status 500") && warning.contains("min ago"),
        "{warning}"
    );
    assert!(!warning.contains("s3cr3t"), "{warning}");
}

#[test]
fn many_who_ask_at_once_share_one_fetch() {
    let web = Web::start(|_, stream| answer(stream, "200 OK", "", SMALL.as_bytes()));
    let cache = tempfile::tempdir().unwrap();
    let reader = Arc::new(Reader::new(config(&web, &cache)));
    let together = Arc::new(Barrier::new(8));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (reader, together) = (Arc::clone(&reader), Arc::clone(&together));
            std::thread::spawn(move || {
                together.wait();
                reader.snapshot().available.len()
            })
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), 1);
    }
    assert_eq!(web.requests().len(), 1);
}

#[test]
fn what_is_no_catalog_is_a_warning_and_the_other_catalogs_are_read() {
    let web = Web::start(|_, stream| answer(stream, "200 OK", "", b"<!doctype html>"));
    let cache = tempfile::tempdir().unwrap();
    let file = cache.path().join("local.json");
    fs::write(&file, SMALL).unwrap();
    let mut config = config(&web, &cache);
    config.sources.push(Source::File(file.clone()));
    config
        .sources
        .push(Source::File(cache.path().join("absent.json")));
    let reader = Reader::new(config);
    let snapshot = reader.snapshot();
    assert_eq!(snapshot.warnings.len(), 2);
    assert!(
        snapshot.warnings[0].contains("web page"),
        "{:?}",
        snapshot.warnings
    );
    // An asset of a file lies beside it.
    let resolved = reader.resolve("weather", None, "linux/amd64").unwrap();
    let beside = cache.path().join("weather-1.0.0-linux-amd64.zip");
    assert_eq!(resolved.location, beside.to_str().unwrap());

    let error = reader.resolve("wether", None, "linux/amd64").unwrap_err();
    assert!(
        error.to_string().contains("did you mean weather"),
        "{error}"
    );
    let error = reader
        .resolve("weather", Some("9.9.9"), "linux/amd64")
        .unwrap_err();
    assert!(matches!(error, ReaderError::NoRelease { .. }));
    let none = Reader::new(ReaderConfig::new(Vec::new(), cache.path()));
    let error = none.resolve("weather", None, "linux/amd64").unwrap_err();
    assert!(matches!(error, ReaderError::NoCatalog));
}

#[test]
fn a_token_goes_to_the_catalogs_own_origin() {
    let web = Web::start(|_, stream| answer(stream, "200 OK", "", SMALL.as_bytes()));
    let cache = tempfile::tempdir().unwrap();
    let mut config = config(&web, &cache);
    config.token = Some("s3cr3t".to_owned());
    assert!(!format!("{config:?}").contains("s3cr3t"));
    Reader::new(config).snapshot();
    assert_eq!(
        web.requests()[0].header("authorization"),
        Some("Bearer s3cr3t")
    );
}

fn manifest(key: &str, version: &str, platform: &str) -> Manifest {
    let mut manifest = Manifest {
        schema_version: 1,
        version: version.to_owned(),
        proto_version: 1,
        entry: key.to_owned(),
        os_arch: vec![platform.to_owned()],
        sha256: "0".repeat(64),
        ..Manifest::default()
    };
    let module = &mut manifest.module;
    key.clone_into(&mut module.meta.key);
    module.operations.push(Category {
        operations: vec![Operation {
            key: "go".to_owned(),
            ..Operation::default()
        }],
        ..Category::default()
    });
    manifest
}

#[test]
fn the_recorded_releases_make_the_recorded_catalog() {
    let releases = parse_releases(RELEASES.as_bytes()).unwrap();
    let recorded = parse(CATALOG.as_bytes()).unwrap();
    let made = from_releases(&releases, &|url| {
        // The one archive that can be fetched, as in the recording.
        (url == "https://dl.example.test/b").then(|| {
            let mut found = manifest("alpha", "1.10.0", "darwin/arm64");
            let meta = &mut found.module.meta;
            meta.name.clone_from(&recorded[0].name);
            meta.description.clone_from(&recorded[0].description);
            meta.default_tags.clone_from(&recorded[0].default_tags);
            FetchedAsset {
                manifest: found,
                digest: None,
            }
        })
    });
    // DIFFERENCE: the version before is kept, so that it can still be had.
    assert_eq!(made[0].versions[0].version, "1.0.0");
    let mut as_original = made.clone();
    as_original
        .iter_mut()
        .for_each(|entry| entry.versions.clear());
    let printed: Value = serde_json::from_str(&print(&as_original)).unwrap();
    assert_eq!(printed, serde_json::from_str::<Value>(CATALOG).unwrap());
}

#[test]
fn a_draft_is_no_release_and_an_archive_of_something_else_describes_nothing() {
    let text = r#"[{"tag_name":"a/v2.0.0","draft":true,"assets":[]},
        {"tag_name":"a/v1.0.0","assets":[{"name":"a-1.0.0-linux-amd64.zip",
          "browser_download_url":"https://x.test/a"}]}]"#;
    let releases = parse_releases(text.as_bytes()).unwrap();
    let made = from_releases(&releases, &|_| {
        let mut other = manifest("slack", "1.0.0", "linux/amd64");
        other.module.meta.name = "Slack".to_owned();
        Some(FetchedAsset {
            manifest: other,
            digest: Some(Digest::default()),
        })
    });
    assert_eq!(
        (made[0].version.as_str(), made[0].name.as_str()),
        ("1.0.0", "a")
    );
    assert!(made[0].digests.is_empty());
    assert!(parse_releases(b"{}").is_err());
}

#[test]
fn a_directory_of_archives_becomes_a_catalog_with_digests_and_older_versions() {
    let directory = tempfile::tempdir().unwrap();
    for name in [
        "a-1.0.0-linux-amd64.zip",
        "a-1.1.0-linux-amd64.zip",
        "b-1.0.0-linux-amd64.tar.gz",
    ] {
        fs::write(directory.path().join(name), name).unwrap();
    }
    fs::write(directory.path().join("README"), "").unwrap();
    let read = |path: &std::path::Path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        let mut parts = name.split('-');
        let (key, version) = (parts.next().unwrap(), parts.next().unwrap());
        let mut found = manifest(key, version, "linux/amd64");
        found.module.meta.default_tags = vec![Tag::default()];
        if key == "b" {
            found.kind_word = "tool".to_owned();
        }
        Ok(found)
    };
    let made = from_directory(directory.path(), Some("https://x.test/r/"), &read).unwrap();
    assert_eq!(made.len(), 2);
    assert_eq!(made[0].version, "1.1.0");
    assert_eq!(
        made[0].assets["linux/amd64"],
        "https://x.test/r/a-1.1.0-linux-amd64.zip"
    );
    assert_eq!(made[0].digests["linux/amd64"].size, 23);
    assert_eq!(made[0].digests["linux/amd64"].sha256.len(), 64);
    assert_eq!(made[0].versions[0].version, "1.0.0");
    assert_eq!(made[1].kind, "tool");
    let relative = from_directory(directory.path(), None, &read).unwrap();
    assert_eq!(relative[0].assets["linux/amd64"], "a-1.1.0-linux-amd64.zip");

    let same = |_: &std::path::Path| Ok(manifest("a", "1.0.0", "linux/amd64"));
    let error = from_directory(directory.path(), None, &same).unwrap_err();
    assert!(error.to_string().contains("the same connector"), "{error}");
    let broken = |_: &std::path::Path| Err("it is truncated".to_owned());
    let error = from_directory(directory.path(), None, &broken).unwrap_err();
    assert!(error.to_string().contains("truncated"), "{error}");
}
