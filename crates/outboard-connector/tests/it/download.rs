//! Downloads from servers that behave, and from those that do not.

use std::{
    cell::RefCell,
    fs::File,
    io::{Read as _, Seek as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use outboard_connector::download::{
    DownloadError, DownloadLimits, Fetched, Phase, Progress, Wanted, download, parse_url,
};
use outboard_contracts::connector::catalog::Digest;
use url::Url;

use crate::web::{Request, Web, answer};

fn fetch_with(
    wanted: &Wanted,
    limits: &DownloadLimits,
) -> (Result<Fetched, DownloadError>, Vec<u8>) {
    let mut file = tempfile::tempfile().unwrap();
    let fetched = download(wanted, &mut file, limits, &|_| {}, &|| false);
    (fetched, contents(&mut file))
}

fn contents(file: &mut File) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

fn error(serve: impl Fn(&Request, &mut TcpStream) + Send + Sync + 'static) -> DownloadError {
    let web = Web::start(serve);
    let limits = DownloadLimits {
        bytes: 1000,
        idle: Duration::from_millis(300),
        ..DownloadLimits::default()
    };
    fetch_with(&Wanted::new(web.url("/file?token=s3cr3t")), &limits)
        .0
        .unwrap_err()
}

#[test]
fn a_file_arrives_with_its_hash_and_every_whole_per_cent_is_told_once() {
    let body: Vec<u8> = (0..300_000_u32).map(|number| number as u8).collect();
    let served = body.clone();
    let web = Web::start(move |_, stream| answer(stream, "200 OK", "etag: \"a\"\r\n", &served));
    let mut file = tempfile::tempfile().unwrap();
    let told = RefCell::new(Vec::<Progress>::new());
    let fetched = download(
        &Wanted::new(web.url("/file")),
        &mut file,
        &DownloadLimits::default(),
        &|progress| told.borrow_mut().push(progress),
        &|| false,
    );
    let Fetched::File(downloaded) = fetched.unwrap() else {
        panic!("it is new");
    };
    assert_eq!(contents(&mut file), body);
    assert_eq!(downloaded.bytes, 300_000);
    assert_eq!(downloaded.etag.as_deref(), Some("\"a\""));
    let hash = ring::digest::digest(&ring::digest::SHA256, &body);
    let hex: String = hash
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(downloaded.sha256, hex);

    let told = told.into_inner();
    assert_eq!(told.last().unwrap().percent, Some(100));
    assert!(
        told.iter()
            .all(|progress| progress.phase == Phase::Downloading)
    );
    assert!(
        told.windows(2)
            .all(|pair| pair[0].percent < pair[1].percent)
    );
}

#[test]
fn what_is_not_new_is_not_sent_again() {
    let web = Web::start(|request, stream| match request.header("if-none-match") {
        Some("\"a\"") => answer(stream, "304 Not Modified", "", b""),
        _ => answer(stream, "200 OK", "", b"new"),
    });
    let mut wanted = Wanted::new(web.url("/"));
    wanted.etag = Some("\"a\"".to_owned());
    let (fetched, bytes) = fetch_with(&wanted, &DownloadLimits::default());
    assert_eq!(fetched.unwrap(), Fetched::NotModified);
    assert!(bytes.is_empty());
}

#[test]
fn each_way_of_going_wrong_has_its_error_and_no_query_in_it() {
    let too_large = error(|_, stream| answer(stream, "200 OK", "", &[0; 1001]));
    assert!(
        matches!(too_large, DownloadError::TooLarge { limit: 1000, .. }),
        "{too_large}"
    );

    let endless = error(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
        while stream.write_all(&[0; 500]).is_ok() {}
    });
    assert!(
        matches!(endless, DownloadError::TooLarge { .. }),
        "{endless}"
    );

    let cut_off = error(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\nabc");
    });
    assert!(
        matches!(cut_off, DownloadError::CutOff { bytes: 3, .. }),
        "{cut_off}"
    );

    let failed = error(|_, stream| answer(stream, "500 Oops", "", b""));
    assert!(
        matches!(failed, DownloadError::Status { status: 500, .. }),
        "{failed}"
    );

    for error in [too_large, endless, cut_off, failed] {
        assert!(!error.to_string().contains("s3cr3t"), "{error}");
    }
}

