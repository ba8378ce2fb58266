//! Catalogs that are made of archives and of releases.

use std::{
    cell::RefCell,
    fs,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use outboard_connector::{
    catalog::{
        Reader, ReaderConfig, Source,
        build::{
            BuildError, FetchedAsset, GitHub, ListedAsset, ListedRelease, MAX_VERSIONS,
            from_directory, from_releases, parse_releases,
        },
    },
    download::DownloadError,
    package::pack::pack,
    platform,
};
use outboard_contracts::connector::{
    Manifest,
    catalog::{Digest, parse, print},
    module::Tag,
};
use serde_json::{Value, json};

use crate::{
    packages::{self, Place},
    web::{Web, answer},
};

const RELEASES: &str = include_str!("../golden/connector-catalog-releases.json");
const CATALOG: &str = include_str!("../golden/connector-catalog.json");

fn manifest(key: &str, version: &str, platform: &str) -> Manifest {
    Manifest {
        os_arch: vec![platform.to_owned()],
        ..packages::manifest(key, version, b"")
    }
}

fn none(_: &ListedAsset) -> Result<FetchedAsset, String> {
    Err("it is not there".to_owned())
}

#[test]
fn the_recorded_releases_make_the_recorded_catalog() {
    let releases = parse_releases(RELEASES.as_bytes()).unwrap();
    let recorded = parse(CATALOG.as_bytes()).unwrap();
    let built = from_releases(&releases, &|asset| {
        // The one archive that can be fetched, as in the recording.
        if asset.browser_download_url != "https://dl.example.test/b" {
            return none(asset);
        }
        let mut found = manifest("alpha", "1.10.0", "darwin/arm64");
        let meta = &mut found.module.meta;
        meta.name.clone_from(&recorded[0].name);
        meta.description.clone_from(&recorded[0].description);
        meta.default_tags.clone_from(&recorded[0].default_tags);
        Ok(FetchedAsset {
            manifest: found,
            digest: None,
        })
    });
    let mut made = built.entries;
    // DIFFERENCE: the version before is kept, so that it can still be had.
    assert_eq!(made[0].versions[0].version, "1.0.0");
    assert_eq!(parse(print(&made).as_bytes()).unwrap(), made);
    made.iter_mut().for_each(|entry| entry.versions.clear());
    let printed: Value = serde_json::from_str(&print(&made)).unwrap();
    assert_eq!(printed, serde_json::from_str::<Value>(CATALOG).unwrap());
    // DIFFERENCE: what could not be fetched is told.
    assert_eq!(built.warnings.len(), 4, "{:?}", built.warnings);
}

fn listed(tag: &str, more: Value) -> ListedRelease {
    let (key, version) = tag.split_once("/v").unwrap();
    let name = format!("{key}-{version}-linux-amd64.zip");
    let mut release = json!({ "tag_name": tag, "assets": [{ "name": name,
        "browser_download_url": format!("https://x.test/{name}") }] });
    let fields = more.as_object().unwrap().clone();
    release.as_object_mut().unwrap().extend(fields);
    serde_json::from_value(release).unwrap()
}

#[test]
fn drafts_and_what_is_marked_as_a_pre_release_are_not_in_it() {
    let releases = [
        listed("a/v3.0.0", json!({ "draft": true })),
        listed("a/v2.0.0", json!({ "prerelease": true })),
        listed("a/v1.1.0-rc.1", json!({})),
        listed("a/v1.0.0", json!({ "draft": null, "new": [1] })),
        listed("b/v1.0.0", json!({ "draft": true })),
    ];
    let made = from_releases(&releases, &none).entries;
    assert_eq!(made.len(), 1);
    // DIFFERENCE: the original puts the release candidate here, and its hosts install it.
    assert_eq!(made[0].version, "1.0.0");
    assert_eq!(made[0].versions.len(), 1);
    assert_eq!(made[0].versions[0].version, "1.1.0-rc.1");
}

#[test]
fn an_archive_that_an_installer_would_refuse_is_left_out_and_told() {
    let releases = [listed("a/v1.0.0", json!({})), listed("a/v0.9.0", json!({}))];
    for (key, version, platform, word) in [
        ("slack", "1.0.0", "linux/amd64", "\"slack\""),
        ("a", "1.0.1", "linux/amd64", "\"1.0.1\""),
        ("a", "1.0.0", "linux/arm64", "linux/arm64"),
    ] {
        let built = from_releases(&releases, &|asset| match asset.name.contains("0.9.0") {
            true => none(asset),
            false => Ok(FetchedAsset {
                manifest: manifest(key, version, platform),
                digest: Some(Digest::default()),
            }),
        });
        assert_eq!(built.entries[0].version, "0.9.0");
        assert!(built.entries[0].versions.is_empty());
        let warning = &built.warnings[0];
        assert!(
            warning.starts_with("a-1.0.0-linux-amd64.zip is left out") && warning.contains(word),
            "{warning}"
        );
    }
}

#[test]
fn only_what_the_list_does_not_say_is_fetched() {
    let sha256 = "AB".repeat(32);
    let told = |tag: &str, digest: &str, size: u64| {
        let mut release = listed(tag, json!({}));
        digest.clone_into(&mut release.assets[0].digest);
        release.assets[0].size = size;
        release
    };
    let releases = [
        told("a/v1.2.0", &format!("sha256:{sha256}"), 7),
        told("a/v1.1.0", &format!("sha256:{sha256}"), 8),
        told("a/v1.0.0", "sha512:00", 9),
    ];
    let fetched = RefCell::new(Vec::new());
    let built = from_releases(&releases, &|asset| {
        fetched.borrow_mut().push(asset.name.clone());
        let version = asset.name.split('-').nth(1).unwrap();
        let mut found = manifest("a", version, "linux/amd64");
        found.module.meta.name = format!("A {version}");
        Ok(FetchedAsset {
            manifest: found,
            digest: Some(Digest {
                sha256: "cd".repeat(32),
                size: 9,
            }),
        })
    });
    assert_eq!(
        *fetched.borrow(),
        ["a-1.2.0-linux-amd64.zip", "a-1.0.0-linux-amd64.zip"]
    );
    let entry = &built.entries[0];
    assert_eq!(entry.name, "A 1.2.0");
    assert_eq!(entry.digests["linux/amd64"].sha256, "ab".repeat(32));
    assert_eq!(entry.digests["linux/amd64"].size, 7);
    assert_eq!(entry.versions[0].digests["linux/amd64"].size, 8);
    let oldest = &entry.versions[1].digests["linux/amd64"];
    assert_eq!(oldest.sha256, "cd".repeat(32));
}

#[test]
fn many_versions_are_cut_and_a_second_kind_of_archive_gives_way_to_zip() {
    let mut releases: Vec<_> = (0..50)
        .map(|minor| listed(&format!("a/v1.{minor}.0"), json!({})))
        .collect();
    let asset = |name: &str| ListedAsset {
        name: name.to_owned(),
        browser_download_url: name.to_owned(),
        ..ListedAsset::default()
    };
    releases[49].assets.extend([
        asset("a-1.49.0-linux-amd64.tar.gz"),
        asset("a-1.49.0-linux-arm64.tar.gz"),
    ]);
    // Twice the same: the first counts.
    releases.push(listed("a/v1.49.0", json!({ "assets": null })));
    let fetched = AtomicUsize::new(0);
    let built = from_releases(&releases, &|asset| {
        fetched.fetch_add(1, Ordering::Relaxed);
        none(asset)
    });
    let entry = &built.entries[0];
    assert_eq!(entry.version, "1.49.0");
    assert_eq!(entry.versions.len(), MAX_VERSIONS - 1);
    assert!(entry.assets["linux/amd64"].ends_with(".zip"));
    assert!(entry.assets["linux/arm64"].ends_with(".tar.gz"));
    assert_eq!(fetched.into_inner(), MAX_VERSIONS + 1);
}

#[test]
fn what_is_no_list_of_releases_says_so() {
    for text in ["{}", "<html>", "", "[1]", r#"[{"tag_name":1}]"#] {
        let error = parse_releases(text.as_bytes()).unwrap_err();
        assert!(matches!(error, BuildError::Releases { .. }), "{error}");
    }
    assert!(parse_releases(b"[]").unwrap().is_empty());
}

#[test]
fn a_directory_of_packed_packages_becomes_a_catalog_that_is_installed_from() {
    let place = Place::new();
    let out = place.path("out");
    fs::create_dir(&out).unwrap();
    for version in ["1.0.0", "1.1.0", "2.0.0-rc.1"] {
        let package = place.package("weather", version);
        pack(package.directory(), &out).unwrap();
    }
    fs::write(out.join("README"), "").unwrap();
    fs::create_dir(out.join("unpacked.zip")).unwrap();
    let read = |path: &Path| {
        let package = place.store.open_package(path, &|| false);
        package
            .map(|package| package.manifest().clone())
            .map_err(|error| error.to_string())
    };
    let built = from_directory(&out, None, &read).unwrap();
    fs::write(out.join("plugins.json"), print(&built.entries)).unwrap();

    let source = Source::File(out.join("plugins.json"));
    let reader = Reader::new(ReaderConfig::new(vec![source], place.path("cache")));
    for (wanted, found) in [
        (None, "1.1.0"),
        (Some("1.0.0"), "1.0.0"),
        (Some("v2.0.0-rc.1"), "2.0.0-rc.1"),
    ] {
        let resolved = reader.resolve("weather", wanted, &platform::host());
        let resolved = resolved.unwrap();
        assert_eq!(resolved.version, found);
        let archive = fs::read(&resolved.location).unwrap();
        let digest = resolved.digest.unwrap();
        assert_eq!(digest.size, archive.len() as u64);
        assert_eq!(digest.sha256, packages::sha256(&archive));
        let opened = place
            .store
            .open_package(Path::new(&resolved.location), &|| false);
        let mut request = packages::request();
        request.expected_version = Some(found.to_owned());
        request.expected_archive_sha256 = Some(digest.sha256);
        request.allow_downgrade = true;
        let installed = place
            .store
            .install(&opened.unwrap(), &request, &|_| {})
            .unwrap();
        assert_eq!(installed.version, found);
    }

    // One broken archive, and there is no catalog of the rest.
    fs::write(out.join("z.zip"), "PK").unwrap();
    let error = from_directory(&out, None, &read).unwrap_err();
    assert!(matches!(error, BuildError::Package { .. }), "{error}");
}

#[test]
fn archives_of_a_directory_are_named_by_their_urls() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    for name in ["a-1.0.0-linux-amd64.zip", "b-1.0.0-linux-amd64.tar.gz"] {
        fs::write(path(name), name).unwrap();
    }
    let read = |path: &Path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        let mut found = manifest(&name[..1], "1.0.0", "linux/amd64");
        found.module.meta.default_tags = vec![Tag::default()];
        if name.starts_with('b') {
            found.kind_word = "tool".to_owned();
        }
        Ok(found)
    };
    let build = |base: Option<&str>| from_directory(directory.path(), base, &read);
    let made = build(Some("https://x.test/r/")).unwrap().entries;
    assert_eq!(
        made[0].assets["linux/amd64"],
        "https://x.test/r/a-1.0.0-linux-amd64.zip"
    );
    assert_eq!(made[0].digests["linux/amd64"].size, 23);
    assert_eq!((made[0].kind.as_str(), made[1].kind.as_str()), ("", "tool"));
    let made = build(None).unwrap().entries;
    assert_eq!(made[1].assets["linux/amd64"], "b-1.0.0-linux-amd64.tar.gz");
    for base in ["x.test", "file:///srv", "ftp://x.test/"] {
        let error = build(Some(base)).unwrap_err();
        assert!(matches!(error, BuildError::Base(_)), "{error}");
    }

    let same = |_: &Path| Ok(manifest("a", "1.0.0", "linux/amd64"));
    let error = from_directory(directory.path(), None, &same).unwrap_err();
    assert!(matches!(error, BuildError::Twice { .. }), "{error}");
    let unusable = |_: &Path| Ok(manifest("../a", "1.0.0", "linux/amd64"));
    let error = from_directory(directory.path(), None, &unusable).unwrap_err();
    assert!(matches!(error, BuildError::Package { .. }), "{error}");
    fs::write(path("a b?.zip"), "").unwrap();
    let error = build(None).unwrap_err();
    assert!(matches!(error, BuildError::Name { .. }), "{error}");
}

