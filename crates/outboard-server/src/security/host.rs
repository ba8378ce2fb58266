//! Which `Host` and `Origin` a request may have, so that no web page reaches the
//! server through somebody's browser.
//!
//! A page of another site can make a browser send requests here. It cannot choose
//! the headers that the browser adds: `Host` gives away a name of its own that it
//! pointed at our address (DNS rebinding), `Origin` and `Sec-Fetch-Site` that the
//! page came from elsewhere.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, Method, Uri, header, uri::Authority};

use crate::connectors::CALLBACK;

/// The names under which the server may be called.
#[derive(Clone, Debug)]
pub struct HostPolicy {
    /// The address that the server listens on, if it is one and not all.
    bound: Option<IpAddr>,
    /// Further names, in lower case, without ports.
    names: Vec<String>,
}

/// Why a request was turned away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It has no `Host`, or one that is no host.
    NoHost,
    /// Its `Host` is none of ours.
    Host(String),
    /// It comes from a page of another site.
    Origin(String),
}

impl HostPolicy {
    /// Loopback names and addresses, the address that the server listens on, and
    /// further names of the operator's choice.
    pub fn new(bound: SocketAddr, names: &[String]) -> HostPolicy {
        HostPolicy {
            bound: (!bound.ip().is_unspecified()).then_some(bound.ip()),
            names: names
                .iter()
                .map(|name| {
                    // Who writes it with a port means the name.
                    let host = name.parse::<Authority>();
                    let host = host.as_ref().map_or(name.as_str(), Authority::host);
                    host.trim_end_matches('.').to_ascii_lowercase()
                })
                .collect(),
        }
    }

    /// Checks a request before anything else looks at it.
    pub(crate) fn check(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<(), Refusal> {
        let authority = authority(uri, headers).ok_or(Refusal::NoHost)?;
        if !self.is_ours(authority.host()) {
            return Err(Refusal::Host(shown(authority.as_str())));
        }
        let of_a_frame = is_file_of_a_frame(method, uri.path());
        if let Some(origin) = headers.get(header::ORIGIN) {
            let same = origin
                .to_str()
                .is_ok_and(|origin| is_same_site(origin, &authority));
            let nobodys = of_a_frame && origin.as_bytes() == b"null";
            if !same && !nobodys {
                return Err(Refusal::Origin(shown(&String::from_utf8_lossy(
                    origin.as_bytes(),
                ))));
            }
        }
        let get = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        // A link that somebody follows is fine, and so is a service that sends a browser
        // back after signing in; a picture or a script of another page that points here
        // is not. Old browsers do not send this header.
        if let Some(site @ ("cross-site" | "same-site")) = get("sec-fetch-site") {
            let followed = get("sec-fetch-mode") == Some("navigate")
                && get("sec-fetch-dest") == Some("document")
                && *method == Method::GET
                && may_be_followed(uri.path());
            // In a window of its own it would be no part of a page of ours.
            let in_a_window = get("sec-fetch-dest") == Some("document");
            if !followed && (!of_a_frame || in_a_window) {
                return Err(Refusal::Origin(site.to_owned()));
            }
        }
        Ok(())
    }

    fn is_ours(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let literal = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = literal.parse::<IpAddr>() {
            let address = address.to_canonical();
            if address.is_loopback() || self.bound == Some(address) {
                return true;
            }
        }
        host == "localhost" || self.names.contains(&host)
    }
}

/// Whether a page of another site may have a link to it. A one-time link may not be
/// followed from there: it would sign somebody in as whoever made the page.
fn may_be_followed(path: &str) -> bool {
    let page = path == "/ui" || path.starts_with("/ui/");
    let special = ["/ui/sign-in/", "/ui/frames/"];
    matches!(path, "/" | CALLBACK)
        || (page && !special.iter().any(|prefix| path.starts_with(prefix)))
}

/// Whether it is a file of a UI plugin's frame. Such a frame has an origin that is nobody's,
/// so a browser says of what it loads that it comes from another site. Whoever has the
/// ticket in the path may read it.
fn is_file_of_a_frame(method: &Method, path: &str) -> bool {
    matches!(*method, Method::GET | Method::HEAD) && path.starts_with("/ui/frames/")
}

/// The host that a request is for: of its target if that has one, else of `Host`,
/// of which there must be exactly one.
fn authority(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return None;
    }
    if let Some(authority) = uri.authority() {
        return Some(authority.clone());
    }
    let authority: Authority = host?.to_str().ok()?.parse().ok()?;
    // No credentials in a host.
    (!authority.as_str().contains('@')).then_some(authority)
}

/// Whether an origin is the host that the request is for. The scheme is left out: a
/// proxy in front may speak TLS.
fn is_same_site(origin: &str, authority: &Authority) -> bool {
    let rest = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"));
    rest.is_some_and(|rest| rest.eq_ignore_ascii_case(authority.as_str()))
}

