//! A connector's `plugin.json`: what is read is written in a form that means the same, a
//! signature holds for what it was made over, and schemas can be made of what was read.

use outboard_contracts::connector::{
    Manifest, arguments,
    manifest::envelope_payload,
    signing::{EnvelopeVerdict, PrivateKey, verify_envelope},
};
use serde_json::json;

/// A key of the tests, and of nobody else.
const KEY: &str =
    "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwfqSmxj4pxSCr71UHsTLsX5lUd2rr6+e5JCHuppFEbSLA==";

pub(super) fn run(bytes: &[u8]) {
    let mut manifest = match Manifest::parse(bytes) {
        Ok(manifest) => manifest,
        Err(problem) => {
            assert!(!problem.to_string().is_empty());
            assert!(verify_envelope(bytes, &[]).is_err());
            return;
        }
    };
    for written in [manifest.to_json(), manifest.to_json_pretty()] {
        let again = Manifest::parse(written.as_bytes());
        assert_eq!(again.as_ref().ok(), Some(&manifest), "{again:?}");
    }
    // Whatever it says, it is said to be good or what is wrong with it.
    if let Err(problem) = manifest.check() {
        assert!(!problem.to_string().is_empty());
    }
    for operation in manifest.module.all_operations() {
        assert!(arguments::schema(&operation.input)["properties"].is_object());
        // No input, of no type, brings it down.
        for input in [json!(null), json!({}), json!([1]), json!({ "a": 1 })] {
            let _ = arguments::read(&operation.input, &input);
        }
    }
    signed(&mut manifest);
    // What has a payload has one payload.
    if let Ok(payload) = envelope_payload(bytes) {
        assert_eq!(envelope_payload(bytes).ok(), Some(payload));
    }
}

fn signed(manifest: &mut Manifest) {
    let key = PrivateKey::from_base64(KEY)
        .unwrap_or_else(|error| panic!("the key of the tests: {error}"));
    // A map whose keys differ only in case cannot be signed.
    if key.sign(manifest).is_err() {
        return;
    }
    let file = manifest.to_json();
    let verdict = verify_envelope(file.as_bytes(), &[key.public()]);
    assert_eq!(
        verdict,
        Ok(EnvelopeVerdict::Trusted { key: key.public() }),
        "{file}"
    );
}
