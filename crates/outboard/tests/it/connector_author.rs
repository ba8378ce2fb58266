//! What an author types: new, keygen, sign, pack, verify, catalog build. Building one is the
//! README's walk, which takes a compiler's time.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::Value;

use crate::support::Home;

#[test]
fn a_new_connector_is_written_once_and_nothing_that_is_there_is_touched() {
    let home = Home::new();
    let new = home
        .run(&["connector", "new", "google_mail", "--json"])
        .exits(0)
        .json();
    assert_eq!(new["files"].as_array().unwrap().len(), 4);
    let main = fs::read_to_string(home.path("google_mail/src/main.rs")).unwrap();
    assert!(
        main.contains("Connector::new(\"google_mail\", \"Google Mail\")"),
        "{main}"
    );
    let again = home.run(&["connector", "new", "google_mail"]).exits(1);
    assert!(again.stderr.contains("--path"), "{}", again.stderr);
    home.run(&["connector", "new", "../up"]).exits(2);
    home.run(&["connector", "new", "Upper"]).exits(2);
    let tool = home
        .run(&["connector", "new", "checks", "--kind", "tool"])
        .exits(0);
    assert!(
        tool.stdout.contains("outboard tool call checks hello"),
        "{}",
        tool.stdout
    );
}

#[test]
fn what_is_signed_packed_and_trusted_is_installed_and_what_was_changed_is_not() {
    let home = Home::new();
    let package = home.sql_package("dist/sql", "1.0.0");
    let package = package.to_str().unwrap();
    let key = home
        .run(&["connector", "keygen", "me.key", "--json"])
        .exits(0)
        .json();
    let mode = fs::metadata(home.path("me.key"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    home.run(&["connector", "keygen", "me.key"]).exits(1);
    let signed = home
        .run(&["connector", "sign", package, "--key", "me.key", "--json"])
        .exits(0)
        .json();
    assert_eq!(signed["signed_with"], key["key_id"]);
    let packed = home
        .run(&["connector", "pack", package, "--json"])
        .exits(0)
        .json();
    let archive = packed["archive"].as_str().unwrap();
    assert!(archive.ends_with("sql-1.0.0-linux-amd64.zip") || archive.contains("sql-1.0.0-"));

    // Nobody trusts the key yet.
    let refused = home.run(&["connector", "install", archive]).exits(4);
    assert!(refused.stderr.contains("trust"), "{}", refused.stderr);
    let verified = home
        .run(&["connector", "verify", archive, "--json"])
        .exits(0)
        .json();
    assert_eq!(verified["signed"], "unverifiable");
    let with = home
        .run(&[
            "connector",
            "verify",
            archive,
            "--public-key",
            "me.key.pub",
            "--json",
        ])
        .exits(0)
        .json();
    assert_eq!(with["signed"], "envelope");
    home.run(&["connector", "trust", "me.key.pub"]).exits(0);
    home.run(&["connector", "trust", "me.key.pub"]).exits(0);
    let installed = home
        .run(&["connector", "install", archive, "--json"])
        .exits(0)
        .json();
    assert_eq!(installed["signed"], "envelope");
    // A project that is called like its connector is no package.
    fs::create_dir(home.path("sql")).unwrap();
    let again = home
        .run(&["connector", "verify", "sql", "--json"])
        .exits(0)
        .json();
    assert_eq!(again["key_id"], key["key_id"]);

    // Another name on the same program.
    let path = home.path("dist/sql/plugin.json");
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    manifest["module"]["Meta"]["Name"] = "Somebody else's".into();
    fs::write(&path, manifest.to_string()).unwrap();
    home.run(&["connector", "verify", package]).exits(4);
    home.run(&["connector", "install", package]).exits(4);

    // A key that is revoked runs nothing any more, from the next look on.
    let id = key["key_id"].as_str().unwrap();
    home.write("data/keys/revoked", &format!("# lost\n{id}\n"));
    let refused = home
        .run(&["connector", "call", "sql", "list_tables"])
        .exits(4);
    assert!(refused.stderr.contains("revoked"), "{}", refused.stderr);
    let doctor = home.run(&["doctor"]).exits(1);
    assert!(doctor.stdout.contains("revoked"), "{}", doctor.stdout);
}

#[test]
fn a_directory_of_archives_becomes_a_catalog_to_install_and_update_from() {
    let home = Home::new();
    home.run(&["connector", "keygen", "me.key"]).exits(0);
    home.run(&["connector", "trust", "me.key.pub"]).exits(0);
    for version in ["1.0.0", "1.1.0"] {
        let package = home.sql_package(&format!("dist-{version}"), version);
        let package = package.to_str().unwrap();
        home.run(&["connector", "sign", package, "--key", "me.key"])
            .exits(0);
        home.run(&["connector", "pack", package, "--out-dir", "release"])
            .exits(0);
    }
    let built = home.run(&[
        "connector",
        "catalog",
        "build",
        "release",
        "--out",
        "release/plugins.json",
        "--json",
    ]);
    assert_eq!(built.exits(0).json()["connectors"], 1);
    let catalog = home.path("release/plugins.json");
    home.write(
        "outboard.toml",
        &format!("catalogs = {:?}\n", catalog.to_str().unwrap()),
    );

    let found = home
        .run(&["connector", "search", "database", "--json"])
        .exits(0)
        .json();
    assert_eq!(found["available"][0]["version"], "1.1.0", "{found}");
    let old = home
        .run(&["connector", "install", "sql@1.0.0", "--json"])
        .exits(0)
        .json();
    assert_eq!(old["version"], "1.0.0");
    let new = home
        .run(&["connector", "update", "sql", "--json"])
        .exits(0)
        .json();
    assert_eq!(
        (&new["version"], &new["previous"]),
        (&"1.1.0".into(), &"1.0.0".into())
    );
    let same = home
        .run(&["connector", "update", "--all", "--json"])
        .exits(0)
        .json();
    assert_eq!(same, serde_json::json!([]));
    let missing = home.run(&["connector", "install", "sgl"]).exits(3);
    assert!(
        missing.stderr.contains("did you mean sql"),
        "{}",
        missing.stderr
    );
    let other = home.run(&[
        "connector",
        "install",
        "sql@1.0.0",
        "--locked",
        "--allow-downgrade",
    ]);
    assert!(other.exits(4).stderr.contains("1.1.0"));
    home.run(&["connector", "install", "sql@1.1.0", "--locked"])
        .exits(0);
    let lock = fs::read_to_string(home.data().join("outboard.lock")).unwrap();
    assert!(
        lock.contains("version = \"1.1.0\"") && lock.contains("archive_sha256"),
        "{lock}"
    );
}

#[test]
fn a_wrong_archive_is_refused_and_leaves_everything_as_it_was() {
    let home = Home::new();
    for (name, bytes) in [
        ("empty.zip", &b""[..]),
        ("text.zip", b"this is no archive"),
        ("cut.zip", b"PK\x03\x04\x14\x00"),
    ] {
        fs::write(home.path(name), bytes).unwrap();
        let path = home.path(name);
        let refused = home.run(&["connector", "install", path.to_str().unwrap()]);
        assert!(refused.code == Some(1), "{refused:?}");
        assert!(!refused.stderr.contains("panicked"), "{}", refused.stderr);
    }
    let listed = home.run(&["connector", "list", "--json"]).exits(0).json();
    assert_eq!(listed, serde_json::json!([]));
    let left: Vec<_> = fs::read_dir(home.data().join("connectors/.staging"))
        .unwrap()
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
