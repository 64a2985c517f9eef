//! Fits a net: epochs of batches, early stopping, and a checkpoint wherever it is asked to stop.

use std::ops::ControlFlow;

use forecast::{
    About, Artifact, Checkpoint, EpochLoss, FORMAT, Fit, FitError, Fitted, ModelSpec, Progress, RecurrentSpec, Tensor,
    Tensors, Training,
};

use crate::{
    adam::AdamStep,
    random,
    samples::Samples,
    shape::{Cell, Shape},
    simd::Path,
    state::{Best, Identity, State},
    team::Team,
    trainer::{Shared, Trainer},
    weights::Weights,
};

/// The most memory a fit may take beside its data, in bytes.
pub const MEMORY_BOUND: u128 = 2 << 30;

/// A GRU or an LSTM that can be fitted.
#[derive(Clone, Debug)]
pub struct Recurrent {
    cell: Cell,
    spec: RecurrentSpec,
    path: Path,
}

impl Recurrent {
    /// Gives a net of a kind with some settings.
    #[must_use]
    pub fn new(cell: Cell, spec: &RecurrentSpec) -> Self {
        Self {
            cell,
            spec: spec.clone(),
            path: Path::fastest(),
        }
    }

    fn settings(&self) -> ModelSpec {
        match self.cell {
            Cell::Gru => ModelSpec::Gru(self.spec.clone()),
            Cell::Lstm => ModelSpec::Lstm(self.spec.clone()),
        }
    }

    fn shape(&self, data: &Training<'_>) -> Shape {
        Shape {
            cell: self.cell,
            inputs: data.input_names.len(),
            hidden: self.spec.hidden,
            layers: self.spec.layers,
            context: data.window.context,
            outputs: data.window.horizon * data.target_names.len(),
        }
    }
}

impl Fit for Recurrent {
    /// Fits on the training windows of all series, in an order drawn from the seed for each epoch.
    ///
    /// The loss is the mean squared error over windows, steps and targets, on the scaled axis. With early stopping and
    /// windows that select, the parameters of the best epoch are kept, and the fit ends once `patience` epochs in a row were
    /// no better; otherwise all epochs run and the last parameters are kept. Neither threads nor stops change a bit.
    fn run(
        &self,
        data: &Training<'_>,
        resume: Option<&Checkpoint>,
        stop: &dyn Fn() -> bool,
        observe: &mut dyn FnMut(Progress, Option<&EpochLoss>),
    ) -> Result<Fitted, FitError> {
        let shape = self.shape(data);
        check(data, &shape, &self.spec)?;
        let training = Samples::inside(data.series, data.window, |one| one.cut.training.clone());
        let select = Samples::inside(data.series, data.window, |one| one.cut.select.clone());
        if training.len() == 0 {
            return Err(FitError::TooFewWindows { have: 0, need: 1 });
        }
        let run = Run {
            model: self,
            data,
            shape,
            training: &training,
            select: &select,
        };
        let state = match resume {
            Some(checkpoint) => {
                let read = State::read(&checkpoint.bytes, &shape, &run.identity());
                read.map_err(FitError::Checkpoint)?
            }
            None => State::first(&shape, self.spec.seed),
        };
        run.go(state, stop, observe)
    }
}

fn check(data: &Training<'_>, shape: &Shape, spec: &RecurrentSpec) -> Result<(), FitError> {
    let sizes = [
        ("units", shape.hidden),
        ("layers", shape.layers),
        ("windows of a batch", spec.batch),
        ("context rows", shape.context),
        ("forecast values", shape.outputs),
        ("inputs", shape.inputs),
    ];
    for (what, have) in sizes {
        if have == 0 {
            return Err(FitError::Mismatch { what, have, need: 1 });
        }
    }
    for one in data.series {
        let columns = [
            ("inputs", one.scaled.values.cols, data.input_names.len()),
            ("targets", one.scaled.targets.len(), data.target_names.len()),
        ];
        for (what, have, need) in columns {
            if have != need {
                return Err(FitError::Mismatch { what, have, need });
            }
        }
    }
    let have = shape.training_bytes(spec.batch);
    if have > MEMORY_BOUND {
        return Err(FitError::TooLarge {
            have,
            bound: MEMORY_BOUND,
        });
    }
    Ok(())
}

/// One run of a fit.
struct Run<'a> {
    model: &'a Recurrent,
    data: &'a Training<'a>,
    shape: Shape,
    training: &'a Samples<'a>,
    select: &'a Samples<'a>,
}

