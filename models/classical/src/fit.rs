//! The fit: every target on its own, several at a time, with stops between two evaluations.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use forecast::{
    About, ArimaSpec, Artifact, ArtifactError, Checkpoint, CrostonSpec, EpochLoss, EtsSpec, Fit, FitError, Fitted,
    ModelSpec, MstlSpec, Progress, Tensor, Tensors, ThetaSpec, Training, tensors,
};
use serde::{Deserialize, Serialize};
use series::Scaled;

use crate::{
    kinds,
    model::TargetModel,
    smoother,
    stop::Stopped,
    target::{Halt, Target},
};

/// The most training rows that parameters are estimated from, the last ones. More rows hardly change them, and a fit takes
/// about a second per target, however long the series is.
const ESTIMATED_ROWS: usize = 50_000;

/// Fits one of the classical kinds: exponential smoothing, Theta, a decomposition into seasons and trend, ARIMA or Croston.
///
/// `stop` is called at every evaluation of a target's parameters; a checkpoint keeps the targets that are finished.
#[derive(Clone, PartialEq, Debug)]
pub struct Classical {
    settings: ModelSpec,
}

/// The description of a checkpoint.
#[derive(PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    unfinished_kind: String,
    #[serde(with = "forecast::json")]
    settings: ModelSpec,
    cut: String,
    targets: Vec<usize>,
}

impl Classical {
    /// Returns the fit of exponential smoothing.
    #[must_use]
    pub fn ets(spec: &EtsSpec) -> Self {
        let settings = ModelSpec::Ets(spec.clone());
        Self { settings }
    }

    /// Returns the fit of the Theta method.
    #[must_use]
    pub fn theta(spec: &ThetaSpec) -> Self {
        let settings = ModelSpec::Theta(spec.clone());
        Self { settings }
    }

    /// Returns the fit of a decomposition into several seasons and a trend.
    #[must_use]
    pub fn mstl(spec: &MstlSpec) -> Self {
        let settings = ModelSpec::Mstl(spec.clone());
        Self { settings }
    }

    /// Returns the fit of seasonal ARIMA with automatic orders.
    #[must_use]
    pub fn arima(spec: &ArimaSpec) -> Self {
        let settings = ModelSpec::Arima(spec.clone());
        Self { settings }
    }

    /// Returns the fit of Croston's method for demand that is mostly 0.
    #[must_use]
    pub fn croston(spec: &CrostonSpec) -> Self {
        let settings = ModelSpec::Croston(spec.clone());
        Self { settings }
    }

    fn unfinished(&self, data: &Training<'_>, targets: Vec<usize>) -> Written {
        Written {
            unfinished_kind: self.settings.kind().to_owned(),
            settings: self.settings.clone(),
            cut: data.cut.to_owned(),
            targets,
        }
    }

    fn resumed(&self, data: &Training<'_>, from: &Checkpoint) -> Result<BTreeMap<usize, TargetModel>, ArtifactError> {
        let (about, tensors): (Written, Tensors) = tensors::parse(&from.bytes)?;
        let expected = self.unfinished(data, about.targets.clone());
        if about != expected {
            let of = |about: &Written| format!("{} on cut {}", about.unfinished_kind, about.cut);
            return Err(ArtifactError::Kind {
                have: of(&about),
                need: of(&expected),
            });
        }
        about
            .targets
            .into_iter()
            .map(|target| Ok((target, TargetModel::read(target, &tensors)?)))
            .collect()
    }

    fn checkpoint(
        &self,
        data: &Training<'_>,
        done: &BTreeMap<usize, TargetModel>,
    ) -> Result<Checkpoint, ArtifactError> {
        let mut tensors = Tensors::new();
        for (&target, model) in done {
            model.write(target, &mut tensors);
        }
        let about = self.unfinished(data, done.keys().copied().collect());
        Ok(Checkpoint {
            progress: progress(done.len()),
            bytes: tensors::to_bytes(&about, &tensors)?,
        })
    }

