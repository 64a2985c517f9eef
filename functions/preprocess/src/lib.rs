//! The first stage: raw upload in, clean part out.
//!
//! It reads a CSV or Parquet file, and its test file where the spec asks for one, and leaves one Parquet in original
//! units on a regular grid: sorted, without double times, gaps marked as missing, calendar columns added, each column
//! with its role. Whatever it handled is counted in a report; whatever it refuses is an error with file, row, column,
//! value and bound. Nothing is fitted here, so no value knows of another.
//!
//! Equal bytes under equal `data` settings give an equal digest, whatever the order of the rows.
//!
//! Uploads are bytes that nobody should trust, so a child process reads them (`apart`), and what a file announces is
//! compared with what it holds before memory is taken for it.
//!
//! Start with [`clean()`], then [`Preprocess`], which is how the platform calls it.

mod apart;
mod classify;
mod clean;
mod csv;
mod error;
mod grid;
mod limits;
mod number;
mod parquet;
mod plain;
mod raw;
mod read;
mod roles;
mod time;

use async_trait::async_trait;
use contract::{CleanFacts, CleanPart, Digest, Input, Next, PartId, PreprocessTask, Receipt, SampleTask, Upload, keys};
use forecast::Progress;
use futures_util::future::try_join_all;
use platform::{ETag, Job, Platform, Store, StoreError, Work, Worked, child::Program, documents, threads};

use crate::apart::{Ending, Made};

pub use crate::{
    apart::child,
    clean::{Recipe, clean},
    error::{Cell, PreprocessError, Refusal},
    limits::Limits,
    raw::File,
};

/// The stage as a host runs it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Preprocess {
    /// What reads the files; this process where there is none.
    reader: Option<Program>,
}

impl Preprocess {
    /// Reads files in child processes, which `program` becomes: its `main` must call [`child()`].
    #[must_use]
    pub fn in_child(program: Program) -> Self {
        Self { reader: Some(program) }
    }

    /// Reads files in this process, which a hostile one can end.
    #[must_use]
    pub fn in_process() -> Self {
        Self { reader: None }
    }
}

impl Default for Preprocess {
    /// Reads files in child processes of the running program where its `main` has called [`child()`], else in this process.
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
        // It begins while the files are fetched.
        let reader = apart::start(self.reader.as_ref(), bytes, &platform.host)?;
        let reads = task.inputs.iter().zip(&receipts);
        let reads = reads.map(|(input, receipt)| read_input(store, input, receipt, platform.host.max_upload));
        let files: Vec<File> = try_join_all(reads).await?;
        let keys: Vec<String> = receipts.iter().map(|receipt| receipt.key.clone()).collect();
        let Made { mut facts, part } = match apart::read(reader, files, &keys, job, &platform.host).await? {
            Ending::Made(made) => made,
            // Nothing of it can be kept.
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

/// Checks that the message names the files that its spec asks for.
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

/// Reads the object version that a receipt names; where another one or none lies there now, the upload is gone.
async fn read_input(store: &dyn Store, input: &Input, receipt: &Receipt, cap: u64) -> Result<File, PreprocessError> {
    let object = match store.get(&receipt.key, cap).await {
        Err(StoreError::NotFound { .. }) => return Err(gone(&receipt.key)),
        object => object?,
    };
    // The same bytes have another tag where they were uploaded in parts.
    if object.meta.etag != ETag::new(&receipt.etag) {
        let bytes = object.bytes.clone();
        if threads::apart(move || Digest::of(&bytes)).await != input.digest {
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

/// Names the test file that lies beside the data and that the spec does not ask for.
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
