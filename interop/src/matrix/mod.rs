//! The matrix: which host meets which plugin over what, and what cannot be.
//!
//! A [`Cell`] is one meeting. All cells run the one list in
//! `interop/cases/matrix.json`, with the differences that it names itself.

use std::fmt;

mod broker_calls;
mod calls;
mod page;
mod ping;
mod run;

pub use self::{
    calls::METADATA,
    page::{PAGE, page},
    ping::{ping, ping_all, serve_ping_pong},
    run::{COOKIE, Outcome, Programs, START, Setup, run},
};

/// Words in the list of cases, and titles on the page.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal, $title:literal;)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$doc])* $variant,)*
        }

        impl $name {
            /// All of them, in the page's order.
            pub const ALL: &[$name] = &[$($name::$variant,)*];

            /// As the list of cases has it.
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }

            /// As a reader has it.
            pub fn title(self) -> &'static str {
                match self { $($name::$variant => $title,)* }
            }
        }
    };
}

words! {
    /// Who starts the plugin.
    Host {
        /// This repository's.
        Ours = "ours", "our host";
        /// The newest go-plugin, with a newer grpc than it asks for.
        Go = "go", "Go, go-plugin 1.8.0, grpc 1.80";
        /// The newest go-plugin, with the oldest grpc that it takes.
        GoSelected = "go-grpc-1.61", "Go, go-plugin 1.8.0, grpc 1.61";
        /// The last go-plugin in which a plugin cannot dial its host under AutoMTLS.
        Go143 = "go-1.4.3", "Go, go-plugin 1.4.3, grpc 1.27";
    }
}

words! {
    /// Who is started.
    Plugin {
        /// This repository's.
        Ours = "ours", "our plugin";
        /// See [`Host::Go`].
        Go = "go", "Go, go-plugin 1.8.0, grpc 1.80";
        /// See [`Host::GoSelected`].
        GoSelected = "go-grpc-1.61", "Go, go-plugin 1.8.0, grpc 1.61";
        /// See [`Host::Go143`].
        Go143 = "go-1.4.3", "Go, go-plugin 1.4.3, grpc 1.27";
        /// grpcio, and no code of go-plugin's.
        Python = "python", "Python, grpcio";
    }
}

words! {
    /// What is around the connection.
    Tls {
        /// Nothing.
        Plain = "plain", "plaintext";
        /// Certificates that both ends make and exchange at the start.
        Auto = "auto", "AutoMTLS";
    }
}

words! {
    /// What the plugin listens on.
    Network {
        /// A file.
        Unix = "unix", "unix";
        /// A port of 127.0.0.1.
        Tcp = "tcp", "TCP";
    }
}

words! {
    /// How further connections are made.
    Broker {
        /// Not at all.
        Off = "off", "off";
        /// Each on a socket of its own.
        Plain = "plain", "plain";
        /// All within one.
        Multiplexed = "multiplexed", "multiplexed";
    }
}

/// Who meets whom. Not everybody: two peers on go-plugin meet to prove the list, and
/// that needs each version once.
pub const PAIRS: &[(Host, Plugin)] = &[
    (Host::Ours, Plugin::Ours),
    (Host::Ours, Plugin::Go),
    (Host::Ours, Plugin::GoSelected),
    (Host::Ours, Plugin::Go143),
    (Host::Ours, Plugin::Python),
    (Host::Go, Plugin::Ours),
    (Host::Go, Plugin::Go),
    (Host::Go, Plugin::Python),
    (Host::GoSelected, Plugin::Ours),
    (Host::GoSelected, Plugin::GoSelected),
    (Host::Go143, Plugin::Ours),
    (Host::Go143, Plugin::Go143),
    (Host::Go143, Plugin::Python),
];

/// One meeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Who starts the plugin.
    pub host: Host,
    /// Who is started.
    pub plugin: Plugin,
    /// What is around the connection.
    pub tls: Tls,
    /// What the plugin listens on.
    pub network: Network,
    /// How further connections are made.
    pub broker: Broker,
}

impl Cell {
    /// The cells of a pair, the impossible ones too.
    pub fn of(host: Host, plugin: Plugin) -> impl Iterator<Item = Cell> {
        Tls::ALL.iter().flat_map(move |&tls| {
            Network::ALL.iter().flat_map(move |&network| {
                Broker::ALL.iter().map(move |&broker| Cell {
                    host,
                    plugin,
                    tls,
                    network,
                    broker,
                })
            })
        })
    }

    /// Why the peers cannot meet so; `None` if they can, and then a test has them do it.
    pub fn impossible(self) -> Option<&'static str> {
        let old = self.host == Host::Go143 || self.plugin == Plugin::Go143;
        let go_host = self.host != Host::Ours;
        if self.network == Network::Tcp && self.plugin.is_go() {
            Some("go-plugin listens on a unix socket wherever there are any")
        } else if self.tls == Tls::Auto && go_host && self.plugin == Plugin::Python {
            Some(
                "go-plugin's certificates are P-521, and grpcio verifies P-256 and P-384 only \
                 (a test sees it refuse)",
            )
        } else if self.broker == Broker::Multiplexed && self.plugin == Plugin::Python {
            Some("multiplexing happens below gRPC, on sockets that grpcio keeps to itself")
        } else if self.broker == Broker::Multiplexed && old {
            Some("go-plugin multiplexes since 1.6")
        } else {
            None
        }
    }

    /// The cell's word for one of its five sides, as the list of cases names them.
    pub(crate) fn word(self, side: &str) -> &'static str {
        match side {
            "host" => self.host.word(),
            "plugin" => self.plugin.word(),
            "tls" => self.tls.word(),
            "network" => self.network.word(),
            _ => self.broker.word(),
        }
    }

    /// Whether its peers may leave files behind: a Go plugin ends before it has removed
    /// the sockets of its broker. Our host gives those that know it a directory of
    /// their own, and removes that.
    pub(crate) fn leaves_files(self) -> bool {
        let given_directory = self.host == Host::Ours && self.plugin != Plugin::Go143;
        self.broker != Broker::Off && self.plugin.is_go() && !given_directory
    }
}

impl Plugin {
    fn is_go(self) -> bool {
        matches!(self, Plugin::Go | Plugin::GoSelected | Plugin::Go143)
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sides = ["host", "plugin", "tls", "network", "broker"];
        let words = sides.map(|side| format!("{side} {}", self.word(side)));
        f.write_str(&words.join(", "))
    }
}
