//! Uploads from the command line: they are checked, and refused in words, before anything is stored.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use contract::{
    Dataset, Digest, Failure, Input, Message, PartId, PreprocessTask, Spec, Task, Upload, canonical,
    identity::{self, receive_job},
    spec::Layer,
};
use platform::{
    Classify as _, Delivery, Ended, Link, Outcome, Platform, Stop, StoreError,
    driver::{EventJob, receive},
    error::chain,
    event::SPEC_METADATA,
    front::{
        FrontError,
        spec::{self, Resolved},
    },
    ledger::Nonce,
    walk,
};
use sha2::Digest as _;
use tokio::io::AsyncReadExt as _;

/// What a command line asks to upload.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The name of the dataset as it was asked for, valid or not.
    pub dataset: String,
    /// The path of the data file.
    pub file: PathBuf,
    /// The path of the test file, under any name. It implies `split.holdout = "test-file"`.
    pub test: Option<PathBuf>,
    /// The name and the text of a spec that replaces `specs/{dataset}.toml`. Messages use the name.
    pub spec: Option<(String, String)>,
    /// The paths and values of `--set`, without those of `host.*`.
    pub set: Vec<(String, String)>,
    /// Whether to add a random salt, with which all work is done again.
    pub force: bool,
}

/// An upload that can be accepted. Only its spec is stored so far.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The dataset and the file name under which the data are stored.
    pub upload: Upload,
    /// The resolved spec.
    pub spec: Arc<Spec>,
    /// The first message, equal to the one that the function makes of the store's notification.
    pub first: Message,
    file: PathBuf,
    test: Option<PathBuf>,
}

/// An upload that was refused. Only the reason is stored.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message)]
pub struct Refused(pub Box<Failure>);

