//! What the name of a file says about its content.

/// Types by extension. Browsers are told not to guess, so what is missing here is a
/// download; text is UTF-8.
const TYPES: &[(&str, &str)] = &[
    ("avif", "image/avif"),
    ("bmp", "image/bmp"),
    ("css", "text/css; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"),
    ("eot", "application/vnd.ms-fontobject"),
    ("gif", "image/gif"),
    ("htm", "text/html; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("ico", "image/vnd.microsoft.icon"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("map", "application/json"),
    ("md", "text/markdown; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("oga", "audio/ogg"),
    ("ogg", "audio/ogg"),
    ("otf", "font/otf"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("ttf", "font/ttf"),
    ("txt", "text/plain; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("wav", "audio/wav"),
    ("webm", "video/webm"),
    ("webmanifest", "application/manifest+json"),
    ("webp", "image/webp"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("xhtml", "application/xhtml+xml"),
    ("xml", "text/xml; charset=utf-8"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
];

/// Fewest hexadecimal digits that count as a hash behind a dot, as in the original's own
/// example, and behind a hyphen, where also ordinary words stand.
const DIGITS_BEHIND_DOT: usize = 6;
const DIGITS_BEHIND_HYPHEN: usize = 8;

pub(super) fn type_of(path: &str) -> &'static str {
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let extension = extension.to_ascii_lowercase();
    TYPES
        .iter()
        .find(|(known, _)| *known == extension)
        .map_or("application/octet-stream", |(_, content_type)| content_type)
}

/// Whether compression can gain something: images and fonts are compressed already.
pub(super) fn is_compressible(content_type: &str) -> bool {
    content_type.starts_with("text/")
        || content_type.ends_with("+xml")
        || content_type.ends_with("json")
        || matches!(
            content_type,
            "application/wasm"
                | "application/yaml"
                | "application/vnd.ms-fontobject"
                | "image/vnd.microsoft.icon"
                | "image/bmp"
                | "font/otf"
                | "font/ttf"
        )
}

/// Whether a name has a hash of the content before its extension, as bundlers write it:
/// `app.0123ab.js`, `app-0123abcd.js`, also `app-0123abcd.js.map`.
///
/// Digits alone could be a date, and letters alone a word: both must be there.
pub(super) fn has_hash(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let name = name.strip_suffix(".map").unwrap_or(name);
    let Some((stem, _)) = name.rsplit_once('.') else {
        return false;
    };
    let Some(at) = stem.rfind(['.', '-']) else {
        return false;
    };
    let (separator, hash) = stem[at..].split_at(1);
    let fewest = match separator {
        "." => DIGITS_BEHIND_DOT,
        _ => DIGITS_BEHIND_HYPHEN,
    };
    hash.len() >= fewest
        && hash
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && hash.bytes().any(|byte| byte.is_ascii_digit())
        && hash.bytes().any(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_says_the_type_and_an_unknown_one_is_a_download() {
        for (path, content_type) in [
            ("index.html", "text/html; charset=utf-8"),
            ("a/b/APP.JS", "text/javascript; charset=utf-8"),
            ("x.tar.gz", "application/octet-stream"),
            ("LICENSE", "application/octet-stream"),
            ("html", "application/octet-stream"),
            ("a.d/file", "application/octet-stream"),
        ] {
            assert_eq!(type_of(path), content_type, "{path}");
        }
    }

    #[test]
    fn only_what_looks_like_a_hash_is_taken_for_one() {
        for (path, hashed) in [
            ("app.0123abcd.js", true),
            ("app-0123abcd.js", true),
            ("a/b/app-0123abcd9e.min.js", false),
            ("app.0123abcd.js.map", true),
            ("0123abcd.js", false),
            ("main.abc123.js", true),
            ("app.01abc.js", false),
            ("theme-ffee00.css", false),
            ("report-20260101.pdf", false),
            ("app-deadbeef.js", false),
            ("app-0123ABCD.js", false),
            ("0123abcd/app.js", false),
        ] {
            assert_eq!(has_hash(path), hashed, "{path}");
        }
    }
}
