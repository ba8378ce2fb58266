//! What a frame may load: the files under its own ticket, and what is in the page itself.

use http::{HeaderMap, HeaderValue, Uri, header};

/// The policy of all files of a frame. It holds also where somebody opens one of them
/// without the frame around it.
pub(super) fn policy(ticket: &str, uri: &Uri, headers: &HeaderMap) -> Option<HeaderValue> {
    let own = own_files(ticket, uri, headers)?;
    let policy = format!(
        "sandbox allow-scripts allow-forms; default-src 'none'; script-src {own}; \
         style-src {own} 'unsafe-inline'; img-src {own} data: blob:; font-src {own} data:; \
         media-src {own} data: blob:; connect-src {own}; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'self'"
    );
    HeaderValue::try_from(policy).ok()
}

/// How a policy names the files under a ticket. `'self'` would be all of this server, and
/// a browser gives a sandboxed page no `self` of its own.
fn own_files(ticket: &str, uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let host = match uri.authority() {
        Some(authority) => authority.as_str(),
        None => headers.get(header::HOST)?.to_str().ok()?,
    };
    // It was checked to be one of ours; this is for what it stands in.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    if host.is_empty() || !host.bytes().all(plain) {
        return None;
    }
    // A policy has no way to write such an address. The ticket in the path, and that
    // nothing of ours answers a page of another origin, hold there, too.
    if host.starts_with('[') {
        return Some("'self'".to_owned());
    }
    // Which of the two it is, only a proxy in front may know.
    Some(format!(
        "http://{host}/ui/frames/{ticket}/ https://{host}/ui/frames/{ticket}/"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(host: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().expect("a header"));
        let policy = policy("00ff", &Uri::from_static("/ui/frames/00ff/"), &headers)?;
        Some(policy.to_str().expect("a text").to_owned())
    }

    #[test]
    fn a_frame_loads_what_is_under_its_ticket_and_nothing_else() {
        let policy = of("localhost:7400").expect("a policy");
        let own = "http://localhost:7400/ui/frames/00ff/ https://localhost:7400/ui/frames/00ff/";
        for part in [
            "sandbox allow-scripts allow-forms;".to_owned(),
            "default-src 'none';".to_owned(),
            format!("script-src {own};"),
            format!("connect-src {own};"),
            "form-action 'none';".to_owned(),
            "frame-ancestors 'self'".to_owned(),
        ] {
            assert!(policy.contains(&part), "{part} in {policy}");
        }
        assert!(!policy.contains("allow-same-origin"));
        let (_, script) = policy.split_once("script-src").expect("scripts");
        let script = script.split(';').next().expect("a directive");
        assert!(!script.contains("unsafe"), "{script}");
    }

    #[test]
    fn a_host_that_could_end_a_directive_gets_no_policy_and_so_no_page() {
        for host in ["a;b", "a b", "a,b", "", "a'b", "a/b"] {
            assert_eq!(of(host), None, "{host}");
        }
        assert!(
            of("[::1]:7400")
                .expect("a policy")
                .contains("script-src 'self';")
        );
    }
}
