//! The document `failed/{job}.json`.

use serde::{Deserialize, Serialize};

use crate::{Dataset, JobId, Stage};

/// Why a job failed for good: the place, the value and the bound it broke, as far as they are known.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// The id of the job that failed.
    pub job: JobId,
    /// The stage that failed, or `receive` for an event that never became work.
    pub stage: FailedStage,
    /// The dataset; `None` if the event named no valid one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<Dataset>,
    /// The key of the object that the job was about.
    pub key: String,
    /// The class of the failure, one for each thing that an operator would do about it.
    pub kind: FailureKind,
    /// The error and its causes, outermost first; at most 16 KiB.
    pub message: String,
    /// The member of the round; `None` for stages other than `train` and `eval`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<crate::MemberName>,
    /// The row of the file, counted from 1, the header included; `None` if no single row is at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
    /// The name of the column; `None` if no single column is at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The value that is wrong, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The bound that the value breaks, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<String>,
    /// The number of the attempt that failed, from 0.
    pub attempt: u32,
    /// The time of the failure, RFC 3339 UTC.
    pub at: String,
}

/// The most bytes of a failure's message, and of each value, name and bound: a ledger, which holds it, has a limited size.
const MAX_MESSAGE: usize = 16 * 1024;
const MAX_FIELD: usize = 2 * 1024;

impl Failure {
    /// Returns the failure with long texts shortened, so that it fits into a ledger. A shortened text ends with `…`.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        cut(&mut self.message, MAX_MESSAGE);
        let fields = [&mut self.column, &mut self.value, &mut self.bound];
        for text in fields.into_iter().flatten() {
            cut(text, MAX_FIELD);
        }
        cut(&mut self.key, MAX_FIELD);
        self
    }
}

fn cut(text: &mut String, most: usize) {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
}

/// The stage at which a job failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailedStage {
    /// Before the event became work.
    Receive,
    /// In one of the five stages.
    #[serde(untagged)]
    Stage(Stage),
}

/// The class of a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The uploaded data is wrong.
    Data,
    /// The spec or a setting is wrong, or not supported yet.
    Spec,
    /// The event or the message is wrong.
    Event,
    /// The fit diverged.
    Diverged,
    /// A stored object is missing or damaged.
    Store,
    /// As many attempts as `host.max_attempts` allows ended without a result.
    Exhausted,
    /// The test file did not arrive within `split.wait`.
    TimedOut,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_fits_into_a_ledger_however_much_it_lists() {
        let long = "\u{1}é".repeat(1_000_000);
        let failure = Failure {
            job: JobId::of(b"job"),
            stage: FailedStage::Receive,
            dataset: None,
            key: long.clone(),
            kind: FailureKind::Data,
            message: long.clone(),
            member: None,
            row: None,
            column: Some(long.clone()),
            value: Some(long.clone()),
            bound: Some(long),
            attempt: 0,
            at: String::new(),
        };
        let bounded = failure.bounded();
        assert!(crate::canonical(&bounded).unwrap().len() < 128 * 1024);
        assert!(bounded.message.ends_with('…'));
    }
}
