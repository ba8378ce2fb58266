//! Lets in peers whose `:authority` is the path of the socket that they dialed.
//!
//! Clients of grpc's C core (Python, Ruby, C++), of grpc-java and of grpc-swift call a
//! unix socket by its path, as `tmp%2Fplugin123` or `/tmp/plugin123`. That is no
//! authority, and `h2` resets every such call with `PROTOCOL_ERROR`, before anybody
//! could look away. Nothing here reads the value, so what may not stand in it is
//! replaced in the bytes that arrive, one for one: lengths, and with them both ends'
//! header tables, stay as they are.
//!
//! ```text
//! ┌ frame header: length 3, type 1, flags 1, stream 4
//! │          ┌ HEADERS: a field after the other, RFC 7541
//! 00001e 01 04 00000001   40 0a ":authority" 14 "tmp%2Fmx%2Fauth.sock" → "tmp-2Fmx-2Fauth.sock"
//! ```
//!
//! Values in Huffman code are left alone: they cannot be changed in their place.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a client sends before its first frame, in bytes.
const PREFACE: u32 = 24;

const FRAME_HEADER: usize = 9;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

const NAME: &[u8] = b":authority";
/// Its place in the table that every HPACK peer has.
const STATIC_INDEX: u8 = 1;

/// The server's side of a connection, with authorities that `h2` takes.
pub(super) struct Lenient<T> {
    io: T,
    frames: Frames,
}

impl<T> Lenient<T> {
    pub(super) fn new(io: T) -> Lenient<T> {
        Lenient {
            io,
            frames: Frames::default(),
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Lenient<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        if let Some(arrived) = buf.filled_mut().get_mut(before..) {
            self.frames.mend(arrived);
        }
        read
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Lenient<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// Where in the frames of a connection the next byte is.
struct Frames {
    at: Place,
    fields: Fields,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    /// So many bytes that are of no interest.
    Skip(u32),
    /// A frame's header, and how much of it is here.
    Header([u8; FRAME_HEADER], usize),
    /// The byte of a padded frame that says how long the padding at its end is; then
    /// come as many bytes as are here.
    Padding {
        priority: u32,
        rest: u32,
    },
    /// So many bytes of a priority, and then fields.
    Priority(u32, Payload),
    Fields(Payload),
}

/// So many bytes of fields, and after them padding.
#[derive(Debug, Clone, Copy)]
struct Payload {
    fields: u32,
    padding: u32,
}

impl Default for Frames {
    fn default() -> Frames {
        Frames {
            at: Place::Skip(PREFACE),
            fields: Fields::Begin,
        }
    }
}

impl Frames {
    /// Goes over what has arrived, and changes what must be.
    fn mend(&mut self, mut bytes: &mut [u8]) {
        while !bytes.is_empty() {
            bytes = match &mut self.at {
                Place::Skip(0) => {
                    self.at = Place::Header([0; FRAME_HEADER], 0);
                    bytes
                }
                Place::Skip(left) => take(bytes, left).1,
                Place::Padding { priority, rest } => {
                    let (first, after) = bytes.split_at_mut(1);
                    let padding = u32::from(first[0]).min(*rest - *priority);
                    let fields = *rest - *priority - padding;
                    self.at = Place::Priority(*priority, Payload { fields, padding });
                    after
                }
                Place::Priority(0, payload) => {
                    self.at = Place::Fields(*payload);
                    bytes
                }
                Place::Priority(left, _) => take(bytes, left).1,
                Place::Fields(Payload { fields: 0, padding }) => {
                    self.at = Place::Skip(*padding);
                    bytes
                }
                Place::Fields(Payload { fields, .. }) => {
                    let (fields, rest) = take(bytes, fields);
                    for byte in fields {
                        self.fields.byte(byte);
                    }
                    rest
                }
                Place::Header(header, FRAME_HEADER) => {
                    let header = *header;
                    self.begin(header);
                    bytes
                }
                Place::Header(header, here) => {
                    let (first, rest) = bytes.split_at_mut(1);
                    header[*here] = first[0];
                    *here += 1;
                    rest
                }
            }
        }
    }

    fn begin(&mut self, header: [u8; FRAME_HEADER]) {
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]);
        let flags = header[4];
        self.at = match header[3] {
            HEADERS => {
                self.fields = Fields::Begin;
                let priority = if flags & PRIORITY == 0 { 0 } else { 5 };
                match length.checked_sub(1) {
                    Some(rest) if flags & PADDED != 0 => Place::Padding {
                        priority: priority.min(rest),
                        rest,
                    },
                    _ => {
                        let priority = priority.min(length);
                        let fields = length - priority;
                        Place::Priority(priority, Payload { fields, padding: 0 })
                    }
                }
            }
            // Fields go on as if there were no frame between.
            CONTINUATION => Place::Fields(Payload {
                fields: length,
                padding: 0,
            }),
            _ => Place::Skip(length),
        };
    }
}

/// As many bytes as there are of `left`, which is counted down, and those after.
fn take<'a>(bytes: &'a mut [u8], left: &mut u32) -> (&'a mut [u8], &'a mut [u8]) {
    let here = usize::try_from(*left)
        .unwrap_or(usize::MAX)
        .min(bytes.len());
    *left -= u32::try_from(here).unwrap_or(*left);
    bytes.split_at_mut(here)
}

