//! What an instance is configured with.

use outboard_sdk::connector::{Choice, Fields, Secret};

/// Which database it is.
#[derive(Choice, Clone, Copy, Default, PartialEq)]
pub(crate) enum Kind {
    #[default]
    #[choice(label = "SQLite")]
    Sqlite,
    #[choice(label = "PostgreSQL")]
    Postgres,
}

/// How connections to PostgreSQL are protected.
#[derive(Choice, Clone, Copy, Default, PartialEq)]
pub(crate) enum Tls {
    /// TLS unless the server is on this machine.
    #[default]
    #[choice(label = "unless it is on this machine")]
    Auto,
    #[choice(label = "always")]
    Always,
    #[choice(label = "never")]
    Never,
}

/// One database.
#[derive(Fields)]
#[fields(strict)]
pub struct Settings {
    /// Which database it is.
    #[field(default = "sqlite")]
    pub(crate) database: Kind,
    /// The file, with its whole path. It must be there.
    #[field(required, visible_when = "database:sqlite")]
    pub(crate) path: String,
    /// The server's name or address, or the directory of its socket.
    #[field(required, visible_when = "database:postgres", default = "localhost")]
    pub(crate) host: String,
    /// The server's port.
    #[field(visible_when = "database:postgres", default = 5432)]
    pub(crate) port: u16,
    /// The name of the database.
    #[field(required, visible_when = "database:postgres", default = "postgres")]
    pub(crate) name: String,
    /// The user, who should have no more rights than are needed.
    #[field(required, visible_when = "database:postgres")]
    pub(crate) user: String,
    /// The user's password.
    #[field(visible_when = "database:postgres")]
    pub(crate) password: Secret,
    /// Whether connections are under TLS, with the server's certificate verified.
    #[field(visible_when = "database:postgres", default = "auto")]
    pub(crate) tls: Tls,
    /// The certificate of the authority that the server's comes from, in PEM; without it,
    /// those that browsers trust.
    #[field(textarea, visible_when = "database:postgres")]
    pub(crate) ca_certificate: String,
    /// Nothing can be changed.
    #[field(default = true, group = "Limits")]
    pub(crate) read_only: bool,
    /// How long a call may take, in seconds: at most 600.
    #[field(default = 30, group = "Limits")]
    pub(crate) timeout_seconds: u16,
    /// How many rows a result may have: at most 100000.
    #[field(default = 1000, group = "Limits")]
    pub(crate) max_rows: u32,
    /// How large a result may be, in KiB: at most 32768.
    #[field(default = 4096, group = "Limits")]
    pub(crate) max_result_kib: u32,
}
