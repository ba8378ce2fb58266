//! TLS between host and plugin: AutoMTLS as go-plugin does it, or the user's own.
//!
//! With AutoMTLS each side makes an [`Identity`] for this one process, tells
//! the other its certificate (the host in `PLUGIN_CLIENT_CERT`, the plugin in
//! the handshake line) and trusts that certificate and no other, byte for byte.
//! The same configuration serves the main connection and brokered ones, in
//! whichever role a side has there.
//!
//! | | value |
//! |---|---|
//! | versions | TLS 1.3, then 1.2 |
//! | our certificate | P-256, self-signed, `localhost`, client and server |
//! | accepted | P-256, P-384, P-521, Ed25519 and RSA keys, pinned by the whole certificate |
//! | ALPN | `h2`, offered and chosen |
//! | resumption, tickets | none |
//!
//! Cryptography is `ring`, and `p521` for what `ring` lacks.

mod identity;
mod p521;
mod pinned;
#[cfg(test)]
mod tests;

use std::{
    fmt, io,
    sync::{Arc, LazyLock},
};

use tokio::io::BufReader;
use tokio_rustls::{
    TlsAcceptor, TlsConnector,
    rustls::{
        self, ClientConfig, ServerConfig, SignatureScheme,
        client::Resumption,
        crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring},
        pki_types::{CertificateDer, ServerName, SignatureVerificationAlgorithm},
        server::NoServerSessionStorage,
    },
};

pub use self::identity::Identity;
use self::{p521::EcdsaP521, pinned::Pinned};
use crate::transport::{BoxedIo, ENCRYPTED_AT_ONCE};

/// The protocol that gRPC needs; newer grpc-go refuses a peer without it.
const ALPN: &[u8] = b"h2";

/// rustls asks for 4 KiB at a time; this much is fetched at once.
const READ_BUFFER: usize = 64 * 1024;

/// How both roles of one side are protected. Cloning shares it.
#[derive(Clone)]
pub struct Tls {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    name: ServerName<'static>,
}

/// What is wrong with a key, a certificate or a configuration.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(String);

impl From<rcgen::Error> for TlsError {
    fn from(error: rcgen::Error) -> TlsError {
        TlsError(format!("cannot make a certificate: {error}"))
    }
}

impl From<rustls::Error> for TlsError {
    fn from(error: rustls::Error) -> TlsError {
        TlsError(format!("cannot use the certificate: {error}"))
    }
}

impl Tls {
    /// AutoMTLS: shows `own`, and accepts the one certificate that `peer` is,
    /// as DER.
    ///
    /// # Errors
    ///
    /// When rustls refuses the key, which does not happen with one that
    /// [`Identity::generate`] made.
    pub fn pinned(own: &Identity, peer: &[u8]) -> Result<Tls, TlsError> {
        let provider = Arc::new(provider());
        let verifier = Arc::new(Pinned::new(
            CertificateDer::from(peer.to_vec()),
            provider.signature_verification_algorithms,
        ));
        let chain = || vec![own.certificate.clone()];
        let mut client = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier.clone())
            .with_client_auth_cert(chain(), own.key())?;
        client.resumption = Resumption::disabled();
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain(), own.key())?;
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        let name =
            ServerName::try_from(identity::NAME).map_err(|error| TlsError(error.to_string()))?;
        Ok(Tls::custom(client, server, name))
    }

    /// Configurations of your own: `client` for connections that this side
    /// opens, to a peer whose certificate is valid for `name`, and `server` for
    /// those that it accepts. ALPN is set to `h2` in both.
    ///
    /// The provider of [`provider`] verifies what go-plugin's own certificates
    /// need; `ring`'s alone does not.
    pub fn custom(
        mut client: ClientConfig,
        mut server: ServerConfig,
        name: ServerName<'static>,
    ) -> Tls {
        client.alpn_protocols = vec![ALPN.to_vec()];
        server.alpn_protocols = vec![ALPN.to_vec()];
        Tls {
            client: Arc::new(client),
            server: Arc::new(server),
            name,
        }
    }

    pub(crate) async fn connect(&self, io: BoxedIo) -> io::Result<BoxedIo> {
        let client = TlsConnector::from(self.client.clone());
        let io = BufReader::with_capacity(READ_BUFFER, io);
        let stream = client.connect(self.name.clone(), io).await;
        let mut stream = stream.map_err(in_words)?;
        let session = stream.get_mut().1;
        session.set_buffer_limit(Some(ENCRYPTED_AT_ONCE));
        Ok(Box::new(stream))
    }

    pub(crate) async fn accept(&self, io: BoxedIo) -> io::Result<BoxedIo> {
        let acceptor = TlsAcceptor::from(self.server.clone());
        let io = BufReader::with_capacity(READ_BUFFER, io);
        let stream = acceptor.accept(io).await;
        let mut stream = stream.map_err(in_words)?;
        let session = stream.get_mut().1;
        session.set_buffer_limit(Some(ENCRYPTED_AT_ONCE));
        Ok(Box::new(stream))
    }
}

