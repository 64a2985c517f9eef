//! The front door: from an object in the bucket to a `preprocess` job.
//!
//! The key is already decoded. This module checks the bucket and the dataset, writes the receipt of the newest object
//! at the key, and resolves the spec. For an upload that is admitted it writes `resolved/…` and makes a [`Message`].
//! For one that is rejected it records the failure under the event's own job and has the event acknowledged, so that it
//! does not block the queue.

mod error;
mod receipt;
pub mod spec;

use std::time::Duration;

use contract::{EventId, Input, JobId, Message, PartId, PreprocessTask, Task, Upload, identity::receive_job};

pub use error::FrontError;

use self::{
    receipt::{ReceiptHistory, Received},
    spec::Resolved,
};
use crate::{
    class::Classify as _,
    driver::{self, EventJob, receive},
    error::StoreError,
    event::{Created, SPEC_METADATA},
    host::Platform,
    ledger::swap,
    outcome::{Delivery, Outcome},
    ports::ObjectMeta,
    work::ErasedWork,
};

/// For how long an upload is given back while its test file is missing.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// What the front door decides about an upload.
enum Admitted {
    /// A job begins, or its walk is made once more.
    Start(Box<Message>, ReceiptHistory),
    /// There is nothing to do, for this reason.
    Nothing(&'static str),
    /// Something is not there yet.
    Wait {
        event: EventJob,
        why: String,
        bound: Duration,
    },
}

/// Receives one created object: runs its job, or records why there is none.
///
/// Returns `None` when there is nothing to do.
pub async fn receive(
    work: &dyn ErasedWork,
    created: &Created,
    delivery: &Delivery,
    platform: &Platform,
) -> Option<Outcome> {
    let mut context = EventContext::of(created, platform);
    match admit(work, created, &mut context, platform).await {
        Ok(Admitted::Start(message, receipt)) => {
            if delivery.receive_count > 1 {
                context.close_earlier(created, platform).await;
            }
            let again = message.again;
            let outcome = driver::run(work, *message, delivery, platform).await;
            // Only now: after a crash before this, the redelivery makes the walk once more.
            if again && matches!(outcome, Outcome::Done { .. }) {
                receipt.note(&created.event, platform).await;
            }
            Some(outcome)
        }
        Ok(Admitted::Nothing(why)) => {
            tracing::info!(bucket = created.bucket, key = created.key, why, "upload starts nothing");
            None
        }
        Ok(Admitted::Wait { event, why, bound }) => {
            Some(receive::wait(&event, (LOOK_AGAIN, why), bound, delivery, platform).await)
        }
        Err(error) => Some(reject(&context.event(created), &error, delivery, platform).await),
    }
}

/// What the newest object at a key leads to.
#[derive(Debug)]
pub enum Preview {
    /// A `preprocess` job, which is started by this message.
    Job(Box<Message>),
    /// No job of a stage: the upload is rejected, or waits for something.
    Event(EventJob),
    /// Nothing, for this reason.
    Nothing(&'static str),
}

/// Returns what an upload leads to. Writes its receipt and its resolved spec, but starts no job.
///
/// # Errors
/// When the store does not answer.
pub async fn preview(key: &str, platform: &Platform) -> Result<Preview, StoreError> {
    let created = Created {
        bucket: platform.host.bucket.clone(),
        key: key.to_owned(),
        version: None,
        etag: None,
        spec: None,
        event: EventId::default(),
    };
    let mut context = EventContext::of(&created, platform);
    match let_in(&created, &mut context, platform).await {
        Ok(Admitted::Start(message, _)) => Ok(Preview::Job(message)),
        Ok(Admitted::Wait { event, .. }) => Ok(Preview::Event(event)),
        Ok(Admitted::Nothing(why)) => Ok(Preview::Nothing(why)),
        Err(FrontError::Store(error)) if error.class().may_pass() => Err(error),
        Err(_) => Ok(Preview::Event(context.event(&created))),
    }
}

/// What is known about an upload so far. It names the event's job when the upload is rejected.
struct EventContext {
    bucket: String,
    version: String,
    spec_text: Vec<u8>,
    upload: Option<Upload>,
    written: Option<i64>,
}

impl EventContext {
    fn of(created: &Created, platform: &Platform) -> Self {
        let version = created
            .version
            .clone()
            .or_else(|| created.etag.clone())
            .unwrap_or_default();
        let bucket = if created.bucket.is_empty() {
            platform.host.bucket.clone()
        } else {
            created.bucket.clone()
        };
        Self {
            bucket,
            version,
            spec_text: Vec::new(),
            upload: None,
            written: None,
        }
    }

    fn event(&self, created: &Created) -> EventJob {
        self.event_under(created, &self.spec_text)
    }

    fn event_under(&self, created: &Created, spec_text: &[u8]) -> EventJob {
        let job = receive_job(&self.bucket, &created.key, &self.version, spec_text);
        let dataset = self.upload.as_ref().map(|upload| upload.dataset.clone());
        EventJob {
            job,
            dataset,
            key: created.key.clone(),
            written: self.written,
        }
    }

