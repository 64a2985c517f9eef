//! What a fit learns, when it ends, and what it refuses.

use std::cell::RefCell;

use forecast::{
    Checkpoint, EpochLoss, Fit, FitError, Fitted, Forecast, Precision, Progress, RecurrentSpec, SeriesData, Training,
};
use recurrent::{Cell, MEMORY_BOUND, Net, Recurrent};

use crate::data::{CELLS, Series, finished, losses, stopped, window};

fn sine(rows: u32, select: usize) -> Series {
    let rows: Vec<_> = (0..rows).map(|row| vec![libm::sin(f64::from(row) / 4.0)]).collect();
    Series::new(&rows, &[0], window(8, 1), select)
}

fn quick() -> RecurrentSpec {
    RecurrentSpec {
        hidden: 16,
        layers: 1,
        epochs: 30,
        batch: 16,
        lr: 0.01,
        ..RecurrentSpec::default()
    }
}

/// Returns mean squared errors of one-step forecasts from the last 200 rows: the net's and those of the last value.
fn errors(series: &Series, net: &Net) -> (f64, f64) {
    let values = &series.scaled.values;
    let origins: Vec<_> = (values.rows - 200..values.rows).collect();
    let (mut ours, mut naive) = (0.0, 0.0);
    net.forecast_origins(&series.scaled, &origins, 1, &mut |index, forecast| {
        let actual = values.at(origins[index], 0);
        ours += square(forecast[0] - actual) / 200.0;
        naive += square(values.at(origins[index] - 1, 0) - actual) / 200.0;
    })
    .unwrap();
    (ours, naive)
}

fn square(error: f64) -> f64 {
    error * error
}

#[test]
fn a_sine_is_forecast_far_better_than_by_its_last_value() {
    for cell in CELLS {
        let series = sine(600, 200);
        let net = Net::read(&series.fit(cell, &quick())).unwrap();
        let (ours, naive) = errors(&series, &net);
        assert!(
            ours < 0.02 * naive,
            "{cell}: mean squared error {ours:e}, naive {naive:e}"
        );
    }
}

#[test]
fn products_of_bf16_learn_nearly_as_well_as_those_of_f32() {
    for cell in CELLS {
        let series = sine(600, 200);
        let mean = |precision| {
            let spec = RecurrentSpec { precision, ..quick() };
            errors(&series, &Net::read(&series.fit(cell, &spec)).unwrap())
        };
        let ((single, naive), (half, _)) = (mean(Precision::F32), mean(Precision::Bf16));
        assert!(single.to_bits() != half.to_bits(), "{cell}: both in the same precision");
        assert!(
            half < 0.02 * naive,
            "{cell}: mean squared error {half:e}, naive {naive:e}, in f32 {single:e}"
        );
    }
}

#[test]
fn losses_of_every_epoch_are_kept_and_told() {
    let told = RefCell::new(Vec::new());
    let fitted = sine(200, 60).training(1, |data| {
        let spec = RecurrentSpec { epochs: 3, ..quick() };
        Recurrent::new(Cell::Gru, &spec).run(data, None, &|| false, &mut |progress, loss| {
            told.borrow_mut().push((progress, loss.copied()));
        })
    });
    let artifact = finished(fitted.unwrap());
    let told = told.into_inner();
    assert!(told.windows(2).all(|pair| pair[0].0 < pair[1].0), "progress grows");
    let epochs: Vec<EpochLoss> = told.iter().filter_map(|(_, loss)| *loss).collect();
    assert_eq!(losses(&artifact), epochs);
    assert_eq!(epochs.len(), 3);
    assert!(epochs.iter().all(|loss| loss.validation_loss.is_some()));
    // 132 windows are nine batches; the end of the epoch is observed separately.
    assert_eq!(told.len(), 3 * 10);
    assert_eq!(told.last().unwrap().0, Progress { epoch: 3, batch: 0 });
}

#[test]
fn without_windows_that_select_all_epochs_run() {
    let artifact = sine(120, 0).fit(
        Cell::Lstm,
        &RecurrentSpec {
            epochs: 4,
            patience: 1,
            lr: 0.5,
            ..quick()
        },
    );
    assert_eq!(losses(&artifact).len(), 4);
    assert!(losses(&artifact).iter().all(|loss| loss.validation_loss.is_none()));
}

/// A rate at which the loss soon varies strongly.
fn wild() -> RecurrentSpec {
    RecurrentSpec {
        epochs: 40,
        patience: 3,
        lr: 0.3,
        ..quick()
    }
}

#[test]
fn a_fit_ends_when_patience_does_and_keeps_the_best_epoch() {
    for cell in CELLS {
        let series = sine(200, 60);
        let artifact = series.fit(cell, &wild());
        let all: Vec<f64> = losses(&artifact)
            .iter()
            .filter_map(|loss| loss.validation_loss)
            .collect();
        let best = (0..all.len()).min_by(|a, b| all[*a].total_cmp(&all[*b])).unwrap();
        assert!(all.len() < 40, "{cell} went on for {} epochs", all.len());
        assert_eq!(all.len(), best + 1 + 3, "{cell}: {all:?}");
        // The same fit cut off after its best epoch ends with the same parameters.
        let shorter = series.fit(
            cell,
            &RecurrentSpec {
                epochs: u32::try_from(best + 1).unwrap(),
                ..wild()
            },
        );
        assert_eq!(shorter.tensors, artifact.tensors);
    }
}

