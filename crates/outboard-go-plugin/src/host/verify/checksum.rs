//! A checksum of a program file: parsed, printed, computed and compared.

use std::{
    fmt,
    fs::File,
    io::{self, Read as _},
    path::Path,
    str::FromStr,
};

use sha2::{Digest as _, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq as _;

/// How much is read at a time.
pub(super) const CHUNK: usize = 256 * 1024;

/// How a checksum is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChecksumAlgorithm {
    /// SHA-256, which release pages and `sha256sum` print.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl ChecksumAlgorithm {
    const ALL: [ChecksumAlgorithm; 3] = [
        ChecksumAlgorithm::Sha256,
        ChecksumAlgorithm::Sha384,
        ChecksumAlgorithm::Sha512,
    ];

    /// Its name as it stands before the colon: `sha256`, `sha384`, `sha512`.
    pub fn name(self) -> &'static str {
        match self {
            ChecksumAlgorithm::Sha256 => "sha256",
            ChecksumAlgorithm::Sha384 => "sha384",
            ChecksumAlgorithm::Sha512 => "sha512",
        }
    }

    /// The length of its checksums, in bytes.
    pub fn length(self) -> usize {
        match self {
            ChecksumAlgorithm::Sha256 => 32,
            ChecksumAlgorithm::Sha384 => 48,
            ChecksumAlgorithm::Sha512 => 64,
        }
    }
}

/// The checksum of a file. Comparing two takes the same time wherever they differ.
///
/// It is written as in a container image's digest, or as plain hexadecimal, whose
/// length then tells the algorithm:
///
/// ```
/// use outboard_go_plugin::host::{Checksum, ChecksumAlgorithm};
///
/// let text = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// let checksum: Checksum = text.parse().unwrap();
/// assert_eq!(checksum.algorithm(), ChecksumAlgorithm::Sha256);
/// assert_eq!(checksum.to_string(), text);
/// assert_eq!(checksum, text["sha256:".len()..].parse().unwrap());
/// ```
#[derive(Clone)]
pub struct Checksum {
    algorithm: ChecksumAlgorithm,
    bytes: Box<[u8]>,
}

impl Checksum {
    /// A SHA-256 checksum.
    pub fn sha256(bytes: [u8; 32]) -> Checksum {
        Checksum::new(ChecksumAlgorithm::Sha256, &bytes)
    }

    /// A SHA-384 checksum.
    pub fn sha384(bytes: [u8; 48]) -> Checksum {
        Checksum::new(ChecksumAlgorithm::Sha384, &bytes)
    }

    /// A SHA-512 checksum.
    pub fn sha512(bytes: [u8; 64]) -> Checksum {
        Checksum::new(ChecksumAlgorithm::Sha512, &bytes)
    }

    fn new(algorithm: ChecksumAlgorithm, bytes: &[u8]) -> Checksum {
        let bytes = bytes.into();
        Checksum { algorithm, bytes }
    }

    /// The checksum of a file as it is now, to write down when a plugin is
    /// installed. Blocks until all of it is read.
    ///
    /// # Errors
    ///
    /// What the operating system says about reading it.
    pub fn of_file(algorithm: ChecksumAlgorithm, path: impl AsRef<Path>) -> io::Result<Checksum> {
        let mut file = File::open(path)?;
        let mut hasher = Hasher::new(algorithm);
        let mut buffer = vec![0; CHUNK];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(hasher.finish()),
                Ok(count) => hasher.update(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// How it was computed.
    pub fn algorithm(&self) -> ChecksumAlgorithm {
        self.algorithm
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl PartialEq for Checksum {
    fn eq(&self, other: &Checksum) -> bool {
        self.algorithm == other.algorithm && bool::from(self.bytes.ct_eq(&other.bytes))
    }
}

impl Eq for Checksum {}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.algorithm.name())?;
        self.bytes
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no checksum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseChecksumError {
    /// The word before the colon names no algorithm that is known.
    #[error("{0:?} is no checksum algorithm of sha256, sha384, sha512")]
    Algorithm(String),
    /// There are characters other than hexadecimal digits.
    #[error("a checksum is written in hexadecimal digits alone")]
    Digits,
    /// The number of digits does not fit the algorithm, or any algorithm.
    #[error(
        "{0} hexadecimal digits are no checksum: it is 64 for sha256, 96 for sha384, 128 for sha512"
    )]
    Length(usize),
}

impl FromStr for Checksum {
    type Err = ParseChecksumError;