impl Run<'_> {
    fn identity(&self) -> Identity {
        Identity {
            settings: self.model.settings(),
            cut: self.data.cut.to_owned(),
            inputs: self.shape.inputs,
            context: self.shape.context,
            outputs: self.shape.outputs,
            windows: self.training.len(),
        }
    }

    fn go(
        &self,
        mut state: State,
        stop: &dyn Fn() -> bool,
        observe: &mut dyn FnMut(Progress, Option<&EpochLoss>),
    ) -> Result<Fitted, FitError> {
        let (path, batch) = (self.model.path, self.model.spec.batch.min(self.training.len()));
        let weights = Weights::new(path, self.shape, std::mem::take(&mut state.values));
        let moments = std::mem::take(&mut state.moments);
        let shared = Shared::new(path, (self.training, self.select), weights, moments, batch);
        let work = |phase, task, scratch: &mut _| shared.work(phase, task, scratch);
        let end = Team::gather(self.data.threads.max(1), &work, |team| {
            let mut trainer = Trainer { shared: &shared, team };
            self.epochs(&mut trainer, &mut state, stop, observe)
        })?;
        state.values = shared
            .weights()
            .tensors
            .iter()
            .map(|tensor| tensor.values.clone())
            .collect();
        state.moments = shared.moments();
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
        trainer: &mut Trainer<'_, '_>,
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
                self.batch(trainer, state, windows)?;
                observe(state.progress, None);
            }
            let better = self.end_epoch(trainer, state)?;
            observe(state.progress, state.epochs.last());
            if better.is_break() {
                break;
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn batch(&self, trainer: &mut Trainer<'_, '_>, state: &mut State, windows: &[usize]) -> Result<(), FitError> {
        let learned = trainer.learn(windows);
        let loss = self.mean(learned.sum, windows.len());
        // An infinite gradient beside a finite loss is the same failure one batch earlier.
        finite(if learned.norm.is_finite() { loss } else { learned.norm }, state)?;
        state.step += 1;
        state.sum += learned.sum;
        state.progress.batch += 1;
        let spec = &self.model.spec;
        trainer.step(AdamStep::new(state.step, spec.lr, spec.clip, learned.norm));
        Ok(())
    }

    /// Closes an epoch; breaks where patience is at its end.
    fn end_epoch(&self, trainer: &mut Trainer<'_, '_>, state: &mut State) -> Result<ControlFlow<()>, FitError> {
        let train_loss = self.mean(state.sum, self.training.len());
        let validation_loss = match self.select.len() {
            0 => None,
            windows => Some(finite(self.mean(trainer.grade(), windows), state)?),
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
            let values = trainer
                .shared
                .weights()
                .tensors
                .iter()
                .map(|tensor| tensor.values.clone())
                .collect();
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
            format: FORMAT,
            kind: self.model.cell.to_string(),
            settings: self.model.settings(),
            cut: data.cut.to_owned(),
            targets: data.target_names.to_vec(),
            inputs: data.input_names.to_vec(),
            context: data.window.context,
            horizon: data.window.horizon,
            season: data.season,
            history_rows: data.window.context,
            epochs: state.epochs,
        };
        Artifact { about, tensors }
    }
}

/// That a fit was asked to stop.
struct Stop;

fn finite(loss: f64, state: &State) -> Result<f64, FitError> {
    if loss.is_finite() {
        Ok(loss)
    } else {
        Err(FitError::Diverged {
            epoch: state.progress.epoch + 1,
            loss,
        })
    }
}

#[cfg(test)]
mod tests {
    use forecast::SeriesData;
    use series::{Cut, Matrix, Scaled, WindowShape};

    use super::*;
    use crate::simd::tests::paths;

    /// Sizes that fill no register of any path: 21 units, 3 inputs, batches of 40 windows.
    fn fit(cell: Cell, path: Path) -> Vec<u8> {
        let spec = RecurrentSpec {
            hidden: 21,
            epochs: 2,
            batch: 40,
            lr: 0.01,
            ..RecurrentSpec::default()
        };
        let data = (0..110_i32 * 3).map(|i| f64::from(i * 7919 % 1000) / 1000.0).collect();
        let scaled = Scaled {
            values: Matrix {
                rows: 110,
                cols: 3,
                data,
            },
            targets: vec![0, 2],
            past: vec![1],
            calendar: Vec::new(),
            lags: Vec::new(),
            complete: vec![true; 110],
            drops_incomplete: false,
        };
        let window = WindowShape {
            context: 4,
            horizon: 2,
            stride: 1,
        };
        let cut = Cut {
            training: 0..80,
            select: 80..110,
            calibrate: 110..110,
            holdout: 110..110,
            windows: 75,
            window,
            sampled_rows: 110,
        };
        let names = ["a", "b", "c"].map(str::to_owned);
        let data = Training {
            series: &[SeriesData {
                scaled: &scaled,
                cut: &cut,
            }],
            window,
            season: 1,
            threads: 2,
            cut: "cut",
            target_names: &names[1..],
            input_names: &names,
        };
        let model = Recurrent {
            path,
            ..Recurrent::new(cell, &spec)
        };
        match model.run(&data, None, &|| false, &mut |_, _| ()).unwrap() {
            Fitted::Finished(artifact) => artifact.to_bytes().unwrap(),
            Fitted::Stopped(_) => panic!("nobody asked to stop"),
        }
    }

    #[test]
    fn every_path_of_this_cpu_fits_to_the_same_bytes_as_the_portable_one() {
        for cell in [Cell::Gru, Cell::Lstm] {
            let portable = fit(cell, Path::Portable);
            for path in paths() {
                assert!(fit(cell, path) == portable, "{cell} with {path:?}");
            }
        }
    }
}
