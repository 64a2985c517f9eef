//! Turns what a finished walk left in the bucket into the result and the plot.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use contract::{Dataset, Decision, Entry, ForecastDocument, PartId, Produced, Task, TrainFacts, keys};
use gateway::Champion;
use infer::csv::INTERVAL;
use platform::{Classify as _, Store, StoreError, documents};
use series::{Role, TargetScores};

use super::{
    lengths::{self, comma},
    plot::{self, Band, Panel},
    progress::stage_result,
    result::RunResult,
    watch::{Reused, RoundView, View},
};
/// How long the result waits for its plot.
const MAX_WAIT: Duration = Duration::from_secs(10);
/// The largest clean part that is read back for a plot, in bytes.
const CLEAN_CAP: u64 = 1 << 30;

/// Summarizes a finished walk.
#[must_use]
pub(super) fn summarize(dataset: &Dataset, view: &View, round: Option<&RoundView>, reused: &Reused) -> RunResult {
    let mut result = RunResult::new(dataset.as_str());
    result.stages = view.jobs.iter().filter_map(|job| stage_result(job, reused)).collect();
    result.failed = view.jobs.iter().filter_map(|job| job.failure.clone()).collect();
    for outcome in round.iter().flat_map(|round| &round.outcomes) {
        let name = outcome.member.to_string();
        if let Some(scores) = &outcome.scores {
            result.scores.insert(name.clone(), scores.clone());
        }
        if let Some(why) = &outcome.failed {
            result.out.insert(name, why.clone());
        }
    }
    if let Some(Decision::Nobody { reason, .. }) = round.and_then(|round| round.decision.as_ref()) {
        result.nobody = Some(reason.clone());
    }
    if let Some(entry) = round.and_then(champion) {
        result.champion = Some(Champion::of(entry));
    }
    for absent in round.iter().flat_map(|round| &round.round.left_out) {
        result
            .out
            .insert(absent.member.to_string(), format!("left out, {}", absent.why));
    }
    for job in &view.jobs {
        match &job.made {
            Some(Produced::Sample(facts)) => result.lengths.clone_from(&facts.lengths),
            Some(Produced::Train(facts)) => refitted(&job.step.task, facts, &mut result),
            Some(Produced::Infer(facts)) => {
                result.forecast = Some(keys::forecast(dataset, PartId::WHOLE, facts.forecast));
                result.ok = true;
                if let Some(champion) = &mut result.champion {
                    champion.generation = facts.generation;
                }
            }
            Some(Produced::Preprocess(_) | Produced::Eval(_)) | None => {}
        }
    }
    result
}

/// Makes a refit the champion whose parent the round decided on.
fn refitted(task: &Task, facts: &TrainFacts, result: &mut RunResult) {
    if let (Task::Train(task), Some(champion)) = (task, &mut result.champion)
        && task.refit_of == Some(champion.digest)
    {
        champion.parent = task.refit_of;
        champion.digest = facts.artifact;
    }
}

/// Returns the champion that a round decided on.
#[must_use]
pub(super) fn champion(round: &RoundView) -> Option<&Entry> {
    match &round.decision {
        Some(Decision::Entry(entry)) => Some(entry),
        Some(Decision::Nobody { .. }) | None => None,
    }
}

/// Draws recent actuals, the champion's forecast of the holdout and of the future. Sets the paths of the files in the
/// result, or why there is no plot: the result does not depend on it and never waits longer than `MAX_WAIT` for it.
///
/// # Errors
/// When the store does not answer.
pub(super) async fn draw(
    paths: Vec<PathBuf>,
    view: &View,
    round: &RoundView,
    result: &mut RunResult,
    store: &dyn Store,
) -> anyhow::Result<()> {
    let drawn = match gather(view, round, result, store).await {
        Ok(picture) => beside(MAX_WAIT, move || picture.draw(&paths)).await,
        Err(error) => Err(error),
    };
    match drawn {
        Err(error) if may_pass(&error) => return Err(error),
        Ok(paths) => {
            let mut paths = paths.iter().map(|path| path.display().to_string());
            result.plot = paths.next();
            result.plots = paths.collect();
        }
        Err(error) => result.unplotted = Some(format!("{error:#}")),
    }
    Ok(())
}

