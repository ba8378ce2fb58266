//! Faults where AutoMTLS is asked for: nothing but the certificate in the handshake
//! will do.

use std::time::Duration;

use outboard_go_plugin::host::{ExitCause, StartErrorKind, StartStep, TlsMode};
use outboard_testkit::misbehaving::Fault;

use super::{call, with};

#[tokio::test]
async fn one_without_a_fault_is_encrypted() {
    let plugin = with(Fault::Nothing).set(|spec| spec.tls(TlsMode::Auto));
    let process = plugin.starts().await;
    assert!(process.is_encrypted());
    call(process.channel()).await.unwrap();
    let report = process.stop().await;
    assert_eq!((report.cause, report.forced), (ExitCause::Code(0), false));
    plugin.leaves_nothing().await;
}

#[tokio::test]
async fn one_without_a_certificate_starts_only_where_that_is_allowed() {
    let plugin = with(Fault::NoCertificate).set(|spec| spec.tls(TlsMode::Auto));
    let error = plugin.fails().await;
    assert!(
        matches!(error.kind(), StartErrorKind::NoCertificate),
        "{error:?}"
    );
    assert_eq!(error.step(), StartStep::Handshake);

    let plugin = with(Fault::NoCertificate).set(|spec| spec.tls(TlsMode::AutoIfSupported));
    let process = plugin.starts().await;
    assert!(!process.is_encrypted());
    call(process.channel()).await.unwrap();
    plugin.ends(process).await;
}

#[tokio::test]
async fn another_certificate_than_the_one_in_the_handshake_is_refused() {
    // Subject, names and kind of key are the same in both.
    let plugin = with(Fault::OtherCertificate).set(|spec| spec.tls(TlsMode::Auto));
    let error = plugin.fails().await;
    assert!(
        matches!(error.kind(), StartErrorKind::Connect { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("certificate"), "{error}");
}

#[tokio::test]
async fn what_is_no_tls_behind_a_certificate_is_refused() {
    for fault in [
        Fault::PlainBehindCertificate,
        Fault::SendsGarbage,
        Fault::ClosesConnections,
        Fault::SpeaksHttp1,
    ] {
        let plugin = with(fault).set(|spec| {
            spec.tls(TlsMode::Auto)
                .start_timeout(Duration::from_secs(5))
        });
        let error = plugin.fails().await;
        assert!(
            matches!(error.kind(), StartErrorKind::Connect { .. }),
            "{fault}: {error:?}"
        );
        assert_eq!(error.step(), StartStep::Connect, "{error}");
    }
}

#[tokio::test]
async fn a_certificate_that_is_none_is_refused_before_anybody_connects() {
    for mode in [TlsMode::Auto, TlsMode::AutoIfSupported, TlsMode::Plaintext] {
        let plugin = with(Fault::BrokenCertificate).set(|spec| spec.tls(mode));
        let error = plugin.fails().await;
        assert_eq!(error.step(), StartStep::Handshake, "{error}");
        assert!(
            matches!(error.kind(), StartErrorKind::Unrecognized { .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains("certificate"), "{error}");
    }
}