/// rustls prints a verifier's own reason as code.
fn in_words(error: io::Error) -> io::Error {
    use rustls::{CertificateError, Error};
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(Error::InvalidCertificate(CertificateError::Other(reason))) => {
            io::Error::new(error.kind(), reason.0.to_string())
        }
        _ => error,
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// `ring`, and the P-521 signatures that go-plugin's certificates need.
pub fn provider() -> CryptoProvider {
    let mut provider = ring::default_provider();
    provider.signature_verification_algorithms = WebPkiSupportedAlgorithms {
        all: &ALGORITHMS,
        mapping: &SCHEMES,
    };
    // Half the work of the 256-bit one, on machines that have it in silicon.
    let small = rustls::CipherSuite::TLS13_AES_128_GCM_SHA256;
    provider
        .cipher_suites
        .sort_by_key(|suite| suite.suite() != small);
    provider
}

/// The certificate in the value of `PLUGIN_CLIENT_CERT`.
#[cfg(feature = "plugin")]
pub(crate) fn certificate_from_pem(pem: &[u8]) -> Result<Vec<u8>, TlsError> {
    use rustls::pki_types::pem::PemObject as _;

    CertificateDer::from_pem_slice(pem)
        .map(|certificate| certificate.to_vec())
        .map_err(|error| TlsError(format!("it is no certificate in PEM: {error}")))
}

type Algorithm = &'static dyn SignatureVerificationAlgorithm;

/// Which of ours goes beside ring's for a scheme. TLS 1.3 takes the first
/// algorithm of a scheme, so what is added comes last; TLS 1.2 tries all,
/// because there a scheme does not fix the curve.
fn p521_for(scheme: SignatureScheme) -> Option<Algorithm> {
    match scheme {
        SignatureScheme::ECDSA_NISTP256_SHA256 => Some(&EcdsaP521::Sha256),
        SignatureScheme::ECDSA_NISTP384_SHA384 => Some(&EcdsaP521::Sha384),
        SignatureScheme::ECDSA_NISTP521_SHA512 => Some(&EcdsaP521::Sha512),
        _ => None,
    }
}

static ALGORITHMS: LazyLock<Vec<Algorithm>> = LazyLock::new(|| {
    let ring = ring::default_provider().signature_verification_algorithms;
    let ours: [Algorithm; 3] = [&EcdsaP521::Sha256, &EcdsaP521::Sha384, &EcdsaP521::Sha512];
    ring.all.iter().copied().chain(ours).collect()
});

/// The algorithms of each scheme, where the slices of [`SCHEMES`] live.
static LISTS: LazyLock<Vec<(SignatureScheme, Vec<Algorithm>)>> = LazyLock::new(|| {
    let ring = ring::default_provider().signature_verification_algorithms;
    let p521 = SignatureScheme::ECDSA_NISTP521_SHA512;
    let nothing: &[Algorithm] = &[];
    [(p521, nothing)]
        .into_iter()
        .chain(ring.mapping.iter().copied())
        .map(|(scheme, algorithms)| {
            let algorithms = algorithms.iter().copied().chain(p521_for(scheme));
            (scheme, algorithms.collect())
        })
        .collect()
});

static SCHEMES: LazyLock<Vec<(SignatureScheme, &[Algorithm])>> = LazyLock::new(|| {
    let lists = LISTS.iter();
    lists
        .map(|(scheme, list)| (*scheme, list.as_slice()))
        .collect()
});
