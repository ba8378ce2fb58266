//! The trace that work belongs to, from one process to the next, as [W3C Trace Context]
//! has it.
//!
//! ```text
//! traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
//!              │  │                                │                └ flags: 01 sampled
//!              │  └ the trace's id                 └ the id of who calls
//!              └ version
//! tracestate: what others want to be handed on, as it came
//! ```
//!
//! On one side of a call it is the [current] trace of the task, on the way it is
//! the metadata `traceparent` and `tracestate` of the request, and on the other side the
//! task's current trace again: [`carry`] puts it there and [`of`] takes it out. Where
//! there is none, nothing is sent, and a call costs one look at the task.
//!
//! A task that is spawned knows nothing of the trace of the one that spawned it; see
//! [`with_current`].
//!
//! [W3C Trace Context]: https://www.w3.org/TR/trace-context/

use std::{
    collections::hash_map::RandomState,
    fmt,
    future::Future,
    hash::{BuildHasher as _, Hasher as _},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use tonic::metadata::{MetadataMap, MetadataValue};

/// The name of the header and of the metadata that says which trace.
pub const TRACEPARENT: &str = "traceparent";
/// The name of those that hand on what others have said.
pub const TRACESTATE: &str = "tracestate";

/// How long a `traceparent` of the version that we write is.
const LENGTH: usize = 55;
/// The longest `tracestate` that is handed on, and how many members it may have. Both are
/// what everybody must be able to carry.
const MAX_STATE: usize = 512;
const MAX_MEMBERS: usize = 32;
/// The flags that have a meaning: sampled, and a random trace id.
const KNOWN_FLAGS: u8 = 0b11;

tokio::task_local! {
    static CURRENT: TraceContext;
}

/// Which trace some work belongs to, and as what.
#[derive(Clone, PartialEq, Eq)]
pub struct TraceContext {
    trace: [u8; 16],
    span: [u8; 8],
    flags: u8,
    state: Option<Arc<str>>,
}

impl TraceContext {
    /// Reads both headers. `None` where the first one is not as the standard says: then
    /// the second has no meaning either. A second one that is not is left out.
    ///
    /// ```
    /// use outboard_go_plugin::trace::TraceContext;
    ///
    /// let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    /// let caller = TraceContext::parse(text, None).ok_or("not read")?;
    /// assert_eq!(caller.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
    /// let ours = caller.child();
    /// assert_eq!(ours.trace_id(), caller.trace_id());
    /// assert_ne!(ours.span_id(), caller.span_id());
    /// # Ok::<(), &str>(())
    /// ```
    pub fn parse(traceparent: &str, tracestate: Option<&str>) -> Option<TraceContext> {
        let text = traceparent.as_bytes();
        let dashes = [2, 35, 52].iter().all(|at| text.get(*at) == Some(&b'-'));
        let [version] = hex(text.get(0..2)?)?;
        // A later version may say more, after another dash.
        let fits = match version {
            0 => text.len() == LENGTH,
            0xff => false,
            _ => text.len() == LENGTH || text.get(LENGTH) == Some(&b'-'),
        };
        if !dashes || !fits {
            return None;
        }
        let trace: [u8; 16] = hex(text.get(3..35)?)?;
        let span: [u8; 8] = hex(text.get(36..52)?)?;
        let [flags] = hex(text.get(53..55)?)?;
        if trace == [0; 16] || span == [0; 8] {
            return None;
        }
        Some(TraceContext {
            trace,
            span,
            flags: flags & KNOWN_FLAGS,
            state: tracestate
                .filter(|state| is_state(state))
                .map(|state| Arc::from(state.trim())),
        })
    }

    /// A new trace that begins here. Whoever records traces may record it: nobody said
    /// that it should.
    pub fn begin() -> TraceContext {
        let mut trace = [0; 16];
        trace[..8].copy_from_slice(&fresh());
        trace[8..].copy_from_slice(&fresh());
        TraceContext {
            trace,
            span: fresh(),
            flags: 0,
            state: None,
        }
    }

    /// The same trace for something that this work calls.
    #[must_use]
    pub fn child(&self) -> TraceContext {
        TraceContext {
            span: fresh(),
            ..self.clone()
        }
    }

    /// The trace's id, in 32 hexadecimal digits.
    pub fn trace_id(&self) -> String {
        written(&self.trace)
    }

    /// The id of this work in its trace, in 16 hexadecimal digits.
    pub fn span_id(&self) -> String {
        written(&self.span)
    }

    /// Whether whoever began the trace records it.
    pub fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    /// The value of `traceparent`.
    pub fn traceparent(&self) -> String {
        self.to_string()
    }

    /// The value of `tracestate`, if there is one.
    pub fn tracestate(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// `traceparent` without an allocation.
    fn written(&self) -> [u8; LENGTH] {
        let mut text = [b'-'; LENGTH];
        digits(&[0], &mut text[0..2]);
        digits(&self.trace, &mut text[3..35]);
        digits(&self.span, &mut text[36..52]);
        digits(&[self.flags], &mut text[53..55]);
        text
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.written() {
            fmt::Write::write_char(f, char::from(byte))?;
        }
        Ok(())
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceContext({self})")
    }
}

/// The trace that the task at hand works for, if it is known.
pub fn current() -> Option<TraceContext> {
    CURRENT.try_with(TraceContext::clone).ok()
}

/// Does the work as a part of this trace, or as it is where there is none.
pub async fn scope<F: Future>(trace: Option<TraceContext>, work: F) -> F::Output {
    match trace {
        Some(trace) => CURRENT.scope(trace, work).await,
        None => work.await,
    }
}

/// The work as a part of the trace that is current now, for a task of its own.
pub fn with_current<F: Future>(work: F) -> impl Future<Output = F::Output> {
    scope(current(), work)
}

/// Puts the current trace into the metadata of a call, as what this call is in it.
pub fn carry(metadata: &mut MetadataMap) {
    // An error: the task has none.
    let _ = CURRENT.try_with(|trace| {
        let call = TraceContext {
            span: fresh(),
            state: None,
            ..*trace
        };
        if let Ok(value) = MetadataValue::try_from(&call.written()[..]) {
            metadata.insert(TRACEPARENT, value);
        }
        if let Some(state) = &trace.state
            && let Ok(value) = MetadataValue::try_from(&**state)
        {
            metadata.insert(TRACESTATE, value);
        }
    });
}

/// The trace in the metadata of a call.
pub fn of(metadata: &MetadataMap) -> Option<TraceContext> {
    let parent = metadata.get(TRACEPARENT)?.to_str().ok()?;
    let state = metadata.get(TRACESTATE);
    TraceContext::parse(parent, state.and_then(|state| state.to_str().ok()))
}

/// An id that nothing else has: from a counter whose beginning is random, mixed so that
/// ids of neighbours do not look alike. This is SplitMix64.
fn fresh() -> [u8; 8] {
    static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| {
        // The only randomness that comes with the standard library.
        AtomicU64::new(RandomState::new().build_hasher().finish())
    });
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut value = NEXT.fetch_add(STEP, Ordering::Relaxed);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^= value >> 31;
    // Zeros mean that there is none.
    value.max(1).to_be_bytes()
}

/// Bytes from lower-case digits, twice as many as bytes.
fn hex<const BYTES: usize>(text: &[u8]) -> Option<[u8; BYTES]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    if text.len() != BYTES * 2 {
        return None;
    }
    let mut bytes = [0; BYTES];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

fn digits(bytes: &[u8], text: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (byte, pair) in bytes.iter().zip(text.chunks_exact_mut(2)) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}

fn written(bytes: &[u8]) -> String {
    let mut text = vec![0; bytes.len() * 2];
    digits(bytes, &mut text);
    text.into_iter().map(char::from).collect()
}

/// Whether a `tracestate` can be handed on as it is: members `key=value` between commas.
fn is_state(state: &str) -> bool {
    let key =
        |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@');
    let value = |byte: u8| matches!(byte, 0x20..=0x7e) && byte != b',' && byte != b'=';
    let mut members = 0;
    let fits = state.split(',').map(str::trim).all(|member| {
        if member.is_empty() {
            return true;
        }
        members += 1;
        member.split_once('=').is_some_and(|(name, text)| {
            !name.is_empty() && name.bytes().all(key) && !text.is_empty() && text.bytes().all(value)
        })
    });
    fits && state.len() <= MAX_STATE && (1..=MAX_MEMBERS).contains(&members)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_is_written_is_what_was_read() {
        let trace = TraceContext::parse(PARENT, Some(" a=1,b@c=2 ")).unwrap();
        assert_eq!(trace.traceparent(), PARENT);
        assert_eq!(trace.tracestate(), Some("a=1,b@c=2"));
        assert!(trace.is_sampled());
        assert_eq!(trace.span_id(), "00f067aa0ba902b7");
    }

    #[test]
    fn what_is_not_as_the_standard_says_begins_no_trace() {
        let zeros = "0".repeat(32);
        for text in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 ",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473ü-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.x",
            &format!("00-{zeros}-00f067aa0ba902b7-01"),
        ] {
            assert_eq!(TraceContext::parse(text, None), None, "{text}");
        }
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let text = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff-more";
        let trace = TraceContext::parse(text, None).unwrap();
        assert_eq!(
            trace.traceparent(),
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03"
        );
    }

    #[test]
    fn a_state_that_cannot_be_handed_on_is_left_out() {
        let many = vec!["a=1"; 33].join(",");
        let long = format!("a={}", "x".repeat(512));
        for state in ["", ",", "a", "A=1", "a=ü", "a=1\nb: 2", "=1", &many, &long] {
            let trace = TraceContext::parse(PARENT, Some(state)).unwrap();
            assert_eq!(trace.tracestate(), None, "{state}");
        }
    }

    #[test]
    fn ids_are_never_zeros_and_never_the_same() {
        let ids: std::collections::BTreeSet<_> = (0..10_000).map(|_| fresh()).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(!ids.contains(&[0; 8]));
        let (one, other) = (TraceContext::begin(), TraceContext::begin());
        assert_ne!(one.trace_id(), other.trace_id());
        assert!(TraceContext::parse(&one.traceparent(), None).is_some());
        assert!(!one.is_sampled());
    }

    #[tokio::test]
    async fn a_call_carries_the_trace_of_its_task_under_an_id_of_its_own() {
        let mut metadata = MetadataMap::new();
        carry(&mut metadata);
        assert!(
            metadata.is_empty(),
            "without a trace there is nothing to say"
        );
        let trace = TraceContext::parse(PARENT, Some("a=1")).unwrap();
        scope(Some(trace.clone()), async {
            let spawned = tokio::spawn(with_current(async { current() }));
            assert_eq!(spawned.await.unwrap(), Some(trace.clone()));
            carry(&mut metadata);
        })
        .await;
        let carried = of(&metadata).unwrap();
        assert_eq!(carried.trace_id(), trace.trace_id());
        assert_ne!(carried.span_id(), trace.span_id());
        assert_eq!(carried.tracestate(), Some("a=1"));
        assert!(carried.is_sampled());
        assert_eq!(current(), None);
        assert_eq!(scope(None, async { current() }).await, None);
    }
}
