//! Catalogs as the original reads and writes them, and what ours add.

use outboard_contracts::connector::catalog::{
    CatalogError, Digest, Entry, NoRelease, Release, is_pre_release, is_version, parse, print,
    version_newer,
};
use serde_json::Value;

const CATALOG: &str = include_str!("../golden/connector-catalog.json");
const VERSIONS: &str = include_str!("../golden/connector-versions.json");

#[test]
fn the_recorded_catalog_reads_and_prints_as_the_same_json() {
    let entries = parse(CATALOG.as_bytes()).unwrap();
    let recorded: Value = serde_json::from_str(CATALOG).unwrap();
    let printed: Value = serde_json::from_str(&print(&entries)).unwrap();
    assert_eq!(printed, recorded);
    assert!(print(&entries).starts_with("[\n  {\n    \"key\": \"alpha\""));
    assert_eq!(parse(print(&entries).as_bytes()).unwrap(), entries);
}

#[test]
fn every_recorded_pair_of_versions_is_newer_or_not_as_recorded() {
    let pairs: Vec<Value> = serde_json::from_str(VERSIONS).unwrap();
    assert_eq!(pairs.len(), 8);
    for pair in pairs {
        let newer = version_newer(pair["a"].as_str().unwrap(), pair["b"].as_str().unwrap());
        assert_eq!(Value::from(newer), pair["a_is_newer"], "{pair}");
    }
}

#[test]
fn key_and_name_stand_in_for_each_other_and_what_has_neither_is_dropped() {
    let text = r#"[{"Name":"slack"},{"KEY":"mail","version":"1.0.0"},{"description":"x"},null,
        {"key":"../x"},{"key":"mail","version":"9.9.9"},{"key":"a","assets":null,"new":1}]"#;
    let entries = parse(text.as_bytes()).unwrap();
    let keys: Vec<_> = entries.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(keys, ["a", "mail", "slack"]);
    assert_eq!(entries[1].version, "1.0.0");
    assert_eq!(entries[1].name, "mail");
    assert_eq!(parse(b"null").unwrap(), []);
}

#[test]
fn what_is_no_catalog_says_so() {
    let error = parse(b"  <!doctype html><html>").unwrap_err();
    assert!(error.to_string().contains("web page"), "{error}");
    for text in ["{}", "[1]", "[", "", r#"[{"key":1}]"#] {
        let error = parse(text.as_bytes()).unwrap_err();
        assert!(matches!(error, CatalogError::NotACatalog { .. }), "{text}");
    }
    let large = vec![b' '; 9 * 1024 * 1024];
    assert!(matches!(parse(&large), Err(CatalogError::TooLarge { .. })));
}

fn release(version: &str, platforms: &[&str]) -> Release {
    Release {
        version: version.to_owned(),
        assets: platforms
            .iter()
            .map(|platform| ((*platform).to_owned(), format!("https://x.test/{version}")))
            .collect(),
        ..Release::default()
    }
}

fn entry() -> Entry {
    let newest = release("1.10.0", &["linux/amd64"]);
    Entry {
        key: "weather".to_owned(),
        name: "weather".to_owned(),
        version: newest.version,
        assets: newest.assets,
        digests: [(
            "linux/amd64".to_owned(),
            Digest {
                sha256: "aa".to_owned(),
                size: 3,
            },
        )]
        .into(),
        versions: vec![
            release("1.9.0", &["linux/amd64", "linux/arm64"]),
            release("2.0.0-rc.1", &["linux/amd64"]),
            release("1.2.0", &["linux/arm64"]),
        ],
        ..Entry::default()
    }
}

#[test]
fn the_newest_stable_version_with_a_build_is_taken_and_a_named_one_exactly() {
    let entry = entry();
    let of = |wanted, platform| entry.release(wanted, platform);
    assert_eq!(of(None, "linux/amd64").unwrap().version, "1.10.0");
    assert_eq!(
        of(None, "linux/amd64").unwrap().digests["linux/amd64"].size,
        3
    );
    // An older build is better than none.
    assert_eq!(of(None, "linux/arm64").unwrap().version, "1.9.0");
    assert_eq!(of(Some("v1.2.0"), "linux/arm64").unwrap().version, "1.2.0");
    assert_eq!(
        of(Some("2.0.0-rc.1"), "linux/amd64").unwrap().version,
        "2.0.0-rc.1"
    );
    let error = of(Some("3.0.0"), "linux/amd64").unwrap_err();
    assert!(matches!(&error, NoRelease::Version { known, .. } if known[0] == "2.0.0-rc.1"));
    let error = of(Some("1.2.0"), "linux/amd64").unwrap_err();
    assert!(error.to_string().contains("linux/arm64"), "{error}");
    let error = of(None, "plan9/mips").unwrap_err();
    assert!(matches!(error, NoRelease::Platform { .. }));
}

#[test]
fn an_error_names_a_few_versions_and_steers_no_terminal() {
    let mut entry = entry();
    entry.versions = (0..500)
        .map(|number| {
            release(
                &format!("0.{number}.0"),
                &[&format!("os\u{1b}[31m/{number}")],
            )
        })
        .collect();
    let unknown = entry.release(Some("\u{1b}[31m"), "linux/amd64");
    let elsewhere = entry.release(None, "plan9/mips");
    for error in [unknown.unwrap_err(), elsewhere.unwrap_err()] {
        let text = error.to_string();
        assert!(text.contains("and 49") && text.contains(" more"), "{text}");
        assert!(!text.contains('\u{1b}') && text.len() < 500, "{text}");
    }
}

#[test]
fn a_version_may_leave_parts_out_and_a_word_is_none() {
    for version in ["1", "v1.2", "1.2.3-rc.1+b", "0.0.0-dev"] {
        assert!(is_version(version), "{version}");
    }
    for other in ["", "v", "latest", "1.2.3.4", "1..2", "01.2.3"] {
        assert!(!is_version(other), "{other}");
    }
    assert!(is_pre_release("v1.0-rc.1") && !is_pre_release("1.0.0+rc.1"));
}

#[test]
fn a_pre_release_is_taken_where_there_is_nothing_else() {
    let mut entry = entry();
    entry.versions.clear();
    entry.version = "0.1.0-rc.1".to_owned();
    assert_eq!(
        entry.release(None, "linux/amd64").unwrap().version,
        "0.1.0-rc.1"
    );
}
