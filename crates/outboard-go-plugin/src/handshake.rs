//! The handshake: the cookie that a host sets, and the one line that a plugin
//! answers with on its standard output.
//!
//! ```text
//! 1|1|unix|/run/plugin123|grpc|MIIB…|true
//! │ │ │    │              │    │     └ multiplexing, only if the host asked for it
//! │ │ │    │              │    └ certificate: unpadded base64 of the DER, or empty
//! │ │ │    │              └ protocol; netrpc if absent
//! │ │ │    └ address
//! │ │ └ network: unix or tcp
//! │ └ app protocol version, chosen by the plugin
//! └ core protocol version, always 1
//! ```

use std::{
    fmt,
    net::{SocketAddr, ToSocketAddrs as _},
    path::PathBuf,
};

use crate::transport::Address;

/// The core protocol version of every go-plugin release so far.
pub const CORE_PROTOCOL_VERSION: u32 = 1;

/// Longest handshake line that a host reads, in bytes: 64 KiB, as in Go.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

/// A sixth field up to this length is not a certificate; old builds put other
/// things there.
const SHORTEST_CERTIFICATE: usize = 50;

/// What host and plugin must agree on before anything else.
///
/// The cookie is no secret and no security: it lets a plugin notice that a
/// person started it by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandshakeConfig {
    /// Name of the environment variable that carries the cookie.
    pub magic_cookie_key: String,
    /// Its value.
    pub magic_cookie_value: String,
    /// The app protocol version that is spoken if nothing else is negotiated.
    pub protocol_version: u32,
}

impl HandshakeConfig {
    /// Cookie name, cookie value and app protocol version.
    pub fn new(
        magic_cookie_key: impl Into<String>,
        magic_cookie_value: impl Into<String>,
        protocol_version: u32,
    ) -> HandshakeConfig {
        HandshakeConfig {
            magic_cookie_key: magic_cookie_key.into(),
            magic_cookie_value: magic_cookie_value.into(),
            protocol_version,
        }
    }
}

/// A handshake line, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandshakeLine {
    /// First field. Anything but [`CORE_PROTOCOL_VERSION`] is refused by hosts.
    pub core_version: u32,
    /// Second field.
    pub app_version: u32,
    /// Third and fourth field.
    pub address: Address,
    /// Fifth field.
    pub protocol: Protocol,
    /// Sixth field as it stands: base64 of a DER certificate.
    pub certificate: Option<String>,
    /// Seventh field, absent unless the host asked for multiplexing.
    pub multiplexed: Option<bool>,
}

/// Fifth field of the handshake line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protocol {
    /// gRPC, the only one that this crate speaks.
    Grpc,
    /// Go's net/rpc with gob encoding, or no fifth field.
    NetRpc,
    /// Anything newer.
    Unknown(String),
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::Grpc => "grpc",
            Protocol::NetRpc => "netrpc",
            Protocol::Unknown(name) => name,
        })
    }
}

/// Why a line is no handshake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// Fewer than four fields: most likely something else was printed first.
    #[error("it has {0} of at least four fields")]
    TooFewFields(usize),
    /// The core version is not 1; the number is absent if it is no number.
    #[error("its core protocol version {0:?} is not 1")]
    CoreVersion(String),
    /// The app version is no number.
    #[error("its app protocol version {0:?} is not a number")]
    AppVersion(String),
    /// Neither `unix` nor `tcp`.
    #[error("its network {0:?} is neither unix nor tcp")]
    Network(String),
    /// An empty path, or no host and port.
    #[error("its address {0:?} is unusable")]
    Address(String),
    /// The sixth field is no base64.
    #[error("its certificate is no base64: {0}")]
    Certificate(String),
    /// The seventh field is no boolean.
    #[error("its multiplexing field {0:?} is neither true nor false")]
    Multiplexed(String),
}

