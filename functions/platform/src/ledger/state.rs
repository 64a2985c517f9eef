//! The ledger document, `jobs/{aa}/{job}.json`.

use contract::{Digest, FailedStage, Failure, JobId, Message, Next, WorkId};
use forecast::Progress;
use serde::{Deserialize, Serialize};

use super::Nonce;

/// The version that this code writes, and the highest one that it reads.
pub const VERSION: u32 = 1;

/// The largest document that is read, in bytes. A `next` with a thousand parts takes a tenth of it.
pub const MAX_BYTES: u64 = 1024 * 1024;

/// The state of a job.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// A worker has claimed it, as long as its lease holds.
    Running,
    /// No worker has claimed it; any message of the job may do so.
    Released,
    /// It stopped before its end and sent a continuation; that message may claim it.
    Yielded,
    /// It is done: its manifest is written.
    Committed,
    /// It failed for good.
    Failed,
}

/// The ledger of one job. A writer swaps the whole document against the version that it saw last.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Ledger {
    /// Always [`VERSION`].
    pub version: u32,
    /// The job, which also names the document.
    pub job: JobId,
    /// The work that the job does; equal to `job` for an event that never became work.
    pub work: WorkId,
    /// The stage of the job, or `receive` for an event.
    pub stage: FailedStage,
    /// The state of the job.
    pub state: State,
    /// The number of claims so far; from 1.
    pub token: u64,
    /// Fresh with every write, so that a writer in doubt recognizes its own.
    pub nonce: Nonce,
    /// The last claimant, for people. The epoch of a local owner decides whether its lease still counts.
    pub owner: String,
    /// How long a claim holds without a renewal, in seconds.
    pub lease_s: u64,
    /// The number of attempts that have ended without a result since the last progress.
    pub attempt: u32,
    /// The number of the present continuation, from 0.
    pub hop: u32,
    /// How far the stored checkpoint reaches; `None` without a checkpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// Since when the job has waited for a missing input, UTC seconds; `None` when it does not wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<i64>,
    /// The checkpoint from which the next hop continues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Digest>,
    /// How the job was done; set when it is `COMMITTED`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Completion>,
    /// Why the job failed, when it is `FAILED`; why its last attempt failed, when it is `RELEASED` after one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Box<Failure>>,
    /// What comes next; set when the job is `COMMITTED`, `FAILED` or `YIELDED` and has successors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Next>,
    /// Whether `next` was sent, or there was nothing to send.
    pub sent: bool,
    /// What the job was last claimed for, from which its message is made again when a queue has lost it. `None` in
    /// ledgers of earlier code, and for a body that is neither a message nor the event of an upload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Trigger>,
    /// When the job was first claimed, UTC seconds.
    pub started: i64,
    /// The seconds that work and conclusion took, over all hops that ended by themselves.
    pub seconds: f64,
}

/// How a job was done. Its outputs stand in the manifest of its work.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Completion {
    /// Whether the work was found finished, and skipped.
    pub adopted: bool,
    /// When it was committed, UTC seconds.
    pub at: i64,
}

/// What a job was claimed for.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// A message of ours.
    Message(Box<Message>),
    /// The event of an uploaded object, by its key.
    Upload(String),
}

/// Why a document is not a ledger that this code reads.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// It is not JSON, or does not have the fields of a ledger.
    #[error("ledger is not one of ours")]
    Shape(#[source] serde_json::Error),
    /// Newer code wrote it: it has a later version.
    #[error("ledger is newer than this code: it has version {have}, at most {VERSION} is read")]
    Version {
        /// The version in the document.
        have: u32,
    },
    /// Newer code wrote it: it has an unknown field, which a swap by this code would lose.
    #[error("ledger is newer than this code: its field `{path}` is not known")]
    Field {
        /// The path of the field.
        path: String,
    },
}

impl LedgerError {
    /// Returns whether newer code wrote the ledger. Then it is valid, but not for this code.
    #[must_use]
    pub fn is_newer(&self) -> bool {
        match self {
            Self::Shape(_) => false,
            Self::Version { .. } | Self::Field { .. } => true,
        }
    }
}

