//! Which addresses are fetched from, and where a redirect may lead.

use std::net::IpAddr;

use url::{Host, Url};

use super::DownloadError;

/// A URL as it may be shown: without user, password, query and fragment.
pub fn shown(url: &Url) -> String {
    let mut url = without_user(url.clone());
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

/// Reads a URL that something is to be fetched from.
///
/// # Errors
///
/// [`DownloadError::Url`], [`DownloadError::Scheme`].
pub fn parse_url(text: &str, allow_http: bool) -> Result<Url, DownloadError> {
    let url = Url::parse(text).map_err(|error| DownloadError::Url {
        reason: error.to_string(),
    })?;
    check_scheme(&url, allow_http)?;
    Ok(url)
}

pub(super) fn check_scheme(url: &Url, allow_http: bool) -> Result<(), DownloadError> {
    match url.scheme() {
        "https" => Ok(()),
        "http" if allow_http || is_loopback(url) => Ok(()),
        scheme => Err(DownloadError::Scheme {
            url: shown(url),
            scheme: scheme.to_owned(),
        }),
    }
}

/// Where `from` may send somebody who fetches it: to no weaker scheme, and from elsewhere
/// not to this machine, whose services trust who is here.
///
/// # Errors
///
/// [`DownloadError::Scheme`], or [`DownloadError::Redirect`] with the reason.
pub(crate) fn led(from: &Url, to: &str, allow_http: bool) -> Result<Url, DownloadError> {
    let refused = |reason: String| DownloadError::Redirect {
        url: shown(from),
        reason,
    };
    let to = from
        .join(to)
        .map_err(|error| refused(format!("it leads nowhere: {error}")))?;
    if from.scheme() == "https" && to.scheme() != "https" {
        return Err(refused(format!("it leads from https to {}", to.scheme())));
    }
    check_scheme(&to, allow_http)?;
    if is_loopback(&to) && !is_loopback(from) {
        return Err(refused("it leads from elsewhere to this machine".into()));
    }
    // Whom to be there is not for the server to say.
    Ok(without_user(to))
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => address.to_canonical().is_loopback(),
        None => false,
    }
}

pub(super) fn without_user(mut url: Url) -> Url {
    // They fail for URLs that cannot have any.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lead(from: &str, to: &str, allow_http: bool) -> Result<String, DownloadError> {
        led(&Url::parse(from).unwrap(), to, allow_http).map(Url::into)
    }

    #[test]
    fn a_redirect_leads_to_no_weaker_scheme_even_where_http_is_taken() {
        let away = lead("https://a.test/x", "http://a.test/x", true);
        assert!(matches!(away, Err(DownloadError::Redirect { .. })));
        let away = lead("https://a.test/x", "http://127.0.0.1/x", false);
        assert!(matches!(away, Err(DownloadError::Redirect { .. })));
        let away = lead("http://a.test/x", "ftp://a.test/x", true);
        assert!(matches!(away, Err(DownloadError::Scheme { .. })));
        assert_eq!(
            lead("http://a.test/x/y", "https://b.test/z", true).unwrap(),
            "https://b.test/z"
        );
    }

    #[test]
    fn nobody_elsewhere_sends_us_to_our_own_machine() {
        for own in [
            "https://127.0.0.1/x",
            "https://127.9.9.9/x",
            "https://localhost/x",
            "https://localhost./x",
            "https://a.localhost/x",
            "https://[::1]/x",
            "https://[::ffff:127.0.0.1]/x",
        ] {
            let away = lead("https://a.test/x", own, true);
            assert!(matches!(away, Err(DownloadError::Redirect { .. })), "{own}");
        }
        assert!(lead("http://127.0.0.1:1/x", "http://127.0.0.1:2/y", false).is_ok());
        assert!(lead("https://a.test/x", "https://localhost.test/y", false).is_ok());
    }

    #[test]
    fn a_relative_redirect_keeps_the_host_and_no_password() {
        assert_eq!(
            lead("https://u:p@a.test/x/y?q", "../z", false).unwrap(),
            "https://a.test/z"
        );
        assert_eq!(
            lead("https://a.test/x", "https://u:p@b.test/", false).unwrap(),
            "https://b.test/"
        );
        let nowhere = lead("https://a.test/x", "https://", false);
        assert!(matches!(nowhere, Err(DownloadError::Redirect { .. })));
    }

    #[test]
    fn no_text_has_a_user_a_password_or_a_query() {
        let url = Url::parse("https://user:s3cr3t@a.test/x?t=s3cr3t#s3cr3t").unwrap();
        assert_eq!(shown(&url), "https://a.test/x");
        for to in ["ftp://u:s3cr3t@a.test/?s3cr3t", "http://s3cr3t@localhost/"] {
            let error = led(&url, to, false).unwrap_err().to_string();
            assert!(!error.contains("s3cr3t"), "{error}");
        }
    }
}
