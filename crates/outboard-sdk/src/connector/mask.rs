//! Takes secrets out of texts that are shown.

use outboard_contracts::connector::{arguments::Arguments, module::Config};

/// What stands in a secret's place.
const MASK: &str = "***";

/// Secrets that are shorter, in bytes, are not looked for: they are in too many words.
pub(super) const SHORTEST: usize = 4;

/// The secrets of one call.
#[derive(Default)]
pub(super) struct Masker {
    /// Longest first, so that a secret that is part of another leaves no rest of it.
    secrets: Vec<String>,
}

impl Masker {
    /// The values of secret fields, and of those that are not declared: what the host adds
    /// by itself are tokens.
    pub(super) fn new(fields: &[Config], credentials: &Arguments) -> Masker {
        let mut secrets = Vec::new();
        for (key, value) in credentials {
            let field = fields.iter().find(|field| field.key == *key);
            if field.is_none_or(|field| field.is_secret) && value.trim().len() >= SHORTEST {
                secrets.extend(forms(value.trim()));
            }
        }
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Masker { secrets }
    }

    pub(super) fn mask(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), MASK);
            }
        }
        text
    }
}

/// The secret as it is, in a URL and in JSON.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned()];
    let in_url: String = secret.bytes().map(in_url).collect();
    let in_json = serde_json::Value::from(secret).to_string();
    // Without the quotes around it.
    let in_json = in_json.get(1..in_json.len() - 1).unwrap_or_default();
    for form in [in_url, in_json.to_owned()] {
        if !forms.contains(&form) {
            forms.push(form);
        }
    }
    forms
}

fn in_url(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}
