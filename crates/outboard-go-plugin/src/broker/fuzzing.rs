//! The broker's table under any sequence of messages and calls, for the fuzz
//! targets, which see nothing of what is private here.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use prost::Message as _;

use super::table::{Action, Table};
use crate::generated::plugin::ConnInfo;

/// Reads `bytes` as a sequence of steps, each a byte that says what happens and
/// what belongs to it, and takes them one after the other:
///
/// | byte modulo 8 | followed by | what happens |
/// |---|---|---|
/// | 0, 1 | a length and so many bytes | the peer sends this, if it is a message |
/// | 2 | an id | dial |
/// | 3 | an id | dial by knocking |
/// | 4 | an id | the dialer gives up |
/// | 5 | an id | accept |
/// | 6 | an id | the acceptor closes |
/// | 7 | seconds | time passes, and the peer opens a stream |
///
/// # Panics
///
/// If the table breaks a promise.
pub fn broker_messages(mut bytes: &[u8]) {
    let mut table: Table<u32, u8> = Table::default();
    let mut now = Instant::now();
    // Each dialer has a number of its own, by which it is known again.
    let mut dialers = 0;
    let mut waiting = BTreeSet::new();
    let mut accepting = BTreeSet::new();
    let answered = |waiting: &mut BTreeSet<u32>, dialer: u32| {
        assert!(waiting.remove(&dialer), "dialer {dialer} is answered again");
    };
    while let [what, argument, rest @ ..] = bytes {
        bytes = rest;
        let id = u32::from(*argument);
        match what % 8 {
            0 | 1 => {
                let length = usize::from(*argument).min(bytes.len());
                let (message, rest) = bytes.split_at(length);
                bytes = rest;
                let Ok(message) = ConnInfo::decode(message) else {
                    continue;
                };
                let id = message.service_id;
                match table.received(message, now) {
                    Action::None | Action::Open(None) => {}
                    Action::Announce(dialer, announced) => {
                        assert_eq!(announced.service_id, id);
                        answered(&mut waiting, dialer);
                    }
                    Action::Send(answer) => acknowledges(&answer, id, &accepting),
                    Action::Open(Some(dialer)) | Action::Refuse(dialer, _) => {
                        answered(&mut waiting, dialer);
                    }
                }
            }
            2 => {
                dialers += 1;
                match table.dial(id, dialers) {
                    (Some(announced), given_back) => {
                        assert_eq!((announced.service_id, given_back), (id, Some(dialers)));
                    }
                    (None, replaced) => {
                        waiting.insert(dialers);
                        if let Some(replaced) = replaced {
                            answered(&mut waiting, replaced);
                        }
                    }
                }
            }
            3 => {
                dialers += 1;
                let knock = table.knock(id, dialers);
                assert_eq!(knock.service_id, id);
                waiting.insert(dialers);
            }
            4 => table.give_up(id),
            5 => match table.accept(id, *argument, now) {
                Ok(early) => {
                    assert!(accepting.insert(id), "{id} is accepted twice");
                    if let Some(answer) = early {
                        acknowledges(&answer, id, &accepting);
                    }
                }
                Err(_) => assert!(accepting.contains(&id)),
            },
            6 => {
                table.close(id);
                accepting.remove(&id);
            }
            _ => {
                now += Duration::from_secs(u64::from(*argument) % 16);
                match table.stream(now) {
                    Ok(Some(acceptor)) => assert!(accepting.contains(&u32::from(*acceptor))),
                    Ok(None) => {}
                    Err(gone) => assert!(!accepting.contains(&gone)),
                }
            }
        }
        table.check_bounds();
    }
    let (left, acceptors) = table.drain();
    assert!(left.iter().all(|dialer| waiting.contains(dialer)));
    assert_eq!(acceptors.len(), accepting.len());
}

/// An answer to a knock goes out only if somebody accepts.
fn acknowledges(answer: &ConnInfo, id: u32, accepting: &BTreeSet<u32>) {
    let acknowledged = answer.knock.as_ref().is_some_and(|knock| knock.ack);
    assert!(acknowledged && answer.service_id == id && accepting.contains(&id));
}
