//! Where a plugin runs that somebody else has started, in the JSON that hosts
//! and debuggers hand to each other.
//!
//! ```text
//! {"Protocol":"grpc","ProtocolVersion":5,"Pid":4711,"Test":true,
//!  "Addr":{"Network":"unix","String":"/tmp/plugin123"}}
//! ```
//!
//! Terraform's variable `TF_REATTACH_PROVIDERS` holds several of them, by name:
//!
//! ```text
//! {"registry.terraform.io/hashicorp/random":{"Protocol":"grpc", …}}
//! ```

use std::{collections::BTreeMap, fmt};

use serde_json::{Map, Value, json};

use crate::{
    handshake::{HandshakeError, Protocol, parse_address},
    transport::Address,
};

/// The variable through which Terraform is told about running providers.
pub const TF_REATTACH_PROVIDERS: &str = "TF_REATTACH_PROVIDERS";

/// A plugin that runs already, and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReattachConfig {
    /// Where it listens.
    pub address: Address,
    /// The app protocol version that it speaks; absent from configurations
    /// that old hosts wrote.
    pub protocol_version: Option<u32>,
    /// Its process id, if it is a process of this machine and pid namespace.
    /// It is signalled only if it is certain to be the plugin's still.
    pub pid: Option<u32>,
    /// Whether it runs for a debugger: a host that stops it only disconnects.
    pub test: bool,
    /// When the process started, in clock ticks after the machine did, as in
    /// the 22nd field of `/proc/PID/stat`. Written by this crate alone, and
    /// ignored by other hosts.
    pub start_time: Option<u64>,
}

impl ReattachConfig {
    /// A plugin that listens at `address`, of which nothing else is known.
    pub fn new(address: Address) -> ReattachConfig {
        ReattachConfig {
            address,
            protocol_version: None,
            pid: None,
            test: false,
            start_time: None,
        }
    }

    /// Reads one configuration. Besides the form that is written, it takes the
    /// one that Go's own encoder gives an address: `Net` and `Name`, or `IP`
    /// and `Port`. Other keys are ignored.
    ///
    /// # Errors
    ///
    /// What is missing or wrong first.
    pub fn from_json(text: &str) -> Result<ReattachConfig, ReattachError> {
        let value: Value = serde_json::from_str(text)?;
        ReattachConfig::from_value(&value)
    }

    /// Reads the value of [`TF_REATTACH_PROVIDERS`].
    ///
    /// # Errors
    ///
    /// What is missing or wrong first, with the name of the plugin.
    pub fn map_from_json(text: &str) -> Result<BTreeMap<String, ReattachConfig>, ReattachError> {
        let plugins: Map<String, Value> = serde_json::from_str(text)?;
        let read = |(name, value): (String, Value)| match ReattachConfig::from_value(&value) {
            Ok(config) => Ok((name, config)),
            Err(error) => Err(ReattachError::Plugin {
                name,
                error: Box::new(error),
            }),
        };
        plugins.into_iter().map(read).collect()
    }

    /// The value of [`TF_REATTACH_PROVIDERS`] for these plugins.
    pub fn map_to_json<'a>(
        plugins: impl IntoIterator<Item = (&'a str, &'a ReattachConfig)>,
    ) -> String {
        let plugins = plugins.into_iter();
        let plugins = plugins.map(|(name, config)| (name.to_owned(), config.to_value()));
        Value::Object(plugins.collect()).to_string()
    }

    /// One configuration, on one line.
    pub fn to_json(&self) -> String {
        self.to_value().to_string()
    }

    fn to_value(&self) -> Value {
        let mut value = json!({
            "Protocol": "grpc",
            "ProtocolVersion": self.protocol_version.unwrap_or(0),
            "Pid": self.pid.unwrap_or(0),
            "Test": self.test,
            "Addr": {
                "Network": self.address.network(),
                "String": self.address.to_string(),
            },
        });
        if let Some(start_time) = self.start_time {
            value["StartTime"] = start_time.into();
        }
        value
    }

    fn from_value(value: &Value) -> Result<ReattachConfig, ReattachError> {
        let Value::Object(fields) = value else {
            return Err(ReattachError::Field("the configuration", "an object"));
        };
        match text(fields, "Protocol")?.unwrap_or_default() {
            "grpc" => {}
            // As Go's hosts read a configuration without a protocol.
            "" | "netrpc" => return Err(ReattachError::Protocol(Protocol::NetRpc)),
            other => return Err(ReattachError::Protocol(Protocol::Unknown(other.to_owned()))),
        }
        let small = |name| -> Result<Option<u32>, ReattachError> {
            let number = number(fields, name)?.filter(|number| *number != 0);
            number
                .map(|number| {
                    u32::try_from(number).map_err(|_| ReattachError::Field(name, "a small number"))
                })
                .transpose()
        };
        Ok(ReattachConfig {
            address: address(fields)?,
            protocol_version: small("ProtocolVersion")?,
            pid: small("Pid")?,
            test: match fields.get("Test") {
                None | Some(Value::Null) => false,
                Some(Value::Bool(test)) => *test,
                Some(_) => return Err(ReattachError::Field("Test", "true or false")),
            },
            start_time: number(fields, "StartTime")?,
        })
    }
}

