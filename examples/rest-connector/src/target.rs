//! Where a request goes, and where it may not.

use outboard_sdk::connector::OperationError;
use url::Url;

use crate::failure::bad_url;

/// The base URL of an instance, with a path that ends in `/`.
pub(crate) fn base(text: &str) -> Result<Url, OperationError> {
    let mut url =
        Url::parse(text.trim()).map_err(|error| bad_url(format!("the base URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(bad_url("the base URL must begin with https:// or http://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad_url(
            "the base URL must not hold a user name or a password; see auth",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad_url("the base URL must not have a query or a fragment"));
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

/// The URL of a path that an input gives: below the base, or whole and on its host.
pub(crate) fn join(base: &Url, path: &str, others: bool) -> Result<Url, OperationError> {
    let path = path.trim();
    if path.starts_with("http://") || path.starts_with("https://") {
        let url = Url::parse(path).map_err(|error| bad_url(format!("the path: {error}")))?;
        return allowed(base, url, others);
    }
    // With `./` in front nothing in it is taken for a scheme or a host.
    let relative = path.trim_start_matches(['/', '\\']);
    let url = base
        .join(&format!("./{relative}"))
        .map_err(|error| bad_url(format!("the path: {error}")))?;
    // Without a path it is the base itself, as it was written.
    let stays = url.path().starts_with(base.path());
    if !stays || url.origin() != base.origin() {
        return Err(bad_url("the path leaves the base URL"));
    }
    if relative.is_empty() {
        let mut url = url;
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        return Ok(url);
    }
    Ok(url)
}

/// Where a redirect leads.
pub(crate) fn redirect(
    base: &Url,
    from: &Url,
    location: &str,
    others: bool,
) -> Result<Url, OperationError> {
    let url = from
        .join(location)
        .map_err(|error| bad_url(format!("a redirect: {error}")))?;
    allowed(base, url, others)
}

fn allowed(base: &Url, mut url: Url, others: bool) -> Result<Url, OperationError> {
    url.set_fragment(None);
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(bad_url("only https:// and http:// can be called"));
    }
    if url.origin() == base.origin() {
        return Ok(url);
    }
    if base.scheme() == "https" && url.scheme() == "http" {
        return Err(bad_url("it leads from https to http"));
    }
    if !others {
        let host = url.host_str().unwrap_or_default();
        return Err(bad_url(format!(
            "it leads to {host}, which is not the host of the base URL; allow_other_hosts is off"
        )));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn paths_stay_below_the_base() {
        let base = base("https://api.test/v2").unwrap();
        for (path, url) in [
            ("", "https://api.test/v2"),
            ("/", "https://api.test/v2"),
            ("/users/7", "https://api.test/v2/users/7"),
            ("users/7?a=b", "https://api.test/v2/users/7?a=b"),
            ("a/../b", "https://api.test/v2/b"),
            ("//evil.test/x", "https://api.test/v2/evil.test/x"),
            ("\\\\evil.test\\x", "https://api.test/v2/evil.test/x"),
            ("javascript:x", "https://api.test/v2/javascript:x"),
            ("https://api.test/other", "https://api.test/other"),
            ("https://api.test:443/other#x", "https://api.test/other"),
        ] {
            assert_eq!(join(&base, path, false).unwrap().as_str(), url, "{path}");
        }
        for path in [
            "../v1",
            "/../../x",
            "%2e%2e/x",
            "a/../../x",
            "..\\x",
            "https://evil.test/",
            "https://api.test@evil.test/",
            "http://api.test/v2/x",
            "https://api.test:444/v2",
        ] {
            let error = join(&base, path, false).unwrap_err();
            assert_eq!(error.code(), Some("bad_url"), "{path}");
        }
        let elsewhere = join(&base, "https://other.test/x", true).unwrap();
        assert_eq!(elsewhere.as_str(), "https://other.test/x");
        assert!(
            join(&base, "http://other.test/x", true).is_err(),
            "not down to http"
        );
    }

    #[test]
    fn a_base_url_is_a_plain_url_of_a_host() {
        for text in [
            "",
            "api.test",
            "ftp://api.test",
            "file:///etc",
            "https://u:p@api.test",
            "https://api.test/?a=b",
            "data:x",
        ] {
            let error = base(text).unwrap_err();
            assert_eq!(error.code(), Some("bad_url"), "{text}");
            assert!(!error.message().contains("u:p"), "{error}");
        }
    }
}
