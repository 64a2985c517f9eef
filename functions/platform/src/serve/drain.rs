//! A process that empties a queue and ends: for jobs that a scaler starts.

use std::process::ExitCode;

use anyhow::Context as _;
use aws_lambda_events::sqs::{SqsEvent, SqsMessage};

use crate::{batch::handle_batch, error::chain, host::Platform, ports::Delivered, stop::Stop, work::ErasedWork};

/// How many polls in a row must be empty.
const EMPTY: u32 = 2;

/// Works on what a queue holds until two polls in a row were empty, or a stop is asked for. Exits 0: what failed or was
/// given back stands in the ledger and in the queue.
pub(super) async fn drain(work: &dyn ErasedWork, ending: &Stop, platform: &Platform) -> anyhow::Result<ExitCode> {
    let (stage, mut empty, mut handled) = (work.stage(), 0, 0_usize);
    while empty < EMPTY {
        let host = &platform.host;
        let receiving = platform.queue.receive(stage, host.threads.clamp(1, 10), host.poll);
        let batch = tokio::select! {
            () = ending.asked() => break,
            batch = receiving => batch.context("cannot receive from the queue")?,
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
        let response = handle_batch(work, event(&batch), &stop, platform).await;
        let again = |delivered: &Delivered| {
            let mut failures = response.batch_item_failures.iter();
            failures.any(|failure| failure.item_identifier == delivered.id)
        };
        for delivered in batch.iter().filter(|delivered| !again(delivered)) {
            if let Err(error) = platform.queue.delete(stage, &delivered.handle).await {
                // It comes again and finds its job committed.
                tracing::warn!(error = chain(&error), "cannot delete a message");
            }
        }
    }
    tracing::info!(stage = stage.name(), handled, "the queue is drained");
    Ok(ExitCode::SUCCESS)
}

/// Returns the event that SQS would make of a batch.
fn event(batch: &[Delivered]) -> SqsEvent {
    let mut event = SqsEvent::default();
    event.records = batch.iter().map(record).collect();
    event
}

fn record(delivered: &Delivered) -> SqsMessage {
    let mut record = SqsMessage::default();
    record.message_id = Some(delivered.id.clone());
    record.receipt_handle = Some(delivered.handle.clone());
    record.body = Some(delivered.body.clone());
    let count = delivered.receive_count.to_string();
    record.attributes.insert("ApproximateReceiveCount".to_owned(), count);
    if let Some(sent) = delivered.sent {
        record
            .attributes
            .insert("SentTimestamp".to_owned(), (sent * 1_000).to_string());
    }
    record
}