#[test]
fn a_server_that_stops_in_the_middle_is_not_waited_for() {
    let begun = Instant::now();
    let slow = error(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\nabc");
        // Until the client goes.
        let _ = stream.read(&mut [0]);
    });
    assert!(matches!(slow, DownloadError::TooSlow { .. }), "{slow}");
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[test]
fn one_byte_at_a_time_is_over_when_the_time_for_all_of_it_is() {
    let web = Web::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n");
        while stream.write_all(b"a").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let limits = DownloadLimits {
        total: Duration::from_millis(500),
        ..DownloadLimits::default()
    };
    let begun = Instant::now();
    let (slow, _) = fetch_with(&Wanted::new(web.url("/")), &limits);
    let slow = slow.unwrap_err();
    assert!(matches!(slow, DownloadError::TooSlow { .. }), "{slow}");
    assert!(begun.elapsed() < Duration::from_secs(15));
}

#[test]
fn a_server_that_never_finishes_its_headers_is_not_waited_for() {
    let silent = error(|_, stream| {
        let _ = stream.read(&mut [0]);
    });
    assert!(matches!(silent, DownloadError::TooSlow { .. }), "{silent}");
    assert!(silent.to_string().contains("300ms"), "{silent}");

    // A byte at a time, so that something comes all the while.
    let loris = error(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nx: ");
        while stream.write_all(b"a").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    assert!(matches!(loris, DownloadError::TooSlow { .. }), "{loris}");

    let endless = error(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream.write_all(b"x: aaaaaaaaaaaaaaaaaaaaaaaa\r\n").is_ok() {}
    });
    assert!(
        matches!(endless, DownloadError::Connection { .. }),
        "{endless}"
    );
}

#[test]
fn what_speaks_no_http_and_who_is_not_there_are_broken_connections() {
    let garbage = error(|_, stream| {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n\r\n");
    });
    assert!(
        matches!(garbage, DownloadError::Connection { .. }),
        "{garbage}"
    );
    let gone = error(|_, _| {});
    assert!(matches!(gone, DownloadError::Connection { .. }), "{gone}");
    let closed = {
        let web = Web::start(|_, _| {});
        web.url("/")
    };
    let (closed, _) = fetch_with(&Wanted::new(closed), &DownloadLimits::default());
    let closed = closed.unwrap_err();
    assert!(
        matches!(closed, DownloadError::Connection { .. }),
        "{closed}"
    );
    let packed = error(|_, stream| answer(stream, "200 OK", "content-encoding: gzip\r\n", b"1234"));
    assert!(
        matches!(packed, DownloadError::Connection { .. }),
        "{packed}"
    );
}

#[test]
fn a_chunked_file_arrives_whole_or_not_at_all() {
    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n";
    let web = Web::start(|_, stream| {
        let _ = stream.write_all(HEAD);
        let _ = stream.write_all(b"0\r\n\r\n");
    });
    let (fetched, bytes) = fetch_with(&Wanted::new(web.url("/")), &DownloadLimits::default());
    assert!(matches!(fetched, Ok(Fetched::File(file)) if file.bytes == 3));
    assert_eq!(bytes, b"abc");

    let cut_off = error(|_, stream| {
        let _ = stream.write_all(HEAD);
        let _ = stream.write_all(b"ff\r\nabc");
    });
    assert!(
        matches!(cut_off, DownloadError::CutOff { bytes: 6, .. }),
        "{cut_off}"
    );
}

#[test]
fn a_size_that_is_declared_is_believed_before_anything_is_read() {
    let declared = |length: u64, size: u64| {
        let web = Web::start(move |_, stream| {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
            let _ = stream.write_all(head.as_bytes());
            // Nothing follows: whoever reads on waits.
            let _ = stream.read(&mut [0]);
        });
        let limits = DownloadLimits {
            bytes: 1 << 62,
            ..DownloadLimits::default()
        };
        let mut wanted = Wanted::new(web.url("/"));
        wanted.digest = Some(Digest {
            sha256: "00".repeat(32),
            size,
        });
        fetch_with(&wanted, &limits).0.unwrap_err()
    };
    let other = declared(900, 901);
    assert!(
        matches!(other, DownloadError::Size { found: 900, .. }),
        "{other}"
    );
    let huge = declared(u64::MAX, 0);
    assert!(matches!(huge, DownloadError::TooLarge { .. }), "{huge}");
    let larger_than_any_disk = declared(1 << 62, 0);
    assert!(
        matches!(larger_than_any_disk, DownloadError::NoRoom { .. }),
        "{larger_than_any_disk}"
    );
}

