//! A poll that a stop does not leave behind.

use std::{pin::pin, time::Duration};

use contract::Stage;

use crate::{
    error::{QueueError, chain},
    ports::{Delivered, Queue},
};

/// How long a message that nobody worked on stays hidden.
const GIVE_BACK: Duration = Duration::from_secs(1);

/// Receives up to `most` messages and waits up to `wait` for the first one, or returns `None` once `stopped` is ready.
///
/// A server that does not notice that its client has gone still answers a poll, and hides the messages until their
/// visibility time-out. So a stop awaits the poll that is under way, and gives back what it brings.
///
/// # Errors
/// When the queue cannot be reached.
pub async fn poll(
    queue: &dyn Queue,
    (stage, most, wait): (Stage, usize, Duration),
    stopped: impl Future<Output = ()>,
) -> Result<Option<Vec<Delivered>>, QueueError> {
    let mut receiving = pin!(queue.receive(stage, most, wait));
    tokio::select! {
        biased;
        () = stopped => {}
        batch = receiving.as_mut() => return batch.map(Some),
    }
    for delivered in receiving.await? {
        if let Err(error) = queue.extend(stage, &delivered.handle, GIVE_BACK).await {
            tracing::debug!(
                stage = stage.name(),
                error = chain(&error),
                "cannot give a message back"
            );
        }
    }
    Ok(None)
}
