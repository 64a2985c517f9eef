//! One run of a fit: epochs of batches from any state to the artifact or to a checkpoint.

use std::ops::ControlFlow;

use forecast::{
    About, Artifact, EpochLoss, FitError, Fitted, ModelSpec, Optimizer, Progress, RecurrentSpec, Schedule, Tensor,
    Tensors, Training,
};

use crate::{
    dropout::Dropout,
    engine::{Engine, Start, Task, Update},
    kernel::Path,
    random,
    samples::Samples,
    shape::Shape,
    state::{Best, Good, Identity, Plateau, State},
    team::Team,
    trainer::{Shared, Trainer},
    weights::{Weights, to_blocks},
};

/// How many times worse than forecasting zero a batch may be, plus one for targets that are zero. Saturated gates keep the
/// loss of a diverged net finite, so waiting for infinity would score such a net instead of reporting it.
const BLOWN_UP: f64 = 1e6;

/// How often a fit goes back to its last good state before it has diverged.
const SETBACKS: u32 = 3;

/// Epochs without a lower validation loss after which the plateau schedule halves the rate.
const PLATEAU: u32 = 2;

/// One run of a fit.
pub(crate) struct Run<'a> {
    pub(crate) path: Path,
    pub(crate) spec: &'a RecurrentSpec,
    pub(crate) settings: &'a ModelSpec,
    pub(crate) data: &'a Training<'a>,
    pub(crate) shape: Shape,
    pub(crate) training: &'a Samples<'a>,
    pub(crate) select: &'a Samples<'a>,
}