    fn artifact(&self, data: &Training<'_>, rows: &Estimated<'_>, models: BTreeMap<usize, TargetModel>) -> Artifact {
        let mut tensors = Tensors::new();
        #[expect(clippy::cast_precision_loss, reason = "seconds and rows lie far below 2^52")]
        let anchor = vec![rows.scaled.axis.at(rows.first) as f64, rows.count as f64];
        tensors.insert(smoother::ANCHOR.to_owned(), Tensor::f64(vec![2], anchor));
        let memory = models.values().map(TargetModel::memory).max().unwrap_or(1);
        for (target, model) in models {
            model.write(target, &mut tensors);
        }
        let about = About::new(
            self.settings.clone(),
            data,
            memory.min(data.series[0].cut.training.len()),
        );
        Artifact { about, tensors }
    }
}

/// The rows that parameters are estimated from.
struct Estimated<'a> {
    scaled: &'a Scaled,
    first: usize,
    count: usize,
    season: usize,
    seasons: &'a [usize],
}

impl<'a> Estimated<'a> {
    fn of(data: &Training<'a>) -> Result<Self, FitError> {
        let [series] = data.series else {
            return Err(FitError::Mismatch {
                what: "series",
                have: data.series.len(),
                need: 1,
            });
        };
        let training = &series.cut.training;
        let count = training.len().min(ESTIMATED_ROWS);
        Ok(Self {
            scaled: series.scaled,
            first: training.end - count,
            count,
            season: data.season,
            seasons: data.seasons,
        })
    }

    fn fit(
        &self,
        settings: &ModelSpec,
        target: usize,
        tick: &mut dyn FnMut() -> Result<(), Stopped>,
    ) -> Result<TargetModel, Halt> {
        let rows = self.first..self.first + self.count;
        let input = self.scaled.targets[target];
        let filled: Vec<f64> = rows.clone().map(|row| self.scaled.values.at(row, input)).collect();
        let rows = Target {
            filled: &filled,
            observed: &self.scaled.observed[target][rows],
            unit: self.scaled.unit(target),
            season: self.season,
            seasons: self.seasons,
            frequency: self.scaled.axis.frequency,
        };
        kinds::fit(settings, &rows, tick)
    }
}

impl Fit for Classical {
    fn run(
        &self,
        data: &Training<'_>,
        resume: Option<&Checkpoint>,
        stop: &dyn Fn() -> bool,
        observe: &mut dyn FnMut(Progress, Option<&EpochLoss>),
    ) -> Result<Fitted, FitError> {
        data.check()?;
        let rows = Estimated::of(data)?;
        let mut done = match resume {
            Some(checkpoint) => self.resumed(data, checkpoint).map_err(FitError::Checkpoint)?,
            None => BTreeMap::new(),
        };
        let open: Vec<usize> = (0..data.target_names.len())
            .filter(|target| !done.contains_key(target))
            .collect();
        let before = done.len();
        let (queue, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
        let results = Mutex::new(Vec::new());
        // One piece of work: the next target that no thread has taken.
        let turn = |tick: &mut dyn FnMut() -> Result<(), Stopped>| {
            let &target = open.get(queue.fetch_add(1, Ordering::Relaxed))?;
            let result = tick()
                .map_err(Halt::from)
                .and_then(|()| rows.fit(&self.settings, target, tick));
            let goes_on = result.is_ok();
            let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
            results.push((target, result));
            goes_on.then_some(results.len())
        };
        let told = || {
            if stopped.load(Ordering::Relaxed) {
                Err(Stopped)
            } else {
                Ok(())
            }
        };
        thread::scope(|scope| {
            for _ in 1..data.threads.min(open.len()) {
                scope.spawn(|| while turn(&mut || told()).is_some() {});
            }
            let mut ask = || {
                stopped.fetch_or(stop(), Ordering::Relaxed);
                told()
            };
            while let Some(finished) = turn(&mut ask) {
                observe(progress(before + finished), None);
            }
        });
        let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        // The failure of the first target is reported, whichever failed first.
        results.sort_by_key(|(target, _)| *target);
        for (target, result) in results {
            match result {
                Ok(model) => _ = done.insert(target, model),
                Err(Halt::Failed(error)) => return Err(error),
                Err(Halt::Stopped) => {}
            }
        }
        if done.len() < data.target_names.len() {
            return self
                .checkpoint(data, &done)
                .map(Fitted::Stopped)
                .map_err(FitError::Checkpoint);
        }
        Ok(Fitted::Finished(self.artifact(data, &rows, done)))
    }
}

/// Returns the progress: one batch per finished target.
fn progress(targets: usize) -> Progress {
    Progress {
        epoch: 0,
        batch: targets as u64,
    }
}
