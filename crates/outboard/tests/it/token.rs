//! Tokens and the way into the browser, from the command line: with a server and without,
//! and a server beyond this machine.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use serde_json::{Value, json};

use crate::support::{DEADLINE, Home, Serving};

/// Status, headers and body of a request, without following where it leads.
fn ask(url: &str, token: Option<&str>) -> (u16, Vec<(String, String)>, String) {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .max_redirects(0)
        .timeout_global(Some(DEADLINE))
        .tls_config(
            ureq::tls::TlsConfig::builder()
                .disable_verification(true)
                .build(),
        )
        .build();
    let mut request = ureq::Agent::from(config).get(url);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let mut answer = request.call().unwrap();
    let headers = answer.headers().iter();
    let headers = headers
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    let status = answer.status().as_u16();
    (status, headers, answer.body_mut().read_to_string().unwrap())
}

fn me(url: &str, token: &str) -> Value {
    let (status, _, body) = ask(&format!("{url}/api/v1/me"), Some(token));
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// Makes, lists and revokes; the answers, without what differs each time.
fn life_of_a_token(home: &Home) -> Vec<Value> {
    let create = [
        "token",
        "create",
        "ci",
        "--role",
        "operator",
        "--permission",
        "reports.see",
        "--expires-in",
        "30d",
        "--json",
    ];
    let made = home.run(&create).exits(0).json();
    assert!(made["token"].as_str().unwrap().starts_with("ob_"), "{made}");
    let again = home.run(&create).exits(1).json();
    let list = home.run(&["token", "list", "--json"]).exits(0).json();
    let table = home.run(&["token", "list"]).exits(0);
    assert!(table.stdout.contains("reports.see"), "{table:?}");
    assert!(!table.stdout.contains("ob_"), "{table:?}");
    let id = made["id"].as_str().unwrap();
    let revoked = home.run(&["token", "revoke", id, "--json"]).exits(0).json();
    let gone = home
        .run(&["token", "revoke", "ci", "--json"])
        .exits(3)
        .json();
    let wrong = [
        "token",
        "create",
        "x",
        "--role",
        "viewer",
        "--expires-in",
        "soon",
        "--json",
    ];
    let wrong = home.run(&wrong).exits(2).json();
    let list = list.as_array().unwrap().iter();
    let list = list
        .filter(|token| token["name"] == "ci")
        .cloned()
        .collect();
    let mut all = vec![made, again, Value::Array(list), revoked, gone, wrong];
    all.iter_mut().for_each(strip);
    all
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                match name.as_str() {
                    "token" | "id" | "created_at" | "expires_at" => *value = json!("…"),
                    _ => strip(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(strip),
        _ => {}
    }
}

#[test]
fn tokens_are_made_listed_and_revoked_alike_with_a_server_and_without() {
    let home = Home::new();
    let without = life_of_a_token(&home);
    let server = Serving::start(&home, &[]);
    let with = life_of_a_token(&home);
    assert_eq!(with, without);
    assert_eq!(without[1]["error"]["kind"], "conflict");
    assert_eq!(without[3]["revoked"]["name"], "ci");
    assert_eq!(without[5]["error"]["kind"], "invalid_input");

    // What was made without a server counts with one, and the other way round.
    let made = home
        .run(&["token", "create", "ci", "--role", "viewer"])
        .exits(0);
    let token = made.stdout.trim();
    assert!(made.stderr.contains("only time"), "{made:?}");
    assert_eq!(me(&server.url, token)["role"], "viewer");
    server.terminate();
    home.run(&["token", "revoke", "ci"]).exits(0);
    let server = Serving::start(&home, &[]);
    let (status, ..) = ask(&format!("{}/api/v1/me", server.url), Some(token));
    assert_eq!(status, 401);
    let file = fs::read(home.data().join("server.json")).unwrap();
    let file: Value = serde_json::from_slice(&file).unwrap();
    let (_, _, log) = ask(
        &format!("{}/api/v1/audit", server.url),
        file["token"].as_str(),
    );
    for part in ["token.create", "token.revoke", "without a server"] {
        assert!(log.contains(part), "{log}");
    }
    assert!(!log.contains(token), "{log}");
    server.terminate();
}

#[test]
fn a_first_start_prints_an_admins_token_once_and_never_again() {
    let home = Home::new();
    let server = Serving::start(&home, &[]);
    let token = server.ready["first_admin_token"]
        .as_str()
        .unwrap()
        .to_owned();
    let who = me(&server.url, &token);
    assert_eq!(
        (&who["name"], &who["role"]),
        (&json!("first-admin"), &json!("admin"))
    );
    server.terminate();
    let server = Serving::start(&home, &[]);
    assert_eq!(server.ready["first_admin_token"], Value::Null);
    assert_eq!(me(&server.url, &token)["role"], "admin");
    server.terminate();

    let dev = Home::new();
    let server = Serving::start(&dev, &["--dev"]);
    assert_eq!(server.ready["first_admin_token"], Value::Null);
    server.terminate();
}

#[test]
fn a_link_is_printed_or_opened_and_signs_in_once() {
    let home = Home::new();
    let ran = home.run(&["open", "--print"]).exits(1);
    assert!(ran.stderr.contains("no server runs"), "{ran:?}");
    let server = Serving::start(&home, &[]);
    let ran = home.run(&["open", "--print"]).exits(0);
    let url = ran.stdout.trim();
    assert!(
        url.starts_with(&format!("{}/ui/sign-in/", server.url)),
        "{url}"
    );
    let (status, headers, _) = ask(url, None);
    assert_eq!(status, 303);
    let cookie = headers
        .iter()
        .any(|(name, value)| name == "set-cookie" && value.starts_with("outboard_session="));
    assert!(cookie, "{headers:?}");
    assert_eq!(ask(url, None).0, 401, "once");
    let link = home.run(&["open", "--json"]).exits(0).json();
    assert!(link["expires_at"].is_string(), "{link}");

    // The desktop's own opener gets it.
    let opened = home.path("opened");
    let opener = home.write(
        "bin/xdg-open",
        "#!/bin/sh\nprintf %s \"$1\" > \"$HOME/opened\"\n",
    );
    fs::set_permissions(&opener, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", opener.parent().unwrap().display());
    let mut command = home.command(&["open"]);
    let ran = crate::support::finish(command.env("PATH", path).spawn().unwrap(), "").exits(0);
    assert_eq!(fs::read_to_string(opened).unwrap(), ran.stdout.trim());
    let mut command = home.command(&["open"]);
    let nothing = command.env("PATH", home.path("nothing"));
    let ran = crate::support::finish(nothing.spawn().unwrap(), "").exits(0);
    assert!(ran.stderr.contains("open the link yourself"), "{ran:?}");
    server.terminate();
}

/// A certificate for `localhost` and its key.
fn certificate(home: &Home) -> [String; 2] {
    let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    [
        text(&home.write("cert.pem", &signed.cert.pem())),
        text(&home.write("key.pem", &signed.signing_key.serialize_pem())),
    ]
}

#[test]
fn beyond_this_machine_a_server_listens_with_tls_or_an_explicit_word_alone() {
    let home = Home::new();
    let ran = home.run(&["serve", "--addr", "0.0.0.0:0"]).exits(4);
    assert!(ran.stderr.contains("--tls-cert"), "{ran:?}");
    assert!(ran.stderr.contains("--allow-remote"), "{ran:?}");
    let [certificate, key] = certificate(&home);
    let tls = ["--tls-cert", &certificate, "--tls-key", &key];
    let dev = ["serve", "--dev", "--addr", "0.0.0.0:0"];
    home.run(&[&dev[..], &tls].concat()).exits(4);

    let server = Serving::start_at(&home, "0.0.0.0:0", &tls);
    assert!(
        server.url.starts_with("https://127.0.0.1:"),
        "{}",
        server.url
    );
    let (status, ..) = ask(&format!("{}/healthz", server.url), None);
    assert_eq!(status, 200);
    let list = home.run(&["token", "list", "--json"]).exits(0).json();
    assert_eq!(list[0]["name"], "first-admin");
    let link = home.run(&["open", "--print"]).exits(0);
    assert!(link.stdout.starts_with("https://127.0.0.1:"), "{link:?}");
    let (_, headers, _) = ask(link.stdout.trim(), None);
    let secure = headers.iter().any(|(_, value)| value.contains("; Secure"));
    assert!(secure, "{headers:?}");
    server.terminate();
}

#[test]
fn a_certificate_that_cannot_be_used_is_named_at_the_start() {
    let home = Home::new();
    let [certificate, key] = certificate(&home);
    let ran = home.run(&["serve", "--tls-cert", &certificate]).exits(2);
    assert!(ran.stderr.contains("tls_key"), "{ran:?}");
    let ran = home
        .run(&["serve", "--tls-cert", "gone.pem", "--tls-key", &key])
        .exits(2);
    assert!(ran.stderr.contains("gone.pem"), "{ran:?}");
    let ran = home
        .run(&[
            "serve",
            "--tls-cert",
            &certificate,
            "--tls-key",
            &certificate,
        ])
        .exits(2);
    assert!(ran.stderr.contains("private key"), "{ran:?}");
}