impl Run<'_> {
    /// Returns what a checkpoint must have in common with this fit.
    pub(crate) fn identity(&self) -> Identity {
        Identity {
            settings: self.settings.clone(),
            cut: self.data.cut.to_owned(),
            inputs: self.shape.inputs,
            context: self.shape.context,
            outputs: self.shape.outputs,
            windows: self.training.len(),
        }
    }

    /// Continues from a state to the end, or until `stop` returns true.
    pub(crate) fn go(
        &self,
        mut state: State,
        stop: &dyn Fn() -> bool,
        observe: &mut dyn FnMut(Progress, Option<&EpochLoss>),
    ) -> Result<Fitted, FitError> {
        let (path, batch) = (self.path, self.spec.batch.min(self.training.len()));
        let weights = Weights::new(path, self.shape, &std::mem::take(&mut state.values));
        let moments = [&mut state.first, &mut state.second].map(|means| to_blocks(&self.shape, &std::mem::take(means)));
        let shared = Shared::new(path, (self.training, self.select), weights, moments, batch);
        let work = |phase, task| shared.work(phase, task);
        let end = Team::gather(self.data.threads.max(1), &work, |team| {
            let mut trainer = Trainer { shared: &shared, team };
            self.epochs(&mut trainer, &mut state, stop, observe)
        })?;
        state.values = shared.weights().values();
        [state.first, state.second] = shared.moments();
        self.close(state, &end)
    }

    /// Does the same with the arithmetic of another engine.
    pub(crate) fn go_on(
        &self,
        mut state: State,
        stop: &dyn Fn() -> bool,
        observe: &mut dyn FnMut(Progress, Option<&EpochLoss>),
        engine: &dyn for<'t> Fn(&'t Task<'t>, Start) -> Box<dyn Engine + 't>,
    ) -> Result<Fitted, FitError> {
        let task = Task {
            shape: self.shape,
            training: self.training,
            select: self.select,
        };
        let start = Start {
            values: std::mem::take(&mut state.values),
            moments: [std::mem::take(&mut state.first), std::mem::take(&mut state.second)],
        };
        let mut engine = engine(&task, start);
        let end = self.epochs(&mut *engine, &mut state, stop, observe)?;
        state.values = engine.values();
        [state.first, state.second] = engine.moments();
        self.close(state, &end)
    }

    fn close(&self, state: State, end: &ControlFlow<Stop>) -> Result<Fitted, FitError> {
        match end {
            ControlFlow::Break(Stop) => {
                let checkpoint = state.to_checkpoint(&self.shape, self.identity());
                Ok(Fitted::Stopped(checkpoint.map_err(FitError::Checkpoint)?))
            }
            ControlFlow::Continue(()) => Ok(Fitted::Finished(self.artifact(state))),
        }
    }

    fn epochs(
        &self,
        engine: &mut dyn Engine,
        state: &mut State,
        stop: &dyn Fn() -> bool,
        observe: &mut dyn FnMut(Progress, Option<&EpochLoss>),
    ) -> Result<ControlFlow<Stop>, FitError> {
        let spec = self.spec;
        let mut order = vec![0; self.training.len()];
        while state.progress.epoch < spec.epochs {
            random::shuffle(&mut order, spec.seed, state.progress.epoch);
            let done = usize::try_from(state.progress.batch).unwrap_or(usize::MAX);
            for windows in order.chunks(spec.batch).skip(done) {
                if stop() {
                    return Ok(ControlFlow::Break(Stop));
                }
                self.batch(engine, state, windows)?;
                observe(state.progress, None);
            }
            let loss = self.end_epoch(engine, state)?;
            observe(state.progress, loss.as_ref());
            if loss.is_some_and(|loss| self.is_over(engine, state, loss)) {
                break;
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Learns from one batch. A batch that shows that the net diverged is skipped and leads back to the last good state; the
    /// progress still rises.
    fn batch(&self, engine: &mut dyn Engine, state: &mut State, windows: &[usize]) -> Result<(), FitError> {
        let (spec, progress) = (self.spec, state.progress);
        let dropout = Dropout::new(spec.dropout, spec.seed, progress.epoch, progress.batch);
        let learned = engine.learn(windows, dropout);
        let loss = self.mean(learned.sum, windows.len());
        let bound = BLOWN_UP * (1.0 + self.mean(learned.sum_of_zeros, windows.len()));
        state.progress.batch += 1;
        // An infinite gradient beside a finite loss is the same failure one batch earlier.
        let seen = if learned.norm.is_finite() { loss } else { learned.norm };
        if seen.is_nan() || seen >= bound {
            return go_back(engine, state, seen, bound);
        }
        if progress.batch == 0 || state.good.is_none() {
            let [first, second] = engine.moments();
            state.good = Some(Good {
                step: state.step,
                tensors: [engine.values(), first, second],
            });
        }
        state.step += 1;
        state.sum += learned.sum;
        state.learned += windows.len();
        let rate = self.rate(state, progress);
        let (added, left) = match spec.optimizer {
            Optimizer::Adam => (spec.weight_decay, 1.0),
            Optimizer::Adamw => (0.0, 1.0 - rate * spec.weight_decay),
        };
        engine.update(&Update {
            number: state.step,
            rate,
            clip: spec.clip,
            norm: learned.norm,
            added,
            left,
        });
        Ok(())
    }

    /// Returns the learning rate of a batch.
    fn rate(&self, state: &State, progress: Progress) -> f64 {
        let spec = self.spec;
        let factor = match spec.schedule {
            Schedule::Constant | Schedule::Plateau => 1.0,
            #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
            Schedule::Cosine => {
                let batches = self.training.len().div_ceil(spec.batch) as f64;
                let done = f64::from(progress.epoch) * batches + progress.batch as f64;
                0.5 + 0.5 * libm::cos(std::f64::consts::PI * done / (f64::from(spec.epochs) * batches))
            }
        };
        spec.lr * state.rate * factor
    }

    /// Closes an epoch and returns its losses; `None` where all of its batches were skipped.
    fn end_epoch(&self, engine: &mut dyn Engine, state: &mut State) -> Result<Option<EpochLoss>, FitError> {
        let train_loss = (state.learned > 0).then(|| self.mean(state.sum, state.learned));
        let mut validation_loss = None;
        while self.select.len() > 0 && validation_loss.is_none() {
            let loss = self.mean(engine.grade(), self.select.len());
            if loss.is_finite() {
                validation_loss = Some(loss);
            } else {
                go_back(engine, state, loss, f64::INFINITY)?;
            }
        }
        state.progress = Progress {
            epoch: state.progress.epoch + 1,
            batch: 0,
        };
        (state.sum, state.learned) = (0.0, 0);
        let loss = train_loss.map(|train_loss| EpochLoss {
            train_loss,
            validation_loss,
        });
        state.epochs.extend(loss);
        Ok(loss)
    }

    /// Evaluates an epoch's validation loss: lowers the rate on a plateau, keeps the best parameters, and returns whether
    /// patience has run out.
    fn is_over(&self, engine: &mut dyn Engine, state: &mut State, loss: EpochLoss) -> bool {
        let spec = self.spec;
        let Some(loss) = loss.validation_loss else {
            return false;
        };
        if spec.schedule == Schedule::Plateau {
            let Plateau { lowest, waited } = &mut state.plateau;
            *waited = if lowest.is_none_or(|lowest| loss < lowest) {
                0
            } else {
                *waited + 1
            };
            *lowest = Some(lowest.map_or(loss, |lowest| lowest.min(loss)));
            if *waited == PLATEAU {
                *waited = 0;
                state.rate *= 0.5;
            }
        }
        if !spec.early_stopping {
            return false;
        }
        if state.best.as_ref().is_none_or(|best| loss < best.loss) {
            let values = engine.values();
            state.best = Some(Best { loss, values });
            state.waited = 0;
        } else {
            state.waited += 1;
        }
        state.waited >= spec.patience
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    fn mean(&self, sum: f64, windows: usize) -> f64 {
        sum / (windows * self.shape.outputs) as f64
    }

    fn artifact(&self, state: State) -> Artifact {
        let values = state.best.map_or(state.values, |best| best.values);
        let tensors = self.shape.layouts().into_iter().zip(values);
        let tensors: Tensors = tensors
            .map(|(layout, values)| (layout.name.clone(), Tensor::f32(layout.dimensions(), values)))
            .collect();
        let data = self.data;
        let about = About {
            epochs: state.epochs,
            ..About::new(self.settings.clone(), data, data.window.context)
        };
        Artifact { about, tensors }
    }
}

/// Returns to the last good state at half the rate, or fails where there is no such state or it happened too often.
fn go_back(engine: &mut dyn Engine, state: &mut State, loss: f64, bound: f64) -> Result<(), FitError> {
    let epoch = state.progress.epoch + 1;
    match &state.good {
        Some(Good { step, tensors }) if state.setbacks < SETBACKS => {
            let [values, first, second] = tensors.clone();
            engine.go_back(Start {
                values,
                moments: [first, second],
            });
            state.step = *step;
            state.setbacks += 1;
            state.rate *= 0.5;
            Ok(())
        }
        _ => Err(FitError::Diverged { epoch, loss, bound }),
    }
}

/// The fit was asked to stop.
struct Stop;
