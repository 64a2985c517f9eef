//! What stands in `failed/{job}.json`.

use serde::{Deserialize, Serialize};

use crate::{Dataset, JobId, Stage};

/// Why a job failed for good: what, where, which value and which bound.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// The job.
    pub job: JobId,
    /// The stage, or `receive` for an event that never became work.
    pub stage: FailedStage,
    /// The dataset, where the event named a valid one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<Dataset>,
    /// The object key the job was about.
    pub key: String,
    /// What an operator would do something different about.
    pub kind: FailureKind,
    /// The whole chain of causes, outermost first.
    pub message: String,
    /// The member of the round, for `train` and `eval`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<crate::MemberName>,
    /// The row in the file, counted from 1 with the header as row 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<u64>,
    /// The column's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The value that was wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The bound it broke.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<String>,
    /// Which attempt failed, from 0.
    pub attempt: u32,
    /// When, as RFC 3339 UTC.
    pub at: String,
}

/// The most bytes of a failure's message, and of each value, name and bound: it stands in a ledger, which has a size.
const MAX_MESSAGE: usize = 16 * 1024;
const MAX_FIELD: usize = 2 * 1024;

impl Failure {
    /// Returns the failure with texts that a ledger has room for, however many columns they list; `…` ends one that was cut.
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

/// Where a job failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailedStage {
    /// Before it became work.
    Receive,
    /// In a stage.
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
    /// The event or message is wrong.
    Event,
    /// The fit diverged.
    Diverged,
    /// A stored object is missing or damaged.
    Store,
    /// Too many attempts ended without a result.
    Exhausted,
    /// Something that was waited for did not come.
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
