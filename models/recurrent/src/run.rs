//! One run of a fit: epochs of batches from any state on, to the artifact or to a checkpoint.

use std::ops::ControlFlow;

use forecast::{About, Artifact, EpochLoss, FitError, Fitted, Progress, Tensor, Tensors, Training};

use crate::{
    engine::{Engine, Start, Step, Task},
    fit::Recurrent,
    random,
    samples::Samples,
    shape::Shape,
    state::{Best, Identity, State},
    team::Team,
    trainer::{Shared, Trainer},
    weights::{Weights, to_blocks},
};

/// How many times worse than forecasting zero a batch may be, one added for targets that are zero. Saturated gates keep the
/// loss of a net that blew up finite, so that waiting for infinity would score it instead of saying so.
const BLOWN_UP: f64 = 1e6;

/// One run of a fit.
pub(crate) struct Run<'a> {
    pub(crate) model: &'a Recurrent,
    pub(crate) data: &'a Training<'a>,
    pub(crate) shape: Shape,
    pub(crate) training: &'a Samples<'a>,
    pub(crate) select: &'a Samples<'a>,
}

impl Run<'_> {
    /// Gives what a checkpoint of this fit must agree on.
    pub(crate) fn identity(&self) -> Identity {
        Identity {
            settings: self.model.settings(),
            cut: self.data.cut.to_owned(),
            inputs: self.shape.inputs,
            context: self.shape.context,
            outputs: self.shape.outputs,
            windows: self.training.len(),
        }
    }

    /// Goes on from a state to the end, or to where it is asked to stop.
    pub(crate) fn go(
        &self,
        mut state: State,
        stop: &dyn Fn() -> bool,
        observe: &mut dyn FnMut(Progress, Option<&EpochLoss>),
    ) -> Result<Fitted, FitError> {
        let (path, batch) = (self.model.path, self.model.spec.batch.min(self.training.len()));
        let weights = Weights::new(self.shape, &std::mem::take(&mut state.values));
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

    /// The same with the arithmetic of another engine.
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
        let spec = &self.model.spec;
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
            let better = self.end_epoch(engine, state)?;
            observe(state.progress, state.epochs.last());
            if better.is_break() {
                break;
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn batch(&self, engine: &mut dyn Engine, state: &mut State, windows: &[usize]) -> Result<(), FitError> {
        let learned = engine.learn(windows);
        let loss = self.mean(learned.sum, windows.len());
        let bound = BLOWN_UP * (1.0 + self.mean(learned.sum_of_zeros, windows.len()));
        // An infinite gradient beside a finite loss is the same failure one batch earlier.
        below(bound, if learned.norm.is_finite() { loss } else { learned.norm }, state)?;
        state.step += 1;
        state.sum += learned.sum;
        state.progress.batch += 1;
        let spec = &self.model.spec;
        engine.step(&Step {
            number: state.step,
            rate: spec.lr,
            clip: spec.clip,
            norm: learned.norm,
        });
        Ok(())
    }

    /// Closes an epoch; breaks where patience is at its end.
    fn end_epoch(&self, engine: &mut dyn Engine, state: &mut State) -> Result<ControlFlow<()>, FitError> {
        let train_loss = self.mean(state.sum, self.training.len());
        let validation_loss = match self.select.len() {
            0 => None,
            windows => Some(below(f64::INFINITY, self.mean(engine.grade(), windows), state)?),
        };
        state.epochs.push(EpochLoss {
            train_loss,
            validation_loss,
        });
        state.progress = Progress {
            epoch: state.progress.epoch + 1,
            batch: 0,
        };
        state.sum = 0.0;
        let Some(loss) = validation_loss.filter(|_| self.model.spec.early_stopping) else {
            return Ok(ControlFlow::Continue(()));
        };
        if state.best.as_ref().is_none_or(|best| loss < best.loss) {
            let values = engine.values();
            state.best = Some(Best { loss, values });
            state.waited = 0;
        } else {
            state.waited += 1;
        }
        let patient = state.waited < self.model.spec.patience;
        Ok(if patient {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        })
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
            ..About::new(self.model.settings(), data, data.window.context)
        };
        Artifact { about, tensors }
    }
}

/// That a fit was asked to stop.
struct Stop;

fn below(bound: f64, loss: f64, state: &State) -> Result<f64, FitError> {
    // Written so that what is no number fails too.
    if loss < bound {
        return Ok(loss);
    }
    let epoch = state.progress.epoch + 1;
    Err(FitError::Diverged { epoch, loss, bound })
}
