//! The start of a fit: settings and data are checked here, before any work.

use forecast::{
    Backend, Checkpoint, EpochLoss, Fit, FitError, Fitted, ModelSpec, Progress, RecurrentSpec, Schedule, Training,
};

use crate::{
    engine::{Engine, Start, Task},
    kernel::Path,
    run::Run,
    samples::Samples,
    shape::{Cell, Shape},
    state::State,
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
    /// Returns the fit of a net with some settings.
    #[must_use]
    pub fn new(cell: Cell, spec: &RecurrentSpec) -> Self {
        Self {
            cell,
            spec: spec.clone(),
            path: Path::fastest(),
        }
    }

    /// Returns the settings as they stand in artifacts.
    fn settings(&self) -> ModelSpec {
        match self.cell {
            Cell::Gru => ModelSpec::Gru(self.spec.clone()),
            Cell::Lstm => ModelSpec::Lstm(self.spec.clone()),
        }
    }

    /// Fits as [`forecast::Fit::run`] does, with the arithmetic of another engine.
    ///
    /// # Errors
    /// As [`forecast::Fit::run`] for this net, except for [`FitError::NoLibtorch`].
    pub fn run_on(
        &self,
        data: &Training<'_>,
        resume: Option<&Checkpoint>,
        stop: &dyn Fn() -> bool,
        observe: &mut dyn FnMut(Progress, Option<&EpochLoss>),
        engine: &dyn for<'t> Fn(&'t Task<'t>, Start) -> Box<dyn Engine + 't>,
    ) -> Result<Fitted, FitError> {
        self.prepared(data, resume, |run, state| run.go_on(state, stop, observe, engine))
    }

    fn shape(&self, data: &Training<'_>) -> Shape {
        Shape {
            cell: self.cell,
            inputs: data.input_names.len(),
            hidden: self.spec.hidden,
            layers: self.spec.layers,
            context: data.window.context,
            outputs: data.window.horizon * data.target_names.len(),
            precision: self.spec.precision,
        }
    }

    /// Checks the data, finds the windows and the state to start from, and calls `go` with both.
    fn prepared(
        &self,
        data: &Training<'_>,
        resume: Option<&Checkpoint>,
        go: impl FnOnce(&Run<'_>, State) -> Result<Fitted, FitError>,
    ) -> Result<Fitted, FitError> {
        let shape = self.shape(data);
        check(data, &shape, &self.spec)?;
        let training = Samples::inside(data.series, data.window, |one| one.cut.training.clone());
        let select = Samples::inside(data.series, data.window, |one| one.cut.select.clone());
        if training.len() == 0 {
            return Err(FitError::TooFewWindows { have: 0, need: 1 });
        }
        if self.spec.schedule == Schedule::Plateau && select.len() == 0 {
            return Err(FitError::Mismatch {
                what: "selecting windows for the plateau schedule",
                have: 0,
                need: 1,
            });
        }
        let have = shape.training_bytes(self.spec.batch.min(training.len()));
        if have > MEMORY_BOUND {
            return Err(FitError::TooLarge {
                have,
                bound: MEMORY_BOUND,
            });
        }
        let settings = self.settings();
        let run = Run {
            path: self.path,
            spec: &self.spec,
            settings: &settings,
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
        go(&run, state)
    }
}

impl Fit for Recurrent {
    /// Fits on the training windows of all series, in an order drawn from the seed for each epoch.
    ///
    /// The loss is the mean squared error over windows, steps and targets, on the scaled axis. With early stopping and
    /// windows that select, the parameters of the best epoch are kept, and the fit ends once `patience` epochs in a row were
    /// no better; otherwise all epochs run and the last parameters are kept. Neither threads nor stops change a bit.
    ///
    /// # Errors
    /// [`FitError::NoLibtorch`] before any work where the settings ask for libtorch: our own arithmetic has other bits.
    fn run(
        &self,
        data: &Training<'_>,
        resume: Option<&Checkpoint>,
        stop: &dyn Fn() -> bool,
        observe: &mut dyn FnMut(Progress, Option<&EpochLoss>),
    ) -> Result<Fitted, FitError> {
        if self.spec.backend == Backend::Tch {
            return Err(FitError::NoLibtorch);
        }
        self.prepared(data, resume, |run, state| run.go(state, stop, observe))
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
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell as Counter;

    use forecast::{Precision, SeriesData};
    use proptest::prelude::*;
    use series::{Cut, Frequency, Matrix, Scaled, TimeAxis, WindowShape};

    use super::*;
    use crate::kernel::paths;

    const PRECISIONS: [Precision; 2] = [Precision::F32, Precision::Bf16];

    /// Sizes that are not multiples of any register: 21 units, 3 inputs, batches of 40 windows.
    fn spec() -> RecurrentSpec {
        RecurrentSpec {
            hidden: 21,
            epochs: 2,
            batch: 40,
            lr: 0.01,
            dropout: 0.2,
            ..RecurrentSpec::default()
        }
    }

    fn run(
        model: &Recurrent,
        rows: usize,
        threads: usize,
        resume: Option<&Checkpoint>,
        batches: usize,
    ) -> Result<Vec<u8>, Checkpoint> {
        let data = (0..rows * 3)
            .map(|i| f64::from(u32::try_from(i * 7919 % 1000).unwrap()) / 1000.0)
            .collect();
        let scaled = Scaled {
            values: Matrix { rows, cols: 3, data },
            axis: TimeAxis::new(0, Frequency::Seconds(60), rows),
            observed: vec![vec![true; rows]; 2],
            targets: vec![0, 2],
            past: vec![1],
            calendar: Vec::new(),
            lags: Vec::new(),
            complete: vec![true; rows],
            drops_incomplete: false,
            units: Vec::new(),
        };
        let window = WindowShape {
            context: 4,
            horizon: 2,
            stride: 1,
        };
        let cut = Cut {
            training: 0..rows - 20,
            select: rows - 20..rows,
            calibrate: rows..rows,
            holdout: rows..rows,
            refits: Vec::new(),
            windows: rows - 25,
            window,
            sampled_rows: rows,
        };
        let names = ["a", "b", "c"].map(str::to_owned);
        let data = Training {
            series: &[SeriesData {
                scaled: &scaled,
                cut: &cut,
            }],
            window,
            season: 1,
            seasons: &[],
            contexts: &[],
            threads,
            cut: "cut",
            target_names: &names[1..],
            input_names: &names,
        };
        let asked = Counter::new(0);
        let stop = || asked.replace(asked.get() + 1) >= batches;
        match model.run(&data, resume, &stop, &mut |_, _| ()).unwrap() {
            Fitted::Finished(artifact) => Ok(artifact.to_bytes().unwrap()),
            Fitted::Stopped(checkpoint) => Err(checkpoint),
        }
    }

    fn on(path: Path, cell: Cell, spec: &RecurrentSpec) -> Recurrent {
        Recurrent {
            path,
            ..Recurrent::new(cell, spec)
        }
    }

    #[test]
    fn every_path_of_this_cpu_fits_to_the_same_bytes_as_the_portable_one() {
        for (cell, precision) in [Cell::Gru, Cell::Lstm]
            .into_iter()
            .flat_map(|cell| PRECISIONS.map(|precision| (cell, precision)))
        {
            let spec = RecurrentSpec { precision, ..spec() };
            let portable = run(&on(Path::Portable, cell, &spec), 110, 2, None, usize::MAX).unwrap();
            for path in paths() {
                let same = run(&on(path, cell, &spec), 110, 2, None, usize::MAX).unwrap() == portable;
                assert!(same, "{cell} in {precision:?} with {path:?}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

        #[test]
        fn a_fit_cut_anywhere_goes_on_with_other_instructions_and_threads_to_the_same_bytes(
            lstm: bool, bf16: bool, cut in 0_usize..6, paths in (0_usize..5, 0_usize..5), threads in (1_usize..4, 1_usize..4), seed: u64,
        ) {
            let cell = if lstm { Cell::Lstm } else { Cell::Gru };
            let precision = PRECISIONS[usize::from(bf16)];
            let spec = RecurrentSpec { hidden: 5, batch: 12, seed, precision, ..spec() };
            let available = self::paths();
            let model = |index: usize| on(available[index % available.len()], cell, &spec);
            let whole = run(&model(0), 50, 1, None, usize::MAX);
            let checkpoint = run(&model(paths.0), 50, threads.0, None, cut).unwrap_err();
            let resumed = run(&model(paths.1), 50, threads.1, Some(&checkpoint), usize::MAX);
            prop_assert!(whole.is_ok() && resumed == whole);
        }
    }
}
