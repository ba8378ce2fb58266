//! Answering a request from a snapshot.

use std::fmt::Write as _;

use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{
    Asset, Snapshot,
    conditions::{Conditions, Part, accepts_gzip, conditions, http_date, part},
};

/// What stands for itself in a segment of a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What a name in a directory shows when the directory itself is asked for.
const INDEX: &str = "index.html";

impl Snapshot {
    /// Answers a request for one of the files.
    ///
    /// `path` is what follows the place where the files are, as it stands in the URL: it
    /// is decoded here, once. `index.html` answers for its directory; nothing lists one.
    /// HEAD, conditions, one range and gzip are understood. Who may ask and which policy
    /// the browser gets, the caller says.
    pub fn answer(&self, path: &str, method: &Method, headers: &HeaderMap) -> Response {
        if method != Method::GET && method != Method::HEAD {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed\n");
            let allow = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(header::ALLOW, allow);
            return response;
        }
        let Some(found) = self.find(path) else {
            return text(StatusCode::NOT_FOUND, "404 page not found\n");
        };
        match found {
            Found::Asset(asset) => asset.answer(method, headers),
            Found::Elsewhere(location) => redirect(&location),
        }
    }

    /// What a path leads to.
    fn find(&self, path: &str) -> Option<Found<'_>> {
        let (path, is_directory) = match path.strip_suffix('/') {
            Some(path) => (path, true),
            None => (path, path.is_empty()),
        };
        let path = decode(path)?;
        let last = || {
            let name = path.rsplit('/').next().unwrap_or_default();
            utf8_percent_encode(name, SEGMENT)
        };
        if is_directory {
            let index = match path.as_str() {
                "" => INDEX.to_owned(),
                path => format!("{path}/{INDEX}"),
            };
            if let Some(asset) = self.files.get(&index) {
                return Some(Found::Asset(asset));
            }
            return self
                .files
                .contains_key(&path)
                .then(|| Found::Elsewhere(format!("../{}", last())));
        }
        if let Some(asset) = self.files.get(&path) {
            let is_index = path == INDEX || path.ends_with("/index.html");
            return Some(match is_index {
                // One page has one address.
                true => Found::Elsewhere("./".to_owned()),
                false => Found::Asset(asset),
            });
        }
        self.directories
            .contains(&path)
            .then(|| Found::Elsewhere(format!("{}/", last())))
    }
}

enum Found<'a> {
    Asset(&'a Asset),
    /// Relative to the request.
    Elsewhere(String),
}

/// A path as files have it. `None` for one that no file can have: a segment that is
/// empty, hidden or `..`, or that turns out to be several when it is decoded.
fn decode(path: &str) -> Option<String> {
    let mut decoded = String::with_capacity(path.len());
    if path.is_empty() {
        return Some(decoded);
    }
    for segment in path.split('/') {
        let segment = percent_decode_str(segment).decode_utf8().ok()?;
        let hidden = segment.is_empty() || segment.starts_with('.');
        if hidden || segment.contains(['/', '\\', '\0']) {
            return None;
        }
        if !decoded.is_empty() {
            decoded.push('/');
        }
        decoded.push_str(&segment);
    }
    Some(decoded)
}

impl Asset {
    fn answer(&self, method: &Method, headers: &HeaderMap) -> Response {
        // A range is one of the bytes as they are.
        let packed = self
            .gzip
            .as_ref()
            .filter(|_| accepts_gzip(headers) && !headers.contains_key(header::RANGE));
        let etag = self.etag(packed.is_some());
        let mut response = match conditions(headers, &etag, self.modified) {
            Conditions::Failed => {
                return text(StatusCode::PRECONDITION_FAILED, "412 precondition failed\n");
            }
            Conditions::NotModified => {
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::NOT_MODIFIED;
                self.describe(response.headers_mut(), &etag);
                return response;
            }
            Conditions::Proceed => {
                self.content(packed, part(headers, &etag, self.modified, self.length()))
            }
        };
        self.describe(response.headers_mut(), &etag);
        if packed.is_some() {
            let gzip = HeaderValue::from_static("gzip");
            response
                .headers_mut()
                .insert(header::CONTENT_ENCODING, gzip);
        }
        if method == Method::HEAD {
            *response.body_mut() = Body::empty();
        }
        response
    }

