//! Small series to fit on, and access to the state of a fit.

use std::{cell::Cell as Counter, collections::BTreeMap, ops::Range};

use forecast::{
    Artifact, Checkpoint, Data, EpochLoss, Fit, FitError, Fitted, RecurrentSpec, SeriesData, Tensors, Training, tensors,
};
use recurrent::{Cell, Recurrent};
use series::{Cut, Frequency, Matrix, Scaled, TimeAxis, WindowShape};

/// Both cells.
pub(crate) const CELLS: [Cell; 2] = [Cell::Gru, Cell::Lstm];

/// One series with its cut and its names.
#[derive(Clone)]
pub(crate) struct Series {
    pub(crate) scaled: Scaled,
    pub(crate) cut: Cut,
    names: Vec<String>,
    target_names: Vec<String>,
}

impl Series {
    /// Cuts rows into training and, behind it, selecting rows.
    pub(crate) fn new(rows: &[Vec<f64>], targets: &[usize], window: WindowShape, select: usize) -> Self {
        let (len, cols) = (rows.len(), rows[0].len());
        let training = 0..len - select;
        let scaled = Scaled {
            values: Matrix {
                rows: len,
                cols,
                data: rows.concat(),
            },
            axis: TimeAxis::new(0, Frequency::Seconds(60), len),
            observed: vec![vec![true; len]; targets.len()],
            targets: targets.to_vec(),
            past: (0..cols).filter(|column| !targets.contains(column)).collect(),
            calendar: Vec::new(),
            lags: Vec::new(),
            complete: vec![true; len],
            drops_incomplete: false,
            units: Vec::new(),
        };
        let cut = Cut {
            windows: window.count(training.len()),
            sampled_rows: len,
            select: training.end..len,
            calibrate: len..len,
            holdout: len..len,
            refits: Vec::new(),
            training,
            window,
        };
        let names: Vec<_> = (0..cols).map(|column| format!("c{column}")).collect();
        let target_names = targets.iter().map(|&target| names[target].clone()).collect();
        Self {
            scaled,
            cut,
            names,
            target_names,
        }
    }

    /// Returns rows of sines with some noise, the same for equal arguments.
    pub(crate) fn waves(rows: usize, cols: usize, targets: usize, window: WindowShape, select: usize) -> Self {
        let mut state = 7_u64;
        let mut noise = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            f64::from(u32::try_from(state >> 33).unwrap()) / f64::from(u32::MAX) - 0.25
        };
        let row = |row: u32| {
            (0..cols)
                .map(|c| (f64::from(row) / 5.0 + c as f64, noise()))
                .collect::<Vec<_>>()
        };
        let rows: Vec<Vec<f64>> = (0..u32::try_from(rows).unwrap())
            .map(row)
            .map(|row| {
                row.into_iter()
                    .map(|(phase, noise)| 0.4 * libm::sin(phase) + 0.1 * noise)
                    .collect()
            })
            .collect();
        Self::new(&rows, &(0..targets).collect::<Vec<_>>(), window, select)
    }

    /// Calls `with` with the data of a fit.
    pub(crate) fn training<R>(&self, threads: usize, with: impl FnOnce(&Training<'_>) -> R) -> R {
        with(&Training {
            series: &[SeriesData {
                scaled: &self.scaled,
                cut: &self.cut,
            }],
            window: self.cut.window,
            season: 1,
            seasons: &[],
            contexts: &[],
            threads,
            cut: "cut",
            target_names: &self.target_names,
            input_names: &self.names,
        })
    }

    /// Fits to the end.
    pub(crate) fn fit(&self, cell: Cell, spec: &RecurrentSpec) -> Artifact {
        finished(self.run(cell, spec, 1, None, usize::MAX).unwrap())
    }

    /// Fits from a checkpoint, or from the start, until `batches` batches are done.
    pub(crate) fn run(
        &self,
        cell: Cell,
        spec: &RecurrentSpec,
        threads: usize,
        resume: Option<&Checkpoint>,
        batches: usize,
    ) -> Result<Fitted, FitError> {
        let asked = Counter::new(0);
        let stop = || asked.replace(asked.get() + 1) >= batches;
        self.training(threads, |data| {
            Recurrent::new(cell, spec).run(data, resume, &stop, &mut |_, _| ())
        })
    }

    /// Returns the loss of all windows in one batch and its gradients by tensor, at the given parameters or the first ones.
    pub(crate) fn gradients(&self, cell: Cell, spec: &RecurrentSpec, at: Option<&Tensors>) -> (f64, Tensors) {
        // Without clipping, Adam's first moment after one update is the gradient times one minus its decay.
        let spec = RecurrentSpec {
            clip: 1e9,
            batch: self.cut.windows,
            ..spec.clone()
        };
        let start = stopped(self.run(cell, &spec, 1, None, 0).unwrap());
        let start = at.map_or(start.clone(), |at| with_parameters(&start, at));
        let after = stopped(self.run(cell, &spec, 2, Some(&start), 1).unwrap());
        let (about, all): (serde_json::Value, Tensors) = tensors::parse(&after.bytes).unwrap();
        let loss = about["epochs"][0]["train_loss"]
            .as_f64()
            .expect("all windows are one batch, the epoch is over");
        let mut gradients = part(&all, "first");
        for tensor in gradients.values_mut() {
            if let Data::F32(values) = &mut tensor.data {
                for value in values {
                    *value /= 1.0 - 0.9;
                }
            }
        }
        (loss, gradients)
    }
}

