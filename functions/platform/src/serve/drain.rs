//! A process that empties a queue and ends: for jobs that a scaler starts.

use std::process::ExitCode;

use anyhow::Context as _;

use super::{poll::poll, received};
use crate::{batch::handle_batch, error::chain, host::Platform, stop::Stop, work::ErasedWork};

/// How many polls in a row must be empty.
const EMPTY: u32 = 2;

/// Works on what a queue holds until two polls in a row were empty, or a stop is asked for. Exits 0: what failed or was
/// given back stands in the ledger and in the queue.
pub(super) async fn drain(work: &dyn ErasedWork, ending: &Stop, platform: &Platform) -> anyhow::Result<ExitCode> {
    let (stage, mut empty, mut handled) = (work.stage(), 0, 0_usize);
    while empty < EMPTY {
        let host = &platform.host;
        let most = host.threads.clamp(1, 10);
        let polled = poll(&*platform.queue, (stage, most, host.poll), ending.asked()).await;
        let Some(batch) = polled.context("cannot receive from the queue")? else {
            break;
        };
        if batch.is_empty() {
            empty += 1;
            continue;
        }
        empty = 0;
        handled += batch.len();
        let clock = platform.clock.clone();
        let deadline = clock.monotonic() + platform.host.deadline;
        let stop = ending.child(clock, deadline);
        let response = handle_batch(work, received::event_of(&batch), &stop, platform).await;
        for delivered in received::succeeded(&batch, &response) {
            if let Err(error) = platform.queue.delete(stage, &delivered.handle).await {
                // It comes again and finds its job committed.
                tracing::warn!(error = chain(&error), "cannot delete a message");
            }
        }
    }
    tracing::info!(stage = stage.name(), handled, "the queue is drained");
    Ok(ExitCode::SUCCESS)
}
