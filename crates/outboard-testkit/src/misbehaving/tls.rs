//! The plugin's certificate, and the one that it shows where that is the fault.

use std::{env, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

use super::fault::Fault;

/// How connections are protected, and what the handshake says of it.
#[derive(Clone)]
pub(super) struct Protection {
    /// The sixth field; empty in plain text.
    pub(super) field: String,
    pub(super) acceptor: Option<TlsAcceptor>,
}

impl Protection {
    /// AutoMTLS if the host asks for it. The host's own certificate is nothing
    /// that this plugin looks at.
    pub(super) fn new(fault: Fault) -> Protection {
        let asked = env::var_os("PLUGIN_CLIENT_CERT").is_some_and(|pem| !pem.is_empty());
        if !asked || fault == Fault::NoCertificate {
            return Protection {
                field: String::new(),
                acceptor: None,
            };
        }
        let (told, acceptor) = identity();
        let (_, other) = identity();
        Protection {
            field: STANDARD_NO_PAD.encode(&told),
            acceptor: match fault {
                Fault::PlainBehindCertificate => None,
                Fault::OtherCertificate => Some(other),
                _ => Some(acceptor),
            },
        }
    }
}

/// A certificate, and what accepts connections with it.
fn identity() -> (CertificateDer<'static>, TlsAcceptor) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let certificate = made.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions that ring has")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], PrivateKeyDer::Pkcs8(key))
        .expect("a key of its own");
    config.alpn_protocols = vec![b"h2".to_vec()];
    (certificate, TlsAcceptor::from(Arc::new(config)))
}
