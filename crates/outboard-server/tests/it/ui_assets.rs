//! The routes of UI plugins over a real socket: files, caching, what is refused, and
//! reloads under load.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    support::{Plugins, Running, eventually},
    ui_plugins::write,
};

const UI: &str = "/api/v1/plugins/ui";

/// A plugin with a page, a script with a hash in its name and one without.
fn with_reports() -> Plugins {
    let plugins = Plugins::new();
    reports(&plugins, "1.0.0");
    plugins
}

fn reports(plugins: &Plugins, version: &str) {
    let manifest = json!({
        "version": version,
        "navItems": [{ "id": "home", "label": "Home" }],
    });
    let root = plugins.path("reports");
    write(&root, "ui.json", manifest.to_string());
    write(&root, "assets/index.html", format!("<h1>{version}</h1>\n"));
    write(&root, "assets/app.js", "console.log(1)\n".repeat(100));
    write(&root, "assets/app.0123abcd.js", "console.log(1)\n");
    write(&root, "assets/data.bin", [0_u8, 1, 2, 3]);
}

async fn loaded(plugins: Plugins) -> Running {
    let running = Running::start(plugins).await;
    let done = running.client.post(&format!("{UI}/reports/load"), "").await;
    assert_eq!(
        done.body,
        "{\"status\":\"ok\",\"data\":{\"action\":\"loaded\",\"name\":\"reports\"}}\n"
    );
    running
}

#[tokio::test]
async fn nothing_is_loaded_at_first_and_what_is_there_is_listed() {
    let running = Running::start(with_reports()).await;
    let empty = "{\"status\":\"ok\",\"data\":[]}\n";
    assert_eq!(running.client.get(UI).await.body, empty);
    let available = running.client.get(&format!("{UI}/available")).await;
    assert_eq!(
        available.json()["data"],
        json!([{ "name": "reports", "loaded": false }])
    );
    running.stop().await;
}

#[tokio::test]
async fn a_plugin_is_loaded_reloaded_and_unloaded_over_http() {
    let running = loaded(with_reports()).await;
    let manifest = format!("{UI}/reports/manifest");
    assert_eq!(
        running.client.get(&manifest).await.json()["data"]["version"],
        "1.0.0"
    );
    let page = running.client.get(&format!("{UI}/reports/assets/")).await;
    assert_eq!(page.body, "<h1>1.0.0</h1>\n");
    reports(&running.plugins, "2.0.0");
    // Not before it is told to.
    let page = running.client.get(&format!("{UI}/reports/assets/")).await;
    assert_eq!(page.body, "<h1>1.0.0</h1>\n");
    let done = running
        .client
        .post(&format!("{UI}/reports/reload"), "")
        .await;
    assert_eq!(done.json()["data"]["action"], "reloaded");
    assert_eq!(
        running.client.get(&manifest).await.json()["data"]["version"],
        "2.0.0"
    );
    let page = running.client.get(&format!("{UI}/reports/assets/")).await;
    assert_eq!(page.body, "<h1>2.0.0</h1>\n");
    let done = running
        .client
        .post(&format!("{UI}/reports/unload"), "")
        .await;
    assert_eq!(done.json()["data"]["action"], "unloaded");
    for path in ["manifest", "assets/", "assets/app.js"] {
        let answer = running.client.get(&format!("{UI}/reports/{path}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert_eq!(
            answer.body,
            "{\"status\":\"error\",\"error\":\"UI plugin not found or not loaded\"}\n"
        );
    }
    running.stop().await;
}

#[tokio::test]
async fn changes_are_events() {
    let running = Running::start(with_reports()).await;
    let mut events = running.client.follow("/api/v1/events").await;
    for (action, name) in [
        ("load", "ui.loaded"),
        ("reload", "ui.reloaded"),
        ("unload", "ui.unloaded"),
    ] {
        let done = running
            .client
            .post(&format!("{UI}/reports/{action}"), "")
            .await;
        assert_eq!(done.status, 200, "{done:?}");
        let event = events.until(name).await;
        assert_eq!(event.data["name"], "reports");
        assert_eq!(event.data["version"], "1.0.0");
        assert!(event.data["at"].as_str().unwrap().ends_with('Z'));
    }
    running.stop().await;
}

#[tokio::test]
async fn files_say_their_type_how_long_they_last_and_that_they_run_as_nobody() {
    let running = loaded(with_reports()).await;
    for (path, content_type, caching) in [
        ("", "text/html; charset=utf-8", "no-cache"),
        ("app.js", "text/javascript; charset=utf-8", "no-cache"),
        (
            "app.0123abcd.js",
            "text/javascript; charset=utf-8",
            "private, max-age=31536000, immutable",
        ),
    ] {
        let answer = running
            .client
            .get(&format!("{UI}/reports/assets/{path}"))
            .await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), Some(content_type), "{path}");
        assert_eq!(answer.header("cache-control"), Some(caching), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("sandbox; default-src 'none';"),
            "{policy}"
        );
        assert!(!policy.contains("allow-"), "{policy}");
        assert!(answer.header("last-modified").unwrap().ends_with("GMT"));
    }
    running.stop().await;
}