impl HandshakeLine {
    /// Takes a line apart, in the order in which Go's hosts check it. White
    /// space around the line does not matter.
    ///
    /// # Errors
    ///
    /// The first field that is wrong.
    pub fn parse(line: &str) -> Result<HandshakeLine, HandshakeError> {
        let fields: Vec<&str> = line.trim().split('|').collect();
        if fields.len() < 4 {
            return Err(HandshakeError::TooFewFields(fields.len()));
        }
        let core_version = match fields[0].parse() {
            Ok(CORE_PROTOCOL_VERSION) => CORE_PROTOCOL_VERSION,
            _ => return Err(HandshakeError::CoreVersion(fields[0].to_owned())),
        };
        let app_version = fields[1]
            .parse()
            .map_err(|_| HandshakeError::AppVersion(fields[1].to_owned()))?;
        let address = parse_address(fields[2], fields[3])?;
        let protocol = match fields.get(4).copied() {
            Some("grpc") => Protocol::Grpc,
            None | Some("" | "netrpc") => Protocol::NetRpc,
            Some(other) => Protocol::Unknown(other.to_owned()),
        };
        let certificate = fields
            .get(5)
            .filter(|field| field.len() > SHORTEST_CERTIFICATE)
            .map(|field| (*field).to_owned());
        let multiplexed = fields.get(6).map(|field| parse_bool(field)).transpose()?;
        Ok(HandshakeLine {
            core_version,
            app_version,
            address,
            protocol,
            certificate,
            multiplexed,
        })
    }
}

#[cfg(feature = "_peer")]
impl HandshakeLine {
    /// A DER certificate as the sixth field carries it.
    pub fn encode_certificate(der: &[u8]) -> String {
        // Go refuses the padding.
        base64::Engine::encode(&base64::prelude::BASE64_STANDARD_NO_PAD, der)
    }

    /// The certificate of the sixth field as DER, with or without padding.
    ///
    /// # Errors
    ///
    /// When the field is no base64.
    pub fn decode_certificate(&self) -> Option<Result<Vec<u8>, HandshakeError>> {
        let text = self.certificate.as_ref()?;
        let decoded = base64::Engine::decode(
            &base64::prelude::BASE64_STANDARD_NO_PAD,
            text.trim_end_matches('='),
        );
        Some(decoded.map_err(|error| HandshakeError::Certificate(error.to_string())))
    }
}

pub(crate) fn parse_address(network: &str, address: &str) -> Result<Address, HandshakeError> {
    let unusable = || HandshakeError::Address(address.to_owned());
    match network {
        "unix" if address.is_empty() || address.contains('\0') => Err(unusable()),
        "unix" => Ok(Address::Unix(PathBuf::from(address))),
        "tcp" => {
            // Go takes ":1234" for this machine.
            let full = match address.strip_prefix(':') {
                Some(port) => format!("127.0.0.1:{port}"),
                None => address.to_owned(),
            };
            // Only names of this machine are looked up: the line comes from a
            // program that may be wrong, and a lookup may take long.
            let parsed: Option<SocketAddr> = match full.strip_prefix("localhost:") {
                Some(_) => full
                    .to_socket_addrs()
                    .ok()
                    .and_then(|mut found| found.next()),
                None => full.parse().ok(),
            };
            parsed.map(Address::Tcp).ok_or_else(unusable)
        }
        other => Err(HandshakeError::Network(other.to_owned())),
    }
}

/// The forms that Go's `strconv.ParseBool` takes.
pub(crate) fn parse_bool(text: &str) -> Result<bool, HandshakeError> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        other => Err(HandshakeError::Multiplexed(other.to_owned())),
    }
}

impl fmt::Display for HandshakeLine {
    /// The line as a Go plugin prints it, without the line feed: always six
    /// fields, and a seventh only where the host asked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}|{}|{}|{}|{}|{}",
            self.core_version,
            self.app_version,
            self.address.network(),
            self.address,
            self.protocol,
            self.certificate.as_deref().unwrap_or_default(),
        )?;
        match self.multiplexed {
            Some(multiplexed) => write!(f, "|{multiplexed}"),
            None => Ok(()),
        }
    }
}