/// The observed values of each target: UTC seconds and values, `None` where one is missing.
type Actuals = BTreeMap<String, Vec<(i64, Option<f64>)>>;

/// What is drawn, as it was read from the bucket.
struct Picture {
    dataset: String,
    future: ForecastDocument,
    holdout: Option<ForecastDocument>,
    scores: BTreeMap<String, TargetScores>,
    clean: Bytes,
    /// The shortest season that the series shows, in steps; 1 without one.
    season: usize,
}

async fn gather(view: &View, round: &RoundView, result: &RunResult, store: &dyn Store) -> anyhow::Result<Picture> {
    let key = result.forecast.as_ref().context("there is no forecast to draw")?;
    Ok(Picture {
        dataset: result.dataset.clone(),
        future: document(store, key)
            .await?
            .with_context(|| format!("`{key}` is gone"))?,
        holdout: holdout(round, result, store).await?,
        scores: champion_scores(result),
        clean: clean(&result.dataset.parse()?, view, store).await?,
        season: result
            .lengths
            .as_ref()
            .and_then(|lengths| lengths.seasons.first().copied())
            .unwrap_or(1),
    })
}

/// Returns the champion's scores of each target; empty where it has none.
fn champion_scores(result: &RunResult) -> BTreeMap<String, TargetScores> {
    let scores = result
        .champion
        .as_ref()
        .and_then(|champion| result.scores.get(&champion.model));
    scores.map(|scores| scores.targets.clone()).unwrap_or_default()
}

impl Picture {
    fn draw(&self, paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
        let actual = self.actuals()?;
        let panels: Vec<_> = self
            .future
            .targets
            .iter()
            .map(|target| self.panel(target, &actual))
            .collect();
        let served = self.future.times.len();
        let promise = self.future.scored.and_then(|scored| lengths::apart(scored, served));
        let title = format!("{}: forecast by {}{}", self.dataset, self.future.member, comma(promise));
        let mut written = Vec::new();
        for path in paths {
            if let Some(dir) = path.parent() {
                std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
            }
            written.extend(plot::draw(path, &title, &panels)?);
        }
        Ok(written)
    }

    /// Returns as many of the last observed values of each target as are drawn.
    fn actuals(&self) -> anyhow::Result<Actuals> {
        let table = part::read(self.clean.clone())?;
        let rows = plot::history_rows(self.season, self.future.times.len());
        let first = table.rows().saturating_sub(rows);
        let line = |values: &[f64]| {
            let rows = values.iter().enumerate().skip(first);
            rows.map(|(row, value)| (table.axis.at(row), value.is_finite().then_some(*value)))
                .collect()
        };
        let targets = table.columns.iter().filter(|column| column.role == Role::Target);
        Ok(targets
            .map(|column| (column.name.clone(), line(&column.values)))
            .collect())
    }

    fn panel(&self, target: &str, actual: &Actuals) -> Panel {
        let future = &self.future;
        let [lower, upper] = INTERVAL.map(|level| timed(future, future.quantiles.get(level), target));
        let bands = if lower.is_empty() {
            vec![]
        } else {
            vec![Band {
                percent: 80,
                lower,
                upper,
            }]
        };
        let holdout = self.holdout.iter().flat_map(|holdout| {
            let rows = timed(holdout, Some(&holdout.mean), target);
            let steps = holdout.steps.unwrap_or(1).max(1);
            rows.chunks(steps).map(<[_]>::to_vec).collect::<Vec<_>>()
        });
        Panel {
            target: target.to_owned(),
            frequency: future.frequency,
            season: self.season,
            horizon: future.times.len(),
            actual: actual.get(target).cloned().unwrap_or_default(),
            holdout: holdout.collect(),
            future: timed(future, Some(&future.mean), target),
            bands,
            member: Some(future.member.to_string()),
            scores: self.scores.get(target).map(named_scores).unwrap_or_default(),
        }
    }
}

