//! Signatures of P-521 keys, which are what go-plugin's certificates have and
//! `ring` cannot verify.

use p521::ecdsa::{Signature, VerifyingKey, signature::hazmat::PrehashVerifier as _};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use tokio_rustls::rustls::pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};

/// ECDSA over P-521 with one hash. TLS 1.3 pairs the curve with SHA-512; in
/// TLS 1.2 the hash is whatever both sides know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EcdsaP521 {
    Sha256,
    Sha384,
    Sha512,
}

impl SignatureVerificationAlgorithm for EcdsaP521 {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let key = VerifyingKey::from_sec1_bytes(public_key).map_err(|_| InvalidSignature)?;
        let signature = Signature::from_der(signature).map_err(|_| InvalidSignature)?;
        let verified = match self {
            EcdsaP521::Sha256 => key.verify_prehash(&Sha256::digest(message), &signature),
            EcdsaP521::Sha384 => key.verify_prehash(&Sha384::digest(message), &signature),
            EcdsaP521::Sha512 => key.verify_prehash(&Sha512::digest(message), &signature),
        };
        verified.map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P521
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        match self {
            EcdsaP521::Sha256 => alg_id::ECDSA_SHA256,
            EcdsaP521::Sha384 => alg_id::ECDSA_SHA384,
            EcdsaP521::Sha512 => alg_id::ECDSA_SHA512,
        }
    }
}

#[cfg(test)]
mod tests {
    use p521::ecdsa::{SigningKey, signature::hazmat::PrehashSigner as _};

    use super::*;

    #[test]
    fn a_signature_is_good_for_its_own_message_hash_and_key_alone() {
        let signing = SigningKey::from_slice(&[7; 66]).or_else(|_| {
            // The highest bits do not fit the order of the curve.
            let mut bytes = [7; 66];
            bytes[0] = 0;
            SigningKey::from_slice(&bytes)
        });
        let signing = signing.expect("a key");
        let public = signing.verifying_key().to_sec1_point(false);
        let signature: Signature = signing
            .sign_prehash(&Sha384::digest(b"message"))
            .expect("a signature");
        let der = signature.to_der();
        let verify = |algorithm: EcdsaP521, message: &[u8]| {
            algorithm.verify_signature(public.as_bytes(), message, der.as_bytes())
        };
        assert!(verify(EcdsaP521::Sha384, b"message").is_ok());
        assert!(verify(EcdsaP521::Sha384, b"massage").is_err());
        assert!(verify(EcdsaP521::Sha512, b"message").is_err());
        assert!(verify(EcdsaP521::Sha256, b"message").is_err());
        let garbage = EcdsaP521::Sha384.verify_signature(&[4; 133], b"message", der.as_bytes());
        assert!(garbage.is_err());
        let garbage = EcdsaP521::Sha384.verify_signature(public.as_bytes(), b"message", &[0; 9]);
        assert!(garbage.is_err());
    }
}
