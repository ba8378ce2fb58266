//! Listing what is installed: fast, whatever changes meanwhile, and without any process.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use outboard_connector::{
    package::{Package, SignatureState, VerifyProblem},
    platform,
    store::StoreError,
    trust::Trust,
};
use outboard_contracts::connector::{
    Manifest,
    signing::{PrivateKey, PublicKey},
};

use crate::packages::{self, Place, assert_whole, request};

const PLUGIN: &str = include_str!("../golden/connector-plugin.json");
const SIGNING: &str = include_str!("../golden/connector-signing.json");

#[test]
fn a_thousand_connectors_are_listed_in_fifty_milliseconds() {
    let place = Place::new();
    // The recorded manifest, which uses every field, under a thousand keys.
    for number in 0..1000 {
        let key = format!("connector_{number:04}");
        let mut manifest = Manifest::parse(PLUGIN.as_bytes()).unwrap();
        manifest.module.meta.key.clone_from(&key);
        let home = place.path("connectors").join(&key);
        let directory = home.join("versions").join(&manifest.version);
        packages::write(&directory, &manifest, b"the program");
        fs::write(home.join("current"), format!("{}\n", manifest.version)).unwrap();
    }
    let list = || {
        let (begun, worked) = (Instant::now(), processor_time());
        let found = place.store.scan();
        let took = (begun.elapsed(), processor_time().saturating_sub(worked));
        assert_eq!(found.len(), 1000);
        assert!(found.iter().all(|found| found.installed.is_ok()));
        took
    };
    let (first, first_work) = list();
    let (again, again_work) = (0..10).map(|_| list()).min().unwrap();
    println!(
        "1,000 connectors: {first:?} at first ({first_work:?} of work), then {again:?} ({again_work:?})"
    );
    // Of work, for others may use the processor too; and without optimisation it is more.
    if !cfg!(debug_assertions) {
        assert!(first_work.as_millis() < 250, "{first_work:?}");
    }
    assert!(again_work.as_millis() < 50, "{again_work:?}");
}

/// How long this thread has been on a processor.
fn processor_time() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

#[test]
fn a_manifest_that_changes_is_read_again_also_when_nothing_but_it_changes() {
    let place = Place::new();
    let installed = place.install("echo", "1.0.0").unwrap();
    assert_eq!(place.store.scan().len(), 1);
    let text = fs::read_to_string(installed.directory.join("plugin.json")).unwrap();
    // In place, of the same length.
    let changed = text.replace("\"Name\": \"\"", "\"Icon\": \"\"");
    assert_eq!(changed.len(), text.len());
    assert_ne!(changed, text);
    fs::write(installed.directory.join("plugin.json"), &changed).unwrap();
    assert_eq!(
        &*place.store.get("echo").unwrap().manifest_bytes,
        changed.as_bytes()
    );
    fs::remove_file(&installed.program).unwrap();
    assert!(matches!(
        place.store.get("echo"),
        Err(StoreError::Package(_))
    ));
    fs::remove_dir_all(place.path("connectors/echo")).unwrap();
    assert!(matches!(
        place.store.get("echo"),
        Err(StoreError::NotInstalled { .. })
    ));
    assert!(place.store.scan().is_empty());
}

#[test]
fn who_lists_while_versions_come_and_go_sees_one_of_them_each_time() {
    let place = Place::new();
    for version in ["1.0.0", "1.1.0"] {
        drop(place.package("echo", version));
    }
    place.install("echo", "1.0.0").unwrap();
    let done = AtomicBool::new(false);
    let mut seen = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut downgrade = request();
            downgrade.allow_downgrade = true;
            for round in 0..60 {
                let version = if round % 2 == 0 { "1.1.0" } else { "1.0.0" };
                let package =
                    Package::open(&place.path(&format!("packages/echo-{version}"))).unwrap();
                place.store.install(&package, &downgrade, &|_| {}).unwrap();
            }
            done.store(true, Ordering::Relaxed);
        });
        let other = packages::open(&place.path("."));
        while !done.load(Ordering::Relaxed) {
            for store in [&place.store, &other] {
                let found = store.scan();
                assert_eq!(found.len(), 1);
                let installed = found.into_iter().next().unwrap().installed.unwrap();
                let expected = packages::program("echo", &installed.version);
                assert_eq!(installed.manifest.sha256, packages::sha256(&expected));
                seen += 1;
            }
        }
    });
    println!("{seen} lists");
    assert_whole(&place.store, "echo", "1.0.0");
}

#[test]
fn installers_of_several_threads_take_turns() {
    let place = Place::new();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let place = &place;
            scope.spawn(move || {
                let store = packages::open(&place.path("."));
                for version in ["1.0.0", "1.1.0"] {
                    let key = format!("echo_{thread}");
                    let package = place.package(&key, version);
                    store.install(&package, &request(), &|_| {}).unwrap();
                }
            });
        }
    });
    let found = place.store.scan();
    assert_eq!(found.len(), 4);
    for found in found {
        assert_whole(&place.store, &found.name, "1.1.0");
    }
}

#[test]
fn the_recorded_connector_is_installed_as_signed_by_the_original() {
    let signing: serde_json::Value = serde_json::from_str(SIGNING).unwrap();
    let place = Place::new();
    let mut manifest = Manifest::parse(PLUGIN.as_bytes()).unwrap();
    let program = signing["binary"].as_str().unwrap().as_bytes();
    // Recorded on one platform, which may not be this one.
    manifest.os_arch = vec![platform::host()];
    let directory = place.path("packages/recorded");
    packages::write(&directory, &manifest, program);
    let package = Package::open(&directory).unwrap();
    let public = PublicKey::from_base64(signing["public_key"].as_str().unwrap()).unwrap();
    let mut request = request();
    request.origin = outboard_connector::package::Origin::Elsewhere;
    request.trust.trust_key(public);
    let installed = place.store.install(&package, &request, &|_| {}).unwrap();
    let key_id = public.id();
    let program_signed = SignatureState::Program { key_id };
    assert_eq!(installed.signed(&request.trust).unwrap(), program_signed);
    assert_eq!(
        place
            .store
            .verify(&installed.key, &request.trust)
            .unwrap()
            .signed,
        program_signed
    );
    let mut stranger = Trust::new();
    assert_eq!(
        installed.signed(&stranger).unwrap(),
        SignatureState::Unverifiable
    );
    stranger.trust_key(PrivateKey::generate().unwrap().public());
    assert!(matches!(
        installed.signed(&stranger),
        Err(VerifyProblem::UntrustedSignature)
    ));
}
