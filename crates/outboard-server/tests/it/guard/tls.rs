//! TLS of the server's own.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use outboard_server::{ServerTls, TlsError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::CertificateDer},
};

use super::start;
use crate::support::{Plugins, Running, TOKEN};

/// A certificate for `localhost`, its key, and another key.
struct Files {
    directory: tempfile::TempDir,
    der: CertificateDer<'static>,
}

impl Files {
    fn new() -> Files {
        let directory = tempfile::tempdir().unwrap();
        let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let other = rcgen::KeyPair::generate().unwrap();
        let write = |name: &str, text: String| {
            std::fs::write(directory.path().join(name), text).unwrap();
        };
        write("cert.pem", signed.cert.pem());
        write("key.pem", signed.signing_key.serialize_pem());
        write("other.pem", other.serialize_pem());
        write("empty.pem", String::new());
        write(
            "broken.pem",
            "-----BEGIN CERTIFICATE-----\n%%%\n".to_owned(),
        );
        Files {
            der: signed.cert.der().clone(),
            directory,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

/// One request over TLS; the answer as it came.
async fn ask(address: SocketAddr, trusted: &CertificateDer<'static>, request: &str) -> String {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = "localhost".try_into().unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(name, stream).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // Whether the end is announced is not what this is about.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_server_with_a_certificate_speaks_tls_and_marks_its_cookies() {
    let files = Files::new();
    let tls = ServerTls::read(&files.path("cert.pem"), &files.path("key.pem")).unwrap();
    let data = tempfile::tempdir().unwrap();
    let clock = Arc::new(jiff::Timestamp::now().as_millisecond().into());
    let server = |server: outboard_server::ServerBuilder| server.tls(tls);
    let running: Running = start(Plugins::new(), &data, &clock, |access| access, server).await;
    let address = running.client.address;
    let head = format!(
        "HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\n",
        address.port()
    );
    let ask = |request: String| {
        let der = files.der.clone();
        async move { ask(address, &der, &request).await }
    };
    let answer = ask(format!("GET /healthz {head}\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let form = format!("token={TOKEN}");
    let answer = ask(format!(
        "POST /ui/sign-in {head}Content-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{form}",
        form.len()
    ))
    .await;
    assert!(answer.starts_with("HTTP/1.1 303"), "{answer}");
    assert!(answer.contains("; Secure"), "{answer}");
    let answer = ask(format!(
        "POST /api/v1/sign-in-links {head}Authorization: Bearer {TOKEN}\r\nContent-Length: 0\r\n\r\n"
    ))
    .await;
    assert!(answer.contains("\"url\":\"https://localhost:"), "{answer}");

    // Plain text gets no answer, and keeps nobody else waiting.
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");
    let silent = TcpStream::connect(address).await.unwrap();
    let answer = ask(format!("GET /healthz {head}\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    drop(silent);
    running.stop().await;
}

#[test]
fn files_that_cannot_be_used_are_named_with_what_is_wrong_with_them() {
    let files = Files::new();
    let read = |certificate: &str, key: &str| {
        ServerTls::read(&files.path(certificate), &files.path(key)).unwrap_err()
    };
    let gone = read("gone.pem", "key.pem");
    assert!(matches!(gone, TlsError::Unreadable { .. }), "{gone}");
    assert!(gone.to_string().contains("gone.pem"), "{gone}");
    for name in ["empty.pem", "broken.pem", "key.pem"] {
        let wrong = read(name, "key.pem");
        assert!(matches!(wrong, TlsError::NotPem { .. }), "{name}: {wrong}");
        assert!(wrong.to_string().contains(name), "{wrong}");
    }
    let no_key = read("cert.pem", "cert.pem");
    assert!(matches!(no_key, TlsError::NotPem { .. }), "{no_key}");
    let mismatch = read("cert.pem", "other.pem");
    assert!(matches!(mismatch, TlsError::Mismatch { .. }), "{mismatch}");
    assert!(mismatch.to_string().contains("other.pem"), "{mismatch}");
}
