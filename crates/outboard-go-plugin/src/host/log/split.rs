//! A flow of bytes, cut into lines of bounded length.

/// Longest line that is kept whole, in bytes; the rest of it is counted.
pub(super) const MAX_LINE: usize = 1024 * 1024;

/// What a line's buffer may keep between lines, in bytes.
const KEPT: usize = 4096;

/// Cuts at line feeds. What is beyond [`MAX_LINE`] is counted and not kept, and
/// the line says at its end how much that was.
#[derive(Default)]
pub(super) struct Splitter {
    partial: Vec<u8>,
    skipped: u64,
}

impl Splitter {
    pub(super) fn feed(&mut self, mut bytes: &[u8], mut line: impl FnMut(&[u8])) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.keep(&bytes[..end]);
            self.finish(&mut line);
            bytes = &bytes[end + 1..];
        }
        self.keep(bytes);
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = MAX_LINE.saturating_sub(self.partial.len()).min(bytes.len());
        self.partial.extend_from_slice(&bytes[..room]);
        self.skipped += (bytes.len() - room) as u64;
    }

    /// Hands over what is left, as at the end of the flow.
    pub(super) fn finish(&mut self, mut line: impl FnMut(&[u8])) {
        if self.skipped > 0 {
            let notice = format!(" [{} more bytes of this line dropped]", self.skipped);
            self.partial.extend_from_slice(notice.as_bytes());
            self.skipped = 0;
        }
        if !self.partial.is_empty() {
            line(&self.partial);
            self.partial.clear();
            // One long line must not keep its megabyte for ever.
            self.partial.shrink_to(KEPT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_end_is_cut_and_the_next_one_is_whole() {
        let mut lines = Vec::new();
        let mut splitter = Splitter::default();
        let flood = vec![b'x'; 10 * MAX_LINE];
        for piece in flood.chunks(8192) {
            splitter.feed(piece, |line| lines.push(line.to_vec()));
            assert!(splitter.partial.capacity() <= 2 * MAX_LINE);
        }
        assert!(lines.is_empty());
        splitter.feed(b"\nnext\n", |line| lines.push(line.to_vec()));
        assert_eq!(lines.len(), 2);
        let notice = format!(" [{} more bytes of this line dropped]", 9 * MAX_LINE);
        assert!(lines[0].ends_with(notice.as_bytes()));
        assert_eq!(lines[1], b"next");
        assert!(splitter.partial.capacity() <= KEPT);
    }

    #[test]
    fn an_unfinished_last_line_is_not_lost() {
        let mut lines = Vec::new();
        let mut splitter = Splitter::default();
        splitter.feed(b"one\ntw", |line| lines.push(line.to_vec()));
        splitter.feed(b"o", |line| lines.push(line.to_vec()));
        splitter.finish(|line| lines.push(line.to_vec()));
        assert_eq!(lines, [b"one".to_vec(), b"two".to_vec()]);
    }
}
