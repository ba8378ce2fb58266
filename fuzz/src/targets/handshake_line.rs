//! The first line of a plugin: what is accepted is printed in a form that means
//! the same.

use outboard_go_plugin::handshake::HandshakeLine;

pub(super) fn run(bytes: &[u8]) {
    // As the host reads it.
    let text = String::from_utf8_lossy(bytes);
    match HandshakeLine::parse(&text) {
        Ok(line) => {
            let printed = line.to_string();
            assert_eq!(
                HandshakeLine::parse(&printed).as_ref(),
                Ok(&line),
                "{printed}"
            );
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
