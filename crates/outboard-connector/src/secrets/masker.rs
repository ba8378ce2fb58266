//! Takes the secrets of a call out of texts.

use std::{borrow::Cow, collections::BTreeSet, fmt};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use outboard_contracts::connector::{arguments::Arguments, module::Config};

use super::SecretText;

/// What a text shows in place of a secret.
pub const MASK: &str = "[secret]";

/// Shorter values occur by chance: masking them would only make texts unreadable.
const SHORTEST: usize = 4;

/// Parts of secrets are looked for from this length on.
const SHORTEST_PART: usize = 8;

/// Replaces the secrets of one call, in any text, by [`MASK`].
///
/// A secret is found as it is and as it looks in JSON (also in Go's way), percent-encoded,
/// in base64 of both alphabets, also inside a longer one such as a basic authorisation,
/// and, if it has several lines, line by line. Values below 4 bytes are not looked for.
///
/// ```
/// use outboard_connector::secrets::Masker;
///
/// let masker = Masker::new(["hunter2"]);
/// assert_eq!(masker.mask("no such user: bob:hunter2"), "no such user: bob:[secret]");
/// ```
#[derive(Clone, Default)]
pub struct Masker {
    /// What is looked for. No text is in another's place: they are alternatives.
    needles: BTreeSet<String>,
}

impl fmt::Debug for Masker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Masker({} texts)", self.needles.len())
    }
}

impl Masker {
    /// A masker of these values.
    pub fn new<S: AsRef<str>>(values: impl IntoIterator<Item = S>) -> Masker {
        let mut masker = Masker::default();
        for value in values {
            masker.add(value.as_ref());
        }
        masker
    }

    /// Looks for this value as well.
    pub fn add(&mut self, value: &str) {
        self.add_one(value);
        let trimmed = value.trim();
        if trimmed.len() != value.len() {
            self.add_one(trimmed);
        }
        if trimmed.contains(['\n', '\r']) {
            for line in trimmed.split(['\n', '\r']).map(str::trim) {
                // Not the first and last line of a PEM file, which are no secret.
                if line.len() >= SHORTEST_PART && !line.starts_with("-----") {
                    self.add_one(line);
                }
            }
        }
    }

    /// Looks for the values of the fields that are secret.
    pub fn add_fields(&mut self, fields: &[Config], values: &Arguments) {
        for field in fields.iter().filter(|field| is_secret(field)) {
            if let Some(value) = values.get(&field.key) {
                self.add(value);
            }
        }
    }

    /// Looks for this value as well.
    pub fn add_secret(&mut self, secret: &SecretText) {
        self.add(secret.expose());
    }

    /// Looks for what the other one looks for as well.
    pub fn extend(&mut self, other: &Masker) {
        self.needles.extend(other.needles.iter().cloned());
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.needles.is_empty()
    }

    fn add_one(&mut self, value: &str) {
        if value.len() < SHORTEST {
            return;
        }
        let mut insert = |needle: String| {
            if needle.len() >= SHORTEST {
                self.needles.insert(needle);
            }
        };
        insert(value.to_owned());
        let json = json_text(value);
        // Go writes these three so that JSON can stand in a page.
        insert(
            json.replace('<', "\\u003c")
                .replace('>', "\\u003e")
                .replace('&', "\\u0026"),
        );
        insert(json);
        for upper in [true, false] {
            for space in ["+", "%20"] {
                insert(percent_encoded(value, upper, space));
            }
        }
        insert(STANDARD_NO_PAD.encode(value));
        insert(URL_SAFE_NO_PAD.encode(value));
        if value.len() >= SHORTEST_PART {
            for inner in base64_parts(value.as_bytes()) {
                insert(inner.replace('+', "-").replace('/', "_"));
                insert(inner);
            }
        }
    }

    /// `text` without the secrets. Where they overlap, all of it goes.
    pub fn mask<'text>(&self, text: &'text str) -> Cow<'text, str> {
        let mut found: Vec<(usize, usize)> = Vec::new();
        for needle in &self.needles {
            let mut from = 0;
            while let Some(at) = text.get(from..).and_then(|rest| rest.find(needle.as_str())) {
                let start = from + at;
                found.push((start, start + needle.len()));
                // By one character only: occurrences may overlap themselves.
                from = start + text[start..].chars().next().map_or(1, char::len_utf8);
            }
        }
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        found.sort_unstable();
        let mut masked = String::with_capacity(text.len());
        let mut end = 0;
        let mut covered = None;
        for (from, to) in found {
            match covered {
                Some(until) if from <= until => covered = Some(to.max(until)),
                _ => {
                    masked.push_str(&text[end..from]);
                    masked.push_str(MASK);
                    covered = Some(to);
                }
            }
            end = covered.unwrap_or(to);
        }
        masked.push_str(&text[end..]);
        Cow::Owned(masked)
    }
}

/// Whether a field's value is kept encrypted and never shown. The original sets both marks.
pub(crate) fn is_secret(field: &Config) -> bool {
    use outboard_contracts::connector::module::Widget;
    field.is_secret || Widget::named(&field.widget) == Widget::Secret
}

/// The inside of a JSON string.
fn json_text(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn percent_encoded(value: &str, upper: bool, space: &str) -> String {
    let mut encoded = String::with_capacity(value.len() * 3);
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push_str(space),
            _ if upper => encoded.push_str(&format!("%{byte:02X}")),
            _ => encoded.push_str(&format!("%{byte:02x}")),
        }
    }
    encoded
}

/// What base64 of something that contains `bytes` has in it for sure, for each of the three
/// ways in which they can fall on its groups of three.
fn base64_parts(bytes: &[u8]) -> impl Iterator<Item = String> {
    (0..3).map(move |before: usize| {
        let mut padded = vec![0; before];
        padded.extend(bytes);
        let encoded = STANDARD_NO_PAD.encode(&padded);
        // Digits of 6 bits that hold bits of the neighbours are left out.
        let first = (before * 8).div_ceil(6);
        let last = padded.len() * 8 / 6;
        encoded[first..last].to_owned()
    })
}
