//! Catalogs from the web and from files.

use std::{
    fs,
    io::{Read as _, Write as _},
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use outboard_connector::{
    catalog::{Reader, ReaderConfig, ReaderError, Source},
    download::{DownloadError, DownloadLimits, Fetched, Wanted, download},
};
use serde_json::Value;
use tempfile::TempDir;

use crate::web::{Web, answer};

const SMALL: &str = r#"[{"key":"weather","name":"Weather","version":"1.0.0",
    "assets":{"linux/amd64":"weather-1.0.0-linux-amd64.zip"}}]"#;

fn config(web: &Web, cache: &TempDir) -> ReaderConfig {
    let source = Source::Url(web.url("/lists/plugins.json?token=s3cr3t"));
    ReaderConfig::new(vec![source], cache.path())
}

#[test]
fn a_catalog_is_fetched_once_while_it_is_young_and_asked_for_by_its_tag_after() {
    let web = Web::start(|request, stream| match request.header("if-none-match") {
        Some("\"1\"") => answer(stream, "304 Not Modified", "", b""),
        _ => answer(stream, "200 OK", "etag: \"1\"\r\n", SMALL.as_bytes()),
    });
    let cache = tempfile::tempdir().unwrap();
    let reader = Reader::new(config(&web, &cache));
    for _ in 0..3 {
        assert!(reader.snapshot().available.contains_key("weather"));
    }
    assert_eq!(web.requests().len(), 1);

    // Another process finds the copy, which is too old for it.
    let mut old = config(&web, &cache);
    old.time_to_live = Duration::ZERO;
    let reader = Reader::new(old);
    let resolved = reader.resolve("weather", None, "linux/amd64").unwrap();
    assert_eq!(
        resolved.location,
        web.url("/lists/weather-1.0.0-linux-amd64.zip").as_str()
    );
    let requests = web.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[1].header("if-none-match"), Some("\"1\""));
}

#[test]
fn the_last_copy_is_used_when_there_is_no_better_one_and_the_answer_says_so() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let web = Web::start(
        move |_, stream| match count.fetch_add(1, Ordering::SeqCst) {
            0 => answer(stream, "200 OK", "", SMALL.as_bytes()),
            _ => answer(stream, "500 Oops", "", b"<html>"),
        },
    );
    let cache = tempfile::tempdir().unwrap();
    let mut config = config(&web, &cache);
    config.time_to_live = Duration::ZERO;
    assert!(Reader::new(config.clone()).snapshot().warnings.is_empty());
    let snapshot = Reader::new(config).snapshot();
    assert!(snapshot.available.contains_key("weather"));
    let warning = &snapshot.warnings[0];
    assert!(
        warning.contains("status 500") && warning.contains("min ago"),
        "{warning}"
    );
    assert!(!warning.contains("s3cr3t"), "{warning}");
}

#[test]
fn many_who_ask_at_once_share_one_fetch() {
    let web = Web::start(|_, stream| {
        // Long enough for all to ask meanwhile.
        std::thread::sleep(Duration::from_millis(300));
        answer(stream, "200 OK", "", SMALL.as_bytes());
    });
    let cache = tempfile::tempdir().unwrap();
    let reader = Arc::new(Reader::new(config(&web, &cache)));
    let together = Arc::new(Barrier::new(8));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (reader, together) = (Arc::clone(&reader), Arc::clone(&together));
            std::thread::spawn(move || {
                together.wait();
                reader.snapshot().available.len()
            })
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), 1);
    }
    assert_eq!(web.requests().len(), 1);
}