fn address(fields: &Map<String, Value>) -> Result<Address, ReattachError> {
    let Some(Value::Object(fields)) = fields.get("Addr") else {
        return Err(ReattachError::Field("Addr", "an object"));
    };
    let both = |network, address| -> Result<_, ReattachError> {
        Ok(text(fields, network)?.zip(text(fields, address)?))
    };
    if let Some((network, address)) = both("Network", "String")?.or(both("Net", "Name")?) {
        return Ok(parse_address(network, address)?);
    }
    match (text(fields, "IP")?, number(fields, "Port")?) {
        (Some(ip), Some(port)) if ip.contains(':') => {
            Ok(parse_address("tcp", &format!("[{ip}]:{port}"))?)
        }
        (Some(ip), Some(port)) => Ok(parse_address("tcp", &format!("{ip}:{port}"))?),
        _ => Err(ReattachError::Field(
            "Addr",
            "an object with Network and String",
        )),
    }
}

fn text<'a>(
    fields: &'a Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'a str>, ReattachError> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(ReattachError::Field(name, "text")),
    }
}

fn number(fields: &Map<String, Value>, name: &'static str) -> Result<Option<u64>, ReattachError> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_u64()
            .map(Some)
            .ok_or(ReattachError::Field(name, "a number that is not negative")),
    }
}

impl fmt::Display for ReattachConfig {
    /// As JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json())
    }
}

/// Why a text is no reattach configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReattachError {
    /// It is no JSON at all.
    #[error("a reattach configuration is JSON, and this is not: {0}")]
    Json(#[from] serde_json::Error),
    /// A part is missing or of the wrong kind.
    #[error("in a reattach configuration, {0} must be {1}")]
    Field(&'static str, &'static str),
    /// The plugin does not speak gRPC.
    #[error(
        "the plugin to reattach to speaks {0}, and this host speaks grpc: rebuild it to serve \
         gRPC, or set Protocol to \"grpc\" if it does"
    )]
    Protocol(Protocol),
    /// The address is unusable.
    #[error("the address of the plugin to reattach to cannot be used: {0}")]
    Address(#[from] HandshakeError),
    /// One of several is wrong.
    #[error("plugin {name:?}: {error}")]
    Plugin {
        /// Which.
        name: String,
        /// What is wrong with it.
        #[source]
        error: Box<ReattachError>,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_form_that_terraform_reads_is_written_and_read() {
        // As a provider in debug mode prints it.
        let text = r#"{"registry.terraform.io/hashicorp/random":{"Protocol":"grpc","ProtocolVersion":5,"Pid":4711,"Test":true,"Addr":{"Network":"unix","String":"/tmp/plugin123"}}}"#;
        let plugins = ReattachConfig::map_from_json(text).expect("a map");
        let config = &plugins["registry.terraform.io/hashicorp/random"];
        assert_eq!(config.address, Address::Unix("/tmp/plugin123".into()));
        assert_eq!(config.protocol_version, Some(5));
        assert_eq!((config.pid, config.test), (Some(4711), true));
        let written = ReattachConfig::map_to_json([("random", config)]);
        let value: Value = serde_json::from_str(&written).expect("JSON");
        let original: Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(
            value["random"],
            original["registry.terraform.io/hashicorp/random"]
        );
    }

    #[test]
    fn addresses_as_go_encodes_them_are_understood() {
        let of = |address: &str| {
            ReattachConfig::from_json(&format!(r#"{{"Protocol":"grpc","Addr":{address}}}"#))
                .map(|config| config.address.to_string())
        };
        assert_eq!(of(r#"{"Name":"/s","Net":"unix"}"#).expect("unix"), "/s");
        assert_eq!(
            of(r#"{"IP":"127.0.0.1","Port":1234,"Zone":""}"#).expect("tcp"),
            "127.0.0.1:1234"
        );
        assert_eq!(
            of(r#"{"IP":"::1","Port":1234,"Zone":""}"#).expect("tcp"),
            "[::1]:1234"
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = |text: &str| {
            let error = ReattachConfig::from_json(text).expect_err("no configuration");
            error.to_string()
        };
        assert!(error("nonsense").contains("JSON"));
        assert!(error(r#"{"Addr":{}}"#).contains("netrpc"));
        assert!(error(r#"{"Protocol":"grpc"}"#).contains("Addr"));
        let bad = |field: &str| {
            error(&format!(
                r#"{{"Protocol":"grpc","Addr":{{"Network":"unix","String":"/s"}},{field}}}"#
            ))
        };
        assert!(bad(r#""Pid":-1"#).contains("Pid"));
        assert!(bad(r#""Test":"yes""#).contains("Test"));
        assert!(bad(r#""ProtocolVersion":5000000000"#).contains("ProtocolVersion"));
        let several = ReattachConfig::map_from_json(r#"{"one":{}}"#).expect_err("no plugin");
        assert!(several.to_string().contains("\"one\""), "{several}");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*") {
            let _ = ReattachConfig::from_json(&text);
            let _ = ReattachConfig::map_from_json(&text);
        }

        #[test]
        fn what_is_written_is_read_back(
            version in any::<Option<u32>>(),
            pid in any::<Option<u32>>(),
            test in any::<bool>(),
            start_time in any::<Option<u64>>(),
        ) {
            let config = ReattachConfig {
                address: Address::Tcp(([127, 0, 0, 1], 4321).into()),
                protocol_version: version.filter(|version| *version != 0),
                pid: pid.filter(|pid| *pid != 0),
                test,
                start_time,
            };
            let read = ReattachConfig::from_json(&config.to_json()).expect("a configuration");
            prop_assert_eq!(read, config);
        }
    }
}
