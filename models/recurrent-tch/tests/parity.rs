//! Agreement with our own arithmetic: the same fit from the same first parameters in the same order.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail as it does")]

use std::cell::Cell as Counter;

use forecast::{
    Artifact, Checkpoint, Data, Fit, FitError, Fitted, Forecast, Optimizer, RecurrentSpec, Schedule, SeriesData,
    Training, known_future,
};
use recurrent::{Cell, Net, Recurrent};
use recurrent_tch::RecurrentTch;
use series::{Cut, Frequency, Matrix, Scaled, TimeAxis, WindowShape};

/// How far parameters may lie apart after 21 updates, as a share of the largest: single precision sums in another order, and
/// Adam divides by roots of gradients near 0. Seen: below 1e-5.
const PARAMETERS: f64 = 1e-4;
/// How far losses may lie apart, as a share.
const LOSSES: f64 = 1e-5;
/// How far forecasts may lie apart, of values from -1 to 1.
const FORECASTS: f64 = 1e-4;

const WINDOW: WindowShape = WindowShape {
    context: 6,
    horizon: 2,
    stride: 1,
};

fn waves() -> (Scaled, Cut) {
    let (rows, cols) = (300_u32, 3_u32);
    let value = |row: u32, col: u32| {
        let t = f64::from(row);
        0.5 * libm::sin(t / f64::from(3 + 2 * col)) + 0.3 * libm::cos(t * t / f64::from(700 + col))
    };
    let len = rows as usize;
    let scaled = Scaled {
        values: Matrix {
            rows: len,
            cols: cols as usize,
            data: (0..rows)
                .flat_map(|row| (0..cols).map(move |col| value(row, col)))
                .collect(),
        },
        axis: TimeAxis::new(0, Frequency::Seconds(60), len),
        observed: vec![vec![true; len]; 2],
        targets: vec![0, 2],
        past: vec![1],
        calendar: Vec::new(),
        lags: Vec::new(),
        complete: vec![true; len],
        drops_incomplete: false,
        units: Vec::new(),
    };
    let cut = Cut {
        training: 0..230,
        select: 230..270,
        calibrate: 270..285,
        holdout: 285..300,
        refits: Vec::new(),
        windows: WINDOW.count(230),
        window: WINDOW,
        sampled_rows: 285,
    };
    (scaled, cut)
}

fn spec() -> RecurrentSpec {
    RecurrentSpec {
        hidden: 20,
        epochs: 3,
        batch: 32,
        lr: 5e-3,
        seed: 11,
        ..RecurrentSpec::default()
    }
}

fn run(fit: &dyn Fit, resume: Option<&Checkpoint>, stop: &dyn Fn() -> bool) -> Result<Fitted, FitError> {
    let (scaled, cut) = waves();
    let names = ["a", "b", "c"].map(str::to_owned);
    let targets = ["a", "c"].map(str::to_owned);
    let data = Training {
        series: &[SeriesData {
            scaled: &scaled,
            cut: &cut,
        }],
        window: WINDOW,
        season: 1,
        seasons: &[],
        contexts: &[],
        threads: 1,
        cut: "c0ffee",
        target_names: &targets,
        input_names: &names,
    };
    fit.run(&data, resume, stop, &mut |_, _| ())
}

fn finished(fitted: Fitted) -> Artifact {
    match fitted {
        Fitted::Finished(artifact) => artifact,
        Fitted::Stopped(_) => panic!("nobody asked it to stop"),
    }
}

fn assert_alike(ours: &Artifact, theirs: &Artifact, what: &str) {
    assert_eq!(ours.about.settings, theirs.about.settings);
    assert!(ours.tensors.keys().eq(theirs.tensors.keys()), "{what}: PyTorch's names");
    for (name, tensor) in &ours.tensors {
        let other = &theirs.tensors[name];
        assert_eq!(tensor.shape, other.shape, "{what}: {name}");
        let (Data::F32(a), Data::F32(b)) = (&tensor.data, &other.data) else {
            panic!("{name} is not in single precision")
        };
        let largest = a.iter().fold(0.0_f64, |most, &value| most.max(f64::from(value).abs()));
        let apart = a
            .iter()
            .zip(b)
            .map(|(&a, &b)| (f64::from(a) - f64::from(b)).abs())
            .fold(0.0, f64::max);
        assert!(
            apart <= PARAMETERS * largest,
            "{what}: {name} is {apart} apart of {largest}"
        );
    }
    assert_eq!(ours.about.epochs.len(), theirs.about.epochs.len());
    for (a, b) in ours.about.epochs.iter().zip(&theirs.about.epochs) {
        for (a, b) in [
            (a.train_loss, b.train_loss),
            (a.validation_loss.unwrap(), b.validation_loss.unwrap()),
        ] {
            assert!((a - b).abs() <= LOSSES * a, "{what}: losses {a} and {b}");
        }
    }
}

