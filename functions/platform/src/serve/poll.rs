//! A poll that a stop does not leave behind.

use std::{pin::pin, time::Duration};

use contract::Stage;
use futures_util::FutureExt as _;

use crate::{
    batch::hide,
    error::QueueError,
    ports::{Delivered, Queue},
};

/// How long a message that is given back stays hidden.
const GIVE_BACK: Duration = Duration::from_secs(1);

/// Receives up to `most` messages and waits up to `wait` for the first one, or returns `None` once `stopped` is ready.
///
/// A server that does not notice that its client has gone still answers a poll, and hides the messages until their
/// visibility time-out. So a stop awaits the poll that is under way, and gives back what it brings.
///
/// # Errors
/// When the queue cannot be reached, unless it is to stop.
pub async fn poll(
    queue: &dyn Queue,
    (stage, most, wait): (Stage, usize, Duration),
    stopped: impl Future<Output = ()>,
) -> Result<Option<Vec<Delivered>>, QueueError> {
    let mut stopped = pin!(stopped);
    if stopped.as_mut().now_or_never().is_some() {
        return Ok(None);
    }
    let mut receiving = pin!(queue.receive(stage, most, wait));
    tokio::select! {
        biased;
        () = stopped => {}
        batch = receiving.as_mut() => return batch.map(Some),
    }
    // A queue that is away has hidden nothing.
    for delivered in receiving.await.unwrap_or_default() {
        give_back(queue, stage, &delivered).await;
    }
    Ok(None)
}

/// Makes a message visible soon, whatever its handler has hidden it for.
pub async fn give_back(queue: &dyn Queue, stage: Stage, delivered: &Delivered) {
    hide(queue, stage, &delivered.handle, GIVE_BACK).await;
}