#[tokio::test]
async fn what_a_browser_has_already_is_not_sent_again() {
    let running = loaded(with_reports()).await;
    let path = format!("{UI}/reports/assets/app.js");
    let first = running.client.get(&path).await;
    let etag = first.header("etag").unwrap().to_owned();
    assert!(etag.starts_with('"') && etag.len() == 34, "{etag}");
    let again = running.client.with("if-none-match", &etag).get(&path).await;
    assert_eq!(
        (again.status, again.body.as_str()),
        (StatusCode::NOT_MODIFIED, "")
    );
    assert_eq!(again.header("etag"), Some(etag.as_str()));
    assert_eq!(again.header("cache-control"), Some("no-cache"));
    let since = first.header("last-modified").unwrap();
    let again = running
        .client
        .with("if-modified-since", since)
        .get(&path)
        .await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    // Another content has another tag.
    write(&running.plugins.path("reports"), "assets/app.js", "other");
    running
        .client
        .post(&format!("{UI}/reports/reload"), "")
        .await;
    let changed = running.client.with("if-none-match", &etag).get(&path).await;
    assert_eq!(
        (changed.status, changed.body.as_str()),
        (StatusCode::OK, "other")
    );
    let refused = running.client.with("if-match", &etag).get(&path).await;
    assert_eq!(refused.status, StatusCode::PRECONDITION_FAILED);
    running.stop().await;
}

