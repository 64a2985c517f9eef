//! When work must end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::select_all;
use tokio::sync::Notify;

use crate::ports::Clock;

/// Tells work when to stop: after a signal, at a deadline, or because the lease could not be renewed.
///
/// Cheap to ask and to clone, so that a fit can ask it at every batch.
#[derive(Clone)]
pub struct Stop(Arc<StopState>);

struct StopState {
    parent: Option<Stop>,
    clock: Option<Arc<dyn Clock>>,
    asked: AtomicBool,
    asking: Notify,
    /// Milliseconds on the monotonic clock.
    deadline_ms: AtomicU64,
}

impl Stop {
    /// Returns a stop without a deadline; it stops only when it is asked to.
    #[must_use]
    pub fn never() -> Self {
        Self(Arc::new(StopState {
            parent: None,
            clock: None,
            asked: AtomicBool::new(false),
            asking: Notify::new(),
            deadline_ms: AtomicU64::new(u64::MAX),
        }))
    }

    /// Returns a stop with a deadline on the monotonic clock.
    #[must_use]
    pub fn at(clock: Arc<dyn Clock>, deadline: Duration) -> Self {
        let stop = StopState {
            parent: None,
            clock: Some(clock),
            asked: AtomicBool::new(false),
            asking: Notify::new(),
            deadline_ms: AtomicU64::new(millis(deadline)),
        };
        Self(Arc::new(stop))
    }

    /// Returns a stop that stops with this one, or at a deadline of its own, which [`Stop::move_to`] can move.
    #[must_use]
    pub fn child(&self, clock: Arc<dyn Clock>, deadline: Duration) -> Self {
        let stop = StopState {
            parent: Some(self.clone()),
            clock: Some(clock),
            asked: AtomicBool::new(false),
            asking: Notify::new(),
            deadline_ms: AtomicU64::new(millis(deadline)),
        };
        Self(Arc::new(stop))
    }

    /// Asks to stop now.
    pub fn ask(&self) {
        self.0.asked.store(true, Ordering::SeqCst);
        self.0.asking.notify_waiters();
    }

    /// Waits until a stop is asked for. Deadlines do not count.
    pub async fn asked(&self) {
        let stops = std::iter::successors(Some(self), |stop| stop.0.parent.as_ref());
        select_all(stops.map(|stop| Box::pin(stop.asked_itself()))).await;
    }

    async fn asked_itself(&self) {
        // Registered before looking, so that a request in between is not missed.
        let mut asking = std::pin::pin!(self.0.asking.notified());
        asking.as_mut().enable();
        if !self.0.asked.load(Ordering::SeqCst) {
            asking.await;
        }
    }

    /// Moves the stop's own deadline, for example when a lease was renewed.
    pub fn move_to(&self, deadline: Duration) {
        self.0.deadline_ms.store(millis(deadline), Ordering::Relaxed);
    }

    /// Returns whether to stop now.
    #[must_use]
    pub fn should_stop(&self) -> bool {
        self.is_asked() || self.is_over()
    }

    /// Returns whether the deadline is over, whether or not a stop was asked for.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let own = self
            .0
            .clock
            .as_ref()
            .is_some_and(|clock| millis(clock.monotonic()) >= self.0.deadline_ms.load(Ordering::Relaxed));
        own || self.0.parent.as_ref().is_some_and(Stop::is_over)
    }

    /// Returns whether a stop was asked for, whether or not the deadline is over.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.0.asked.load(Ordering::Relaxed) || self.0.parent.as_ref().is_some_and(Stop::is_asked)
    }

    /// Returns the time until the deadline; `None` when there is no deadline, zero when it is time to stop.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        if self.should_stop() {
            return Some(Duration::ZERO);
        }
        let own = self.0.clock.as_ref().and_then(|clock| {
            let deadline = self.0.deadline_ms.load(Ordering::Relaxed);
            (deadline != u64::MAX).then(|| Duration::from_millis(deadline.saturating_sub(millis(clock.monotonic()))))
        });
        let inherited = self.0.parent.as_ref().and_then(Stop::remaining);
        own.into_iter().chain(inherited).min()
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
