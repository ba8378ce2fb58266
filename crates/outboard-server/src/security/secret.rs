//! Secrets that are made here, and the hashes that are kept of them.
//!
//! ```text
//! ob_qv0K…      a token: `ob_` and 43 letters of base64url, 32 random bytes
//! qv0K…         a session's cookie, a one-time code or a CSRF token: the 43 letters alone
//! ```
//!
//! With 256 random bits a plain SHA-256 is enough: there is no list of likely ones to try,
//! and looking a hash up in a table takes a time that tells nothing about the secret.

use std::io;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

/// What every token that is made begins with, so that it is found where it should not be.
pub(super) const TOKEN_PREFIX: &str = "ob_";
/// How many letters follow.
const LETTERS: usize = 43;

/// What is kept of a secret.
pub(super) type Hash = [u8; 32];

/// 32 bytes from the operating system's randomness, as 43 letters.
pub(super) fn random() -> io::Result<String> {
    let mut bytes = [0_u8; 32];
    fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// An identifier that is never used again, and is no secret.
pub(super) fn identifier() -> io::Result<String> {
    let mut bytes = [0_u8; 8];
    fill(&mut bytes)?;
    Ok(format!("tok_{:016x}", u64::from_be_bytes(bytes)))
}

pub(super) fn hash(secret: &str) -> Hash {
    Sha256::digest(secret.as_bytes()).into()
}

fn fill(bytes: &mut [u8]) -> io::Result<()> {
    getrandom::fill(bytes).map_err(|error| io::Error::other(error.to_string()))
}

/// Whether a token of ours stands in a text, which then goes nowhere.
pub(crate) fn contains_token(text: &str) -> bool {
    text.match_indices(TOKEN_PREFIX).any(|(at, prefix)| {
        let letters = text[at + prefix.len()..].bytes();
        let usable = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
        letters.take_while(usable).take(LETTERS).count() == LETTERS
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_secrets_are_the_same_and_a_token_is_known_by_its_form() {
        let (one, other) = (random().expect("randomness"), random().expect("randomness"));
        assert_ne!(one, other);
        assert_ne!(hash(&one), hash(&other));
        assert_eq!(one.len(), LETTERS);
        assert!(contains_token(&format!("/a/ob_{one}/b")));
        assert!(contains_token(&format!("ob_ob_{one}")));
        assert!(!contains_token(&one));
        assert!(!contains_token(&format!("ob_{}", &one[1..])));
        assert!(!contains_token("ob_ü and nothing else"));
    }
}