#[tokio::test]
async fn a_part_of_a_file_is_sent_if_the_file_is_still_the_same() {
    let running = loaded(with_reports()).await;
    let path = format!("{UI}/reports/assets/app.js");
    let ranged = running.client.with("range", "bytes=2-5");
    let part = ranged.get(&path).await;
    assert_eq!(
        (part.status, part.body.as_str()),
        (StatusCode::PARTIAL_CONTENT, "nsol")
    );
    assert_eq!(part.header("content-range"), Some("bytes 2-5/1500"));
    assert_eq!(part.header("content-length"), Some("4"));
    let etag = part.header("etag").unwrap().to_owned();
    let part = ranged.with("if-range", &etag).get(&path).await;
    assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
    let whole = ranged.with("if-range", "\"other\"").get(&path).await;
    assert_eq!((whole.status, whole.body.len()), (StatusCode::OK, 1500));
    let none = running.client.with("range", "bytes=1500-").get(&path).await;
    assert_eq!(none.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(none.header("content-range"), Some("bytes */1500"));
    // A part is one of the file as it is, also for those who take it compressed.
    let part = ranged.with("accept-encoding", "gzip").get(&path).await;
    assert_eq!(
        (part.body.as_str(), part.header("content-encoding")),
        ("nsol", None)
    );
    running.stop().await;
}

#[tokio::test]
async fn a_head_request_gets_the_headers_and_no_content() {
    let running = loaded(with_reports()).await;
    let path = format!("{UI}/reports/assets/app.js");
    let (head, get) = (
        running.client.send("HEAD", &path, "").await,
        running.client.get(&path).await,
    );
    assert_eq!((head.status, head.body.as_str()), (StatusCode::OK, ""));
    for name in [
        "content-type",
        "content-length",
        "etag",
        "last-modified",
        "cache-control",
    ] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
    let posted = running.client.post(&path, "").await;
    assert_eq!(posted.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(posted.header("allow"), Some("GET, HEAD"));
    running.stop().await;
}

#[tokio::test]
async fn text_is_compressed_for_those_who_take_it() {
    let running = loaded(with_reports()).await;
    let path = format!("{UI}/reports/assets/app.js");
    let plain = running.client.get(&path).await;
    assert_eq!(plain.header("vary"), Some("Accept-Encoding"));
    let packed = running.client.with("accept-encoding", "br, gzip");
    let response = packed.open("GET", &path, "").await;
    assert_eq!(response.headers()["content-encoding"], "gzip");
    assert_eq!(response.headers()["vary"], "Accept-Encoding");
    let etag = response.headers()["etag"].to_str().unwrap().to_owned();
    assert_ne!(Some(etag.as_str()), plain.header("etag"));
    let length = response.headers()["content-length"]
        .to_str()
        .unwrap()
        .to_owned();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(length, bytes.len().to_string());
    assert!(bytes.len() < 200, "{}", bytes.len());
    let mut text = String::new();
    let mut reader = flate2::read::GzDecoder::new(&*bytes);
    std::io::Read::read_to_string(&mut reader, &mut text).unwrap();
    assert_eq!(text, plain.body);
    let again = packed.with("if-none-match", &etag).get(&path).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    // What is too small to gain by it is as it is.
    let small = packed
        .get(&format!("{UI}/reports/assets/app.0123abcd.js"))
        .await;
    assert_eq!(small.header("content-encoding"), None);
    assert_eq!(small.header("vary"), None);
    running.stop().await;
}

#[tokio::test]
async fn a_directory_has_one_address_and_no_list() {
    let plugins = with_reports();
    write(&plugins.path("reports"), "assets/docs/index.html", "docs");
    write(&plugins.path("reports"), "assets/bare/deep/file.txt", "x");
    write(&plugins.path("reports"), "assets/a b?/index.html", "odd");
    let running = loaded(plugins).await;
    for (path, status, location) in [
        ("assets", 307, Some("/api/v1/plugins/ui/reports/assets/")),
        (
            "assets?x=1",
            307,
            Some("/api/v1/plugins/ui/reports/assets/?x=1"),
        ),
        ("assets/index.html", 301, Some("./")),
        ("assets/docs", 301, Some("docs/")),
        ("assets/docs/", 200, None),
        ("assets/docs/index.html", 301, Some("./")),
        ("assets/a%20b%3F", 301, Some("a%20b%3F/")),
        ("assets/app.js/", 301, Some("../app.js")),
        ("assets/bare", 301, Some("bare/")),
        ("assets/bare/", 404, None),
        ("assets/bare/deep/", 404, None),
        ("assets/bare/index.html", 404, None),
        ("assets/missing/", 404, None),
        (
            "assets/docs//",
            307,
            Some("/api/v1/plugins/ui/reports/assets/docs/"),
        ),
    ] {
        let answer = running.client.get(&format!("{UI}/reports/{path}")).await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {answer:?}");
        assert_eq!(answer.header("location"), location, "{path}");
    }
    running.stop().await;
}

#[tokio::test]
async fn no_way_of_writing_a_path_leads_out_of_the_assets() {
    let plugins = with_reports();
    write(&plugins.path("reports"), "secret.txt", "the secret");
    write(&plugins.path("reports"), "assets/sub/x.txt", "x");
    write(&plugins.path("other"), "ui.json", "{}");
    write(&plugins.path("other"), "assets/x.txt", "the secret");
    let running = loaded(plugins).await;
    for path in [
        "../secret.txt",
        "..%2fsecret.txt",
        "%2e%2e/secret.txt",
        "%2e%2e%2fsecret.txt",
        "..%5csecret.txt",
        "..\\secret.txt",
        "sub/../../secret.txt",
        "sub/%2e%2e/%2e%2e/secret.txt",
        "sub%2f..%2f..%2fsecret.txt",
        "%252e%252e/secret.txt",
        "%c0%ae%c0%ae/secret.txt",
        ".%00./secret.txt",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "sub/x.txt%00.html",
        "sub%2fx.txt",
        "%",
        "%zz",
        "%ff",
        "....//secret.txt",
        "../../other/assets/x.txt",
        "..%2f..%2fother%2fassets%2fx.txt",
    ] {
        let answer = running
            .client
            .get(&format!("{UI}/reports/assets/{path}"))
            .await;
        let status = answer.status.as_u16();
        assert!(status == 404 || status == 307, "{path}: {answer:?}");
        assert!(!answer.body.contains("the secret") && !answer.body.contains("root:"));
        if let Some(location) = answer.header("location") {
            assert!(
                location.starts_with("/api/v1/plugins/ui/"),
                "{path}: {location}"
            );
            let answer = running.client.get(location).await;
            assert_eq!(answer.status, 404, "{path}: {answer:?}");
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn a_ui_plugins_name_that_leads_elsewhere_is_refused_before_the_disk_is_touched() {
    let plugins = with_reports();
    // With `..%2Freports` from a directory below, the original would find it.
    std::fs::create_dir(plugins.path("below")).unwrap();
    let running = loaded(plugins).await;
    for name in [
        "..%2Freports",
        "%2e%2e",
        "below%2F..%2Freports",
        "%2Fetc",
        "Reports",
        "reports%00",
        "reports%2F",
        "%ff",
        "a".repeat(65).as_str(),
    ] {
        for action in ["load", "unload", "reload"] {
            let answer = running
                .client
                .post(&format!("{UI}/{name}/{action}"), "")
                .await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{name}: {answer:?}");
            assert!(
                answer.body.starts_with("{\"status\":\"error\""),
                "{answer:?}"
            );
        }
        for path in ["manifest", "assets/", "assets/index.html"] {
            let answer = running.client.get(&format!("{UI}/{name}/{path}")).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{name}: {answer:?}");
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_plugin_is_said_without_a_path_of_ours() {
    let plugins = with_reports();
    write(&plugins.path("broken"), "ui.json", "{");
    write(&plugins.path("other"), "ui.json", r#"{"name":"reports"}"#);
    write(
        &plugins.path("outside"),
        "ui.json",
        r#"{"assetDir":"../reports"}"#,
    );
    write(&plugins.path("link"), "ui.json", "{}");
    std::os::unix::fs::symlink("/etc", plugins.path("link/assets")).unwrap();
    write(&plugins.path("huge"), "ui.json", vec![b' '; 300_000]);
    let running = Running::start(plugins).await;
    for (name, part) in [
        ("broken", "line 1"),
        ("other", "make them the same"),
        ("outside", "leads out of the plugin's directory"),
        ("link", "is a link that leads out"),
        ("huge", "the limit is 262144"),
    ] {
        let answer = running.client.post(&format!("{UI}/{name}/load"), "").await;
        assert_eq!(
            answer.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{name}: {answer:?}"
        );
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(
            error.contains(part) && error.contains(name),
            "{name}: {error}"
        );
        let root = running.plugins.path("");
        assert!(!error.contains(root.to_str().unwrap()), "{name}: {error}");
    }
    running.stop().await;
}

#[tokio::test]
async fn the_routes_ask_for_a_token_and_refuse_in_their_own_words() {
    let running = loaded(with_reports()).await;
    for client in [
        running.client.without("authorization"),
        running.client.with("authorization", "Bearer wrong"),
    ] {
        for path in [
            "",
            "/available",
            "/reports/manifest",
            "/reports/assets/app.js",
        ] {
            let answer = client.get(&format!("{UI}{path}")).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
            assert!(
                answer.body.starts_with("{\"status\":\"error\""),
                "{answer:?}"
            );
        }
        // One in the URL is refused, rather than overlooked.
        let answer = client
            .get(&format!("{UI}?token={}", crate::support::TOKEN))
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
        let answer = client.post(&format!("{UI}/reports/unload"), "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(
        running
            .client
            .get(&format!("{UI}/reports/manifest"))
            .await
            .status,
        200
    );
    running.stop().await;
}

#[tokio::test]
async fn a_body_of_a_hundred_megabytes_is_not_waited_for() {
    let running = loaded(with_reports()).await;
    let mut stream = TcpStream::connect(running.client.address).await.unwrap();
    let mut head = format!("POST {UI}/reports/reload HTTP/1.1\r\ncontent-length: 104857600\r\n");
    for (name, value) in &running.client.headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream
        .write_all(format!("{head}\r\n").as_bytes())
        .await
        .unwrap();
    // Not a byte of the body was sent.
    let mut answer = vec![0; 1024];
    let read = tokio::time::timeout(Duration::from_secs(30), stream.read(&mut answer));
    let length = read.await.expect("an answer within 30 seconds").unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]);
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    // And one who goes on sending is hung up on, rather than read to the end.
    let piece = vec![b'x'; 1 << 20];
    let sent = AtomicUsize::new(0);
    let sending = async {
        while stream.write_all(&piece).await.is_ok() {
            let sent = sent.fetch_add(1, Ordering::Relaxed);
            assert!(sent < 100, "all of it was read");
        }
    };
    tokio::time::timeout(Duration::from_secs(30), sending)
        .await
        .expect("the connection ends within 30 seconds");
    running.stop().await;
}

/// Loads files of one generation again and again over one connection, while another task
/// deploys generations, and checks that what an answer says fits together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_answer_during_reloads_is_of_one_whole_generation() {
    const RELOADS: usize = 40;

    let plugins = Plugins::new();
    let root = plugins.path("reports");
    let deploy = move |generation: usize| {
        // As long as it takes to read, and different in every byte.
        let letter = char::from(b'a' + u8::try_from(generation % 26).unwrap());
        let text = letter.to_string().repeat(20_000 + generation);
        write(&root, "assets/large.txt", &text);
        write(&root, &format!("assets/v{generation}.txt"), &text);
        let _ =
            std::fs::remove_file(root.join(format!("assets/v{}.txt", generation.wrapping_sub(1))));
        let manifest = json!({ "version": format!("1.0.{generation}") });
        write(&root, "ui.json", manifest.to_string());
    };
    deploy(0);
    let running = loaded(plugins).await;
    let done = Arc::new(AtomicBool::new(false));
    let mut readers = Vec::new();
    for _ in 0..4 {
        let (client, done) = (running.client.clone(), Arc::clone(&done));
        readers.push(tokio::spawn(async move {
            let mut seen = std::collections::BTreeSet::new();
            while !done.load(Ordering::Relaxed) {
                let answer = client.get(&format!("{UI}/reports/assets/large.txt")).await;
                assert_eq!(answer.status, 200, "{answer:?}");
                let first = answer.body.chars().next().unwrap();
                assert!(
                    answer.body.chars().all(|letter| letter == first),
                    "a mixture"
                );
                // The headers are those of this content.
                let length = answer.header("content-length").unwrap();
                assert_eq!(length, answer.body.len().to_string());
                let generation = answer.body.len() - 20_000;
                assert_eq!(
                    first,
                    char::from(b'a' + u8::try_from(generation % 26).unwrap())
                );
                seen.insert((generation, answer.header("etag").unwrap().to_owned()));
                let manifest = client.get(&format!("{UI}/reports/manifest")).await;
                assert_eq!(manifest.status, 200, "never away: {manifest:?}");
            }
            seen
        }));
    }
    for generation in 1..=RELOADS {
        deploy(generation);
        let done = running
            .client
            .post(&format!("{UI}/reports/reload"), "")
            .await;
        assert_eq!(done.status, 200, "{done:?}");
    }
    done.store(true, Ordering::Relaxed);
    let mut seen = std::collections::BTreeSet::new();
    for reader in readers {
        seen.extend(reader.await.unwrap());
    }
    // One tag for each generation that was seen.
    let generations: std::collections::BTreeSet<_> =
        seen.iter().map(|(generation, _)| *generation).collect();
    assert_eq!(generations.len(), seen.len());
    assert!(generations.len() > 1, "no reload happened meanwhile");
    running.stop().await;
}

#[tokio::test]
async fn many_files_over_one_connection_are_answered_in_their_order() {
    let running = loaded(with_reports()).await;
    let stream = TcpStream::connect(running.client.address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    for (path, status) in [
        ("app.js", 200),
        ("missing.js", 404),
        ("docs", 404),
        ("index.html", 301),
        ("app.js", 200),
    ] {
        for method in ["HEAD", "GET"] {
            let mut request = Request::builder()
                .method(method)
                .uri(format!("{UI}/reports/assets/{path}"));
            for (name, value) in &running.client.headers {
                request = request.header(*name, value);
            }
            let request = request.body(Empty::<bytes::Bytes>::new()).unwrap();
            let response = sender.send_request(request).await.unwrap();
            assert_eq!(response.status().as_u16(), status, "{method} {path}");
            response.into_body().collect().await.unwrap();
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn a_reload_takes_new_pages_and_a_new_program_together() {
    let plugins = Plugins::with_kitchen();
    let root = plugins.path("kitchen");
    write(&root, "ui.json", r#"{"version":"1.0.0"}"#);
    write(&root, "assets/index.html", "one");
    let running = Running::start(plugins).await;
    let manager = running.manager.clone();
    let pid = || manager.status("kitchen").and_then(|status| status.pid);
    let page = async || {
        running
            .client
            .get(&format!("{UI}/kitchen/assets/"))
            .await
            .body
    };
    // The pages alone do not start a program.
    for action in ["load", "reload"] {
        let done = running
            .client
            .post(&format!("{UI}/kitchen/{action}"), "")
            .await;
        assert_eq!(done.status, 200, "{done:?}");
        assert_eq!(pid(), None);
    }
    running
        .client
        .post("/api/v1/plugins/external/kitchen/load", "")
        .await;
    let first = pid().unwrap();
    write(&root, "assets/index.html", "two");
    let done = running
        .client
        .post(&format!("{UI}/kitchen/reload"), "")
        .await;
    assert_eq!(done.status, 200, "{done:?}");
    let second = pid().unwrap();
    assert_ne!(first, second);
    assert_eq!(page().await, "two");

    // New pages that are no good: the program is left alone.
    write(&root, "ui.json", r#"{"version":"one"}"#);
    write(&root, "assets/index.html", "three");
    let failed = running
        .client
        .post(&format!("{UI}/kitchen/reload"), "")
        .await;
    assert_eq!(
        failed.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{failed:?}"
    );
    assert_eq!((pid(), page().await.as_str()), (Some(second), "two"));

    // A new program that is no good: both old ones serve on.
    write(&root, "ui.json", r#"{"version":"3.0.0"}"#);
    std::fs::remove_file(root.join("kitchen")).unwrap();
    write(&root, "kitchen", "#!/bin/sh\nexit 3\n");
    std::fs::set_permissions(
        root.join("kitchen"),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    let failed = running
        .client
        .post(&format!("{UI}/kitchen/reload"), "")
        .await;
    assert_eq!(failed.status, StatusCode::BAD_GATEWAY, "{failed:?}");
    let error = failed.json()["error"].as_str().unwrap().to_owned();
    assert!(
        error.contains("its program is not: ") && error.contains("exit status 3"),
        "{error}"
    );
    assert_eq!((pid(), page().await.as_str()), (Some(second), "two"));
    let manifest = running.client.get(&format!("{UI}/kitchen/manifest")).await;
    assert_eq!(manifest.json()["data"]["version"], "1.0.0");

    // To unload the pages leaves the program.
    let done = running
        .client
        .post(&format!("{UI}/kitchen/unload"), "")
        .await;
    assert_eq!(done.status, 200);
    eventually("the program runs", || pid() == Some(second)).await;
    running.stop().await;
}

#[tokio::test]
async fn all_there_is_to_know_about_one_plugin_is_one_answer() {
    let plugins = with_reports();
    write(&plugins.path("broken"), "ui.json", "{");
    let running = Running::start(plugins).await;
    let get = async |name: &str| running.client.get(&format!("{UI}/{name}")).await;
    let there = get("reports").await.json();
    assert_eq!(
        (&there["loaded"], &there["loadable"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(there["manifest"]["assetDir"], "assets");
    assert_eq!(there.get("assets"), None);
    running.client.post(&format!("{UI}/reports/load"), "").await;
    // Loaded, and then another one on disk that cannot be.
    write(
        &running.plugins.path("reports"),
        "ui.json",
        r#"{"version":"2.0.0"}"#,
    );
    std::os::unix::fs::symlink("/etc", running.plugins.path("reports/assets/out")).unwrap();
    running
        .client
        .post(&format!("{UI}/reports/reload"), "")
        .await;
    let loaded = get("reports").await.json();
    assert_eq!(loaded["loaded"], true);
    assert_eq!(loaded["manifest"]["version"], "1.0.0");
    assert_eq!(loaded["assets"]["files"], 4);
    assert_eq!(loaded["problem"]["kind"], "assets");
    assert_eq!(loaded["has_program"], false);
    let broken = get("broken").await.json();
    assert_eq!(
        (&broken["loadable"], &broken["problem"]["kind"]),
        (&json!(false), &json!("manifest"))
    );
    assert_eq!(get("missing").await.kind(), "not_found");
    assert_eq!(get("Reports").await.kind(), "invalid_name");
    std::fs::remove_dir_all(running.plugins.path("reports")).unwrap();
    assert_eq!(
        get("reports").await.json()["problem"]["detail"],
        "its directory is gone"
    );
    running.stop().await;
}
