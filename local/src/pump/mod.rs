//! The pump that plays Lambda: receives, invokes, deletes what succeeded.
//!
//! It makes the event that Lambda's poller makes and keeps its contract: messages that an answer does not list as
//! failed are deleted, and a batch that fails as a whole is given back. The functions and their ledger decide
//! everything else. Start with [`Pump`]; the ways of invoking are [`InProcess`], [`Isolated`] and [`Posting`].

mod child;
mod command;
mod death;
mod event;
mod invoker;
mod isolated;
mod posting;
mod runtime_api;
mod workers;

use std::{sync::Arc, time::Duration};

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use contract::Stage;
use platform::{
    Clock, Delivered, Queue, Stop, process,
    serve::{give_back, poll, succeeded},
};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

pub(crate) use self::{command::BUILD, death::deaths, invoker::batch};
pub use self::{
    command::{CommandError, Commands},
    death::Deaths,
    invoker::{Batch, Deadline, InProcess, InvokeError, Invoker},
    isolated::{Environment, Isolated},
    posting::{Addresses, Posting},
    workers::Workers,
};

/// The longest poll that queues allow.
const LONGEST_POLL: Duration = Duration::from_secs(20);

/// How long to wait after a queue could not be reached. It doubles each time.
const UNREACHABLE: Duration = Duration::from_secs(1);

/// The longest such wait.
const LONGEST_UNREACHABLE: Duration = Duration::from_secs(8);

/// How the pump waits at its queues.
#[derive(Clone, Copy, Debug)]
pub enum Polls {
    /// Polls wait as long as queues allow, and a stop leaves them at once. For queues that forget a poll whose client has
    /// gone, as the embedded ones do.
    Left,
    /// Polls wait for this time, and a stop [awaits](poll) those that are under way. For all other queues.
    Awaited(Duration),
}

/// What the pump works with.
#[derive(Clone)]
pub struct Pump {
    /// The stages whose queues are emptied.
    pub stages: Vec<Stage>,
    /// The queues to receive from.
    pub queue: Arc<dyn Queue>,
    /// How it waits at them.
    pub polls: Polls,
    /// What runs the batches.
    pub invoker: Arc<dyn Invoker>,
    /// What counts invocations that ended without an answer.
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
    /// Pumps its stages until `stop` is cancelled.
    ///
    /// Then it receives no more, asks running invocations to stop, and returns when they and awaited [polls](Polls) have
    /// ended. What they did not finish stays in the queues.
    pub async fn run(self, stop: CancellationToken) {
        let mut stages = JoinSet::new();
        for stage in self.stages.clone() {
            let (pump, stop) = (self.clone(), stop.clone());
            stages.spawn(async move { pump.stage(stage, &stop).await });
        }
        finish(&mut stages).await;
    }

    async fn stage(&self, stage: Stage, stop: &CancellationToken) {
        let free = Arc::new(Semaphore::new(self.workers.of(stage)));
        let mut running = JoinSet::new();
        let mut pause = UNREACHABLE;
        while let Some(permit) = unless(stop, Arc::clone(&free).acquire_owned()).await {
            let Some(batch) = self.poll(stage, stop, &mut pause).await else {
                break;
            };
            // Finished ones are removed, so that the set does not grow.
            while running.try_join_next().is_some() {}
            if !batch.is_empty() {
                let (pump, stop) = (self.clone(), stop.clone());
                running.spawn(async move {
                    pump.work(stage, batch, stop).await;
                    drop(permit);
                });
            } else if running.is_empty() {
                // A whole poll without work: what the last one left free is given back.
                process::release_memory();
            }
        }
        finish(&mut running).await;
    }

    /// Receives, or returns `None` once `stop` is cancelled. Waits for `pause` where the queue cannot be reached.
    async fn poll(&self, stage: Stage, stop: &CancellationToken, pause: &mut Duration) -> Option<Vec<Delivered>> {
        let (queue, most) = (&*self.queue, Workers::batch(stage));
        let polled = match self.polls {
            Polls::Left => unless(stop, queue.receive(stage, most, LONGEST_POLL)).await.transpose(),
            Polls::Awaited(wait) => poll(queue, (stage, most, wait), stop.cancelled()).await,
        };
        match polled {
            Ok(batch) => {
                *pause = UNREACHABLE;
                batch
            }
            Err(error) => {
                tracing::warn!(
                    stage = stage.name(),
                    error = &error as &dyn std::error::Error,
                    "cannot receive"
                );
                unless(stop, self.clock.sleep(*pause)).await?;
                *pause = (*pause * 2).min(LONGEST_UNREACHABLE);
                Some(Vec::new())
            }
        }
    }

    /// Runs one batch, then deletes its messages or gives them back.
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
        // After a request to stop it may have failed because of that, so nothing is counted.
        if !stop.is_cancelled()
            && let Some(response) = self.count(stage, event, error.to_string()).await
        {
            self.delete_succeeded(stage, &batch, &response).await;
        }
        // The handles of deleted messages are no longer valid, so only the others are delivered again.
        for delivered in &batch {
            give_back(&*self.queue, stage, delivered).await;
        }
    }

    async fn delete_succeeded(&self, stage: Stage, batch: &[Delivered], response: &SqsBatchResponse) {
        for delivered in succeeded(batch, response) {
            self.delete(stage, delivered).await;
        }
    }

    /// Counts an invocation that ended without an answer as an attempt of its jobs.
    async fn count(&self, stage: Stage, event: SqsEvent, why: String) -> Option<SqsBatchResponse> {
        let handler = (self.deaths)(stage, why);
        tokio::spawn(handler(event, Stop::never())).await.ok()
    }

    /// Deletes a message. When that fails it is delivered again and finds its job committed.
    async fn delete(&self, stage: Stage, delivered: &Delivered) {
        if let Err(error) = self.queue.delete(stage, &delivered.handle).await {
            tracing::warn!(
                stage = stage.name(),
                error = &error as &dyn std::error::Error,
                "cannot delete a message"
            );
        }
    }
}

/// Returns the outcome, or `None` once `stop` is cancelled.
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
