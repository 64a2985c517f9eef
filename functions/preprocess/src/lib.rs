//! The stage `preprocess`: turns a raw upload into a clean part.
//!
//! It reads a CSV or Parquet file, and its test file when the spec asks for one, and writes one Parquet file in
//! original units on a regular grid: sorted, without duplicate times, with gaps marked as missing, calendar columns
//! added, and a role for each column. Everything that it did is counted in a report. A file that it refuses gives an
//! error with file, row, column, value and bound. Nothing is fitted here, so no value depends on another.
//!
//! Equal rows under equal `data` settings give an equal digest, in whatever order the rows are.
//!
//! Uploads are untrusted, so a child process reads them (`isolated`), and the sizes that a file announces are compared
//! with its content before memory is allocated for them.
//!
//! Start with [`clean()`], then [`Preprocess`], which is how the platform calls it.

mod clean;
mod decode;
mod error;
mod grid;
mod inspect;
mod isolated;
mod kind;
mod limits;
mod number;
mod raw;
mod refusal;
mod repeated;
mod roles;
mod sentinel;
mod table;
mod time;

use async_trait::async_trait;
use contract::{CleanFacts, CleanPart, Digest, Input, Next, PartId, PreprocessTask, Receipt, SampleTask, Upload, keys};
use forecast::Progress;
use futures_util::future::try_join_all;
use platform::{ETag, Job, Platform, Store, StoreError, Work, Worked, child::Program, documents, threads};

use crate::isolated::{Cleaned, Ending};

pub use crate::{
    clean::{Recipe, clean},
    error::PreprocessError,
    inspect::{Inspection, inspect},
    isolated::child,
    limits::Limits,
    raw::File,
    refusal::{Problem, Refusal},
};

/// The stage `preprocess`, as the driver runs it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Preprocess {
    /// The program that reads the files; `None` for this process.
    reader: Option<Program>,
}

impl Preprocess {
    /// Returns the stage with files read in child processes that run `program`, whose `main` must call [`child()`].
    #[must_use]
    pub fn in_child(program: Program) -> Self {
        Self { reader: Some(program) }
    }

    /// Returns the stage with files read in this process, which a hostile file can end.
    #[must_use]
    pub fn in_process() -> Self {
        Self { reader: None }
    }
}

impl Default for Preprocess {
    /// Returns the stage with files read in child processes of the running program if its `main` has called
    /// [`child()`], and otherwise in this process.
    fn default() -> Self {
        Self {
            reader: Program::this(),
        }
    }
}

#[async_trait]
impl Work for Preprocess {
    type Task = PreprocessTask;
    type Made = CleanFacts;
    type Error = PreprocessError;

    async fn work(
        &self,
        job: &Job<PreprocessTask>,
        platform: &Platform,
    ) -> Result<Worked<CleanFacts>, PreprocessError> {
        check(job)?;
        let task = &job.task;
        let store = platform.store.as_ref();
        let receipts = task.inputs.iter().map(|input| receipt(store, input));
        let receipts: Vec<Receipt> = try_join_all(receipts).await?;
        let bytes = receipts
            .iter()
            .fold(0, |sum: u64, receipt| sum.saturating_add(receipt.size));
        // It starts while the files are fetched.
        let reader = isolated::start(self.reader.as_ref(), bytes, &platform.host)?;
        let reads = task.inputs.iter().zip(&receipts);
        let reads = reads.map(|(input, receipt)| read_input(store, input, receipt, platform.host.max_upload));
        let files: Vec<File> = try_join_all(reads).await?;
        let keys: Vec<String> = receipts.iter().map(|receipt| receipt.key.clone()).collect();
        let Cleaned { mut facts, part } = match isolated::read(reader, files, &keys, job, &platform.host).await? {
            Ending::Cleaned(cleaned) => cleaned,
            // Nothing of the work can be kept.
            Ending::Stopped => {
                return Ok(Worked::Stopped {
                    progress: Progress::default(),
                    checkpoint: Vec::new(),
                });
            }
        };
        if let [receipt] = &receipts[..] {
            facts.report.ignored_objects = ignored(store, receipt).await?;
        }
        let key = keys::clean(&task.dataset, PartId::WHOLE, facts.clean);
        store.put_named(&key, part).await?;
        Ok(Worked::Done(facts))
    }

    async fn conclude(
        &self,
        job: &Job<PreprocessTask>,
        CleanFacts { clean, .. }: &CleanFacts,
        _: &Platform,
    ) -> Result<Next, PreprocessError> {
        let (task, part) = (&job.task, PartId::WHOLE);
        let template = SampleTask {
            dataset: task.dataset.clone(),
            part,
            spec: task.spec,
            salt: task.salt.clone(),
            clean: *clean,
        };
        Ok(Next::per_part(template.into(), vec![CleanPart { part, clean: *clean }]))
    }
}

/// Checks that the message names as many files as its spec asks for.
fn check(job: &Job<PreprocessTask>) -> Result<(), PreprocessError> {
    match (job.task.inputs.len(), job.spec.split.holdout.is_test_file()) {
        (1, false) | (2, true) => Ok(()),
        (1, true) => Err(PreprocessError::Message {
            what: "the test file that `split.holdout` asks for is missing",
        }),
        _ => Err(PreprocessError::Message {
            what: "it names another number of files than its spec asks for",
        }),
    }
}

async fn receipt(store: &dyn Store, input: &Input) -> Result<Receipt, PreprocessError> {
    let key = keys::receipt(input.receipt);
    let found = documents::read::<Receipt>(store, &key).await?;
    let (receipt, _) = found.ok_or(StoreError::NotFound { key })?;
    Ok(receipt)
}

/// Reads the object version that a receipt names. When it was replaced or deleted, the upload is gone.
async fn read_input(store: &dyn Store, input: &Input, receipt: &Receipt, cap: u64) -> Result<File, PreprocessError> {
    let object = match store.get(&receipt.key, cap).await {
        Err(StoreError::NotFound { .. }) => return Err(gone(&receipt.key)),
        object => object?,
    };
    // The same bytes have another `ETag` when they were uploaded in parts.
    if object.meta.etag != ETag::new(&receipt.etag) {
        let bytes = object.bytes.clone();
        if threads::run_blocking(move || Digest::of(&bytes)).await != input.digest {
            return Err(gone(&receipt.key));
        }
    }
    let name = receipt.key.rsplit('/').next().unwrap_or_default().to_owned();
    Ok(File {
        name,
        bytes: object.bytes,
    })
}

fn gone(key: &str) -> PreprocessError {
    PreprocessError::Gone { key: key.to_owned() }
}

/// Returns the key of a test file that is stored beside the data but that the spec does not ask for.
async fn ignored(store: &dyn Store, receipt: &Receipt) -> Result<Vec<String>, PreprocessError> {
    let Ok(upload) = Upload::parse(&receipt.key) else {
        return Ok(Vec::new());
    };
    let key = upload.test_file().key();
    match store.head(&key).await {
        Ok(_) => Ok(vec![key]),
        Err(StoreError::NotFound { .. }) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}
