//! The local token: made at every start, held by `server.json`, asked of every
//! request but `/healthz` and the one with which a browser comes back from signing in.

use std::fmt;

use http::{HeaderMap, header};
use subtle::ConstantTimeEq as _;

/// How many random bytes a token has.
const TOKEN_BYTES: usize = 32;

/// A secret that whoever may call the server knows. Its `Debug` form hides it.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// A new one from the operating system's randomness: 64 hexadecimal digits.
    ///
    /// # Errors
    ///
    /// The operating system has no randomness to give.
    pub fn random() -> std::io::Result<Token> {
        let mut bytes = [0_u8; TOKEN_BYTES];
        getrandom::fill(&mut bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
        Ok(Token(
            bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        ))
    }

    /// One that is known already. It is compared as it is.
    pub fn new(secret: impl Into<String>) -> Token {
        Token(secret.into())
    }

    /// The secret itself, for those who may know it.
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// Compares in a time that tells nothing but the length.
    pub(crate) fn is(&self, presented: &str) -> bool {
        self.0.as_bytes().ct_eq(presented.as_bytes()).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(…)")
    }
}

/// The token of a request: `Authorization: Bearer …`.
pub(crate) fn presented(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_tokens_are_never_the_same_and_neither_shows_itself() {
        let (one, other) = (
            Token::random().expect("randomness"),
            Token::random().expect("randomness"),
        );
        assert_eq!(one.secret().len(), 64);
        assert!(one.is(one.secret()));
        assert!(!one.is(other.secret()));
        assert!(!one.is(""));
        assert!(!one.is(&one.secret()[..63]));
        assert!(!format!("{one:?}").contains(one.secret()));
    }

    #[test]
    fn a_token_is_read_from_the_authorization_header_alone() {
        let mut headers = HeaderMap::new();
        assert_eq!(presented(&headers), None);
        headers.insert(
            header::AUTHORIZATION,
            "bEARER  abc ".parse().expect("a value"),
        );
        assert_eq!(presented(&headers), Some("abc"));
        headers.insert(header::AUTHORIZATION, "Basic abc".parse().expect("a value"));
        assert_eq!(presented(&headers), None);
    }
}
