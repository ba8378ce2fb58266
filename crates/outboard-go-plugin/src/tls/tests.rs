//! Two ends over a connection in memory: who is let in, and by which version.

#![allow(clippy::unwrap_used)]

use std::{
    pin::Pin,
    sync::Mutex,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf, duplex};
use tokio_rustls::rustls::{self, ClientConfig, ServerConfig};

use super::*;
use crate::transport::FRAME;

/// Both ends must read what the other wrote.
async fn talk(client: &Tls, server: &Tls) -> io::Result<()> {
    let (ours, theirs) = duplex(64 * 1024);
    let (opened, accepted) = tokio::join!(
        client.connect(Box::new(ours)),
        server.accept(Box::new(theirs))
    );
    let (mut opened, mut accepted) = (opened?, accepted?);
    let mut word = [0; 5];
    opened.write_all(b"there").await?;
    opened.flush().await?;
    accepted.read_exact(&mut word).await?;
    accepted.write_all(b"back.").await?;
    accepted.flush().await?;
    opened.read_exact(&mut word).await?;
    Ok(())
}

fn identity() -> Identity {
    Identity::generate().unwrap()
}

fn pinned(own: &Identity, peer: &Identity) -> Tls {
    Tls::pinned(own, peer.certificate_der()).unwrap()
}

#[tokio::test]
async fn two_ends_that_pinned_each_other_talk() {
    let (one, other) = (identity(), identity());
    talk(&pinned(&one, &other), &pinned(&other, &one))
        .await
        .unwrap();
}

#[tokio::test]
async fn another_certificate_of_the_same_subject_is_refused_in_either_role() {
    let (one, other, stranger) = (identity(), identity(), identity());
    // The client expects somebody else.
    let error = talk(&pinned(&one, &stranger), &pinned(&other, &one))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("not the one"), "{error}");
    // The server expects somebody else.
    assert!(
        talk(&pinned(&stranger, &other), &pinned(&other, &one))
            .await
            .is_err()
    );
}

/// Notes how much each write is.
struct Noted(tokio::io::DuplexStream, Arc<Mutex<Vec<usize>>>);

impl AsyncRead for Noted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Noted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.1.lock().unwrap().push(bytes.len());
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn a_full_frame_is_full_records_and_nothing_left_over() {
    let (one, other) = (identity(), identity());
    let (client, server) = (pinned(&one, &other), pinned(&other, &one));
    let (ours, theirs) = duplex(1024 * 1024);
    let writes = Arc::new(Mutex::new(Vec::new()));
    let (opened, _accepted) = tokio::join!(
        client.connect(Box::new(Noted(ours, Arc::clone(&writes)))),
        server.accept(Box::new(theirs))
    );
    let mut opened = opened.unwrap();
    writes.lock().unwrap().clear();
    let frame = vec![0; 9 + FRAME as usize];
    // One write takes it all, as `h2` has it written.
    assert_eq!(opened.write(&frame).await.unwrap(), frame.len());
    let record = 5 + 16 * 1024 + 1 + 16;
    assert_eq!(*writes.lock().unwrap(), [record; 8]);
}

/// A client that has the right certificate to show and not its key.
#[tokio::test]
async fn a_certificate_without_its_key_is_refused() {
    let (one, other) = (identity(), identity());
    let mut thief = identity();
    thief.certificate = one.certificate.clone();
    // rustls notices that key and certificate differ before anything is sent.
    assert!(Tls::pinned(&thief, other.certificate_der()).is_err());
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused() {
    let (one, other) = (identity(), identity());
    let roots = rustls::RootCertStore::empty();
    let mut naked = ClientConfig::builder_with_provider(Arc::new(provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let pins = pinned(&one, &other);
    let verifier = Pinned::new(
        other.certificate.clone(),
        provider().signature_verification_algorithms,
    );
    naked
        .dangerous()
        .set_certificate_verifier(Arc::new(verifier));
    let server = ServerConfig::clone(&pins.server);
    let naked = Tls::custom(naked, server, pins.name.clone());
    assert!(talk(&naked, &pinned(&other, &one)).await.is_err());
}

#[tokio::test]
async fn an_end_that_knows_tls_1_2_alone_is_spoken_to_in_either_role() {
    let (one, other) = (identity(), identity());
    let verifier = || {
        let algorithms = provider().signature_verification_algorithms;
        Arc::new(Pinned::new(other.certificate.clone(), algorithms))
    };
    let versions = &[&rustls::version::TLS12];
    let client = ClientConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(verifier())
        .with_client_auth_cert(vec![one.certificate.clone()], one.key())
        .unwrap();
    let server = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_client_cert_verifier(verifier())
        .with_single_cert(vec![one.certificate.clone()], one.key())
        .unwrap();
    let old = Tls::custom(client, server, ServerName::try_from("localhost").unwrap());
    let new = pinned(&other, &one);
    talk(&old, &new).await.unwrap();
    talk(&new, &old).await.unwrap();
}