#[test]
fn what_is_no_catalog_is_a_warning_and_the_other_catalogs_are_read() {
    let web = Web::start(|_, stream| answer(stream, "200 OK", "", b"<!doctype html>"));
    let cache = tempfile::tempdir().unwrap();
    let file = cache.path().join("local.json");
    fs::write(&file, SMALL).unwrap();
    let mut config = config(&web, &cache);
    config.sources.push(Source::File(file.clone()));
    config
        .sources
        .push(Source::File(cache.path().join("absent.json")));
    let reader = Reader::new(config);
    let snapshot = reader.snapshot();
    assert_eq!(snapshot.warnings.len(), 2);
    assert!(
        snapshot.warnings[0].contains("web page"),
        "{:?}",
        snapshot.warnings
    );
    // An asset of a file lies beside it.
    let resolved = reader.resolve("weather", None, "linux/amd64").unwrap();
    let beside = cache.path().join("weather-1.0.0-linux-amd64.zip");
    assert_eq!(resolved.location, beside.to_str().unwrap());

    let error = reader.resolve("wether", None, "linux/amd64").unwrap_err();
    assert!(
        error.to_string().contains("did you mean weather"),
        "{error}"
    );
    let error = reader
        .resolve("weather", Some("9.9.9"), "linux/amd64")
        .unwrap_err();
    assert!(matches!(error, ReaderError::NoRelease { .. }));
    let none = Reader::new(ReaderConfig::new(Vec::new(), cache.path()));
    let error = none.resolve("weather", None, "linux/amd64").unwrap_err();
    assert!(matches!(error, ReaderError::NoCatalog));
}

#[test]
fn a_token_goes_to_the_catalogs_own_origin() {
    let web = Web::start(|_, stream| answer(stream, "200 OK", "", SMALL.as_bytes()));
    let cache = tempfile::tempdir().unwrap();
    let mut config = config(&web, &cache);
    config.token = Some("s3cr3t".to_owned());
    assert!(!format!("{config:?}").contains("s3cr3t"));
    Reader::new(config).snapshot();
    assert_eq!(
        web.requests()[0].header("authorization"),
        Some("Bearer s3cr3t")
    );
}

/// A catalog with one archive, at that address.
fn catalog_of(asset: &str) -> String {
    let asset = serde_json::to_string(asset).unwrap();
    format!(
        r#"[{{"key":"weather","version":"1.0.0","assets":{{"linux/amd64":{asset}}},
            "digests":{{"linux/amd64":{{"sha256":"{}","size":7}}}}}}]"#,
        "0".repeat(64)
    )
}

fn fetch(wanted: &Wanted) -> Result<Fetched, DownloadError> {
    let mut file = tempfile::tempfile().unwrap();
    let limits = DownloadLimits::default();
    download(wanted, &mut file, &limits, &|_| {}, &|| false)
}

#[test]
fn a_catalogs_token_goes_to_its_own_archives_and_to_no_other_host() {
    let other = Web::start(|_, stream| answer(stream, "200 OK", "", b"archive"));
    for (asset, theirs) in [
        ("w.zip".to_owned(), Some("Bearer s3cr3t")),
        (other.url("/w.zip").to_string(), None),
    ] {
        let catalog = catalog_of(&asset);
        let web = Web::start(move |request, stream| match request.path.as_str() {
            "/lists/w.zip" => answer(stream, "200 OK", "", b"archive"),
            _ => answer(stream, "200 OK", "", catalog.as_bytes()),
        });
        let cache = tempfile::tempdir().unwrap();
        let mut config = config(&web, &cache);
        config.token = Some("s3cr3t".to_owned());
        let reader = Reader::new(config);
        let resolved = reader.resolve("weather", None, "linux/amd64").unwrap();
        assert!(!format!("{resolved:?}").contains("s3cr3t"));
        let wanted = resolved.wanted(false).unwrap().unwrap();
        // What came is not what the catalog says.
        let error = fetch(&wanted).unwrap_err();
        assert!(matches!(error, DownloadError::Digest { .. }), "{error}");
        let host = if theirs.is_some() { &web } else { &other };
        let requests = host.requests();
        assert_eq!(requests.last().unwrap().header("authorization"), theirs);
    }
}

