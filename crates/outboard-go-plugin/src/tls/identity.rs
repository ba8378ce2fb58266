//! A key and a certificate of our own, made anew for every process and never
//! written anywhere.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::TlsError;

/// The host name that go-plugin's certificates carry and its dialers ask for.
pub(super) const NAME: &str = "localhost";

/// A P-256 key with a self-signed certificate: what one end of AutoMTLS shows
/// the other. Go's ends accept it as their own P-521 ones, and it takes a
/// fraction of a millisecond to make.
pub struct Identity {
    pub(super) certificate: CertificateDer<'static>,
    key: PrivatePkcs8KeyDer<'static>,
    pem: String,
}

impl Identity {
    /// Makes a new one. Never reuse one for two peers.
    ///
    /// # Errors
    ///
    /// When the operating system has no randomness to give.
    pub fn generate() -> Result<Identity, TlsError> {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let mut parameters = CertificateParams::new([NAME.to_owned()])?;
        let name = &mut parameters.distinguished_name;
        name.push(DnType::CommonName, NAME);
        name.push(DnType::OrganizationName, "Outboard");
        // Go puts the certificate into a pool of roots to verify it, which is
        // why its own are authorities; both forms are accepted.
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyCertSign,
        ];
        // Each end is a server of brokered connections and a client of others;
        // a list with one of the two alone is refused.
        parameters.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ClientAuth,
            ExtendedKeyUsagePurpose::ServerAuth,
        ];
        let certificate = parameters.self_signed(&key)?;
        Ok(Identity {
            pem: certificate.pem(),
            certificate: certificate.der().clone(),
            key: PrivatePkcs8KeyDer::from(key.serialize_der()),
        })
    }

    /// The certificate as DER, which is what the handshake line carries in base64.
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate
    }

    /// The certificate as PEM, which is what `PLUGIN_CLIENT_CERT` carries.
    pub fn certificate_pem(&self) -> &str {
        &self.pem
    }

    pub(super) fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key.clone_key())
    }
}

impl std::fmt::Debug for Identity {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}