/// Returns a checkpoint with other parameters in it.
pub(crate) fn with_parameters(checkpoint: &Checkpoint, parameters: &Tensors) -> Checkpoint {
    let (about, mut all): (serde_json::Value, Tensors) = tensors::parse(&checkpoint.bytes).unwrap();
    for (name, tensor) in parameters {
        assert!(
            all.insert(format!("value.{name}"), tensor.clone()).is_some(),
            "{name} is a parameter"
        );
    }
    Checkpoint {
        bytes: tensors::to_bytes(&about, &all).unwrap(),
        ..checkpoint.clone()
    }
}

/// Returns the tensors of one part of a checkpoint under their own names.
pub(crate) fn part(all: &Tensors, part: &str) -> Tensors {
    let own = |(name, tensor): (&String, &forecast::Tensor)| {
        Some((name.strip_prefix(part)?.strip_prefix('.')?.to_owned(), tensor.clone()))
    };
    all.iter().filter_map(own).collect()
}

/// Returns the parameters of the start of a fit.
pub(crate) fn first_parameters(series: &Series, cell: Cell, spec: &RecurrentSpec) -> Tensors {
    let start = stopped(series.run(cell, spec, 1, None, 0).unwrap());
    part(&tensors::parse::<serde_json::Value>(&start.bytes).unwrap().1, "value")
}

/// Returns tensors in double precision.
pub(crate) fn numbers(tensors: &Tensors) -> BTreeMap<String, Vec<f64>> {
    let double = |data: &Data| match data {
        Data::F32(values) => values.iter().copied().map(f64::from).collect(),
        Data::F64(values) => values.clone(),
    };
    tensors
        .iter()
        .map(|(name, tensor)| (name.clone(), double(&tensor.data)))
        .collect()
}

pub(crate) fn finished(fitted: Fitted) -> Artifact {
    match fitted {
        Fitted::Finished(artifact) => artifact,
        Fitted::Stopped(checkpoint) => panic!("stopped at {:?}", checkpoint.progress),
    }
}

pub(crate) fn stopped(fitted: Fitted) -> Checkpoint {
    match fitted {
        Fitted::Stopped(checkpoint) => checkpoint,
        Fitted::Finished(_) => panic!("finished"),
    }
}

pub(crate) fn losses(artifact: &Artifact) -> &[EpochLoss] {
    &artifact.about.epochs
}

pub(crate) fn window(context: usize, horizon: usize) -> WindowShape {
    WindowShape {
        context,
        horizon,
        stride: 1,
    }
}

/// Returns the origins of a series' last forecasts.
pub(crate) fn origins(series: &Series) -> Range<usize> {
    series.cut.window.context..series.scaled.rows() + 1 - series.cut.window.horizon
}

/// Panics unless numbers agree, relative to the largest of them.
pub(crate) fn assert_close(what: &str, ours: &[f64], theirs: &[f64], tolerance: f64) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let scale = theirs.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    for (index, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        let error = (ours - theirs).abs();
        assert!(
            error <= tolerance * scale,
            "{what}[{index}]: {ours:e}, expected {theirs:e} (largest {scale:e})"
        );
    }
}