impl State {
    /// Returns whether the job has ended for good.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Committed | Self::Failed)
    }
}

impl Ledger {
    /// Parses a ledger.
    ///
    /// # Errors
    /// When it is not a ledger, or newer code wrote it.
    pub fn parse(bytes: &[u8]) -> Result<Self, LedgerError> {
        /// Parsed first, so that a newer ledger is reported as such and not as malformed.
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let head: Head = serde_json::from_slice(bytes).map_err(LedgerError::Shape)?;
        if head.version > VERSION {
            return Err(LedgerError::Version { have: head.version });
        }
        let mut unknown = None;
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let ledger = serde_ignored::deserialize(&mut json, |path| {
            unknown.get_or_insert_with(|| path.to_string());
        })
        .map_err(LedgerError::Shape)?;
        json.end().map_err(LedgerError::Shape)?;
        match unknown {
            Some(path) => Err(LedgerError::Field { path }),
            None => Ok(ledger),
        }
    }

    /// Returns the ledger as canonical JSON.
    ///
    /// # Panics
    /// Never: its only fraction is a time that a clock measured.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        contract::canonical(self).expect("the seconds of a ledger were measured by a clock")
    }
}

#[cfg(test)]
mod tests {
    use contract::Stage;

    use super::*;

    fn full() -> Ledger {
        let digest = Digest::of(b"any");
        Ledger {
            version: VERSION,
            job: digest,
            work: digest,
            stage: FailedStage::Stage(Stage::Train),
            state: State::Yielded,
            token: 3,
            nonce: Nonce::of("n"),
            owner: "local/2".to_owned(),
            lease_s: 120,
            attempt: 1,
            hop: 2,
            progress: Some(Progress { epoch: 4, batch: 17 }),
            waiting_since: Some(1_700_000_000),
            checkpoint: Some(digest),
            result: Some(Completion {
                adopted: true,
                at: 1_700_000_100,
            }),
            failure: None,
            next: Some(Next::nothing()),
            sent: false,
            trigger: Some(Trigger::Upload("raw/cell/a.csv".to_owned())),
            started: 1_700_000_000,
            seconds: 12.5,
        }
    }

    #[test]
    fn a_ledger_is_written_with_the_names_of_the_protocol() {
        let written: serde_json::Value = serde_json::from_slice(&full().to_json()).unwrap();
        let digest = Digest::of(b"any").hex();
        let expected = serde_json::json!({
            "version": 1, "job": digest, "work": digest, "stage": "train", "state": "YIELDED", "token": 3, "nonce": "n",
            "owner": "local/2", "lease_s": 120, "attempt": 1, "hop": 2, "progress": {"epoch": 4, "batch": 17},
            "waiting_since": 1_700_000_000, "checkpoint": digest, "result": {"adopted": true, "at": 1_700_000_100},
            "next": {"hop": 0}, "sent": false, "trigger": {"upload": "raw/cell/a.csv"}, "started": 1_700_000_000, "seconds": 12.5,
        });
        assert_eq!(written, expected);
    }

    #[test]
    fn a_ledger_survives_a_round_trip_and_newer_ones_differ_from_wrong_ones() {
        let ledger = full();
        assert_eq!(Ledger::parse(&ledger.to_json()).unwrap(), ledger);
        let newer = br#"{"version": 2, "anything": "else"}"#;
        assert!(matches!(Ledger::parse(newer), Err(LedgerError::Version { have: 2 })));
        let mut wider: serde_json::Value = serde_json::from_slice(&ledger.to_json()).unwrap();
        wider["budget"] = 7.into();
        let error = Ledger::parse(wider.to_string().as_bytes()).unwrap_err();
        assert!(error.is_newer() && error.to_string().contains("`budget`"), "{error}");
        assert!(matches!(Ledger::parse(b"{}"), Err(LedgerError::Shape(_))));
    }

    #[test]
    fn an_event_that_never_became_work_names_its_stage_receive() {
        let ledger = Ledger {
            stage: FailedStage::Receive,
            ..full()
        };
        assert_eq!(Ledger::parse(&ledger.to_json()).unwrap().stage, FailedStage::Receive);
    }
}