#[test]
fn fits_end_with_the_parameters_and_losses_of_our_own_arithmetic() {
    for cell in [Cell::Gru, Cell::Lstm] {
        for layers in [1, 2] {
            let spec = RecurrentSpec { layers, ..spec() };
            let ours = finished(run(&Recurrent::new(cell, &spec), None, &|| false).unwrap());
            let theirs = finished(run(&RecurrentTch::new(cell, &spec), None, &|| false).unwrap());
            assert_alike(&ours, &theirs, &format!("{cell} of {layers} layers"));
        }
    }
}

#[test]
fn dropout_weight_decay_and_schedules_are_the_same() {
    for optimizer in [Optimizer::Adam, Optimizer::Adamw] {
        for schedule in [Schedule::Cosine, Schedule::Plateau] {
            let spec = RecurrentSpec {
                dropout: 0.3,
                weight_decay: 0.05,
                optimizer,
                schedule,
                ..spec()
            };
            for cell in [Cell::Gru, Cell::Lstm] {
                let ours = finished(run(&Recurrent::new(cell, &spec), None, &|| false).unwrap());
                let theirs = finished(run(&RecurrentTch::new(cell, &spec), None, &|| false).unwrap());
                assert_alike(&ours, &theirs, &format!("{cell}, {optimizer:?}, {schedule:?}"));
            }
        }
    }
}

#[test]
fn what_libtorch_fitted_forecasts_without_it() {
    let (scaled, _) = waves();
    for cell in [Cell::Gru, Cell::Lstm] {
        let forecast = |fit: &dyn Fit| {
            let bytes = finished(run(fit, None, &|| false).unwrap()).to_bytes().unwrap();
            let net = Net::read(&Artifact::parse(&bytes).unwrap()).unwrap();
            let future = known_future(&scaled, 285, 2);
            let history = forecast::History {
                scaled: &scaled,
                origin: 285,
                future: &future,
            };
            net.forecast(&history, 2).unwrap().data
        };
        let (ours, theirs) = (
            forecast(&Recurrent::new(cell, &spec())),
            forecast(&RecurrentTch::new(cell, &spec())),
        );
        for (a, b) in ours.iter().zip(&theirs) {
            assert!((a - b).abs() < FORECASTS, "{cell}: {ours:?} and {theirs:?}");
        }
    }
}

#[test]
fn either_goes_on_from_where_the_other_was_stopped() {
    let cell = Cell::Gru;
    let (ours, theirs) = (Recurrent::new(cell, &spec()), RecurrentTch::new(cell, &spec()));
    let calm = finished(run(&ours, None, &|| false).unwrap());
    for (first, second) in [
        (&ours as &dyn Fit, &theirs as &dyn Fit),
        (&theirs, &ours),
        (&theirs, &theirs),
    ] {
        let asked = Counter::new(0);
        let stop = || asked.replace(asked.get() + 1) >= 10;
        let Fitted::Stopped(checkpoint) = run(first, None, &stop).unwrap() else {
            panic!("three epochs of seven batches were over after ten")
        };
        let resumed = finished(run(second, Some(&checkpoint), &|| false).unwrap());
        assert_alike(&calm, &resumed, "resumed");
    }
}

#[test]
fn a_fit_that_blows_up_or_has_no_windows_is_an_error() {
    let wild = RecurrentSpec { lr: 1e30, ..spec() };
    assert!(matches!(
        run(&RecurrentTch::new(Cell::Lstm, &wild), None, &|| false),
        Err(FitError::Diverged { .. })
    ));
    let huge = RecurrentSpec {
        hidden: 1 << 20,
        ..spec()
    };
    assert!(matches!(
        run(&RecurrentTch::new(Cell::Gru, &huge), None, &|| false),
        Err(FitError::TooLarge { .. })
    ));
}
