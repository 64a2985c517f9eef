//! The words that flits functions say to each other: stages, identities, object keys, messages, the spec and the
//! documents they leave in the bucket.
//!
//! The crate knows no cloud, no runtime and does no I/O, so a test or a tool can speak our messages. The exact rules
//! are those of the protocol (`functions/platform/src/ledger/design.md` and ARCHITECTURE.md): identities are SHA-256
//! digests of canonical JSON, keys are built here and nowhere else, and a message that newer code wrote is told from one
//! that is wrong.
//!
//! Start with [`Message`], then [`identity`] (what makes a job the same job), then [`keys`].

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
pub mod overrides;
mod round;
pub mod spec;
mod stage_task;
pub mod text;

pub use digest::{CanonicalError, Digest, JobId, ParseDigestError, RoundId, WorkId, canonical};
pub use document::{
    CleanFacts, CutDocument, EvalFacts, EventId, ForecastDocument, ForecastKind, InferFacts, Latest, Manifest,
    Produced, Receipt, Report, SampleFacts, SelectDocument, TrainFacts,
};
pub use eval_task::{EvalTask, Scored};
pub use failure::{FailedStage, Failure, FailureKind};
pub use message::{
    InferTask, Input, MAX_BYTES, Message, MessageError, Newer, PreprocessTask, SampleTask, Stage, Task, TrainTask,
    VERSION,
};
pub use name::{Dataset, MAX_COLUMN_NAME, MemberName, NameError, PartId, Upload, UploadError, check_column};
pub use next::{CleanPart, Next};
pub use round::{Decision, DecisionKind, Entry, EntryOutcome, Outcome, Round};
pub use spec::Spec;
pub use stage_task::StageTask;
