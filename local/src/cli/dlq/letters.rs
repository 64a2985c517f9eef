//! Dead letters: messages in dead-letter queues, and bodies under `dead/`.

use std::{sync::Arc, time::Duration};

use contract::{Dataset, Dead, JobId, MemberName, Stage, keys};
use futures_util::future::try_join_all;
use platform::{Platform, Queue, QueueError, StoreError, bucket, documents, error::chain, event::Body, walk};
use serde::Serialize;

/// How long a queue is asked for messages: an answer without any is only an answer after a while.
const WAIT: Duration = Duration::from_secs(1);

/// All dead letters. Those of queues are hidden from others until they are given back.
pub(super) struct Letters {
    pub letters: Vec<Letter>,
    pub queue: Option<Arc<dyn Queue>>,
}

/// One dead letter.
#[derive(Clone)]
pub(super) struct Letter {
    /// The queue's id of the message, or the digest of the body under `dead/`.
    pub id: String,
    pub place: Place,
    pub body: String,
    pub about: About,
    /// When it was sent or came, RFC 3339 UTC; `None` where the queue does not say it.
    pub at: Option<String>,
    /// How often it was received; `None` for a body under `dead/`.
    pub received: Option<u32>,
    /// Why it was set aside; `None` for one that was received too often.
    pub reason: Option<String>,
}

/// Where a dead letter is kept.
#[derive(Clone)]
pub(super) enum Place {
    Queue { stage: Stage, handle: String },
    Bucket { key: String },
}

/// What the body of a dead letter is.
#[derive(Clone, Serialize)]
#[serde(untagged)]
pub(super) enum About {
    Message {
        stage: Stage,
        job: JobId,
        dataset: Dataset,
        hop: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        model: Option<MemberName>,
    },
    Uploads {
        uploads: Vec<UploadKey>,
    },
    Unreadable {
        unreadable: String,
    },
}

/// An uploaded object, as an event names it.
#[derive(Clone, Serialize)]
pub(super) struct UploadKey {
    pub bucket: String,
    pub key: String,
}

impl Letters {
    /// Collects all dead letters.
    ///
    /// # Errors
    /// When the store or a queue does not answer.
    pub(super) async fn collect(platform: &Platform) -> anyhow::Result<Self> {
        let queue = platform.queue.dead_letters();
        let mut letters = Vec::new();
        if let Some(queue) = &queue {
            let stages = Stage::ALL.map(|stage| of_queue(stage, queue.as_ref()));
            letters.extend(try_join_all(stages).await?.into_iter().flatten());
        }
        for key in bucket::list(platform.store.as_ref(), keys::DEAD).await? {
            letters.extend(of_bucket(key, platform).await?);
        }
        Ok(Self { letters, queue })
    }

    /// Makes all letters visible again and returns them.
    pub(super) async fn give_back(self) -> Vec<Letter> {
        for letter in &self.letters {
            self.release(letter).await;
        }
        self.letters
    }

    /// Makes a letter visible again. Best effort: it becomes visible by itself after a while.
    pub(super) async fn release(&self, letter: &Letter) {
        if let (Some(queue), Place::Queue { stage, handle }) = (&self.queue, &letter.place)
            && let Err(error) = queue.extend(*stage, handle, Duration::ZERO).await
        {
            tracing::debug!(%error, "a dead letter stays hidden for a while");
        }
    }
}

async fn of_queue(stage: Stage, queue: &dyn Queue) -> Result<Vec<Letter>, QueueError> {
    let mut letters = Vec::new();
    loop {
        let received = match queue.receive(stage, 10, WAIT).await {
            Ok(received) => received,
            // A stage without a dead-letter queue sets nothing aside.
            Err(QueueError::NoQueue { .. }) => return Ok(letters),
            Err(error) => return Err(error),
        };
        if received.is_empty() {
            return Ok(letters);
        }
        letters.extend(received.into_iter().map(|delivered| Letter {
            id: delivered.id,
            about: About::of(&delivered.body),
            body: delivered.body,
            at: delivered.sent.map(series::rfc3339),
            // Those of looking at it here count too.
            received: Some(delivered.receive_count),
            reason: None,
            place: Place::Queue {
                stage,
                handle: delivered.handle,
            },
        }));
    }
}

/// Reads a body under `dead/`; `None` when it is gone.
async fn of_bucket(key: String, platform: &Platform) -> Result<Option<Letter>, StoreError> {
    let found = documents::read::<Dead>(platform.store.as_ref(), &key).await?;
    Ok(found.map(|(dead, _)| Letter {
        id: key.trim_start_matches(keys::DEAD).trim_end_matches(".json").to_owned(),
        about: About::of(&dead.body),
        body: dead.body,
        at: Some(dead.at),
        received: None,
        reason: Some(dead.reason),
        place: Place::Bucket { key },
    }))
}

/// Returns why a letter was set aside: what its host said, or how its job failed; `None` where neither is known.
///
/// # Errors
/// When the store does not answer.
pub(super) async fn failure(letter: &Letter, platform: &Platform) -> Result<Option<String>, StoreError> {
    if let Some(reason) = &letter.reason {
        return Ok(Some(reason.clone()));
    }
    let job = match &letter.about {
        About::Message { job, .. } => *job,
        About::Unreadable { unreadable } => return Ok(Some(unreadable.clone())),
        About::Uploads { .. } => return Ok(None),
    };
    let ledger = match walk::ledger(platform.store.as_ref(), job).await {
        Ok(ledger) => ledger,
        Err(error @ (StoreError::Damaged { .. } | StoreError::Newer { .. })) => return Ok(Some(chain(&error))),
        Err(error) => return Err(error),
    };
    Ok(ledger.and_then(|ledger| ledger.failure).map(|failure| failure.message))
}

impl Letter {
    /// Returns the stage that the letter is for; `None` when its body does not say it.
    pub(super) fn stage(&self) -> Option<Stage> {
        match (&self.place, &self.about) {
            (Place::Queue { stage, .. }, _) | (Place::Bucket { .. }, About::Message { stage, .. }) => Some(*stage),
            (Place::Bucket { .. }, About::Uploads { .. }) => Some(Stage::Preprocess),
            (Place::Bucket { .. }, About::Unreadable { .. }) => None,
        }
    }
}

impl About {
    fn of(body: &str) -> Self {
        match Body::parse(body) {
            Ok(Body::Message(message)) => Self::Message {
                stage: message.stage.stage(),
                job: message.job,
                dataset: message.stage.dataset().clone(),
                hop: message.hop,
                model: message.stage.member().cloned(),
            },
            Ok(Body::Uploads(created)) => Self::Uploads {
                uploads: created
                    .into_iter()
                    .map(|one| UploadKey {
                        bucket: one.bucket,
                        key: one.key,
                    })
                    .collect(),
            },
            Ok(Body::Test) => Self::Uploads { uploads: Vec::new() },
            Err(error) => Self::Unreadable {
                unreadable: chain(&error),
            },
        }
    }
}
