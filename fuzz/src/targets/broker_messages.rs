//! What a peer's broker sends, mixed with what this side does: nobody is answered
//! twice, nothing is promised that nobody accepts, and what is kept is bounded.

use outboard_go_plugin::broker::fuzzing::broker_messages;

pub(super) fn run(bytes: &[u8]) {
    broker_messages(bytes);
}