#[test]
fn what_is_not_what_the_catalog_says_is_refused() {
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let fetch = |sha256: &str, size: u64, body: &'static [u8]| {
        let web = Web::start(move |_, stream| match body {
            b"no length" => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nabc");
            }
            body => answer(stream, "200 OK", "", body),
        });
        let mut wanted = Wanted::new(web.url("/"));
        wanted.digest = Some(Digest {
            sha256: sha256.to_owned(),
            size,
        });
        fetch_with(&wanted, &DownloadLimits::default()).0
    };
    for size in [0, 3] {
        assert!(fetch(sha256, size, b"abc").is_ok());
        assert!(fetch(&sha256.to_uppercase(), size, b"no length").is_ok());
    }
    let other = fetch(sha256, 3, b"abd").unwrap_err();
    assert!(matches!(other, DownloadError::Digest { .. }), "{other}");
    for none in ["", "abc", &"0".repeat(64)] {
        let other = fetch(none, 0, b"abc").unwrap_err();
        assert!(matches!(other, DownloadError::Digest { .. }), "{other}");
    }
    for (size, body) in [
        (2, &b"abc"[..]),
        (4, b"abc"),
        (2, b"no length"),
        (4, b"no length"),
    ] {
        let other = fetch(sha256, size, body).unwrap_err();
        assert!(
            matches!(other, DownloadError::Size { found: 3, .. }),
            "{other}"
        );
    }
}

#[test]
fn redirects_have_one_time_together() {
    let web = Web::start(|_, stream| {
        std::thread::sleep(Duration::from_millis(300));
        answer(stream, "302 Found", "location: /\r\n", b"");
    });
    let limits = DownloadLimits {
        total: Duration::from_millis(700),
        redirects: 1000,
        ..DownloadLimits::default()
    };
    let (slow, _) = fetch_with(&Wanted::new(web.url("/")), &limits);
    let slow = slow.unwrap_err();
    assert!(matches!(slow, DownloadError::TooSlow { .. }), "{slow}");
    assert!(web.requests().len() <= 4);
}

#[test]
fn without_a_length_every_mebibyte_is_told() {
    let web = Web::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
        let _ = stream.write_all(&vec![0; 2_500_000]);
    });
    let told = RefCell::new(Vec::<Progress>::new());
    let mut file = tempfile::tempfile().unwrap();
    download(
        &Wanted::new(web.url("/")),
        &mut file,
        &DownloadLimits::default(),
        &|progress| told.borrow_mut().push(progress),
        &|| false,
    )
    .unwrap();
    let told = told.into_inner();
    assert_eq!(told.len(), 3);
    assert!(told.iter().all(|one| one.percent.is_none()));
}

#[test]
fn a_download_ends_soon_after_it_is_cancelled() {
    let web = Web::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\nabc");
        let _ = stream.read(&mut [0]);
    });
    let mut file = tempfile::tempfile().unwrap();
    let begun = Instant::now();
    let wanted = Wanted::new(web.url("/"));
    let cancelled = || begun.elapsed() > Duration::from_millis(100);
    let limits = DownloadLimits::default();
    let ended = download(&wanted, &mut file, &limits, &|_| {}, &cancelled);
    assert!(matches!(ended, Err(DownloadError::Cancelled)));
    assert!(begun.elapsed() < limits.idle);

    let silent = Web::start(|_, stream| {
        let _ = stream.read(&mut [0]);
    });
    let begun = Instant::now();
    let wanted = Wanted::new(silent.url("/"));
    let cancelled = || begun.elapsed() > Duration::from_millis(100);
    let ended = download(&wanted, &mut file, &limits, &|_| {}, &cancelled);
    assert!(matches!(ended, Err(DownloadError::Cancelled)));
    assert!(begun.elapsed() < limits.idle);
}