/// Picks the version that a plugin speaks: its highest that the host accepts.
/// Without any in common, or with a host that says nothing, its lowest, so that
/// the host can name both sides' versions in its error.
pub fn negotiate(own: &[u32], accepted_by_host: &[u32]) -> Option<u32> {
    let common = own
        .iter()
        .copied()
        .filter(|version| accepted_by_host.contains(version))
        .max();
    common.or_else(|| own.iter().copied().min())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_go_plugins_line_is_read_and_written_back() {
        let text = "1|1|unix|/tmp/plugin123|grpc|";
        let line = HandshakeLine::parse(&format!("{text}\r\n")).expect("a handshake");
        assert_eq!(line.address, Address::Unix("/tmp/plugin123".into()));
        assert_eq!(line.certificate, None);
        assert_eq!(line.multiplexed, None);
        assert_eq!(line.to_string(), text);
    }

    #[test]
    fn five_fields_are_enough_for_grpc_and_four_mean_netrpc() {
        let five = HandshakeLine::parse("1|3|tcp|127.0.0.1:4321|grpc").expect("a handshake");
        assert_eq!(five.address, Address::Tcp(([127, 0, 0, 1], 4321).into()));
        assert_eq!((five.app_version, five.protocol), (3, Protocol::Grpc));
        let four = HandshakeLine::parse("1|3|tcp|:4321").expect("a handshake");
        assert_eq!(four.address, Address::Tcp(([127, 0, 0, 1], 4321).into()));
        assert_eq!(four.protocol, Protocol::NetRpc);
    }

    #[test]
    fn a_short_sixth_field_is_no_certificate() {
        let certificate = "A".repeat(51);
        let line = format!("1|1|unix|/s|grpc|{certificate}|true");
        let line = HandshakeLine::parse(&line).expect("a handshake");
        assert_eq!(line.certificate, Some(certificate));
        assert_eq!(line.multiplexed, Some(true));
        let old = HandshakeLine::parse("1|1|unix|/s|grpc|something").expect("a handshake");
        assert_eq!(old.certificate, None);
    }

    #[test]
    fn each_wrong_field_has_its_own_error() {
        let error = |line| HandshakeLine::parse(line).expect_err(line);
        assert_eq!(error("hello world"), HandshakeError::TooFewFields(1));
        assert_eq!(error(""), HandshakeError::TooFewFields(1));
        assert_eq!(
            error("9|1|unix|/s|grpc"),
            HandshakeError::CoreVersion("9".into())
        );
        assert_eq!(
            error("x|1|unix|/s|grpc"),
            HandshakeError::CoreVersion("x".into())
        );
        assert_eq!(
            error("1|-1|unix|/s|grpc"),
            HandshakeError::AppVersion("-1".into())
        );
        assert_eq!(
            error("1|1|pipe|/s|grpc"),
            HandshakeError::Network("pipe".into())
        );
        assert_eq!(
            error("1|1|unix||grpc"),
            HandshakeError::Address(String::new())
        );
        assert_eq!(
            error("1|1|tcp|nowhere|grpc"),
            HandshakeError::Address("nowhere".into())
        );
        assert_eq!(
            error("1|1|unix|/s|grpc||maybe"),
            HandshakeError::Multiplexed("maybe".into())
        );
    }

    #[test]
    fn the_highest_common_version_wins_and_the_lowest_stands_in() {
        assert_eq!(negotiate(&[1, 2, 3], &[2, 1]), Some(2));
        assert_eq!(negotiate(&[2, 3], &[1]), Some(2));
        assert_eq!(negotiate(&[4, 3], &[]), Some(3));
        assert_eq!(negotiate(&[], &[1]), None);
    }

    proptest! {
        #[test]
        fn no_line_makes_the_parser_panic(line in ".{0,200}") {
            let _ = HandshakeLine::parse(&line);
        }

        #[test]
        fn what_is_written_is_read_back(
            app_version in any::<u32>(),
            path in "/[a-z0-9/._-]{1,80}",
            multiplexed in any::<Option<bool>>(),
        ) {
            let line = HandshakeLine {
                core_version: CORE_PROTOCOL_VERSION,
                app_version,
                address: Address::Unix(path.into()),
                protocol: Protocol::Grpc,
                certificate: None,
                multiplexed,
            };
            prop_assert_eq!(HandshakeLine::parse(&line.to_string()), Ok(line));
        }
    }
}
