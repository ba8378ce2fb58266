//! What can go wrong with a download.

use std::{io, time::Duration};

/// Why a file could not be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DownloadError {
    /// Not a URL.
    #[error("this is no URL: {reason}")]
    Url {
        /// What is wrong with it. Never the text, which may hold a password.
        reason: String,
    },
    /// A scheme that is not taken.
    #[error("{url}: {scheme} is not taken; only https is, and http from this machine")]
    Scheme {
        /// The URL.
        url: String,
        /// The scheme.
        scheme: String,
    },
    /// A redirect, or an address in a catalog, that is not followed.
    #[error("{url} is not followed: {reason}")]
    Redirect {
        /// Who leads there.
        url: String,
        /// Why not.
        reason: String,
    },
    /// The server refuses, or failed.
    #[error("{url} answered with status {status}")]
    Status {
        /// The URL.
        url: String,
        /// The status.
        status: u16,
    },
    /// Larger than allowed.
    #[error("{url} has more than the {limit} bytes that are allowed")]
    TooLarge {
        /// The URL.
        url: String,
        /// How many are allowed.
        limit: u64,
    },
    /// Not as large as the catalog says.
    #[error("{url} has {found} bytes, and the catalog says {wanted}; it is not what was published")]
    Size {
        /// The URL.
        url: String,
        /// How many there must be.
        wanted: u64,
        /// How many are declared, or came until it was given up.
        found: u64,
    },
    /// Not what the catalog says.
    #[error(
        "{url} has the SHA-256 {found}, and the catalog says {wanted}; it is not what was published"
    )]
    Digest {
        /// The URL.
        url: String,
        /// What it must hash to.
        wanted: String,
        /// What it hashes to.
        found: String,
    },
    /// A token that cannot be sent.
    #[error("{url}: the token has a character that no header may have")]
    Token {
        /// The URL.
        url: String,
    },
    /// The connection ended before the file did.
    #[error("{url} was cut off after {bytes} bytes")]
    CutOff {
        /// The URL.
        url: String,
        /// How many came.
        bytes: u64,
    },
    /// Nothing came for too long, or all of it took too long.
    #[error("{url} took too long: {waited:?} {what}")]
    TooSlow {
        /// The URL.
        url: String,
        /// How long it was waited.
        waited: Duration,
        /// What for.
        what: &'static str,
    },
    /// There is no room for it.
    #[error("it has {bytes} bytes, and {free} are free on the disk")]
    NoRoom {
        /// How many it has.
        bytes: u64,
        /// How many are free.
        free: u64,
    },
    /// No connection, or a broken one.
    #[error("{url}: {reason}")]
    Connection {
        /// The URL.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The file cannot be written.
    #[error("cannot write the file: {0}")]
    Io(#[source] io::Error),
    /// The caller does not want it any more.
    #[error("it was cancelled")]
    Cancelled,
}