/// Where in a list of fields the next byte is.
#[derive(Debug, Clone, Copy)]
enum Fields {
    /// At a field.
    Begin,
    /// In the number of a field that is an entry of a table, or changes its size.
    Number,
    /// In the number of the entry that only gives a field its name.
    NameNumber,
    /// At the length of a name.
    NameLength(Length),
    /// In a name: how many bytes are left, and how many have been those of
    /// `:authority`; none once one was different.
    Name { left: u64, same: Option<usize> },
    /// At the length of a value.
    ValueLength { of_authority: bool, length: Length },
    /// In a value.
    Value { left: u64, mend: bool },
}

/// A length whose first byte may not be all of it.
#[derive(Debug, Clone, Copy, Default)]
struct Length {
    begun: bool,
    huffman: bool,
    value: u64,
    shift: u32,
}

impl Length {
    /// Takes a byte; says whether the length is complete.
    fn byte(&mut self, byte: u8) -> bool {
        if !self.begun {
            self.begun = true;
            self.huffman = byte & 0x80 != 0;
            self.value = u64::from(byte & 0x7f);
            return self.value != 0x7f;
        }
        // What is too long to be true is `h2`'s to refuse.
        let more = u64::from(byte & 0x7f).checked_shl(self.shift).unwrap_or(0);
        self.value = self.value.saturating_add(more);
        self.shift = self.shift.saturating_add(7);
        byte & 0x80 == 0
    }
}

impl Fields {
    fn byte(&mut self, byte: &mut u8) {
        let value_of = |of_authority| Fields::ValueLength {
            of_authority,
            length: Length::default(),
        };
        *self = match *self {
            Fields::Begin => {
                // The kind of a field is in its first bits, a number in the rest.
                let (rest, table_only) = match *byte {
                    0x80.. => (0x7f, true),
                    0x40.. => (0x3f, false),
                    0x20.. => (0x1f, true),
                    _ => (0x0f, false),
                };
                let number = *byte & rest;
                match (number == rest, table_only) {
                    (true, true) => Fields::Number,
                    (true, false) => Fields::NameNumber,
                    (false, true) => Fields::Begin,
                    (false, false) if number == 0 => Fields::NameLength(Length::default()),
                    (false, false) => value_of(number == STATIC_INDEX),
                }
            }
            Fields::Number if *byte & 0x80 == 0 => Fields::Begin,
            Fields::NameNumber if *byte & 0x80 == 0 => value_of(false),
            Fields::NameLength(mut length) => match length.byte(*byte) {
                false => Fields::NameLength(length),
                true if length.value == 0 => value_of(false),
                true => Fields::Name {
                    left: length.value,
                    same: (!length.huffman).then_some(0),
                },
            },
            Fields::Name { left, same } => {
                let same = same.filter(|same| NAME.get(*same) == Some(byte));
                let same = same.map(|same| same + 1);
                match left {
                    0 | 1 => value_of(same == Some(NAME.len())),
                    _ => Fields::Name {
                        left: left - 1,
                        same,
                    },
                }
            }
            Fields::ValueLength {
                of_authority,
                mut length,
            } => match length.byte(*byte) {
                false => Fields::ValueLength {
                    of_authority,
                    length,
                },
                true if length.value == 0 => Fields::Begin,
                true => Fields::Value {
                    left: length.value,
                    mend: of_authority && !length.huffman,
                },
            },
            Fields::Value { left, mend } => {
                if mend && !may_stand(*byte) {
                    *byte = b'-';
                }
                match left {
                    0 | 1 => Fields::Begin,
                    _ => Fields::Value {
                        left: left - 1,
                        mend,
                    },
                }
            }
            within => within,
        };
    }
}

