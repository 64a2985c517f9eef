//! Counts dead workers: an invocation that ends without an answer is an attempt of its jobs.
//!
//! A worker that is killed after its claim is counted when its lease is taken over. One that dies before it could claim
//! anything would be redelivered for ever, so the pump runs its batch with a stage that only fails.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use contract::{FailureKind, Next, Produced, Stage};
use platform::{Class, Classify, ErasedWork, Job, Platform, Retry, Worked};

use super::invoker::{Batch, batch};

/// How long to wait before a job whose worker died is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Returns the batch function that counts a dead worker. Takes the stage and the reason.
pub type Deaths = Arc<dyn Fn(Stage, String) -> Batch + Send + Sync>;

/// Counts dead workers in the ledgers of a platform.
pub(crate) fn deaths(platform: Platform) -> Deaths {
    Arc::new(move |stage, why| batch(Arc::new(Dead { stage, why }), platform.clone()))
}

/// A stage whose worker died.
struct Dead {
    stage: Stage,
    why: String,
}

/// A worker that died.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
struct Died {
    why: String,
}

#[async_trait]
impl ErasedWork for Dead {
    fn stage(&self) -> Stage {
        self.stage
    }

    async fn work(&self, _: &Job, _: &Platform) -> Result<Worked, Box<dyn Classify>> {
        Err(Box::new(self.died()))
    }

    async fn conclude(&self, _: &Job, _: &Produced, _: &Platform) -> Result<Next, Box<dyn Classify>> {
        Err(Box::new(self.died()))
    }
}

impl Dead {
    fn died(&self) -> Died {
        Died { why: self.why.clone() }
    }
}

impl Classify for Died {
    fn class(&self) -> Class {
        Class {
            retry: Retry::Later { after: Some(AGAIN) },
            ..Class::later(FailureKind::Exhausted)
        }
    }
}
