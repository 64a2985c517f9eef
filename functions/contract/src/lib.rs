//! What flits functions say to each other: stages, identities, object keys, messages, the spec, and the documents that
//! they leave in the bucket.
//!
//! The crate knows no cloud and no runtime and does no I/O, so that a test or a tool can speak our messages. Identities are
//! SHA-256 digests of canonical JSON, keys are built here and nowhere else, and a message that newer code wrote is told
//! apart from one that is wrong. The rules of delivery are in `functions/platform/src/ledger/design.md`.
//!
//! Start with [`Message`], then [`identity`] (what makes two jobs the same job), then [`keys`].

mod canonical;
mod digest;
mod document;
mod eval_task;
mod failure;
mod finite;
pub mod identity;
pub mod keys;
mod message;
mod name;
mod next;
mod report;
mod round;
pub mod spec;
mod stage_task;
pub mod text;

pub use canonical::canonical;
pub use digest::{Digest, JobId, ParseDigestError, RoundId, WorkId};
pub use document::{
    CleanFacts, CutDocument, Dead, EvalFacts, EventId, ForecastDocument, ForecastKind, InferFacts, Latest, Lengths,
    Manifest, Produced, Receipt, SampleFacts, SelectDocument, TrainFacts,
};
pub use eval_task::{EvalTask, Scored};
pub use failure::{FailedStage, Failure, FailureKind};
pub use finite::CanonicalError;
pub use message::{
    InferTask, Input, MAX_BYTES, Message, MessageError, Newer, PreprocessTask, SampleTask, Stage, Task, TrainTask,
    VERSION,
};
pub use name::{Dataset, MAX_COLUMN_NAME, MemberName, NameError, PartId, Upload, UploadError};
pub use next::{CleanPart, Next};
pub use report::{Layout, LeftOut, LeftOutRow, Report, TimeReading, Understood};
pub use round::{Absent, Decision, DecisionKind, Entry, EntryOutcome, Outcome, Round};
pub use spec::{Spec, overrides};
pub use stage_task::StageTask;