/// Returns the scores that the page shows, with the names of the table of scores.
fn named_scores(scores: &TargetScores) -> Vec<(String, f64)> {
    let named = [
        ("rmsse", scores.rmsse),
        ("mase", scores.mase),
        ("rmse", scores.rmse),
        ("mae", scores.mae),
    ];
    let there = named
        .into_iter()
        .filter_map(|(name, score)| Some((name.to_owned(), score?)));
    there.collect()
}

/// Returns one target's row of a document's values with their times.
fn timed(document: &ForecastDocument, rows: Option<&Vec<Vec<f64>>>, target: &str) -> Vec<(i64, f64)> {
    let row = document.targets.iter().position(|name| name == target);
    let values = row.and_then(|row| rows?.get(row)).map_or(&[][..], Vec::as_slice);
    let times = document.times.iter().filter_map(|time| seconds(time));
    times.zip(values).map(|(time, value)| (time, *value)).collect()
}

/// Runs work that may take long on a thread of its own, and waits for it up to a limit. The process does not wait for
/// the thread when it ends, unlike for threads of the runtime, so an interrupt ends the wait too.
async fn beside<T: Send + 'static>(
    patience: Duration,
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    let (done, made) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("plot".to_owned())
        .spawn(move || drop(done.send(work())))
        .context("cannot start a thread to draw")?;
    match tokio::time::timeout(patience, made).await {
        Ok(Ok(made)) => made,
        Ok(Err(_)) => bail!("drawing panicked"),
        Err(_) => bail!("drawing took longer than {} s", patience.as_secs()),
    }
}

/// Returns whether the store may answer later.
fn may_pass(error: &anyhow::Error) -> bool {
    let store = error.chain().find_map(|cause| cause.downcast_ref::<StoreError>());
    store.is_some_and(|error| error.class().may_pass())
}

async fn holdout(round: &RoundView, result: &RunResult, store: &dyn Store) -> anyhow::Result<Option<ForecastDocument>> {
    let champion = result.champion.as_ref();
    let outcome = round
        .outcomes
        .iter()
        .find(|o| o.artifact.is_some() && o.artifact == champion.map(|c| c.parent.unwrap_or(c.digest)));
    match outcome.and_then(|outcome| outcome.holdout) {
        Some(digest) => {
            let dataset = result.dataset.parse()?;
            document(store, &keys::forecast(&dataset, PartId::WHOLE, digest)).await
        }
        None => Ok(None),
    }
}

async fn clean(dataset: &Dataset, view: &View, store: &dyn Store) -> anyhow::Result<Bytes> {
    let clean = view.jobs.iter().find_map(|job| match &job.made {
        Some(Produced::Preprocess(facts)) => Some(facts.clean),
        _ => None,
    });
    let clean = clean.context("there is no clean part")?;
    let key = keys::clean(dataset, PartId::WHOLE, clean);
    Ok(store.get(&key, CLEAN_CAP).await?.bytes)
}

/// Returns a time of a forecast as seconds, or as the number of its step.
fn seconds(time: &str) -> Option<i64> {
    let moment = time.parse::<jiff::Timestamp>().ok();
    moment.map_or_else(|| time.parse().ok(), |moment| Some(moment.as_second()))
}

async fn document(store: &dyn Store, key: &str) -> anyhow::Result<Option<ForecastDocument>> {
    Ok(documents::read(store, key).await?.map(|(document, _)| document))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_result_waits_for_its_picture_only_so_long() {
        let (never, wait) = std::sync::mpsc::channel::<()>();
        let drawn = beside(Duration::ZERO, move || Ok(wait.recv()?)).await;
        assert_eq!(drawn.unwrap_err().to_string(), "drawing took longer than 0 s");
        drop(never);
        let drawn = beside::<()>(MAX_WAIT, || panic!("no ink")).await;
        assert_eq!(drawn.unwrap_err().to_string(), "drawing panicked");
        assert_eq!(beside(MAX_WAIT, || Ok(7)).await.unwrap(), 7);
    }
}