#[test]
fn without_early_stopping_all_epochs_run_and_the_last_parameters_are_kept() {
    let spec = RecurrentSpec {
        early_stopping: false,
        epochs: 12,
        ..wild()
    };
    let artifact = sine(200, 60).fit(Cell::Gru, &spec);
    assert_eq!(losses(&artifact).len(), 12);
    assert!(losses(&artifact).iter().all(|loss| loss.validation_loss.is_some()));
    let kept = sine(200, 60).fit(
        Cell::Gru,
        &RecurrentSpec {
            early_stopping: true,
            patience: 12,
            ..spec
        },
    );
    assert_ne!(kept.tensors, artifact.tensors);
}

#[test]
fn windows_of_several_series_are_learned_together() {
    let (a, b) = (sine(100, 0), Series::waves(90, 1, 1, window(8, 1), 0));
    let fit = |series: &[SeriesData<'_>]| {
        a.training(2, |data| {
            let data = Training { series, ..*data };
            let spec = RecurrentSpec { epochs: 1, ..quick() };
            finished(
                Recurrent::new(Cell::Gru, &spec)
                    .run(&data, None, &|| false, &mut |_, _| ())
                    .unwrap(),
            )
        })
    };
    let (a_alone, b_alone) = (
        SeriesData {
            scaled: &a.scaled,
            cut: &a.cut,
        },
        SeriesData {
            scaled: &b.scaled,
            cut: &b.cut,
        },
    );
    let both = fit(&[a_alone, b_alone]);
    assert_ne!(both.tensors, fit(&[a_alone]).tensors);
    assert_ne!(both.tensors, fit(&[b_alone]).tensors);
}

#[test]
fn a_loss_that_is_no_number_any_more_is_named_with_its_epoch() {
    let mut series = sine(60, 0);
    series.scaled.values.data[50] = 1e300;
    for cell in CELLS {
        match series.run(cell, &quick(), 2, None, usize::MAX) {
            Err(FitError::Diverged { epoch: 1, loss, .. }) => assert!(!loss.is_finite()),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_learning_rate_that_blows_the_net_up_however_often_it_is_halved_is_a_divergence_too() {
    for cell in CELLS {
        let spec = RecurrentSpec { lr: 1e6, ..quick() };
        match sine(200, 60).run(cell, &spec, 1, None, usize::MAX) {
            Err(FitError::Diverged { loss, bound, .. }) => assert!(loss >= bound && loss.is_finite(), "{loss:e}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_net_beyond_the_memory_bound_is_refused_with_both_sizes() {
    for spec in [
        RecurrentSpec {
            hidden: 8192,
            ..quick()
        },
        RecurrentSpec {
            hidden: usize::MAX,
            ..quick()
        },
        RecurrentSpec {
            layers: usize::MAX,
            ..quick()
        },
    ] {
        match sine(60, 0).run(Cell::Gru, &spec, 1, None, usize::MAX) {
            Err(FitError::TooLarge { have, bound }) => assert!(have > bound && bound == MEMORY_BOUND),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_batch_larger_than_all_windows_takes_no_more_than_they_do() {
    let fit = |batch| {
        sine(60, 0).fit(
            Cell::Gru,
            &RecurrentSpec {
                batch,
                epochs: 1,
                ..quick()
            },
        )
    };
    assert_eq!(fit(52).tensors, fit(usize::MAX).tensors);
}

#[test]
fn too_few_rows_for_one_window_are_refused() {
    match sine(8, 0).run(Cell::Gru, &quick(), 1, None, usize::MAX) {
        Err(FitError::TooFewWindows { have: 0, need: 1 }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn names_that_are_not_the_columns_are_refused() {
    let series = Series::waves(60, 2, 1, window(4, 1), 0);
    series.training(1, |data| {
        let data = Training {
            input_names: &data.input_names[..1],
            ..*data
        };
        match Recurrent::new(Cell::Gru, &quick()).run(&data, None, &|| false, &mut |_, _| ()) {
            Err(FitError::Mismatch {
                what: "inputs",
                have: 2,
                need: 1,
            }) => {}
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_checkpoint_of_another_fit_or_a_broken_one_is_refused() {
    let series = sine(100, 0);
    let checkpoint = stopped(series.run(Cell::Gru, &quick(), 1, None, 2).unwrap());
    let refused = |cell, spec: &RecurrentSpec, checkpoint: &Checkpoint| {
        let fitted = series.run(cell, spec, 1, Some(checkpoint), usize::MAX);
        assert!(matches!(fitted, Err(FitError::Checkpoint(_))), "{fitted:?}");
    };
    refused(Cell::Lstm, &quick(), &checkpoint);
    refused(Cell::Gru, &RecurrentSpec { seed: 9, ..quick() }, &checkpoint);
    refused(Cell::Gru, &RecurrentSpec { hidden: 17, ..quick() }, &checkpoint);
    let mut short = checkpoint.clone();
    short.bytes.truncate(short.bytes.len() / 2);
    refused(Cell::Gru, &quick(), &short);
    let fitted = series
        .run(Cell::Gru, &quick(), 1, Some(&checkpoint), usize::MAX)
        .unwrap();
    assert!(matches!(fitted, Fitted::Finished(_)));
}
