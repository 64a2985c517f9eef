//! Two log lines per attempt: one at its start, one at its end.

use contract::Produced;
use tracing::field;

use super::{about::Checked, perform::Ending};
use crate::ledger::Ledger;

/// Logs that an attempt starts.
pub(super) fn started(checked: &Checked, ledger: &Ledger) {
    let task = &checked.message.stage;
    tracing::info!(
        job = %checked.identity.job,
        stage = task.stage().name(),
        dataset = %task.dataset(),
        part = %task.part(),
        model = task.member().map(field::display),
        attempt = ledger.attempt,
        hop = ledger.hop,
        "started"
    );
}

/// Logs how an attempt ended.
pub(super) fn ended(checked: &Checked, ledger: &Ledger, ending: &Ending, seconds: f64) {
    let task = &checked.message.stage;
    let facts = Facts::of(ending);
    tracing::info!(
        job = %checked.identity.job,
        stage = task.stage().name(),
        dataset = %task.dataset(),
        part = %task.part(),
        model = task.member().map(field::display),
        attempt = ledger.attempt,
        hop = ledger.hop,
        seconds,
        adopted = facts.adopted,
        rows = facts.rows,
        cols = facts.cols,
        sampled_rows = facts.sampled_rows,
        X = facts.x.map(field::debug),
        y = facts.y.map(field::debug),
        train_loss = facts.train_loss.map(field::debug),
        validation_loss = facts.validation_loss.map(field::debug),
        generation = facts.generation,
        steps = facts.steps,
        "{}", facts.ending
    );
}

/// The fields of the last log line; a field that a stage does not have is left out.
#[derive(Default)]
struct Facts {
    ending: &'static str,
    adopted: Option<bool>,
    rows: Option<usize>,
    cols: Option<usize>,
    sampled_rows: Option<usize>,
    x: Option<[usize; 3]>,
    y: Option<[usize; 3]>,
    train_loss: Option<Vec<f64>>,
    validation_loss: Option<Vec<f64>>,
    generation: Option<u64>,
    steps: Option<usize>,
}

impl Facts {
    fn of(ending: &Ending) -> Self {
        let plain = |ending| Self {
            ending,
            ..Self::default()
        };
        match ending {
            Ending::Done { made, adopted, .. } => Self {
                adopted: Some(*adopted),
                ..Self::made(made)
            },
            Ending::Stopped { .. } => plain("stopped"),
            Ending::Wait { .. } => plain("waiting"),
            Ending::Failed(_) => plain("ended without a result"),
        }
    }

    fn made(made: &Produced) -> Self {
        let done = Self {
            ending: "done",
            ..Self::default()
        };
        match made {
            Produced::Preprocess(f) => Self {
                rows: Some(f.rows),
                cols: Some(f.columns),
                ..done
            },
            Produced::Sample(f) => Self {
                rows: Some(f.rows),
                cols: Some(f.columns),
                sampled_rows: Some(f.sampled_rows),
                ..done
            },
            Produced::Train(f) => {
                let validation: Vec<f64> = f.epochs.iter().filter_map(|epoch| epoch.validation_loss).collect();
                Self {
                    x: Some(f.x),
                    y: Some(f.y),
                    train_loss: (!f.epochs.is_empty()).then(|| f.epochs.iter().map(|epoch| epoch.train_loss).collect()),
                    validation_loss: (!validation.is_empty()).then_some(validation),
                    ..done
                }
            }
            Produced::Eval(_) => done,
            Produced::Infer(f) => Self {
                generation: Some(f.generation),
                steps: Some(f.steps),
                ..done
            },
        }
    }
}
