//! The pump that plays Lambda: receives, invokes, deletes what succeeded.
//!
//! It makes the event that Lambda's own poller would make and keeps its contract: what a batch does not list as failed
//! is deleted, a batch that fails as a whole is given back. Everything else is decided by the functions and their
//! ledger. Start with [`Pump`]; the two ways of invoking are [`InProcess`] and [`Isolated`].

mod child;
mod command;
mod death;
mod event;
mod invoker;
mod isolated;
mod runtime_api;
mod workers;

use std::{sync::Arc, time::Duration};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use contract::Stage;
use platform::{Clock, Delivered, Queue, Stop, process};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

pub use self::{
    command::{CommandError, Commands},
    death::{Deaths, deaths},
    invoker::{Batch, Deadline, InProcess, InvokeError, Invoker, batch},
    isolated::{Environment, Isolated},
    workers::Workers,
};

/// How long one receive waits for a message; the longest that queues allow.
const POLL: Duration = Duration::from_secs(20);

/// After what time a batch that failed as a whole is delivered again.
const GIVE_BACK: Duration = Duration::from_secs(1);

/// How long to leave a queue alone that could not be reached.
const UNREACHABLE: Duration = Duration::from_secs(1);

/// What the pump needs to know of its surroundings.
#[derive(Clone)]
pub struct Pump {
    /// Where messages come from.
    pub queue: Arc<dyn Queue>,
    /// What runs them.
    pub invoker: Arc<dyn Invoker>,
    /// What counts an invocation that ended without an answer.
    pub deaths: Deaths,
    /// How many invocations may run at once.
    pub workers: Workers,
    /// How long one invocation may take.
    pub deadline: Duration,
    /// The region that events name.
    pub region: String,
    /// The clock to wait by.
    pub clock: Arc<dyn Clock>,
}

impl Pump {
    /// Pumps all stages until `stop` is cancelled.
    ///
    /// Then it receives no more, asks running invocations to end now, and returns when they have; what they did not
    /// finish is left in the queues.
    pub async fn run(self, stop: CancellationToken) {
        let mut stages = JoinSet::new();
        for stage in Stage::ALL {
            let (pump, stop) = (self.clone(), stop.clone());
            stages.spawn(async move { pump.stage(stage, &stop).await });
        }
        finish(&mut stages).await;
    }

    async fn stage(&self, stage: Stage, stop: &CancellationToken) {
        let free = Arc::new(Semaphore::new(self.workers.of(stage)));
        let mut running = JoinSet::new();
        while let Some(permit) = unless(stop, Arc::clone(&free).acquire_owned()).await {
            let Some(batch) = unless(stop, self.receive(stage)).await else {
                break;
            };
            // Finished ones are taken off the set, so that it does not grow.
            while running.try_join_next().is_some() {}
            if !batch.is_empty() {
                let (pump, stop) = (self.clone(), stop.clone());
                running.spawn(async move {
                    pump.work(stage, batch, stop).await;
                    drop(permit);
                });
            } else if running.is_empty() {
                // A whole poll without work: what the last one left free is given back.
                process::rest();
            }
        }
        finish(&mut running).await;
    }

    async fn receive(&self, stage: Stage) -> Vec<Delivered> {
        match self.queue.receive(stage, Workers::batch(stage), POLL).await {
            Ok(batch) => batch,
            Err(error) => {
                tracing::warn!(
                    stage = stage.name(),
                    error = &error as &dyn std::error::Error,
                    "cannot receive"
                );
                self.clock.sleep(UNREACHABLE).await;
                Vec::new()
            }
        }
    }

    /// Runs one batch and settles it.
    async fn work(&self, stage: Stage, batch: Vec<Delivered>, stop: CancellationToken) {
        let deadline = Deadline::after(self.deadline, stop.clone());
        let event = event::of(stage, &batch, &self.region);
        let error = match self.invoker.invoke(stage, event.clone(), &deadline).await {
            Ok(response) => return self.delete_succeeded(stage, &batch, &response).await,
            Err(error) => error,
        };
        tracing::warn!(
            stage = stage.name(),
            error = &error as &dyn std::error::Error,
            "an invocation failed"
        );
        // Asked to stop, it need not have failed by itself: nothing is counted.
        if !stop.is_cancelled()
            && let Some(response) = self.count(stage, event, error.to_string()).await
        {
            self.delete_succeeded(stage, &batch, &response).await;
        }
        // The handles of those that were deleted are void by now, so that only the others come again.
        for delivered in &batch {
            self.give_back(stage, delivered).await;
        }
    }

    async fn delete_succeeded(&self, stage: Stage, batch: &[Delivered], response: &SqsBatchResponse) {
        for delivered in event::succeeded(batch, response) {
            self.delete(stage, delivered).await;
        }
    }

    /// Counts an invocation that ended without an answer as an attempt of its jobs.
    async fn count(&self, stage: Stage, event: SqsEvent, why: String) -> Option<SqsBatchResponse> {
        let handler = (self.deaths)(stage, why);
        tokio::spawn(handler(event, Stop::never())).await.ok()
    }

    /// A deletion that fails is only a redelivery, which finds its job committed.
    async fn delete(&self, stage: Stage, delivered: &Delivered) {
        if let Err(error) = self.queue.delete(stage, &delivered.handle).await {
            tracing::warn!(
                stage = stage.name(),
                error = &error as &dyn std::error::Error,
                "cannot delete a message"
            );
        }
    }

    /// The handler may have hidden the message for as long as its lease; it is gone now, so the message need not wait.
    async fn give_back(&self, stage: Stage, delivered: &Delivered) {
        if let Err(error) = self.queue.extend(stage, &delivered.handle, GIVE_BACK).await {
            tracing::debug!(
                stage = stage.name(),
                error = &error as &dyn std::error::Error,
                "cannot give a message back"
            );
        }
    }
}

/// Gives the outcome, or none once `stop` is cancelled.
async fn unless<T>(stop: &CancellationToken, future: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = stop.cancelled() => None,
        outcome = future => Some(outcome),
    }
}

async fn finish(tasks: &mut JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(error = &error as &dyn std::error::Error, "a task of the pump panicked");
        }
    }
}
