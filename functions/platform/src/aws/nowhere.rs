use std::time::Duration;

use async_trait::async_trait;
use contract::Stage;

use super::NoRegion;
use crate::{
    error::QueueError,
    ports::{Delivered, Outbox, Queue},
};

/// The queues of a process that only reads the store, and does not know where they are.
pub(crate) struct NoQueues(pub(crate) NoRegion);

impl NoQueues {
    fn error(&self, stage: Stage) -> QueueError {
        QueueError::Unavailable {
            queue: format!("flits-{stage}"),
            source: Box::new(self.0.clone()),
        }
    }
}

#[async_trait]
impl Outbox for NoQueues {
    async fn send(&self, stage: Stage, _: &[String]) -> Result<(), QueueError> {
        Err(self.error(stage))
    }
}

#[async_trait]
impl Queue for NoQueues {
    async fn receive(&self, stage: Stage, _: usize, _: Duration) -> Result<Vec<Delivered>, QueueError> {
        Err(self.error(stage))
    }

    async fn delete(&self, stage: Stage, _: &str) -> Result<(), QueueError> {
        Err(self.error(stage))
    }

    async fn extend(&self, stage: Stage, _: &str, _: Duration) -> Result<(), QueueError> {
        Err(self.error(stage))
    }
}
