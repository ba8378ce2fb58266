//! TLS of the server's own: a certificate chain and its key from PEM files.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

/// Largest file that is read, in bytes.
const MAX_FILE: u64 = 1024 * 1024;

/// What the server shows to prove who it is.
#[derive(Clone)]
pub struct ServerTls(TlsAcceptor);

impl fmt::Debug for ServerTls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ServerTls").finish_non_exhaustive()
    }
}

/// Why a certificate or a key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file has not in it what it should have.
    #[error("{path} has no {what} in PEM form{why}")]
    NotPem {
        /// Which.
        path: PathBuf,
        /// What it should have.
        what: &'static str,
        /// What is wrong, if more is known.
        why: String,
    },
    /// The key is not that of the certificate.
    #[error("the key in {key} is not the one of the certificate in {certificate}")]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// They cannot be used for another reason.
    #[error("the certificate in {certificate} cannot be used: {source}")]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

impl ServerTls {
    /// Reads a chain, the server's own certificate first, and the key of that one. Blocks.
    ///
    /// # Errors
    ///
    /// A file cannot be read, has something else in it, or they do not belong together.
    pub fn read(certificate: &Path, key: &Path) -> Result<ServerTls, TlsError> {
        let chain = read(certificate)?;
        let not_pem = |path: &Path, what, why: String| TlsError::NotPem {
            path: path.to_owned(),
            what,
            why,
        };
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&chain)
            .collect::<Result<_, _>>()
            .map_err(|error| not_pem(certificate, "certificate", format!(": {error}")))?;
        if chain.is_empty() {
            return Err(not_pem(certificate, "certificate", String::new()));
        }
        // What is wrong with a key is not told: the key might be told with it.
        let private = PrivateKeyDer::from_pem_slice(&read(key)?)
            .map_err(|_| not_pem(key, "private key", String::new()))?;
        let unusable = |source| match source {
            rustls::Error::InconsistentKeys(_) => TlsError::Mismatch {
                certificate: certificate.to_owned(),
                key: key.to_owned(),
            },
            source => TlsError::Unusable {
                certificate: certificate.to_owned(),
                source,
            },
        };
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_single_cert(chain, private)
            .map_err(unusable)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(ServerTls(TlsAcceptor::from(Arc::new(config))))
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.0.clone()
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    use io::Read as _;
    let read = || {
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path)?;
        file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_FILE {
            let why = format!("it has more than {MAX_FILE} bytes");
            return Err(io::Error::other(why));
        }
        Ok(bytes)
    };
    read().map_err(|source| TlsError::Unreadable {
        path: path.to_owned(),
        source,
    })
}