/// Whether a byte may stand in a host's name or address, or before a port.
fn may_stand(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:[]".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = vec![length[1], length[2], length[3], kind, flags, 0, 0, 0, 1];
        frame.extend(payload);
        frame
    }

    fn literal(name: &str, value: &str) -> Vec<u8> {
        let mut field = vec![0x40];
        for text in [name, value] {
            assert!(text.len() < 0x7f);
            field.push(u8::try_from(text.len()).unwrap());
            field.extend(text.bytes());
        }
        field
    }

    /// A connection of these frames, and what becomes of it.
    fn mended(frames: &[Vec<u8>], piece: usize) -> Vec<u8> {
        let mut bytes = vec![b'p'; PREFACE as usize];
        bytes.extend(frames.concat());
        let mut mending = Frames::default();
        for piece in bytes.chunks_mut(piece) {
            mending.mend(piece);
        }
        bytes.split_off(PREFACE as usize)
    }

    #[test]
    fn a_path_as_the_authority_becomes_a_name_of_the_same_length() {
        let fields = |authority| {
            let mut fields = literal(":path", "/a%2Fb/C");
            fields.extend(literal(":authority", authority));
            // Method and scheme from the table, then a size for it, then a long index.
            fields.extend([0x83, 0x86, 0x3f, 0xe1, 0x1f, 0xff, 0x01]);
            fields.extend(literal("te", "trailers/%"));
            fields
        };
        for piece in 1..40 {
            assert_eq!(
                mended(&[frame(HEADERS, 4, &fields("tmp%2Fmx/a.sock"))], piece),
                frame(HEADERS, 4, &fields("tmp-2Fmx-a.sock")),
            );
        }
    }

    #[test]
    fn the_name_may_come_from_the_table_and_other_frames_may_be_around() {
        let field = |value: &str| {
            let mut field = vec![0x41, u8::try_from(value.len()).unwrap()];
            field.extend(value.bytes());
            field
        };
        let data = frame(0, 0, &field("/no/header"));
        let empty = frame(4, 1, &[]);
        let mut padded = vec![2, 0, 0, 0, 0, 9];
        padded.extend(field("/a"));
        padded.extend([0, 0]);
        let padded = frame(HEADERS, PADDED | PRIORITY | 4, &padded);
        let given = [empty, data, padded, frame(HEADERS, 4, &field("/b"))];
        for piece in 1..40 {
            let text = mended(&given, piece);
            let text = String::from_utf8_lossy(&text);
            assert!(text.contains("/no/header"), "{text:?}");
            assert!(text.contains("-a") && text.contains("-b"), "{text:?}");
        }
    }

    #[test]
    fn fields_may_go_on_in_a_further_frame() {
        let fields = literal(":authority", "/run/a.sock");
        let (first, second) = fields.split_at(14);
        let given = [frame(HEADERS, 0, first), frame(CONTINUATION, 4, second)];
        let fields = literal(":authority", "-run-a.sock");
        let (first, second) = fields.split_at(14);
        let wanted = [frame(HEADERS, 0, first), frame(CONTINUATION, 4, second)];
        assert_eq!(mended(&given, 7), wanted.concat());
    }

    #[test]
    fn what_an_authority_may_be_stays_as_it_is() {
        for authority in ["localhost", "unused", "127.0.0.1:4000", "[::1]:80", ""] {
            let given = [frame(HEADERS, 4, &literal(":authority", authority))];
            assert_eq!(mended(&given, 5), given.concat());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange_and_pieces_make_no_difference(
            bytes in prop::collection::vec(any::<u8>(), 0..400),
            piece in 1_usize..50,
        ) {
            let given = [frame(HEADERS, 0x2c, &bytes), bytes];
            prop_assert_eq!(mended(&given, piece), mended(&given, usize::MAX));
        }
    }
}
