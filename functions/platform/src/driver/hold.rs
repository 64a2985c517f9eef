//! Renews a lease while the work goes on.

use std::time::Duration;

use contract::Stage;
use tokio::{sync::oneshot, task::JoinHandle};

use super::claim::ClaimedLedger;
use crate::{
    error::{QueueError, chain},
    host::Platform,
    ledger::{
        Nonce, lease,
        swap::{self, SwapError},
        transition,
    },
    outcome::Delivery,
    stop::Stop,
};

/// A lease that is renewed on a task of its own, until it is ended or dropped.
pub(super) struct Lease {
    /// Stops with the invocation, or when the lease could not be renewed in time.
    ///
    /// A fit compares the moment with the clock whenever it asks, so this holds even when the runtime gives no task a
    /// turn.
    pub(super) stop: Stop,
    ending: oneshot::Sender<()>,
    renewal: JoinHandle<Option<ClaimedLedger>>,
}

impl Lease {
    /// Hides the message and starts the renewals.
    pub(super) fn start(held: ClaimedLedger, stage: Stage, delivery: &Delivery, platform: &Platform) -> Self {
        let stop = delivery.stop.child(platform.clock.clone(), held.until());
        let (ending, ended) = oneshot::channel();
        let keeper = Keeper {
            stage,
            delivery: delivery.clone(),
            platform: platform.clone(),
            stop: stop.clone(),
        };
        let renewal = tokio::spawn(keeper.keep(held, ended));
        Self { stop, ending, renewal }
    }

    /// Ends the renewals and returns the ledger as last written; `None` when the lease is lost.
    pub(super) async fn end(self) -> Option<ClaimedLedger> {
        // Waited for, not aborted: aborting a renewal in progress would leave the ledger's version unknown.
        let _ = self.ending.send(());
        self.renewal.await.ok().flatten()
    }
}

struct Keeper {
    stage: Stage,
    delivery: Delivery,
    platform: Platform,
    stop: Stop,
}

impl Keeper {
    async fn keep(self, mut held: ClaimedLedger, mut ended: oneshot::Receiver<()>) -> Option<ClaimedLedger> {
        let clock = self.platform.clock.clone();
        let lease = Duration::from_secs(held.ledger.lease_s);
        self.hide(lease).await;
        loop {
            let due = held.asked + lease::renew_every(lease);
            tokio::select! {
                biased;
                _ = &mut ended => break,
                () = clock.sleep(due.saturating_sub(clock.monotonic())) => {}
            }
            if self.delivery.stop.is_over() {
                // Work that ignores its deadline must not keep other workers away. The rest of the lease is for saving
                // what it has.
                tokio::select! {
                    biased;
                    _ = &mut ended => break,
                    () = clock.sleep(held.until().saturating_sub(clock.monotonic())) => return None,
                }
            }
            match self.renew(&held).await {
                Ok(renewed) => held = renewed,
                Err(error) => {
                    tracing::warn!(error = chain(&error), "lease is lost, the work stops");
                    self.stop.ask();
                    return None;
                }
            }
            self.hide(lease).await;
        }
        (clock.monotonic() < held.until()).then_some(held)
    }

    async fn renew(&self, held: &ClaimedLedger) -> Result<ClaimedLedger, SwapError> {
        let (store, clock) = (self.platform.store.as_ref(), self.platform.clock.as_ref());
        let ledger = transition::renew(&held.ledger, Nonce::fresh());
        let asked = clock.monotonic();
        let etag = swap::write(store, clock, &ledger, Some(&held.etag), held.until()).await?;
        let renewed = ClaimedLedger { ledger, etag, asked };
        self.stop.move_to(renewed.until());
        Ok(renewed)
    }

    /// Hides the message for as long as the lease may need. Best effort: a message that shows up too early finds a live
    /// lease.
    async fn hide(&self, lease: Duration) {
        let Some(handle) = &self.delivery.handle else { return };
        let hiding = self.platform.queue.extend(self.stage, handle, lease::visibility(lease));
        // A queue that does not answer must not delay the next renewal.
        let answer = tokio::select! {
            answer = hiding => answer,
            () = self.platform.clock.sleep(lease::renew_every(lease) / 2) => return,
        };
        match answer {
            Ok(()) | Err(QueueError::Stale { .. }) => {}
            Err(error) => tracing::warn!(error = chain(&error), "cannot hide the message for longer"),
        }
    }
}
