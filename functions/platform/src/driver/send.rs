//! Sends what comes next.

use std::time::Duration;

use contract::{Message, Next};

use super::about::About;
use crate::{
    class::Classify,
    documents,
    error::chain,
    host::Platform,
    ledger::{Nonce, StoredLedger, swap, transition},
};

/// For how long the write of the mark is retried.
const MARKING: Duration = Duration::from_secs(1);

/// Sends what the ledger says comes next. Some messages may be sent twice; their receivers notice.
pub(super) async fn send(about: About<'_>, found: &StoredLedger, platform: &Platform) -> Result<(), Box<dyn Classify>> {
    match &found.ledger.next {
        Some(next) => send_next(about, next, platform).await,
        None => Ok(()),
    }
}

/// Sends the messages of `next`.
pub(super) async fn send_next(about: About<'_>, next: &Next, platform: &Platform) -> Result<(), Box<dyn Classify>> {
    let Some((stage, messages)) = messages(about, next, platform).await? else {
        return Ok(());
    };
    let bodies: Vec<String> = messages.iter().map(Message::to_json).collect();
    tracing::debug!(to = %stage, messages = bodies.len(), "sending");
    platform
        .queue
        .send(stage, &bodies)
        .await
        .map_err(|error| Box::new(error) as Box<dyn Classify>)
}

async fn messages(
    about: About<'_>,
    next: &Next,
    platform: &Platform,
) -> Result<Option<(contract::Stage, Vec<Message>)>, Box<dyn Classify>> {
    let (About::Job(job), Some(template)) = (about, &next.template) else {
        return Ok(None);
    };
    let trace = &job.message.trace;
    let mut messages = if template.spec() == job.message.stage.spec() {
        next.messages(&job.spec, trace)
    } else {
        // A champion of an earlier round forecasts under its own spec.
        let spec = documents::read_spec(platform.store.as_ref(), template.dataset(), template.spec()).await;
        next.messages(&spec.map_err(|error| Box::new(error) as Box<dyn Classify>)?, trace)
    };
    for message in &mut messages {
        message.again = job.message.again;
    }
    Ok(Some((template.stage(), messages)))
}

/// Marks the ledger as sent. Best effort: without the mark another delivery sends again, once the lease is over.
pub(super) async fn mark(found: &StoredLedger, platform: &Platform) {
    let (store, clock) = (platform.store.as_ref(), platform.clock.as_ref());
    let marked = transition::mark_sent(&found.ledger, Nonce::fresh());
    let until = clock.monotonic() + MARKING;
    if let Err(error) = swap::write(store, clock, &marked, Some(&found.etag), until).await {
        tracing::debug!(error = chain(&error), "sent, but not marked as sent");
    }
}