#[test]
fn an_archive_is_fetched_from_no_place_that_a_catalog_has_no_say_about() {
    let cache = tempfile::tempdir().unwrap();
    let file = cache.path().join("plugins.json");
    fs::create_dir(cache.path().join("unpacked")).unwrap();
    let reader = Reader::new(ReaderConfig::new(
        vec![Source::File(file.clone())],
        cache.path().join("cache"),
    ));
    let resolve = |asset: &str| {
        fs::write(&file, catalog_of(asset)).unwrap();
        reader.resolve("weather", None, "linux/amd64")
    };
    for asset in [
        "../weather.zip",
        "/etc/passwd",
        "a/../../b.zip",
        "",
        "unpacked",
        "file:///etc/passwd",
        "http://example.org/weather.zip",
    ] {
        let error = resolve(asset).unwrap_err();
        assert!(matches!(error, ReaderError::Asset { .. }), "{error}");
    }
    let resolved = resolve("./archives/weather.zip").unwrap();
    assert_eq!(resolved.wanted(false).unwrap(), None);
    let resolved = resolve("https://example.org/weather.zip").unwrap();
    assert!(resolved.wanted(false).unwrap().is_some());
}

#[test]
fn a_file_is_read_each_time_and_nothing_else_is_taken_for_one() {
    let cache = tempfile::tempdir().unwrap();
    let file = cache.path().join("plugins.json");
    let source = Source::parse(file.to_str().unwrap(), false).unwrap();
    let reader = Reader::new(ReaderConfig::new(vec![source], cache.path().join("cache")));
    assert_eq!(reader.snapshot().warnings.len(), 1);
    fs::write(&file, SMALL).unwrap();
    assert_eq!(
        reader.snapshot().available["weather"].entry.version,
        "1.0.0"
    );
    fs::write(&file, SMALL.replace("1.0.0", "1.1.0")).unwrap();
    assert_eq!(
        reader.snapshot().available["weather"].entry.version,
        "1.1.0"
    );

    // Opening it to read would wait for a writer.
    let pipe = cache.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    for path in [pipe, cache.path().to_owned()] {
        let source = vec![Source::File(path)];
        let reader = Reader::new(ReaderConfig::new(source, cache.path()));
        let (send, warnings) = std::sync::mpsc::sync_channel(1);
        std::thread::spawn(move || send.send(reader.snapshot().warnings));
        let warnings = warnings.recv_timeout(Duration::from_secs(20)).unwrap();
        assert!(warnings[0].contains("no file"), "{warnings:?}");
    }
}

#[test]
fn too_much_of_a_catalog_is_an_error_and_never_a_part_of_it() {
    for declared in [true, false] {
        let web = Web::start(move |_, stream| {
            let body = vec![b' '; 9 * 1024 * 1024];
            if declared {
                return answer(stream, "200 OK", "", &body);
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n[");
            while stream.write_all(&body).is_ok() {}
        });
        let cache = tempfile::tempdir().unwrap();
        let snapshot = Reader::new(config(&web, &cache)).snapshot();
        let warning = &snapshot.warnings[0];
        assert!(warning.contains("more than the 8388608 bytes"), "{warning}");
        assert!(fs::read_dir(cache.path()).unwrap().next().is_none());
    }
}

#[test]
fn catalogs_that_do_not_answer_cost_one_timeout_together_whoever_asks() {
    let silent = || {
        Web::start(|_, stream| {
            let _ = stream.read(&mut [0]);
        })
    };
    let webs = [silent(), silent(), silent(), silent()];
    let cache = tempfile::tempdir().unwrap();
    let mut config = config(&webs[0], &cache);
    config.timeout = Duration::from_secs(1);
    let others = webs.iter().skip(1).map(|web| Source::Url(web.url("/")));
    config.sources.extend(others);
    let file = cache.path().join("local.json");
    fs::write(&file, SMALL).unwrap();
    config.sources.push(Source::File(file));
    let reader = Reader::new(config);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let snapshot = reader.snapshot();
                assert_eq!(snapshot.available.len(), 1);
                assert_eq!(snapshot.warnings.len(), 4);
            });
        }
    });
    // One after the other they take four seconds.
    assert!(begun.elapsed() < Duration::from_millis(3500));
    assert!(webs.iter().all(|web| web.requests().len() == 1));
}

