//! Every target with its corpus, and with inputs made from it.

#![allow(clippy::unwrap_used)]

use std::{panic::catch_unwind, time::Instant};

use outboard_fuzz::{Mutator, TARGETS, Target, corpus};

fn target(name: &str) -> &'static Target {
    TARGETS.iter().find(|target| target.name == name).unwrap()
}

/// Gives a target one input; a failure shows the input in a form to copy.
fn give(target: &Target, what: &str, input: &[u8]) {
    if catch_unwind(|| (target.run)(input)).is_err() {
        let name = target.name;
        panic!(
            "{name} broke a promise, see above, with {what}: b\"{}\"",
            input.escape_ascii()
        );
    }
}

fn corpus_and_mutations(name: &str) {
    let target = target(name);
    let inputs = corpus(name).unwrap();
    assert!(inputs.len() >= 5, "a corpus of {} is none", inputs.len());
    for (path, input) in &inputs {
        give(target, &path.display().to_string(), input);
    }
    let rounds = match std::env::var("OUTBOARD_FUZZ_ROUNDS") {
        Ok(rounds) => rounds.parse().expect("OUTBOARD_FUZZ_ROUNDS is a number"),
        Err(_) => target.rounds,
    };
    let inputs: Vec<Vec<u8>> = inputs.into_iter().map(|(_, input)| input).collect();
    let mut mutator = Mutator::new(&inputs, target.words, 1);
    let begun = Instant::now();
    for round in 0..rounds {
        give(target, &format!("input {round}"), &mutator.next_input());
    }
    println!("{rounds} inputs in {:.1?}", begun.elapsed());
}

#[test]
fn broker_messages_keep_their_promises() {
    corpus_and_mutations("broker_messages");
}

#[test]
fn handshake_lines_keep_their_promises() {
    corpus_and_mutations("handshake_line");
}

#[test]
fn log_lines_keep_their_promises() {
    corpus_and_mutations("log_line");
}

#[test]
fn connector_catalogs_keep_their_promises() {
    corpus_and_mutations("connector_catalog");
}

#[test]
fn connector_manifests_keep_their_promises() {
    corpus_and_mutations("connector_manifest");
}

#[test]
fn package_archives_keep_their_promises() {
    corpus_and_mutations("package_archive");
}

#[test]
fn plugin_manifests_keep_their_promises() {
    corpus_and_mutations("plugin_manifest");
}

#[test]
fn ui_manifests_keep_their_promises() {
    corpus_and_mutations("ui_manifest");
}

#[test]
fn workflow_files_keep_their_promises() {
    corpus_and_mutations("workflow_file");
}

#[test]
fn every_target_has_a_test_a_corpus_and_a_libfuzzer_program() {
    let tests = include_str!("main.rs");
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = std::fs::read_to_string(directory.join("libfuzzer/Cargo.toml")).unwrap();
    for Target { name, .. } in TARGETS {
        assert!(
            tests.contains(&format!("corpus_and_mutations(\"{name}\")")),
            "{name}"
        );
        assert!(directory.join("corpus").join(name).is_dir(), "{name}");
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        let program = directory.join(format!("libfuzzer/fuzz_targets/{name}.rs"));
        let program = std::fs::read_to_string(program).unwrap();
        assert!(program.contains(&format!("run(\"{name}\"")), "{name}");
    }
}

#[test]
fn the_same_seed_makes_the_same_inputs() {
    let inputs = vec![b"abc".to_vec(), b"defg".to_vec()];
    let make = |seed| {
        let mut mutator = Mutator::new(&inputs, &["word"], seed);
        (0..50).map(|_| mutator.next_input()).collect::<Vec<_>>()
    };
    assert_eq!(make(1), make(1));
    assert_ne!(make(1), make(2));
}