    /// Ends the ledgers that earlier deliveries of the event left open, before or after they knew its spec.
    async fn close_earlier(&self, created: &Created, platform: &Platform) {
        receive::close(&self.event(created), platform).await;
        receive::close(&self.event_under(created, b""), platform).await;
    }
}

async fn admit(
    work: &dyn ErasedWork,
    created: &Created,
    context: &mut EventContext,
    platform: &Platform,
) -> Result<Admitted, FrontError> {
    if work.stage() != contract::Stage::Preprocess {
        return Err(FrontError::Stage { stage: work.stage() });
    }
    let_in(created, context, platform).await
}

async fn let_in(created: &Created, context: &mut EventContext, platform: &Platform) -> Result<Admitted, FrontError> {
    if created.bucket != platform.host.bucket {
        return Err(FrontError::Bucket {
            have: created.bucket.clone(),
            allowed: platform.host.bucket.clone(),
        });
    }
    let upload = Upload::parse(&created.key).map_err(FrontError::Key)?;
    context.upload = Some(upload.clone());
    if upload.is_test() {
        return Ok(Admitted::Nothing("a test file starts no round"));
    }
    let Some(meta) = newest(created, platform).await? else {
        return Ok(Admitted::Nothing("the object was replaced or deleted"));
    };
    receipt::version(&meta).clone_into(&mut context.version);
    context.written = Some(meta.last_modified);
    let named = created.spec.as_ref().or_else(|| meta.metadata.get(SPEC_METADATA));
    let resolved = spec::of_upload(&upload, named, &mut context.spec_text, platform).await?;
    start(
        &upload,
        &meta,
        &resolved,
        (context.event(created), &created.event),
        platform,
    )
    .await
}

/// Returns the object's metadata; `None` when the object is gone, or newer than the one of the event.
async fn newest(created: &Created, platform: &Platform) -> Result<Option<ObjectMeta>, FrontError> {
    let meta = match platform.store.head(&created.key).await {
        Ok(meta) => meta,
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(FrontError::Store(error)),
    };
    let replaced = match (&created.version, &meta.version, &created.etag) {
        (Some(event), Some(there), _) => event != there,
        (_, _, Some(etag)) => etag != meta.etag.as_str(),
        (_, _, None) => false,
    };
    Ok((!replaced).then_some(meta))
}

/// Writes the receipts and returns the message.
async fn start(
    upload: &Upload,
    meta: &ObjectMeta,
    resolved: &Resolved,
    (event, id): (EventJob, &EventId),
    platform: &Platform,
) -> Result<Admitted, FrontError> {
    let Received::Input(data, history) = receipt::of(&upload.key(), meta, id, platform).await? else {
        return Ok(Admitted::Nothing("the object was replaced or deleted"));
    };
    let trace = data.receipt.hex()[..32].to_owned();
    let mut task = PreprocessTask {
        dataset: upload.dataset.clone(),
        part: PartId::WHOLE,
        spec: resolved.digest,
        salt: resolved.spec.salt.clone(),
        inputs: vec![data],
    };
    // Without `split.holdout` a test file is ignored here; `preprocess` mentions it in its report.
    if resolved.spec.split.holdout.is_test_file() {
        let test = upload.test_file().key();
        match test_input(&test, platform).await? {
            Some(input) => task.inputs.push(input),
            None => return Ok(wait(event, &test, resolved)),
        }
    }
    let mut message = Message::new(Task::Preprocess(task), &resolved.spec, &trace);
    message.again = match history.is_new(id) {
        Some(new) => new,
        None => is_over(message.job, platform).await.map_err(FrontError::Store)?,
    };
    Ok(Admitted::Start(Box::new(message), history))
}

/// Returns whether a job has ended. Then an upload without a receipt brought bytes that are known from another version
/// or file.
async fn is_over(job: JobId, platform: &Platform) -> Result<bool, StoreError> {
    let found = swap::read(platform.store.as_ref(), job).await?;
    Ok(found.is_some_and(|found| found.ledger.state.is_final()))
}

/// Returns a test file as an input, with its receipt; `None` while it is missing.
async fn test_input(key: &str, platform: &Platform) -> Result<Option<Input>, FrontError> {
    let meta = match platform.store.head(key).await {
        Ok(meta) => meta,
        Err(StoreError::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(FrontError::Store(error)),
    };
    match receipt::of(key, &meta, &EventId::default(), platform).await? {
        Received::Input(input, _) => Ok(Some(input)),
        Received::Gone => Ok(None),
    }
}

fn wait(event: EventJob, test: &str, resolved: &Resolved) -> Admitted {
    let bound = Duration::from_secs(resolved.spec.split.wait);
    Admitted::Wait {
        event,
        why: format!("test file `{test}`, which `split.holdout` asks for"),
        bound,
    }
}

/// Fails an event for good, or gives it back when the cause may go away.
async fn reject(event: &EventJob, error: &FrontError, delivery: &Delivery, platform: &Platform) -> Outcome {
    if !error.class().may_pass() {
        return receive::fail(event, error, delivery, platform).await;
    }
    if error.is_newer() {
        // Newer code will take it. Attempts are counted only for causes that may go away by themselves.
        return driver::cannot_begin(event.job, error, delivery);
    }
    receive::later(event, error, delivery, platform).await
}