/// Why an upload was not made.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// It can never be accepted.
    #[error("the upload is refused")]
    Refused(#[source] Refused),
    /// A local file cannot be read.
    #[error("cannot read `{}`", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The store failed; the same upload may work later.
    #[error("cannot upload")]
    Store(#[source] StoreError),
    /// The refusal could not be stored; the same upload may work later.
    #[error("cannot note why the upload is refused: {0}")]
    Note(String),
}

/// The digest and the size of a local file.
struct LocalFile {
    digest: Digest,
    size: u64,
}

/// Checks whether an upload can be accepted, and resolves and stores its spec.
///
/// # Errors
/// When the upload can never be accepted, which is written to `failed/{job}.json`; when a file cannot be read; and when
/// the store fails.
pub async fn prepare(submission: &Submission, platform: &Platform) -> Result<Prepared, SubmitError> {
    let data = look(&submission.file).await?;
    let test = match &submission.test {
        Some(path) => Some(look(path).await?),
        None => None,
    };
    let name = submission
        .file
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let key = format!("raw/{}/{}", submission.dataset, name.unwrap_or_default());
    let mut spec_text = Vec::new();
    match accept(submission, &key, &data, test.as_ref(), &mut spec_text, platform).await {
        Ok(prepared) => Ok(prepared),
        Err(FrontError::Store(error)) if error.class().may_pass() => Err(SubmitError::Store(error)),
        Err(error) => {
            let job = receive_job(&platform.host.bucket, &key, &data.digest.hex(), &spec_text);
            let dataset = submission.dataset.parse().ok();
            Err(refuse(
                EventJob {
                    job,
                    dataset,
                    key,
                    written: None,
                },
                &error,
                platform,
            )
            .await)
        }
    }
}

impl Prepared {
    /// Uploads the test file, then the data, whose metadata name the spec. Safe to repeat.
    ///
    /// # Errors
    /// When the store fails; the same upload may work later.
    pub async fn upload(&self, platform: &Platform) -> Result<(), StoreError> {
        let store = platform.store.as_ref();
        // The test file first, because it must exist when the data are received.
        if let Some(test) = &self.test {
            store
                .upload(&self.upload.test_file().key(), test, &BTreeMap::new())
                .await?;
        }
        store.upload(&self.upload.key(), &self.file, &self.metadata()).await?;
        Ok(())
    }

    /// Uploads the test file, and returns a link with which anybody can upload the data until `valid` is over.
    ///
    /// # Errors
    /// When the store fails, or it has no addresses.
    pub async fn link(&self, valid: Duration, platform: &Platform) -> Result<Link, StoreError> {
        let store = platform.store.as_ref();
        if let Some(test) = &self.test {
            store
                .upload(&self.upload.test_file().key(), test, &BTreeMap::new())
                .await?;
        }
        store.upload_link(&self.upload.key(), &self.metadata(), valid).await
    }

    /// Returns the metadata of the data, which name the spec.
    fn metadata(&self) -> BTreeMap<String, String> {
        BTreeMap::from([(SPEC_METADATA.to_owned(), self.first.stage.spec().hex())])
    }
}

async fn accept(
    submission: &Submission,
    key: &str,
    data: &LocalFile,
    test: Option<&LocalFile>,
    spec_text: &mut Vec<u8>,
    platform: &Platform,
) -> Result<Prepared, FrontError> {
    // The name must be a whole dataset: `a/b` is not the dataset `a` with a file below `b`.
    let file = key.rsplit_once('/').map_or(key, |(_, file)| file);
    let upload = Upload::new(&submission.dataset, file).map_err(FrontError::Key)?;
    if upload.is_test() {
        return Err(FrontError::TestName { file: upload.file });
    }
    check_size(key, data, platform)?;
    if let Some(test) = test {
        check_size(&upload.test_file().key(), test, platform)?;
    }
    let layers = layers(submission, &upload.dataset, spec_text, platform).await?;
    let spec = spec::resolve(layers).await?;
    let resolved = spec::write(platform.store.as_ref(), &upload.dataset, spec)
        .await
        .map_err(FrontError::Store)?;
    // Receipts are not part of an identity; the real ones are written when the notification is received.
    let input = |local: &LocalFile| Input {
        digest: local.digest,
        receipt: local.digest,
    };
    let inputs = std::iter::once(data).chain(test).map(input).collect();
    Ok(Prepared {
        first: first(&upload, &resolved, inputs),
        upload,
        spec: resolved.spec,
        file: submission.file.clone(),
        test: submission.test.clone(),
    })
}

/// Returns the layers of the spec: the dataset's spec, the predecessor's environment, `--set`, and what `--test` and
/// `--force` mean.
async fn layers(
    submission: &Submission,
    dataset: &Dataset,
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
        None => spec::stored_layers(dataset, spec_text, platform).await?,
    };
    // The settings are part of what identifies a refusal, so other settings make another refusal.
    if !submission.set.is_empty() {
        spec_text.extend(canonical(&submission.set).expect("settings are texts"));
    }
    layers.push(Layer::set(submission.set.clone()));
    if submission.test.is_some() {
        layers.push(Layer::set([("split.holdout".to_owned(), "test-file".to_owned())]));
    }
    if submission.force {
        layers.push(Layer::set([("salt".to_owned(), Nonce::fresh().as_str().to_owned())]));
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
    Message::new(stage, &resolved.spec, &job.hex()[..32])
}

/// Stores a refusal under the event's own job.
async fn refuse(event: EventJob, error: &FrontError, platform: &Platform) -> SubmitError {
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
        // The same submission was refused before, for the same reason.
        Outcome::Done { .. } => match walk::failure(platform.store.as_ref(), event.job).await {
            Ok(Some(failure)) => SubmitError::Refused(Refused(Box::new(failure))),
            Ok(None) => SubmitError::Note(chain(error)),
            Err(unread) => SubmitError::Store(unread),
        },
        Outcome::GiveBack { why, .. } => SubmitError::Note(why),
    }
}

fn check_size(key: &str, local: &LocalFile, platform: &Platform) -> Result<(), FrontError> {
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

/// Reads a local file for its digest, which is part of the identity of the first job.
async fn look(path: &Path) -> Result<LocalFile, SubmitError> {
    let unreadable = |source| SubmitError::File {
        path: path.to_owned(),
        source,
    };
    let mut file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    let (mut hash, mut size, mut chunk) = (sha2::Sha256::new(), 0, vec![0; 1 << 18]);
    loop {
        let read = file.read(&mut chunk).await.map_err(unreadable)?;
        if read == 0 {
            return Ok(LocalFile {
                digest: Digest::from_bytes(hash.finalize().into()),
                size,
            });
        }
        hash.update(&chunk[..read]);
        size += read as u64;
    }
}
