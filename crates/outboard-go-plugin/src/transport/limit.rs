//! Messages that are larger than their receiver takes.

use std::fmt;

use tonic::{Code, Status};

/// A message was larger than one side takes: how large, and what the limit is.
///
/// gRPC has no status of its own for this. grpc-go, grpcio and tonic each say it
/// in a text of theirs, which is read here, once, so that callers need not.
///
/// ```
/// use outboard_go_plugin::transport::MessageTooLarge;
/// use tonic::Status;
///
/// // What a plugin on grpc-go answers unless its author raised the limit.
/// let status = Status::resource_exhausted(
///     "grpc: received message larger than max (5242890 vs. 4194304)",
/// );
/// let too_large = MessageTooLarge::of(&status).expect("it is about the size");
/// assert_eq!((too_large.size, too_large.limit), (Some(5_242_890), 4_194_304));
/// assert!(MessageTooLarge::of(&Status::resource_exhausted("out of disk")).is_none());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageTooLarge {
    /// The message's size in bytes, where the receiver said it.
    pub size: Option<u64>,
    /// The most that the side which refused takes, in bytes.
    pub limit: u64,
}

impl MessageTooLarge {
    /// What `status` says about a message's size, if that is what it is about.
    pub fn of(status: &Status) -> Option<MessageTooLarge> {
        let text = status.message();
        match status.code() {
            // grpc-go and grpcio: "… larger than max (SIZE vs. LIMIT)".
            Code::ResourceExhausted => {
                let (_, numbers) = text.split_once("larger than max")?;
                let mut numbers = numbers_in(numbers);
                let first = numbers.next()?;
                Some(match numbers.next() {
                    Some(limit) => MessageTooLarge {
                        size: Some(first),
                        limit,
                    },
                    None => MessageTooLarge {
                        size: None,
                        limit: first,
                    },
                })
            }
            // tonic: "… length too large: found SIZE bytes, the limit is: LIMIT bytes".
            Code::OutOfRange => {
                let (_, numbers) = text.split_once("length too large")?;
                let mut numbers = numbers_in(numbers);
                let size = Some(numbers.next()?);
                let limit = numbers.next()?;
                Some(MessageTooLarge { size, limit })
            }
            _ => None,
        }
    }
}

fn numbers_in(text: &str) -> impl Iterator<Item = u64> {
    let words = text.split(|character: char| !character.is_ascii_digit());
    words.filter_map(|word| word.parse().ok())
}

impl fmt::Display for MessageTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, limit } = self;
        match size {
            Some(size) => write!(f, "a message of {size} bytes is larger than")?,
            None => f.write_str("a message is larger than")?,
        }
        write!(
            f,
            " the {limit} bytes that its receiver takes; send less at once, or raise the limit there"
        )
    }
}

impl std::error::Error for MessageTooLarge {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_librarys_way_of_saying_it_is_understood() {
        let limit = |status| MessageTooLarge::of(&status).map(|it| (it.size, it.limit));
        let go = "grpc: received message larger than max (5242890 vs. 4194304)";
        assert_eq!(
            limit(Status::resource_exhausted(go)),
            Some((Some(5_242_890), 4_194_304))
        );
        let core = "SERVER: Received message larger than max (5242885 vs. 4194304)";
        assert_eq!(
            limit(Status::resource_exhausted(core)),
            Some((Some(5_242_885), 4_194_304))
        );
        let unzipped = "grpc: received message after decompression larger than max 4194304";
        assert_eq!(
            limit(Status::resource_exhausted(unzipped)),
            Some((None, 4_194_304))
        );
        let tonic = "Error, decoded message length too large: found 5242885 bytes, the limit is: 4194304 bytes";
        assert_eq!(
            limit(Status::out_of_range(tonic)),
            Some((Some(5_242_885), 4_194_304))
        );
    }

    #[test]
    fn other_statuses_are_left_alone() {
        for status in [
            Status::resource_exhausted("too many calls (3 vs. 2)"),
            Status::resource_exhausted("larger than max"),
            Status::out_of_range("page 9 of 3"),
            Status::internal("larger than max (2 vs. 1)"),
        ] {
            assert_eq!(MessageTooLarge::of(&status), None, "{status}");
        }
    }
}
