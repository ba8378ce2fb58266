//! A result on its way in: collected from pieces, and looked at as JSON.

use bytes::Bytes;
use serde::de::IgnoredAny;

/// From this size on, in bytes, a result is looked at on a thread of its own: a
/// megabyte takes about a millisecond.
const LARGE: usize = 1024 * 1024;

/// The pieces of a result so far. The first is kept as it came; with the second, all
/// are copied into one buffer that grows, so each byte is copied once.
#[derive(Default)]
pub(super) enum Collected {
    #[default]
    Nothing,
    One(Bytes),
    Many(Vec<u8>),
}

impl Collected {
    pub(super) fn len(&self) -> usize {
        match self {
            Collected::Nothing => 0,
            Collected::One(piece) => piece.len(),
            Collected::Many(pieces) => pieces.len(),
        }
    }

    pub(super) fn push(&mut self, piece: Bytes) {
        if piece.is_empty() {
            return;
        }
        match self {
            Collected::Nothing => *self = Collected::One(piece),
            Collected::One(first) => {
                // Large buffers grow by remapping, so room in advance is not worth much.
                let mut pieces = Vec::with_capacity(2 * (first.len() + piece.len()));
                pieces.extend_from_slice(first);
                pieces.extend_from_slice(&piece);
                *self = Collected::Many(pieces);
            }
            Collected::Many(pieces) => pieces.extend_from_slice(&piece),
        }
    }

    pub(super) fn finish(self) -> Bytes {
        match self {
            Collected::Nothing => Bytes::new(),
            Collected::One(piece) => piece,
            Collected::Many(pieces) => pieces.into(),
        }
    }
}

/// Gives the result back if it is one JSON value, or its size and what is wrong.
///
/// Nothing is built of it, and no depth is too deep.
pub(super) async fn check_json(result: Bytes) -> Result<Bytes, (usize, String)> {
    if result.len() < LARGE {
        return is_json(&result)
            .map_err(|reason| (result.len(), reason))
            .map(|()| result);
    }
    let size = result.len();
    let checked = tokio::task::spawn_blocking(move || is_json(&result).map(|()| result)).await;
    match checked {
        Ok(result) => result.map_err(|reason| (size, reason)),
        Err(error) => Err((size, format!("it could not be looked at: {error}"))),
    }
}

fn is_json(result: &[u8]) -> Result<(), String> {
    // Strings that are skipped are not checked by the parser.
    let text = std::str::from_utf8(result).map_err(|error| error.to_string())?;
    // Its errors say what was expected and where, and none of the text itself.
    serde_json::from_str::<IgnoredAny>(text)
        .map(|_| ())
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_piece_is_not_copied_and_several_come_out_in_order() {
        let piece = Bytes::from(vec![b'x'; 100]);
        let mut collected = Collected::default();
        collected.push(Bytes::new());
        collected.push(piece.clone());
        collected.push(Bytes::new());
        assert_eq!(collected.len(), 100);
        assert_eq!(collected.finish().as_ptr(), piece.as_ptr());

        let mut collected = Collected::default();
        for piece in ["[1", ",2", ",3", "]"] {
            collected.push(Bytes::from_static(piece.as_bytes()));
        }
        assert_eq!(collected.len(), 7);
        assert_eq!(collected.finish(), "[1,2,3]");
        assert_eq!(Collected::default().finish(), "");
    }

    #[tokio::test]
    async fn every_json_value_is_a_result_and_nothing_else_is() {
        for text in ["null", " 3 ", "\"text\"", "{\"a\":[1,{}]}", "[]"] {
            assert_eq!(
                check_json(Bytes::from_static(text.as_bytes()))
                    .await
                    .unwrap(),
                text
            );
        }
        for text in ["", "nul", "{", "[1] 2", "{a:1}", "\"\u{1}\""] {
            let (size, _) = check_json(Bytes::from_static(text.as_bytes()))
                .await
                .unwrap_err();
            assert_eq!(size, text.len(), "{text:?}");
        }
        let (_, reason) = check_json(Bytes::from_static(b"\"\xff\""))
            .await
            .unwrap_err();
        assert!(reason.contains("utf-8"), "{reason}");
    }

    #[tokio::test]
    async fn large_and_deep_results_are_looked_at_too() {
        let large = format!("[\"{}\"]", "x".repeat(3 * LARGE));
        assert_eq!(check_json(large.clone().into()).await.unwrap(), large);
        let open = format!("[\"{}\"", "x".repeat(3 * LARGE));
        check_json(open.into()).await.unwrap_err();
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        check_json(deep.into()).await.unwrap();
    }
}