fn page(from: usize, count: usize) -> Vec<u8> {
    let releases = (from..from + count).map(|number| json!({ "tag_name": format!("a/v{number}") }));
    serde_json::to_vec(&releases.collect::<Vec<_>>()).unwrap()
}

#[test]
fn releases_come_page_by_page_with_a_token_for_the_api_alone() {
    let web = Web::start(|request, stream| match request.path.as_str() {
        "/v3/repos/owner/name/releases?per_page=100&page=1" => {
            answer(stream, "200 OK", "", &page(0, 100));
        }
        "/v3/repos/owner/name/releases?per_page=100&page=2" => {
            answer(stream, "200 OK", "", &page(100, 7));
        }
        _ => answer(stream, "404 Not Found", "", b""),
    });
    let api = web.url("/v3/").to_string();
    let token = Some("s3cr3t".to_owned());
    let github = GitHub::new("owner/name", token, Some(&api)).unwrap();
    assert!(!format!("{github:?}").contains("s3cr3t"));
    let pages = RefCell::new(Vec::new());
    let tell = |page| pages.borrow_mut().push(page);
    let listing = github.releases(&tell, &|| false).unwrap();
    assert!(listing.complete);
    assert_eq!(listing.releases.len(), 107);
    assert_eq!(listing.releases[106].tag_name, "a/v106");
    assert_eq!(*pages.borrow(), [1, 2]);
    let requests = web.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        assert_eq!(request.header("authorization"), Some("Bearer s3cr3t"));
    }
    let github = GitHub::new("owner/other", None, Some(&api)).unwrap();
    let error = github.releases(&|_| {}, &|| false).unwrap_err();
    assert!(
        matches!(
            error,
            BuildError::Page {
                page: 1,
                error: DownloadError::Status { status: 404, .. },
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_list_without_an_end_is_cut_and_says_so_and_half_a_list_is_none() {
    let web = Web::start(|_, stream| answer(stream, "200 OK", "", &page(0, 100)));
    let api = web.url("/").to_string();
    let github = GitHub::new("owner/name", None, Some(&api)).unwrap();
    let listing = github.releases(&|_| {}, &|| false).unwrap();
    assert!(!listing.complete);
    assert_eq!((listing.releases.len(), web.requests().len()), (2000, 20));
    assert_eq!(web.requests()[0].header("authorization"), None);

    let web = Web::start(|request, stream| match request.path.ends_with("&page=1") {
        true => answer(stream, "200 OK", "", &page(0, 100)),
        false => answer(stream, "200 OK", "", b"<html>rate limit</html>"),
    });
    let api = web.url("/").to_string();
    let github = GitHub::new("owner/name", None, Some(&api)).unwrap();
    let error = github.releases(&|_| {}, &|| false).unwrap_err();
    assert!(matches!(error, BuildError::Releases { .. }), "{error}");
    let cancelled = github.releases(&|_| {}, &|| true).unwrap_err();
    assert!(
        matches!(
            cancelled,
            BuildError::Page {
                error: DownloadError::Cancelled,
                ..
            }
        ),
        "{cancelled}"
    );
}

#[test]
fn a_repository_is_a_name_and_an_api_gets_no_token_in_the_clear() {
    for name in [
        "", "owner", "owner/", "/name", "a/b/c", "../..", "a/b?x", "ä/b",
    ] {
        let error = GitHub::new(name, None, None).unwrap_err();
        assert!(matches!(error, BuildError::Repository { .. }), "{name}");
    }
    let error = GitHub::new("a/b", None, Some("http://x.test/")).unwrap_err();
    assert!(matches!(error, BuildError::Base(_)), "{error}");
    assert!(GitHub::new("a.b/c_d-e", None, None).is_ok());
}
