//! What the browser brings back.

use std::fmt;

use url::form_urlencoded;

use super::{OAuthError, error::presentable};
use crate::secrets::SecretText;

/// More is no answer of a service.
const MAX_QUERY_BYTES: usize = 16 * 1024;

/// The query of the redirect: a code or an error, and the state that ties it to a sign-in.
#[derive(Clone, PartialEq, Eq)]
pub struct Callback {
    pub(super) state: String,
    pub(super) answer: Result<SecretText, (String, String)>,
}

impl fmt::Debug for Callback {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Callback")
            .field("answer", &self.answer)
            .finish_non_exhaustive()
    }
}

impl Callback {
    /// A code, as a route gets it.
    pub fn code(code: &str, state: &str) -> Callback {
        Callback {
            state: state.to_owned(),
            answer: Ok(code.into()),
        }
    }

    /// Reads the query of the redirect, without its question mark.
    ///
    /// # Errors
    ///
    /// [`OAuthError::Callback`] when it has neither a code nor an error, no state, a
    /// parameter twice, or too many bytes.
    pub fn parse(query: &str) -> Result<Callback, OAuthError> {
        let refused = |reason| OAuthError::Callback { reason };
        if query.len() > MAX_QUERY_BYTES {
            return Err(refused("it is too long"));
        }
        let [mut code, mut state, mut error, mut description] = [const { None }; 4];
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            let slot = match key.as_ref() {
                "code" => &mut code,
                "state" => &mut state,
                "error" => &mut error,
                "error_description" => &mut description,
                _ => continue,
            };
            // Which one counts would depend on who reads it.
            if slot.replace(value.into_owned()).is_some() {
                return Err(refused("it has a parameter twice"));
            }
        }
        let state = state
            .filter(|state| !state.is_empty())
            .ok_or_else(|| refused("it has no state"))?;
        let answer = match (code, error) {
            (None, Some(error)) => Err((
                presentable(&error, 64),
                presentable(&description.unwrap_or_default(), 300),
            )),
            (Some(code), None) if !code.is_empty() => Ok(code.into()),
            (Some(_), Some(_)) => return Err(refused("it has a code and an error")),
            _ => return Err(refused("it has no code")),
        };
        Ok(Callback { state, answer })
    }

    /// The query again, to hand it to whoever keeps the sign-in. It holds the code.
    pub fn to_query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("state", &self.state);
        match &self.answer {
            Ok(code) => query.append_pair("code", code.expose()),
            Err((error, description)) => query
                .append_pair("error", error)
                .append_pair("error_description", description),
        };
        query.finish()
    }

    /// The state, by which a server finds the sign-in.
    pub fn state(&self) -> &str {
        &self.state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn no_query_makes_it_panic(query in ".*", code in "[!-~]{1,40}", state in ".{1,40}") {
            let _ = Callback::parse(&query);
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("state", &state)
                .append_pair("code", &code)
                .finish();
            let callback = Callback::code(&code, &state);
            proptest::prop_assert_eq!(&Callback::parse(&query).unwrap(), &callback);
            proptest::prop_assert_eq!(Callback::parse(&callback.to_query()).unwrap(), callback);
        }
    }
}
