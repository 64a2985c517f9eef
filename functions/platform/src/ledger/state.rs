//! The ledger document, `jobs/{aa}/{job}.json`.

use contract::{Digest, FailedStage, Failure, JobId, Next, WorkId};
use forecast::Progress;
use serde::{Deserialize, Serialize};

use super::Nonce;

/// The version this code writes, and the last one that it reads.
pub const VERSION: u32 = 1;

/// The size above which a document is refused, in bytes. A thousand parts in `next` take a tenth of it.
pub const MAX_BYTES: u64 = 1024 * 1024;

/// Where a job stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// Somebody works on it, as long as the lease holds.
    Running,
    /// Nobody works on it; any message of the job may claim it.
    Released,
    /// It stopped on the way and sent itself on; the continuation may claim it.
    Yielded,
    /// It is done.
    Committed,
    /// It failed for good.
    Failed,
}

/// The register of one job. Whoever changes it swaps the whole document against the version last seen.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Ledger {
    /// Always [`VERSION`].
    pub version: u32,
    /// The job.
    pub job: JobId,
    /// The work it does; the job itself for an event that never became work.
    pub work: WorkId,
    /// The stage, or `receive`.
    pub stage: FailedStage,
    /// Where the job stands.
    pub state: State,
    /// Rises with every claim.
    pub token: u64,
    /// Fresh with every write, so that a writer in doubt recognizes its own.
    pub nonce: Nonce,
    /// Who claimed last, for people; a local owner's epoch decides whether its lease still counts.
    pub owner: String,
    /// How long a claim holds without renewal, in seconds.
    pub lease_s: u64,
    /// How many attempts have ended without a result since the last progress.
    pub attempt: u32,
    /// Which continuation the job stands at, from 0.
    pub hop: u32,
    /// How far the stored checkpoint reaches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// Since when something is waited for, UTC seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<i64>,
    /// From where the next hop goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Digest>,
    /// How the job was done, when it is `COMMITTED`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Completion>,
    /// Why it failed, when it is `FAILED`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Box<Failure>>,
    /// What comes next, when the job is `COMMITTED`, `FAILED` or `YIELDED`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Next>,
    /// Whether `next` was sent, or there was nothing to send.
    pub sent: bool,
    /// When the job was first claimed, UTC seconds.
    pub started: i64,
    /// How long work and conclusion took, over all hops that ended by themselves.
    pub seconds: f64,
}

/// How a job was done. The outputs stand in the work's manifest.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Completion {
    /// Whether the work was found done and skipped.
    pub adopted: bool,
    /// When it was committed, UTC seconds.
    pub at: i64,
}

/// A document that is no ledger of ours.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Not JSON, or not our fields.
    #[error("ledger is not one of ours")]
    Shape(#[source] serde_json::Error),
    /// Written by newer code: a later version.
    #[error("ledger is newer than this code: it has version {have}, at most {VERSION} is read")]
    Version {
        /// Its version.
        have: u32,
    },
    /// Written by newer code: swapping it for our own document would lose a field.
    #[error("ledger is newer than this code: its field `{path}` is not known")]
    Field {
        /// The field.
        path: String,
    },
}

impl LedgerError {
    /// Returns whether newer code wrote the ledger, so that it is good and only not for this code.
    #[must_use]
    pub fn is_newer(&self) -> bool {
        match self {
            Self::Shape(_) => false,
            Self::Version { .. } | Self::Field { .. } => true,
        }
    }
}

impl State {
    /// Says whether the job has ended for good.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Committed | Self::Failed)
    }
}

impl Ledger {
    /// Reads a ledger.
    ///
    /// # Errors
    /// When it is not ours, or newer code wrote it.
    pub fn parse(bytes: &[u8]) -> Result<Self, LedgerError> {
        /// Read first, so that a newer ledger is named as such and not as misshapen.
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

    /// Writes the ledger.
    ///
    /// # Panics
    /// Never: its one fraction is a time that a clock measured.
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
            started: 1_700_000_000,
            seconds: 12.5,
        }
    }

    #[test]
    fn a_ledger_is_written_under_the_names_of_the_protocol() {
        let written: serde_json::Value = serde_json::from_slice(&full().to_json()).unwrap();
        let digest = Digest::of(b"any").hex();
        let expected = serde_json::json!({
            "version": 1, "job": digest, "work": digest, "stage": "train", "state": "YIELDED", "token": 3, "nonce": "n",
            "owner": "local/2", "lease_s": 120, "attempt": 1, "hop": 2, "progress": {"epoch": 4, "batch": 17},
            "waiting_since": 1_700_000_000, "checkpoint": digest, "result": {"adopted": true, "at": 1_700_000_100},
            "next": {"hop": 0}, "sent": false, "started": 1_700_000_000, "seconds": 12.5,
        });
        assert_eq!(written, expected);
    }

    #[test]
    fn a_ledger_survives_writing_and_newer_ones_are_told_from_wrong_ones() {
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