/// A value from outside, short and printable.
fn shown(value: &str) -> String {
    value
        .chars()
        .take(100)
        .flat_map(char::escape_default)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[(&'static str, &str)]) -> Result<(), Refusal> {
        check_to("/api/v1/runs", headers)
    }

    fn check_to(target: &str, headers: &[(&'static str, &str)]) -> Result<(), Refusal> {
        let bound = "192.0.2.7:7400".parse().expect("an address");
        let policy = HostPolicy::new(
            bound,
            &["Box.example.".to_owned(), "Port.example:7400".to_owned()],
        );
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().expect("a header value"));
        }
        policy.check(&Method::GET, &target.parse().expect("a target"), &map)
    }

    #[test]
    fn loopback_the_bound_address_and_configured_names_are_ours() {
        for host in [
            "localhost",
            "LOCALHOST:7400",
            "localhost.:1",
            "127.0.0.1",
            "127.0.0.9:80",
            "[::1]:7400",
            "192.0.2.7:7400",
            "box.example",
            "BOX.example:443",
            "port.example:7400",
            "port.example",
            "[::ffff:127.0.0.1]",
        ] {
            assert_eq!(check(&[("host", host)]), Ok(()), "{host}");
        }
    }

    #[test]
    fn any_other_host_is_refused() {
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "192.0.2.8",
            "[::2]",
            "0.0.0.0",
            "2130706433x",
        ] {
            assert!(
                matches!(check(&[("host", host)]), Err(Refusal::Host(_))),
                "{host}"
            );
        }
        assert_eq!(check(&[]), Err(Refusal::NoHost));
        assert_eq!(
            check(&[("host", "localhost"), ("host", "evil")]),
            Err(Refusal::NoHost)
        );
        assert_eq!(check(&[("host", "localhost@evil")]), Err(Refusal::NoHost));
        assert_eq!(check(&[("host", "")]), Err(Refusal::NoHost));
        assert!(check_to("http://evil/api", &[("host", "localhost")]).is_err());
    }

    #[test]
    fn an_origin_must_be_the_host_itself() {
        let ok = |origin| check(&[("host", "localhost:7400"), ("origin", origin)]);
        assert_eq!(ok("http://localhost:7400"), Ok(()));
        assert_eq!(ok("https://LOCALHOST:7400"), Ok(()));
        for origin in [
            "null",
            "http://localhost",
            "http://localhost:7401",
            "http://127.0.0.1:7400",
            "file://",
            "",
            "http://evil.example",
            "http://localhost:7400.evil.example",
        ] {
            assert!(matches!(ok(origin), Err(Refusal::Origin(_))), "{origin}");
        }
    }

    #[test]
    fn a_frame_loads_its_files_from_an_origin_that_is_nobodys_and_asks_for_nothing_else() {
        let from_frame = [
            ("host", "localhost"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "cors"),
        ];
        assert_eq!(check_to("/ui/frames/00ff/app.js", &from_frame), Ok(()));
        for target in ["/api/v1/runs", "/ui/", "/ui/assets/app.js", "/ui/pages/a/b"] {
            assert!(check_to(target, &from_frame).is_err(), "{target}");
        }
        let bound = "127.0.0.1:1".parse().expect("an address");
        let mut headers = HeaderMap::new();
        headers.insert("host", "localhost".parse().expect("a value"));
        headers.insert("origin", "null".parse().expect("a value"));
        let call = "/ui/frames/00ff/call".parse().expect("a target");
        let checked = HostPolicy::new(bound, &[]).check(&Method::POST, &call, &headers);
        assert!(
            checked.is_err(),
            "a call comes from our page, not from the frame"
        );
        let elsewhere = [("host", "localhost"), ("origin", "http://evil.example")];
        assert!(check_to("/ui/frames/00ff/app.js", &elsewhere).is_err());
    }

    #[test]
    fn a_followed_link_leads_to_a_page_or_ends_a_sign_in_and_nothing_else() {
        let link = [
            ("host", "localhost"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        for page in ["/", "/ui/", "/ui/runs?q=a", "/ui/sign-in"] {
            assert_eq!(check_to(page, &link), Ok(()), "{page}");
        }
        for other in ["/ui/sign-in/code", "/uix", "/api/v1/me"] {
            assert!(check_to(other, &link).is_err(), "{other}");
        }
        assert_eq!(
            check_to(&format!("{CALLBACK}?state=x&code=y"), &link),
            Ok(())
        );
        assert!(
            check_to(CALLBACK, &link[..2]).is_err(),
            "an embedded picture"
        );
        assert!(check_to("/hooks/restock", &link).is_err());
        assert!(check_to("/", &link[..2]).is_err(), "an embedded picture");
        assert_eq!(
            check(&[("host", "localhost"), ("sec-fetch-site", "same-origin")]),
            Ok(())
        );
    }
}