    fn from_str(text: &str) -> Result<Checksum, ParseChecksumError> {
        let (named, digits) = match text.trim().split_once(':') {
            Some((name, digits)) => (Some(name), digits),
            None => (None, text.trim()),
        };
        let mut algorithms = ChecksumAlgorithm::ALL.into_iter();
        let fits = |algorithm: &ChecksumAlgorithm| algorithm.length() * 2 == digits.len();
        let algorithm = match named {
            Some(name) => algorithms
                .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
                .ok_or_else(|| ParseChecksumError::Algorithm(name.to_owned()))
                .map(|algorithm| Some(algorithm).filter(fits))?,
            None => algorithms.find(fits),
        };
        let pairs = digits.as_bytes().chunks(2);
        let bytes = pairs.map(|pair| {
            let text = std::str::from_utf8(pair).ok()?;
            // Without this, a sign would pass as part of a number.
            let digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
            u8::from_str_radix(text, 16).ok().filter(|_| digits)
        });
        let bytes: Vec<u8> = bytes
            .collect::<Option<_>>()
            .ok_or(ParseChecksumError::Digits)?;
        let algorithm = algorithm.ok_or(ParseChecksumError::Length(digits.len()))?;
        Ok(Checksum::new(algorithm, &bytes))
    }
}

/// A checksum in the making.
pub(super) enum Hasher {
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl Hasher {
    pub(super) fn new(algorithm: ChecksumAlgorithm) -> Hasher {
        match algorithm {
            ChecksumAlgorithm::Sha256 => Hasher::Sha256(Sha256::new()),
            ChecksumAlgorithm::Sha384 => Hasher::Sha384(Sha384::new()),
            ChecksumAlgorithm::Sha512 => Hasher::Sha512(Sha512::new()),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Hasher::Sha256(hasher) => hasher.update(bytes),
            Hasher::Sha384(hasher) => hasher.update(bytes),
            Hasher::Sha512(hasher) => hasher.update(bytes),
        }
    }

    pub(super) fn finish(self) -> Checksum {
        match self {
            Hasher::Sha256(hasher) => Checksum::new(ChecksumAlgorithm::Sha256, &hasher.finalize()),
            Hasher::Sha384(hasher) => Checksum::new(ChecksumAlgorithm::Sha384, &hasher.finalize()),
            Hasher::Sha512(hasher) => Checksum::new(ChecksumAlgorithm::Sha512, &hasher.finalize()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// What the standard says about the text `abc`.
    const ABC: [(ChecksumAlgorithm, &str); 3] = [
        (
            ChecksumAlgorithm::Sha256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        (
            ChecksumAlgorithm::Sha384,
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed\
             8086072ba1e7cc2358baeca134c825a7",
        ),
        (
            ChecksumAlgorithm::Sha512,
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ),
    ];

    #[test]
    fn every_algorithm_gives_what_its_standard_says() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("abc");
        std::fs::write(&file, "abc").unwrap();
        for (algorithm, digits) in ABC {
            let expected: Checksum = digits.parse().unwrap();
            assert_eq!(expected.algorithm(), algorithm);
            assert_eq!(Checksum::of_file(algorithm, &file).unwrap(), expected);
            let text = format!("{}:{digits}", algorithm.name());
            assert_eq!(expected.to_string(), text);
            assert_eq!(text.to_uppercase().parse(), Ok(expected));
        }
    }

    #[test]
    fn what_is_no_checksum_says_why() {
        let parse = |text: &str| text.parse::<Checksum>().unwrap_err();
        let digits = ABC[0].1;
        assert_eq!(
            parse(&format!("md5:{digits}")),
            ParseChecksumError::Algorithm("md5".to_owned())
        );
        assert_eq!(parse(&digits[2..]), ParseChecksumError::Length(62));
        assert_eq!(
            parse(&format!("sha512:{digits}")),
            ParseChecksumError::Length(64)
        );
        assert_eq!(
            parse(&digits.replace("ba", "+a")),
            ParseChecksumError::Digits
        );
        assert_eq!(parse(&"é".repeat(32)), ParseChecksumError::Digits);
        assert_eq!(parse(""), ParseChecksumError::Length(0));
    }

    #[test]
    fn one_bit_or_another_algorithm_makes_two_checksums_differ() {
        let one = Checksum::sha256([7; 32]);
        let mut bytes = [7; 32];
        bytes[31] ^= 1;
        assert_eq!(one, Checksum::sha256([7; 32]));
        assert_ne!(one, Checksum::sha256(bytes));
        assert_ne!(one, Checksum::sha384([7; 48]));
        assert_ne!(one, Checksum::sha512([7; 64]));
    }
}
