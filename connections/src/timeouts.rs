//! How long clients may take to send the head of a request and each 4 KiB of its body.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep};

/// Bytes of a body that must come within one [`Timeouts::body`].
const STRETCH: usize = 4 << 10;

/// How long clients may take before they are cut off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timeouts {
    /// For the head of a request, and between two requests on one connection. 2 minutes by default.
    pub headers: Duration,
    /// For each 4 KiB of a body, or for the rest of it. Only the time in which the server waits for the client counts,
    /// so a large body that makes progress may take as long as it needs. 1 minute by default.
    pub body: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            // Longer than clients keep an idle connection, so that it is the client that closes it.
            headers: Duration::from_mins(2),
            body: Duration::from_mins(1),
        }
    }
}

const TEXT: &str = "the client sent less than";

/// The client sent too little of its body for too long.
#[derive(Debug, thiserror::Error)]
#[error("{TEXT} {STRETCH} bytes of its body in {}s", limit.as_secs_f64())]
pub struct TooSlow {
    limit: Duration,
}

impl TooSlow {
    /// Returns whether an error of a body has this cause. Readers of bodies wrap errors, and some wrappers keep the
    /// cause only in their text.
    #[must_use]
    pub fn is_cause_of(error: &(dyn std::error::Error + 'static)) -> bool {
        std::iter::successors(Some(error), |error| error.source())
            .any(|error| error.is::<Self>() || error.to_string().contains(TEXT))
    }
}

/// Any error of a body.
type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A body whose client is cut off when it is too slow.
pub(crate) struct TimedBody {
    inner: Incoming,
    pace: Pace,
    /// Whether the whole body was read.
    ended: Arc<AtomicBool>,
    /// Set while the server waits for the client.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl TimedBody {
    pub(crate) fn new(inner: Incoming, limit: Duration) -> Self {
        Self {
            ended: Arc::new(AtomicBool::new(inner.is_end_stream())),
            inner,
            pace: Pace::new(limit),
            waiting: None,
        }
    }

    /// Returns a flag that says whether the whole body was read, and that outlives the body.
    pub(crate) fn ended(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.ended)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "waits for a client, whose time is not ours to inject; tests give a short limit"
    )]
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let left = self.pace.left();
        let (_, over) = self
            .waiting
            .get_or_insert_with(|| (Instant::now(), Box::pin(tokio::time::sleep(left))));
        over.as_mut().poll(cx)
    }
}

impl Body for TimedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) {
            if let Some((since, _)) = self.waiting.take() {
                self.pace.waited(since.elapsed());
            }
            if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
                self.pace.received(data.len());
            }
            if frame.is_none() || self.inner.is_end_stream() {
                self.ended.store(true, Ordering::Release);
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        self.wait(cx).map(|()| {
            let limit = self.pace.limit;
            Some(Err(TooSlow { limit }.into()))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// How fast a body arrives.
struct Pace {
    limit: Duration,
    /// How long the server has waited since the last complete 4 KiB.
    waited: Duration,
    received: usize,
}

impl Pace {
    fn new(limit: Duration) -> Self {
        Self {
            limit,
            waited: Duration::ZERO,
            received: 0,
        }
    }

    /// Returns how much longer the next bytes may take.
    fn left(&self) -> Duration {
        self.limit.saturating_sub(self.waited)
    }

    fn waited(&mut self, time: Duration) {
        self.waited += time;
    }

    fn received(&mut self, bytes: usize) {
        self.received += bytes;
        if self.received >= STRETCH {
            (self.waited, self.received) = (Duration::ZERO, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Returns whether a client that sends so many bytes each second is cut off within a day.
    fn is_cut_off(bytes_per_second: usize) -> bool {
        let mut pace = Pace::new(60 * SECOND);
        (0..86_400).any(|_| {
            pace.waited(SECOND);
            pace.received(bytes_per_second);
            pace.left() == Duration::ZERO
        })
    }

    #[test]
    fn a_body_that_makes_progress_takes_as_long_as_it_needs_and_a_dripping_one_is_cut_off() {
        for (bytes_per_second, expected) in [(0, true), (1, true), (60, true), (100, false), (1 << 20, false)] {
            assert_eq!(
                is_cut_off(bytes_per_second),
                expected,
                "{bytes_per_second} bytes a second"
            );
        }
    }

    #[test]
    fn time_in_which_the_server_was_busy_does_not_count() {
        let mut pace = Pace::new(60 * SECOND);
        pace.waited(59 * SECOND);
        pace.received(1);
        // However long the server took to come back.
        assert_eq!(pace.left(), SECOND);
        pace.received(STRETCH);
        assert_eq!(pace.left(), 60 * SECOND);
    }
}