    fn length(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn content(&self, packed: Option<&Bytes>, part: Part) -> Response {
        let whole = packed.unwrap_or(&self.bytes);
        let length = self.length();
        let (status, range, body) = match part {
            Part::Whole => (StatusCode::OK, None, whole.clone()),
            Part::Bytes(bytes) => {
                let last = bytes.end - 1;
                let range = format!("bytes {}-{last}/{length}", bytes.start);
                // Both are within the length, which is that of memory.
                let cut = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
                let body = whole.slice(cut(bytes.start)..cut(bytes.end));
                (StatusCode::PARTIAL_CONTENT, Some(range), body)
            }
            Part::Unsatisfiable => {
                let mut response = text(
                    StatusCode::RANGE_NOT_SATISFIABLE,
                    "416 range not satisfiable\n",
                );
                set(
                    &mut response,
                    header::CONTENT_RANGE,
                    &format!("bytes */{length}"),
                );
                return response;
            }
        };
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        if let Some(range) = range {
            set(&mut response, header::CONTENT_RANGE, &range);
        }
        set(&mut response, header::CONTENT_TYPE, self.content_type);
        // Also for HEAD, whose body is taken away.
        set(
            &mut response,
            header::CONTENT_LENGTH,
            &body.len().to_string(),
        );
        *response.body_mut() = Body::from(body);
        response
    }

    /// What is said of it with every answer but a failed condition.
    fn describe(&self, headers: &mut HeaderMap, etag: &str) {
        let mut set = |name: HeaderName, value: &str| {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name, value);
            }
        };
        set(header::ETAG, etag);
        if let Some(modified) = self.modified.and_then(http_date) {
            set(header::LAST_MODIFIED, &modified);
        }
        // Not `public`: who may see a page is asked with each request, and a cache
        // between us and the browser would not ask.
        let caching = match self.hashed {
            true => "private, max-age=31536000, immutable",
            false => "no-cache",
        };
        set(header::CACHE_CONTROL, caching);
        set(header::ACCEPT_RANGES, "bytes");
        set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        if self.gzip.is_some() {
            set(header::VARY, "Accept-Encoding");
        }
    }

    /// Strong: the two forms of a file differ in their bytes, so they differ in it.
    fn etag(&self, packed: bool) -> String {
        let mut etag = String::from("\"");
        for byte in &self.sha256[..16] {
            let _ = write!(etag, "{byte:02x}");
        }
        etag.push_str(if packed { "-gzip\"" } else { "\"" });
        etag
    }
}

fn redirect(location: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    set(&mut response, header::LOCATION, location);
    // Whether there is a directory may change with the next generation.
    set(&mut response, header::CACHE_CONTROL, "no-cache");
    response
}

/// As Go's file server says it.
fn text(status: StatusCode, text: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    set(
        &mut response,
        header::CONTENT_TYPE,
        "text/plain; charset=utf-8",
    );
    set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    response
}

fn set(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_a_path_is_written_it_decodes_to_plain_segments_or_to_nothing() {
        const PIECES: [&str; 8] = ["a", "/", ".", "%2e", "%2F", "%00", "%5c", "%25"];
        for number in 0..8_usize.pow(5) {
            let pieces = (0..5).map(|place| PIECES[number / 8_usize.pow(place) % 8]);
            let path: String = pieces.collect();
            let Some(decoded) = decode(&path) else {
                continue;
            };
            let plain = |segment: &str| {
                !segment.is_empty() && !segment.starts_with('.') && !segment.contains(['\\', '\0'])
            };
            assert!(decoded.split('/').all(plain), "{path} {decoded}");
            // A segment is one before and after.
            let count = |text: &str| text.split('/').count();
            assert_eq!(count(&decoded), count(&path), "{path} {decoded}");
        }
        assert_eq!(decode("a%2520b/%C3%BC").as_deref(), Some("a%20b/ü"));
    }
}
