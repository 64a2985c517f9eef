//! The rules that parameters of several operations have in common.

use crate::sqs::{error::Error, wire};

/// The most entries of a batch.
const BATCH: usize = 10;

/// Checks that a batch has 1 to 10 entries with different, well-formed ids.
pub(super) fn check_entries<E>(entries: &[wire::BatchEntry<E>]) -> Result<(), Error> {
    match entries.len() {
        0 => return Err(Error::EmptyBatch),
        1..=BATCH => {}
        have => return Err(Error::TooManyEntries { have }),
    }
    for (at, wire::BatchEntry { id, .. }) in entries.iter().enumerate() {
        let plain = id.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
        if !plain || !(1..=80).contains(&id.len()) {
            return Err(Error::EntryId(id.clone()));
        }
        if entries[..at].iter().any(|earlier| earlier.id == *id) {
            return Err(Error::IdsNotDistinct(id.clone()));
        }
    }
    Ok(())
}

/// Returns the outcomes of a batch as its answer.
pub(super) fn split<A>(outcomes: Vec<(String, Result<A, Error>)>) -> wire::BatchAnswer<A> {
    let mut answer = wire::BatchAnswer {
        successful: Vec::new(),
        failed: Vec::new(),
    };
    for (id, outcome) in outcomes {
        match outcome {
            Ok(one) => answer.successful.push(wire::Succeeded { id, answer: one }),
            Err(error) => answer.failed.push(wire::Failed {
                id,
                sender_fault: error.is_senders(),
                code: error.code().query,
                message: error.to_string(),
            }),
        }
    }
    answer
}

/// Checks that a number, where it is given, is within its bounds.
pub(super) fn bounded(parameter: &'static str, value: Option<i64>, low: u32, high: u32) -> Result<Option<u32>, Error> {
    let Some(value) = value else { return Ok(None) };
    let fitting = u32::try_from(value).ok().filter(|value| (low..=high).contains(value));
    fitting.map(Some).ok_or_else(|| Error::Parameter {
        parameter,
        value: value.to_string(),
        reason: format!("it must be between {low} and {high}"),
    })
}
