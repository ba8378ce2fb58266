//! What of the data of a run stays in its record: nothing without a bound, and no secrets
//! that can be told as such.

use outboard_contracts::value::Map;
use serde_json::Value;

/// A value whose JSON is longer is not kept: 64 KiB.
pub(crate) const MAX_KEPT: usize = 64 * 1024;
/// What the inputs of all steps of one run may have together: 1 MiB. A run may execute
/// thousands of steps.
pub(crate) const MAX_KEPT_INPUTS: usize = 1024 * 1024;

/// What stands where something is left out that nobody is to read.
pub const HIDDEN: &str = "••••••••";

/// The config keys whose texts are hidden: those that have one of these words in them.
const SECRET_WORDS: [&str; 9] = [
    "password",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "privatekey",
    "authorization",
    "credential",
    "cookie",
];

/// Leaves a note in the place of a value that is too long to be kept.
pub(crate) fn shorten(value: &mut Map) {
    let bytes = size(value);
    if bytes > MAX_KEPT {
        *value = note(bytes);
    }
}

/// What is kept of a step's input, and how many bytes that are. `left` is how many there
/// may be.
pub(crate) fn input(mut value: Map, left: usize) -> (Map, usize) {
    let bytes = size(&value);
    if bytes > MAX_KEPT.min(left) {
        return (note(bytes), 0);
    }
    hide(&mut value);
    (value, bytes)
}

fn note(bytes: usize) -> Map {
    Map::from_iter([
        ("_truncated".to_owned(), true.into()),
        ("_bytes".to_owned(), bytes.into()),
    ])
}

fn hide(map: &mut Map) {
    for (key, value) in map {
        match value {
            Value::String(text) if !text.is_empty() && is_secret(key) => {
                HIDDEN.clone_into(text);
            }
            value => hide_below(value),
        }
    }
}

fn hide_below(value: &mut Value) {
    match value {
        Value::Object(map) => hide(map),
        Value::Array(items) => items.iter_mut().for_each(hide_below),
        _ => {}
    }
}

fn is_secret(key: &str) -> bool {
    let plain = |character: &char| character.is_ascii_alphanumeric();
    let key: String = key.chars().filter(plain).collect();
    let key = key.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| key.contains(word))
}

fn size(value: &Map) -> usize {
    let mut size = Size(0);
    // Maps of JSON values can always be written.
    let _ = serde_json::to_writer(&mut size, value);
    size.0
}

/// Counts what is written to it.
struct Size(usize);

impl std::io::Write for Size {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map {
        match value {
            Value::Object(map) => map,
            other => panic!("{other} is no object"),
        }
    }

    #[test]
    fn texts_under_keys_that_sound_secret_are_hidden_at_every_depth() {
        let given = map(json!({
            "url": "https://example.org", "API_Key": "k", "tokens": 3,
            "headers": [{ "Authorization": "Bearer x", "accept": "text/plain" }],
            "auth": { "client-secret": "s", "password": "" },
        }));
        let (kept, bytes) = input(given.clone(), MAX_KEPT_INPUTS);
        assert_eq!(
            kept,
            map(json!({
                "url": "https://example.org", "API_Key": HIDDEN, "tokens": 3,
                "headers": [{ "Authorization": HIDDEN, "accept": "text/plain" }],
                "auth": { "client-secret": HIDDEN, "password": "" },
            }))
        );
        assert_eq!(bytes, serde_json::to_string(&given).unwrap().len());
    }

    #[test]
    fn what_is_too_long_is_a_note_of_its_length() {
        let long = map(json!({ "text": "x".repeat(MAX_KEPT) }));
        let note = map(json!({ "_truncated": true, "_bytes": MAX_KEPT + 11 }));
        assert_eq!(input(long.clone(), MAX_KEPT_INPUTS), (note.clone(), 0));
        let mut shortened = long;
        shorten(&mut shortened);
        assert_eq!(shortened, note);

        let short = map(json!({ "a": 1 }));
        assert_eq!(input(short.clone(), 7), (short.clone(), 7));
        assert_eq!(input(short, 6).0["_bytes"], 7, "nothing is left for it");
    }
}