#[test]
fn redirects_are_followed_within_limits_and_never_with_a_token_for_somebody_else() {
    let other = Web::start(|_, stream| answer(stream, "200 OK", "", b"there"));
    let away = other.url("/there").to_string();
    let web = Web::start(move |request, stream| match request.path.as_str() {
        "/once" => answer(stream, "302 Found", "location: /again\r\n", b""),
        "/again" => answer(stream, "307 Moved", &format!("location: {away}\r\n"), b""),
        "/round" => answer(stream, "302 Found", "location: /round\r\n", b""),
        "/file" => answer(stream, "302 Found", "location: file:///etc/passwd\r\n", b""),
        _ => answer(
            stream,
            "302 Found",
            "location: http://example.org/\r\n",
            b"",
        ),
    });
    let fetch = |path| {
        let mut wanted = Wanted::new(web.url(path));
        wanted.bearer = Some("s3cr3t".to_owned());
        fetch_with(&wanted, &DownloadLimits::default())
    };
    let (fetched, bytes) = fetch("/once");
    fetched.unwrap();
    assert_eq!(bytes, b"there");
    assert_eq!(other.requests()[0].header("authorization"), None);
    let own = web.requests();
    assert!(
        own.iter()
            .all(|request| request.header("authorization") == Some("Bearer s3cr3t"))
    );

    assert!(matches!(
        fetch("/round").0,
        Err(DownloadError::Redirect { .. })
    ));
    assert!(matches!(
        fetch("/file").0,
        Err(DownloadError::Scheme { .. })
    ));
    assert!(matches!(
        fetch("/elsewhere").0,
        Err(DownloadError::Scheme { .. })
    ));
}

#[test]
fn a_user_in_the_url_authorises_there_and_nowhere_else() {
    let other = Web::start(|_, stream| answer(stream, "200 OK", "", b"there"));
    let away = format!("location: {}\r\n", other.url("/there"));
    let web = Web::start(move |_, stream| answer(stream, "302 Found", &away, b""));
    let mut url = web.url("/");
    url.set_username("us%40er").unwrap();
    url.set_password(Some("s3cr3t")).unwrap();
    let (fetched, _) = fetch_with(&Wanted::new(url), &DownloadLimits::default());
    fetched.unwrap();
    // The base64 of `us@er:s3cr3t`.
    assert_eq!(
        web.requests()[0].header("authorization"),
        Some("Basic dXNAZXI6czNjcjN0")
    );
    assert_eq!(other.requests()[0].header("authorization"), None);
}

#[test]
fn a_token_that_is_no_header_is_refused_and_not_shown() {
    let web = Web::start(|_, stream| answer(stream, "200 OK", "", b""));
    let mut wanted = Wanted::new(web.url("/"));
    wanted.bearer = Some("s3cr3t\r\nx: y".to_owned());
    let (refused, _) = fetch_with(&wanted, &DownloadLimits::default());
    let refused = refused.unwrap_err();
    assert!(matches!(refused, DownloadError::Token { .. }), "{refused}");
    assert!(!format!("{refused} {refused:?}").contains("s3cr3t"));
    assert!(web.requests().is_empty());
}

#[test]
fn only_https_is_taken_and_http_from_this_machine() {
    assert!(parse_url("https://example.org/a.zip", false).is_ok());
    assert!(parse_url("http://127.0.0.1:1/a.zip", false).is_ok());
    assert!(parse_url("http://localhost/a.zip", false).is_ok());
    assert!(parse_url("http://[::1]/a.zip", false).is_ok());
    assert!(parse_url("http://example.org/a.zip", true).is_ok());
    for text in [
        "http://example.org/a.zip",
        "ftp://example.org/a",
        "file:///etc/passwd",
    ] {
        let error = parse_url(text, false).unwrap_err();
        assert!(matches!(error, DownloadError::Scheme { .. }), "{text}");
    }
    let error = parse_url("http://user:s3cr3t@example.org/", false).unwrap_err();
    assert!(!error.to_string().contains("s3cr3t"), "{error}");
    assert!(matches!(
        parse_url("//x", true),
        Err(DownloadError::Url { .. })
    ));
}

#[test]
fn a_wish_shows_no_token() {
    let mut wanted = Wanted::new(Url::parse("https://u:s3cr3t@example.org/a?t=s3cr3t").unwrap());
    wanted.bearer = Some("s3cr3t".to_owned());
    assert!(!format!("{wanted:?}").contains("s3cr3t"));
}
