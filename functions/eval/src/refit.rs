//! The winner of a round, fitted again on all rows: when that is done, and how the refit becomes champion.

use contract::{CutDocument, DecisionKind, Digest, Entry, EvalTask, Round, Scored, Spec, TrainTask, keys, spec::Refit};
use platform::{
    Store, StoreError,
    documents::{read, read_named},
};

use crate::champions::Log;

/// Returns whether the champion of an entry is to be fitted again: it has just won, and the spec asks for it.
#[must_use]
pub(crate) fn is_due(entry: &Entry, spec: &Spec) -> bool {
    let cheap = || spec.member(&entry.member).is_some_and(|member| member.model.is_cheap());
    entry.kind == DecisionKind::Replaced
        && match spec.promote.refit {
            Refit::Auto => cheap(),
            Refit::Always => true,
            Refit::Never => false,
        }
}

/// Returns the job that fits the winner again.
pub(crate) fn train(task: &EvalTask, entry: &Entry) -> TrainTask {
    TrainTask {
        dataset: task.dataset.clone(),
        part: task.part,
        spec: task.spec,
        salt: task.salt.clone(),
        cut: task.cut,
        round: task.round,
        member: entry.member.clone(),
        refit_of: Some(entry.artifact),
    }
}

/// Makes a refit champion, unless its parent no longer reigns, is pinned, or the refit failed. Returns who reigns.
///
/// # Errors
/// When the store does not answer, or the round, its cut or the log is missing or damaged.
pub(crate) async fn reign(task: &EvalTask, parent: Digest, store: &dyn Store) -> Result<(Round, Entry), StoreError> {
    let key = keys::round(&task.dataset, task.part, task.round);
    let (round, _) = read::<Round>(store, &key).await?.ok_or(StoreError::NotFound { key })?;
    let cut: CutDocument = read_named(store, &keys::cut(&task.dataset, task.part, task.cut), task.cut).await?;
    let log = Log::new(store, &task.dataset, task.part);
    let refit = match task.scored {
        Scored::Artifact(artifact) if !task.skip_scoring => Some(artifact),
        Scored::Artifact(_) | Scored::Failed(_) => None,
    };
    let settle = |reigning: &Entry| {
        let reigns = reigning.artifact == parent && reigning.kind != DecisionKind::Pinned;
        let artifact = refit.filter(|_| reigns)?;
        Some(Entry {
            generation: reigning.generation + 1,
            round: task.round,
            kind: DecisionKind::Refit,
            artifact,
            parent: Some(parent),
            train_end: cut.observed_end,
            previous: Some(reigning.generation),
            reason: format!(
                "{}; fitted again on all rows to {}",
                reigning.reason,
                cut.axis.frequency.label(cut.observed_end),
            ),
            ..reigning.clone()
        })
    };
    let entry = log.append_next(settle).await?;
    log.hint(&entry).await;
    Ok((round, entry))
}
