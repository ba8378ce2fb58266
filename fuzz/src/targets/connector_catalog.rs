//! A catalog, and the list of releases that one is made of: what is accepted is written in
//! a form that means the same, what it offers can be had, and its errors steer no terminal.

use outboard_connector::catalog::build::{from_releases, parse_releases};
use outboard_contracts::connector::{
    catalog::{Entry, is_pre_release, is_version, order, parse, print, version_newer},
    validate_key,
};

pub(super) fn run(bytes: &[u8]) {
    match parse(bytes) {
        Ok(entries) => entries_keep_their_promises(&entries),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Ok(releases) = parse_releases(bytes) {
        let built = from_releases(&releases, &|_| Err("nothing is fetched here".to_owned()));
        entries_keep_their_promises(&built.entries);
        for warning in &built.warnings {
            assert!(!warning.contains(char::is_control), "{warning:?}");
        }
    }
}

fn entries_keep_their_promises(entries: &[Entry]) {
    assert_eq!(parse(print(entries).as_bytes()).as_deref(), Ok(entries));
    assert!(entries.is_sorted_by(|one, other| one.key < other.key));
    for entry in entries {
        assert!(validate_key(&entry.key).is_ok());
        let releases = entry.releases();
        assert!(releases.is_sorted_by(|one, other| order(&one.version, &other.version).is_ge()));
        for release in &releases {
            for platform in release.assets.keys() {
                let newest = entry.release(None, platform);
                let newest = newest.unwrap_or_else(|error| panic!("{platform:?}: {error}"));
                assert!(newest.assets.contains_key(platform));
                assert!(is_pre_release(&release.version) || !is_pre_release(&newest.version));
                assert!(entry.release(Some(&release.version), platform).is_ok());
            }
            let (one, other) = (&entry.version, &release.version);
            if is_version(one) && is_version(other) {
                assert!(!(version_newer(one, other) && version_newer(other, one)));
            }
        }
        for wanted in [None, Some("9.9.9-none")] {
            if let Err(error) = entry.release(wanted, "none/none") {
                let text = error.to_string();
                assert!(!text.contains(char::is_control), "{text:?}");
                assert!(text.len() < 5000, "{} bytes", text.len());
            }
        }
    }
}
