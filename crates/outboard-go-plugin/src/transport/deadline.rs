//! When a call has waited long enough: the caller's own deadline, or a limit on
//! silence where the caller set none.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::HeaderMap;
use tokio::time::{Instant, Sleep};
use tonic::{Code, Status};

/// The header in which gRPC says how long a caller is willing to wait.
pub(super) const TIMEOUT_HEADER: &str = "grpc-timeout";

/// Reads `grpc-timeout`: at most eight digits and a unit. Anything else counts
/// as absent, as grpc-go treats it for peers that send none.
pub(super) fn timeout_from(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(TIMEOUT_HEADER)?.to_str().ok()?;
    let unit = text.chars().next_back()?;
    let digits = &text[..text.len() - unit.len_utf8()];
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value: u64 = digits.parse().ok()?;
    Some(match unit {
        'H' => Duration::from_secs(value * 3600),
        'M' => Duration::from_secs(value * 60),
        'S' => Duration::from_secs(value),
        'm' => Duration::from_millis(value),
        'u' => Duration::from_micros(value),
        'n' => Duration::from_nanos(value),
        _ => return None,
    })
}

#[derive(Debug, Clone, Copy)]
enum Limit {
    /// The whole call, until this instant.
    Total { until: Instant, allowed: Duration },
    /// Each wait for a sign of life.
    Idle(Duration),
}

/// Tells a waiting call when to give up. The timer exists only while waiting.
#[derive(Debug)]
pub(super) struct Deadline {
    limit: Option<Limit>,
    sleep: Option<Pin<Box<Sleep>>>,
    waiting: bool,
}

impl Deadline {
    pub(super) fn new(total: Option<Duration>, idle: Option<Duration>) -> Self {
        let limit = match (total, idle) {
            // Far beyond any real deadline the clock itself would overflow.
            (Some(allowed), _) => Instant::now()
                .checked_add(allowed)
                .map(|until| Limit::Total { until, allowed }),
            (None, Some(idle)) => Some(Limit::Idle(idle)),
            (None, None) => None,
        };
        Deadline {
            limit,
            sleep: None,
            waiting: false,
        }
    }

    /// Notes a sign of life, from which the next idle wait counts.
    pub(super) fn progress(&mut self) {
        self.waiting = false;
    }

    /// What a call that failed so has failed of. A peer knows the deadline too, and
    /// its reset may be here before our timer, which is up to a tick late.
    pub(super) fn cause(&self, status: Status) -> Status {
        match self.limit {
            Some(Limit::Total { until, allowed })
                if status.code() == Code::Cancelled && Instant::now() >= until =>
            {
                too_late(allowed)
            }
            _ => status,
        }
    }

    /// Ready with the status to fail with once the limit has passed.
    pub(super) fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<Status> {
        let Some(limit) = self.limit else {
            return Poll::Pending;
        };
        if !self.waiting {
            self.waiting = true;
            match (limit, &mut self.sleep) {
                (Limit::Total { until, .. }, None) => {
                    self.sleep = Some(Box::pin(tokio::time::sleep_until(until)));
                }
                (Limit::Total { .. }, Some(_)) => {}
                (Limit::Idle(idle), None) => {
                    self.sleep = Some(Box::pin(tokio::time::sleep(idle)));
                }
                (Limit::Idle(idle), Some(sleep)) => sleep.as_mut().reset(Instant::now() + idle),
            }
        }
        let Some(sleep) = &mut self.sleep else {
            return Poll::Pending;
        };
        sleep.as_mut().poll(cx).map(|()| match limit {
            Limit::Total { allowed, .. } => too_late(allowed),
            Limit::Idle(idle) => {
                Status::deadline_exceeded(format!("no sign of life from the peer for {idle:?}"))
            }
        })
    }
}

fn too_late(allowed: Duration) -> Status {
    Status::deadline_exceeded(format!("no answer within the deadline of {allowed:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(TIMEOUT_HEADER, text.parse().expect("a header value"));
        timeout_from(&headers)
    }

    #[test]
    fn timeouts_are_read_in_every_unit() {
        assert_eq!(parsed("2H"), Some(Duration::from_secs(7200)));
        assert_eq!(parsed("3M"), Some(Duration::from_secs(180)));
        assert_eq!(parsed("5S"), Some(Duration::from_secs(5)));
        assert_eq!(parsed("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parsed("99999999u"), Some(Duration::from_micros(99_999_999)));
        assert_eq!(parsed("7n"), Some(Duration::from_nanos(7)));
    }

    #[test]
    fn malformed_timeouts_count_as_absent() {
        for text in ["", "S", "5", "5s", "-5S", "123456789S", "5 S", "1.5S"] {
            assert_eq!(parsed(text), None, "{text:?}");
        }
        assert_eq!(timeout_from(&HeaderMap::new()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_gives_up_at_the_deadline_has_met_the_deadline() {
        let deadline = Deadline::new(Some(Duration::from_secs(10)), None);
        let cause = |status| deadline.cause(status).code();
        assert_eq!(cause(Status::cancelled("")), Code::Cancelled);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(cause(Status::cancelled("")), Code::DeadlineExceeded);
        assert_eq!(cause(Status::unavailable("")), Code::Unavailable);
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_limit_starts_again_after_progress() {
        let mut deadline = Deadline::new(None, Some(Duration::from_secs(10)));
        let mut poll = || {
            let waker = std::task::Waker::noop();
            deadline.poll_expired(&mut Context::from_waker(waker))
        };
        assert!(poll().is_pending());
        tokio::time::advance(Duration::from_secs(9)).await;
        assert!(poll().is_pending());
        deadline.progress();
        let mut poll = || {
            let waker = std::task::Waker::noop();
            deadline.poll_expired(&mut Context::from_waker(waker))
        };
        assert!(poll().is_pending());
        tokio::time::advance(Duration::from_secs(9)).await;
        assert!(poll().is_pending());
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(poll().is_ready());
    }
}
