//! Sends what comes next.

use std::time::Duration;

use contract::{Message, Next, Spec};

use super::about::About;
use crate::{
    class::Classify,
    documents,
    error::{QueueError, StoreError, chain},
    host::Platform,
    ledger::{Ledger, Nonce, StoredLedger, Trigger, swap, transition},
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
    let About::Job(job) = about else { return Ok(()) };
    let same = next
        .template
        .as_ref()
        .is_some_and(|template| template.spec() == job.message.stage.spec());
    let walk = Walk {
        trace: job.message.trace.clone(),
        again: job.message.again,
    };
    // A champion of an earlier round forecasts under its own spec.
    let messages = walk.messages(next, same.then_some(&*job.spec), platform).await;
    let messages = messages.map_err(|error| Box::new(error) as Box<dyn Classify>)?;
    let sent = send_all(&messages, platform).await;
    sent.map_err(|error| Box::new(error) as Box<dyn Classify>)
}

/// Sends messages, which are all for one stage.
pub(super) async fn send_all(messages: &[Message], platform: &Platform) -> Result<(), QueueError> {
    let Some(stage) = messages.first().map(|message| message.stage.stage()) else {
        return Ok(());
    };
    let bodies: Vec<String> = messages.iter().map(Message::to_json).collect();
    tracing::debug!(to = %stage, messages = bodies.len(), "sending");
    platform.outbox.send(stage, &bodies).await
}

/// What the messages of one walk have in common.
pub(super) struct Walk {
    trace: String,
    again: bool,
}

impl Walk {
    /// Returns the walk of a job that was claimed before. A ledger of earlier code does not name its trace; then the job
    /// stands for it.
    pub(super) fn of(ledger: &Ledger) -> Self {
        match &ledger.trigger {
            Some(Trigger::Message(message)) => Self {
                trace: message.trace.clone(),
                again: message.again,
            },
            Some(Trigger::Upload(_)) | None => Self {
                trace: ledger.job.hex()[..32].to_owned(),
                again: false,
            },
        }
    }

    /// Returns the messages of `next`, written out. `spec` is that of its template; without one it is read.
    pub(super) async fn messages(
        &self,
        next: &Next,
        spec: Option<&Spec>,
        platform: &Platform,
    ) -> Result<Vec<Message>, StoreError> {
        let Some(template) = &next.template else {
            return Ok(Vec::new());
        };
        let mut messages = if let Some(spec) = spec {
            next.messages(spec, &self.trace)
        } else {
            let spec = documents::read_spec(platform.store.as_ref(), template.dataset(), template.spec()).await?;
            next.messages(&spec, &self.trace)
        };
        for message in &mut messages {
            message.again = self.again;
        }
        Ok(messages)
    }
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
