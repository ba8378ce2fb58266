//! From a handshake line to a connection: how it is protected, whether it is
//! multiplexed, and the broker beside it.

use std::{io, path::PathBuf, sync::Arc};

use super::{StartErrorKind, Translation};
use crate::{
    broker::{Broker, BrokerConfig, End, Translate},
    environment,
    handshake::HandshakeLine,
    tls::{Identity, Tls},
    transport::{Address, Channel, Network, Sockets},
};

/// How the connections between host and plugin are protected.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum TlsMode {
    /// AutoMTLS, and a plugin without it does not start. Every plugin built on
    /// go-plugin itself or on this crate has it. The default.
    #[default]
    Auto,
    /// AutoMTLS where the plugin has it; one that answers without a certificate
    /// is spoken to in plain text, over a socket that only this user can reach.
    AutoIfSupported,
    /// Plain text.
    Plaintext,
    /// TLS of your own. The plugin must be configured to match: the handshake
    /// says nothing of it.
    Custom(Tls),
}

/// What a start prepares before there is a plugin to connect to.
pub(super) struct Preparation {
    mode: TlsMode,
    identity: Option<Identity>,
    multiplexed: bool,
}

/// A connection that stands.
pub(super) struct Connected {
    pub(super) channel: Channel,
    pub(super) broker: Broker,
    pub(super) encrypted: bool,
}

impl Preparation {
    pub(super) fn new(mode: TlsMode, multiplexed: bool) -> Result<Preparation, StartErrorKind> {
        let identity = match mode {
            TlsMode::Auto | TlsMode::AutoIfSupported => {
                Some(Identity::generate().map_err(StartErrorKind::Tls)?)
            }
            TlsMode::Plaintext | TlsMode::Custom(_) => None,
        };
        Ok(Preparation {
            mode,
            identity,
            multiplexed,
        })
    }

    /// What the plugin must know of it.
    pub(super) fn environment(&self) -> Vec<(&'static str, String)> {
        let certificate = self.identity.iter().map(|identity| {
            (
                environment::CLIENT_CERT,
                identity.certificate_pem().to_owned(),
            )
        });
        let multiplexed = self
            .multiplexed
            .then(|| (environment::MULTIPLEX_GRPC, "true".to_owned()));
        certificate.chain(multiplexed).collect()
    }

    /// What the plugin's answer amounts to: how to protect connections to it.
    pub(super) fn protection(&self, line: &HandshakeLine) -> Result<Option<Tls>, StartErrorKind> {
        if self.multiplexed && line.multiplexed != Some(true) {
            return Err(StartErrorKind::NoMultiplexing);
        }
        let certificate = line.decode_certificate().transpose();
        let certificate = certificate.map_err(|error| StartErrorKind::Unrecognized {
            line: line.to_string().chars().take(200).collect(),
            error,
        })?;
        match (&self.identity, certificate, &self.mode) {
            (Some(identity), Some(certificate), _) => Tls::pinned(identity, &certificate)
                .map(Some)
                .map_err(StartErrorKind::Tls),
            (Some(_), None, TlsMode::AutoIfSupported) => Ok(None),
            (Some(_), None, _) => Err(StartErrorKind::NoCertificate),
            (None, Some(_), _) => Err(StartErrorKind::UnexpectedCertificate),
            (None, None, TlsMode::Custom(tls)) => Ok(Some(tls.clone())),
            (None, None, _) => Ok(None),
        }
    }

    /// How to protect connections to a plugin that says nothing about it.
    pub(super) fn own_tls(&self) -> Option<Tls> {
        match &self.mode {
            TlsMode::Custom(tls) => Some(tls.clone()),
            _ => None,
        }
    }

    /// Connects. `directory` is where this side makes sockets of its own.
    pub(super) async fn connect(
        &self,
        address: &Address,
        tls: Option<Tls>,
        directory: PathBuf,
        translation: Option<Arc<dyn Translation>>,
    ) -> io::Result<Connected> {
        let outward = translation.clone().map(|translation| -> Arc<Translate> {
            Arc::new(move |address| translation.host_to_plugin(address))
        });
        let inward = translation.map(|translation| -> Arc<Translate> {
            Arc::new(move |address| translation.plugin_to_host(address))
        });
        let encrypted = tls.is_some();
        let broker = Broker::new(BrokerConfig {
            end: End::Host,
            tls: tls.clone(),
            sockets: Sockets {
                network: Network::Auto,
                directory,
                group: None,
                ports: (0, 0),
            },
            multiplexed: self.multiplexed,
            outward,
            inward,
        });
        let channel = match (self.multiplexed, tls) {
            // At once: a Go plugin ends if nobody comes within five seconds.
            (true, _) => broker.multiplex(address.connect().await?).await?,
            (false, Some(tls)) => Channel::connect_tls(address.clone(), &tls).await?,
            (false, None) => Channel::connect(address.clone()).await?,
        };
        Ok(Connected {
            channel,
            broker,
            encrypted,
        })
    }
}
