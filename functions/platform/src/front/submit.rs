use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use contract::{
    Dataset, Digest, Failure, Input, Message, PartId, PreprocessTask, Spec, Task, Upload, VERSION,
    identity::{self, receive_job},
    spec::{Layer, resolve},
};
use sha2::Digest as _;
use tokio::io::AsyncReadExt as _;

use super::{
    FrontError,
    spec::{self, METADATA, Resolved},
};
use crate::{
    Classify, Ended, Outcome,
    error::{Retry, StoreError, chain},
    receive::{self, Event},
    work::{Delivery, Platform, Stop},
};

/// What a person hands in: the command line is a front door of its own.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The dataset.
    pub dataset: Dataset,
    /// The data.
    pub file: PathBuf,
    /// The test file, whatever its name; asks for `split.holdout = "test-file"`.
    pub test: Option<PathBuf>,
    /// A spec's text, with the name that messages call it by; stands in for `specs/{dataset}.toml`.
    pub spec: Option<(String, String)>,
    /// What `--set` says, without `host.*`.
    pub set: Vec<(String, String)>,
    /// A random salt: everything is done again.
    pub force: bool,
}

/// An upload that was let in.
#[derive(Clone, Debug)]
pub struct Submitted {
    /// The key of the data.
    pub key: String,
    /// The resolved spec.
    pub spec: Arc<Spec>,
    /// The first message of the walk, as the function that gets the notification will make it.
    pub first: Message,
}

/// An upload that was refused before anything of it was stored but the reason.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message)]
pub struct Refused(pub Box<Failure>);

/// An upload that was not made.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// It can never be let in.
    #[error("the upload is refused")]
    Refused(#[source] Refused),
    /// A local file cannot be read.
    #[error("cannot read `{}`", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The store did not do what was asked; the same again may work.
    #[error("cannot upload")]
    Store(#[source] StoreError),
    /// The refusal could not be written down; the same again may work.
    #[error("cannot note why the upload is refused: {0}")]
    Note(String),
}

/// A local file that was looked at.
struct Local<'a> {
    path: &'a Path,
    digest: Digest,
    size: u64,
}

/// Lets an upload in: resolves the spec and writes `resolved/…`, then puts the test file, then the data, which names
/// the spec in its metadata.
///
/// # Errors
/// When the upload can never be let in, which is written to `failed/{job}.json`, when a file cannot be read, and when
/// the store does not do what is asked.
pub async fn submit(submission: &Submission, platform: &Platform) -> Result<Submitted, SubmitError> {
    let data = look(&submission.file).await?;
    let test = match &submission.test {
        Some(path) => Some(look(path).await?),
        None => None,
    };
    let name = submission
        .file
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let key = format!("raw/{}/{name}", submission.dataset);
    let mut spec_text = Vec::new();
    match let_in(submission, &key, &data, test.as_ref(), &mut spec_text, platform).await {
        Ok(submitted) => Ok(submitted),
        Err(FrontError::Store(error)) if matches!(error.retry(), Retry::Later { .. }) => Err(SubmitError::Store(error)),
        Err(error) => {
            let job = receive_job(&platform.host.bucket, &key, &data.digest.hex(), &spec_text);
            Err(note(
                Event {
                    job,
                    dataset: Some(submission.dataset.clone()),
                    key,
                },
                &error,
                platform,
            )
            .await)
        }
    }
}

async fn let_in(
    submission: &Submission,
    key: &str,
    data: &Local<'_>,
    test: Option<&Local<'_>>,
    spec_text: &mut Vec<u8>,
    platform: &Platform,
) -> Result<Submitted, FrontError> {
    let upload = Upload::parse(key).map_err(FrontError::Key)?;
    if upload.is_test() {
        return Err(FrontError::TestName { file: upload.file });
    }
    let test_key = upload.test_file().key();
    check_size(key, data, platform)?;
    if let Some(test) = test {
        check_size(&test_key, test, platform)?;
    }
    let layers = layers(submission, spec_text, platform).await?;
    let spec = resolve(&layers).map_err(FrontError::Spec)?;
    let store = platform.store.as_ref();
    let resolved = spec::write(store, &submission.dataset, spec)
        .await
        .map_err(FrontError::Store)?;
    let metadata = BTreeMap::from([(METADATA.to_owned(), resolved.digest.hex())]);
    // The test file first: the data begins the walk, and should find it.
    if let Some(test) = test {
        store
            .upload(&test_key, test.path, &BTreeMap::new())
            .await
            .map_err(FrontError::Store)?;
    }
    store
        .upload(key, data.path, &metadata)
        .await
        .map_err(FrontError::Store)?;
    // Receipts are part of no identity; the real ones are written where the notification is received.
    let input = |local: &Local<'_>| Input {
        digest: local.digest,
        receipt: local.digest,
    };
    let inputs = std::iter::once(data).chain(test).map(input).collect();
    Ok(Submitted {
        key: key.to_owned(),
        first: first(&upload, &resolved, inputs),
        spec: resolved.spec,
    })
}

