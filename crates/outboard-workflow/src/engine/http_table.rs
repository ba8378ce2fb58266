//! Which request starts which pipeline.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Method;
use outboard_contracts::value::Map;
use serde_json::Value;

use super::EngineError;

/// Method and path to pipeline, for the HTTP triggers of a workflow file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpTable {
    routes: BTreeMap<String, BTreeMap<String, String>>,
}

/// What a table says about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpMatch {
    /// It starts this pipeline.
    Pipeline(String),
    /// The path exists with these methods only.
    MethodNotAllowed(Vec<String>),
    /// No trigger has the path.
    NotFound,
}

impl HttpTable {
    /// Adds a route.
    ///
    /// # Errors
    ///
    /// [`EngineError::Duplicate`]: another trigger has the method and the path.
    pub fn add(&mut self, method: &Method, path: &str, pipeline: &str) -> Result<(), EngineError> {
        let methods = self.routes.entry(path.to_owned()).or_default();
        if methods.contains_key(method.as_str()) {
            return Err(EngineError::Duplicate {
                what: "HTTP trigger",
                name: format!("{method} {path}"),
            });
        }
        methods.insert(method.to_string(), pipeline.to_owned());
        Ok(())
    }

    /// Looks up a request.
    pub fn find(&self, method: &Method, path: &str) -> HttpMatch {
        match self.routes.get(path) {
            None => HttpMatch::NotFound,
            Some(methods) => match methods.get(method.as_str()) {
                Some(pipeline) => HttpMatch::Pipeline(pipeline.clone()),
                None => HttpMatch::MethodNotAllowed(methods.keys().cloned().collect()),
            },
        }
    }

    /// All routes: method, path, pipeline.
    pub fn routes(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.routes.iter().flat_map(|(path, methods)| {
            methods
                .iter()
                .map(|(method, pipeline)| (method.as_str(), path.as_str(), pipeline.as_str()))
        })
    }
}

/// The trigger data of a request: the body if it is a JSON object, `{"body": …}` for
/// any other JSON, and nothing for an empty body.
///
/// # Errors
///
/// [`EngineError::BadInput`]: the body is no JSON.
pub fn trigger_data(body: &Bytes) -> Result<Map, EngineError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(other) => Ok(Map::from_iter([("body".to_owned(), other)])),
        Err(error) => Err(EngineError::BadInput {
            what: "the request body".to_owned(),
            reason: format!("it is no JSON: {error}"),
        }),
    }
}