#[test]
fn a_copy_on_disk_that_makes_no_sense_is_none() {
    let web = Web::start(|_, stream| answer(stream, "200 OK", "etag: \"1\"\r\n", SMALL.as_bytes()));
    let cache = tempfile::tempdir().unwrap();
    Reader::new(config(&web, &cache)).snapshot();
    let files: Vec<_> = fs::read_dir(cache.path()).unwrap().collect();
    assert_eq!(files.len(), 1);
    let path = files[0].as_ref().unwrap().path();
    let good = fs::read_to_string(&path).unwrap();
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(&path).unwrap());
        assert_eq!(mode & 0o777, 0o600);
    }
    let at: Value = serde_json::from_str::<Value>(&good).unwrap()["fetched_at"].clone();
    let at = at.to_string();
    for (bad, etag) in [
        (String::new(), None),
        (good[..good.len() / 2].to_owned(), None),
        (good.replace(&at, "18446744073709551615"), None),
        // In ten years: the clock was wrong then, or is wrong now.
        (good.replace(&at, "2110000000"), Some("\"1\"")),
        (good.replace(&at, "0").replace("\\\"1\\\"", "a\\nb"), None),
    ] {
        fs::write(&path, &bad).unwrap();
        let before = web.requests().len();
        let snapshot = Reader::new(config(&web, &cache)).snapshot();
        assert_eq!(snapshot.warnings, [""; 0], "{bad}");
        assert!(snapshot.available.contains_key("weather"));
        let requests = web.requests();
        assert_eq!(requests.len(), before + 1, "{bad}");
        assert_eq!(requests[before].header("if-none-match"), etag, "{bad}");
    }
}

#[test]
fn a_copy_that_is_still_right_is_young_for_the_next_process_too() {
    let web = Web::start(|request, stream| match request.header("if-none-match") {
        Some(_) => answer(stream, "304 Not Modified", "", b""),
        None => answer(stream, "200 OK", "etag: \"1\"\r\n", SMALL.as_bytes()),
    });
    let cache = tempfile::tempdir().unwrap();
    Reader::new(config(&web, &cache)).snapshot();
    let path = fs::read_dir(cache.path()).unwrap().next().unwrap().unwrap();
    let mut stored: Value = serde_json::from_slice(&fs::read(path.path()).unwrap()).unwrap();
    stored["fetched_at"] = Value::from(1000);
    fs::write(path.path(), stored.to_string()).unwrap();
    for _ in 0..2 {
        let snapshot = Reader::new(config(&web, &cache)).snapshot();
        assert!(snapshot.available.contains_key("weather"));
        assert_eq!(web.requests().len(), 2);
    }
}

#[test]
fn a_search_finds_every_word_and_what_is_called_so_first() {
    let text = r#"[
        {"key":"a_mailer","name":"A mailer","description":"Sends letters"},
        {"key":"mail","name":"Mail"},
        {"key":"slack","name":"Slack","description":"Like mail, but faster"},
        {"key":"sql","name":"SQL","default_tags":[{"Name":"Mailing"},{"Name":"Database"}]}]"#;
    let cache = tempfile::tempdir().unwrap();
    let file = cache.path().join("plugins.json");
    fs::write(&file, text).unwrap();
    let config = ReaderConfig::new(vec![Source::File(file)], cache.path());
    let snapshot = Reader::new(config).snapshot();
    let search = |query: &str| -> Vec<&str> {
        let found = snapshot.search(query).into_iter();
        found.map(|found| found.entry.key.as_str()).collect()
    };
    assert_eq!(search("MAIL"), ["mail", "a_mailer", "sql", "slack"]);
    assert_eq!(search("mail letters"), ["a_mailer"]);
    assert_eq!(search("mail nothing"), [""; 0]);
    assert_eq!(search("  "), ["a_mailer", "mail", "slack", "sql"]);
}
