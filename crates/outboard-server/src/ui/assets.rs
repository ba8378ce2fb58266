//! The files that pages load, compiled in, under names that change with what is in them.

use std::{
    io::Write as _,
    sync::{Arc, LazyLock},
};

use axum::{
    body::Body,
    extract::Path,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::{Digest as _, Sha256};

/// Where they are.
const PREFIX: &str = "/ui/assets/";

/// One file, ready to be sent.
struct Asset {
    name: String,
    kind: &'static str,
    plain: Bytes,
    packed: Bytes,
}

/// The paths of the files, for the layout.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    pub(crate) style: String,
    pub(crate) app: String,
    pub(crate) htmx: String,
    pub(crate) icon: String,
    pub(crate) frame: String,
    pub(crate) api: String,
}

struct Assets {
    files: Vec<Asset>,
    paths: Arc<Paths>,
}

static ASSETS: LazyLock<Assets> = LazyLock::new(|| {
    let mut files = Vec::new();
    let mut add = |stem: &str, ending: &str, kind, bytes: &'static [u8]| {
        let asset = Asset::new(stem, ending, kind, bytes);
        let path = format!("{PREFIX}{}", asset.name);
        files.push(asset);
        path
    };
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    let paths = Paths {
        style: add(
            "style",
            "css",
            "text/css; charset=utf-8",
            include_bytes!("../../assets/style.css"),
        ),
        app: add("app", "js", SCRIPT, include_bytes!("../../assets/app.js")),
        htmx: add(
            "htmx",
            "js",
            SCRIPT,
            include_bytes!("../../assets/htmx.min.js"),
        ),
        frame: add(
            "frame",
            "js",
            SCRIPT,
            include_bytes!("../../assets/frame.js"),
        ),
        api: add("api", "js", SCRIPT, include_bytes!("../../assets/api.js")),
        icon: add(
            "icon",
            "svg",
            "image/svg+xml",
            include_bytes!("../../assets/icon.svg"),
        ),
    };
    Assets {
        files,
        paths: Arc::new(paths),
    }
});

impl Asset {
    fn new(stem: &str, ending: &str, kind: &'static str, bytes: &'static [u8]) -> Asset {
        let hash = Sha256::digest(bytes);
        let hash: String = hash[..6].iter().map(|byte| format!("{byte:02x}")).collect();
        let packed = pack(bytes, Compression::best());
        Asset {
            name: format!("{stem}.{hash}.{ending}"),
            kind,
            plain: Bytes::from_static(bytes),
            packed: packed.into(),
        }
    }
}

/// Where the files are now.
pub(crate) fn paths() -> Arc<Paths> {
    Arc::clone(&ASSETS.paths)
}

/// Whether a client takes what is packed.
fn takes_gzip(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(',').any(|coding| coding.trim() == "gzip"))
}

/// Writing to memory does not fail; where it did, nothing is the sign to send the plain
/// bytes.
fn pack(bytes: &[u8], how: Compression) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), how);
    packer
        .write_all(bytes)
        .and_then(|()| packer.finish())
        .unwrap_or_default()
}

/// A page that repeats itself much, packed for whoever takes it so.
///
/// Not for a page that shows what came with the request beside what is secret: its size
/// would tell who listens how much the two are alike.
pub(super) async fn packed(response: Response, headers: &HeaderMap) -> Response {
    if !takes_gzip(headers) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // It lies in memory already, as one piece.
    let Ok(plain) = axum::body::to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let small = pack(&plain, Compression::fast());
    if small.is_empty() {
        return Response::from_parts(parts, Body::from(plain));
    }
    let value = HeaderValue::from_static;
    parts
        .headers
        .insert(header::CONTENT_ENCODING, value("gzip"));
    parts.headers.append(header::VARY, value("accept-encoding"));
    Response::from_parts(parts, Body::from(small))
}

/// `GET /ui/assets/{file}`
pub(super) async fn asset(Path(file): Path<String>, headers: HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    let Some(asset) = ASSETS.files.iter().find(|asset| asset.name == file) else {
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let answer = response.headers_mut();
    let value = HeaderValue::from_static;
    answer.insert(header::CONTENT_TYPE, value(asset.kind));
    answer.insert(
        header::CACHE_CONTROL,
        value("public, max-age=31536000, immutable"),
    );
    answer.insert(header::VARY, value("accept-encoding"));
    let body = if takes_gzip(&headers) && !asset.packed.is_empty() {
        answer.insert(header::CONTENT_ENCODING, value("gzip"));
        asset.packed.clone()
    } else {
        asset.plain.clone()
    };
    *response.body_mut() = Body::from(body);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_is_in_the_files() {
        let one = Asset::new("a", "js", "", b"1");
        let other = Asset::new("a", "js", "", b"2");
        assert_ne!(one.name, other.name);
        assert!(paths().style.starts_with("/ui/assets/style."));
    }

    #[test]
    fn what_pages_load_is_small() {
        let bytes: usize = ASSETS.files.iter().map(|asset| asset.packed.len()).sum();
        assert!(bytes < 60 * 1024, "{bytes} bytes");
    }
}