/// Writes the four layers out: the dataset's spec, the predecessor's environment, `--set`, and what `--test` and
/// `--force` mean.
async fn layers(
    submission: &Submission,
    spec_text: &mut Vec<u8>,
    platform: &Platform,
) -> Result<Vec<Layer>, FrontError> {
    let mut layers = match &submission.spec {
        Some((name, text)) => {
            text.as_bytes().clone_into(spec_text);
            vec![
                Layer::toml(name, text),
                Layer::environment(platform.host.overrides.clone()),
            ]
        }
        None => spec::stored_layers(&submission.dataset, spec_text, platform).await?,
    };
    layers.push(Layer::set(submission.set.clone()));
    if submission.test.is_some() {
        layers.push(Layer::set([("split.holdout".to_owned(), "test-file".to_owned())]));
    }
    if submission.force {
        layers.push(Layer::set([(
            "salt".to_owned(),
            crate::ledger::Nonce::fresh().as_str().to_owned(),
        )]));
    }
    Ok(layers)
}

fn first(upload: &Upload, resolved: &Resolved, inputs: Vec<Input>) -> Message {
    let stage = Task::Preprocess(PreprocessTask {
        dataset: upload.dataset.clone(),
        part: PartId::WHOLE,
        spec: resolved.digest,
        salt: resolved.spec.salt.clone(),
        inputs,
    });
    let job = identity::identify(&stage, &resolved.spec).job;
    Message {
        version: VERSION,
        job,
        hop: 0,
        trace: job.hex()[..32].to_owned(),
        stage,
    }
}

/// Writes a refusal down under the event's own job.
async fn note(event: Event, error: &FrontError, platform: &Platform) -> SubmitError {
    let delivery = Delivery {
        handle: None,
        receive_count: 1,
        stop: Stop::never(),
    };
    match receive::fail(&event, error, &delivery, platform).await {
        Outcome::Done {
            ended: Ended::Failed(failure),
            ..
        } => SubmitError::Refused(Refused(failure)),
        // Written down before: the same submission was refused before, for the same reason.
        Outcome::Done { .. } => match crate::walk::failure(platform.store.as_ref(), event.job).await {
            Ok(Some(failure)) => SubmitError::Refused(Refused(Box::new(failure))),
            Ok(None) => SubmitError::Note(chain(error)),
            Err(unread) => SubmitError::Store(unread),
        },
        Outcome::GiveBack { why, .. } => SubmitError::Note(why),
    }
}

fn check_size(key: &str, local: &Local<'_>, platform: &Platform) -> Result<(), FrontError> {
    let bound = platform.host.max_upload;
    if local.size > bound {
        return Err(FrontError::TooLarge {
            key: key.to_owned(),
            have: local.size,
            bound,
        });
    }
    Ok(())
}

/// Reads a local file once for its digest, which names the walk's first job.
async fn look(path: &Path) -> Result<Local<'_>, SubmitError> {
    let unreadable = |source| SubmitError::File {
        path: path.to_owned(),
        source,
    };
    let mut file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    let (mut hash, mut size, mut chunk) = (sha2::Sha256::new(), 0, vec![0; 1 << 18]);
    loop {
        let read = file.read(&mut chunk).await.map_err(unreadable)?;
        if read == 0 {
            return Ok(Local {
                path,
                digest: Digest::from_bytes(hash.finalize().into()),
                size,
            });
        }
        hash.update(&chunk[..read]);
        size += read as u64;
    }
}
