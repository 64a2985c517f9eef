//! What each setting of training does, and that it survives stops.

use forecast::{Checkpoint, FitError, Fitted, Optimizer, RecurrentSpec, Schedule, Tensors};
use proptest::prelude::*;
use recurrent::Cell;

use crate::data::{CELLS, Series, assert_close, finished, losses, numbers, part, stopped, window};

/// 70 training windows in batches of 33, 33 and 4, and 26 that select.
fn series() -> Series {
    Series::waves(70 + 6 + 30, 3, 2, window(5, 2), 30)
}

fn spec() -> RecurrentSpec {
    RecurrentSpec {
        hidden: 9,
        layers: 2,
        epochs: 3,
        batch: 33,
        lr: 0.02,
        ..RecurrentSpec::default()
    }
}

fn tensors(checkpoint: &Checkpoint) -> (serde_json::Value, Tensors) {
    forecast::tensors::parse(&checkpoint.bytes).unwrap()
}

#[test]
fn dropout_changes_training_but_not_forecasts_and_follows_the_seed() {
    for cell in CELLS {
        let dropped = RecurrentSpec { dropout: 0.5, ..spec() };
        let (plain, with) = (series().fit(cell, &spec()), series().fit(cell, &dropped));
        assert_ne!(plain.tensors, with.tensors);
        assert_eq!(with.tensors, series().fit(cell, &dropped).tensors);
        // Validation uses no dropout: the first parameters have the same loss with and without it.
        let still = |dropout| RecurrentSpec {
            dropout,
            lr: 1e-30,
            epochs: 1,
            ..spec()
        };
        let graded = |dropout| losses(&series().fit(cell, &still(dropout)))[0].validation_loss.unwrap();
        assert_eq!(graded(0.0).to_bits(), graded(0.5).to_bits());
    }
}

#[test]
fn gradients_under_dropout_are_those_of_the_net_that_is_left() {
    // The mean of the first update's gradients over many masks is near the gradients without dropout, but no single one is.
    let series = Series::waves(40, 2, 1, window(3, 1), 0);
    let spec = RecurrentSpec {
        hidden: 6,
        layers: 2,
        epochs: 2,
        ..RecurrentSpec::default()
    };
    let (_, plain) = series.gradients(Cell::Gru, &spec, None);
    let start = stopped(series.run(Cell::Gru, &spec, 1, None, 0).unwrap());
    let first = part(&tensors(&start).1, "value");
    let draws = 400;
    let mut mean: Vec<f64> = Vec::new();
    for seed in 0..draws {
        let dropped = RecurrentSpec {
            dropout: 0.2,
            seed,
            ..spec.clone()
        };
        let (_, gradients) = series.gradients(Cell::Gru, &dropped, Some(&first));
        let one = numbers(&gradients)["head.weight"].clone();
        mean.resize(one.len(), 0.0);
        for (mean, one) in mean.iter_mut().zip(&one) {
            *mean += one / draws as f64;
        }
    }
    assert_close("mean over masks", &mean, &numbers(&plain)["head.weight"], 0.05);
}

#[test]
fn the_cosine_ends_at_a_rate_of_nothing_and_lasts_as_long_as_the_fit() {
    let cosine = RecurrentSpec {
        schedule: Schedule::Cosine,
        ..spec()
    };
    let at = |batches| {
        part(
            &tensors(&stopped(series().run(Cell::Gru, &cosine, 1, None, batches).unwrap())).1,
            "value",
        )
    };
    let constant = |batches| {
        part(
            &tensors(&stopped(series().run(Cell::Gru, &spec(), 1, None, batches).unwrap())).1,
            "value",
        )
    };
    assert_eq!(at(1), constant(1), "the first update has the whole rate");
    let moved = |from: &Tensors, to: &Tensors| {
        let (from, to) = (numbers(from), numbers(to));
        let squares = from
            .iter()
            .flat_map(|(name, values)| values.iter().zip(&to[name]).map(|(a, b)| (a - b) * (a - b)));
        squares.sum::<f64>()
    };
    let (early, late) = (moved(&at(1), &at(2)), moved(&at(7), &at(8)));
    assert!(late < 0.05 * early, "moved by {early:e} at first, {late:e} at last");
}

#[test]
fn a_plateau_halves_the_rate_after_two_epochs_and_needs_rows_that_validate() {
    // The rate is so large that the validation loss soon stops falling.
    let spec = RecurrentSpec {
        schedule: Schedule::Plateau,
        lr: 0.5,
        epochs: 12,
        early_stopping: false,
        ..spec()
    };
    let all: Vec<f64> = losses(&series().fit(Cell::Gru, &spec))
        .iter()
        .map(|loss| loss.validation_loss.unwrap())
        .collect();
    let (mut lowest, mut waited, mut rate) = (f64::INFINITY, 0, 1.0);
    for (epoch, loss) in all.iter().enumerate() {
        waited = if *loss < lowest { 0 } else { waited + 1 };
        lowest = lowest.min(*loss);
        if waited == 2 {
            (waited, rate) = (0, rate * 0.5);
        }
        if epoch + 1 < all.len() {
            let checkpoint = stopped(series().run(Cell::Gru, &spec, 1, None, 3 * (epoch + 1)).unwrap());
            let (about, _) = tensors(&checkpoint);
            assert_eq!(about["rate"], rate, "after epoch {}", epoch + 1);
        }
    }
    assert!(rate < 1.0, "the loss stood still at least once: {all:?}");
    let blind = Series::waves(70, 3, 2, window(5, 2), 0);
    match blind.run(Cell::Gru, &spec, 1, None, usize::MAX) {
        Err(FitError::Mismatch { what, have: 0, need: 1 }) => assert!(what.contains("plateau"), "{what}"),
        other => panic!("{other:?}"),
    }
}

/// A series whose last value, the target of one window, is beyond single precision.
fn spiked() -> Series {
    let mut series = Series::waves(160, 1, 1, window(4, 1), 0);
    let rows = series.scaled.values.rows;
    series.scaled.values.data[rows - 1] = 1e39;
    series
}

#[test]
fn a_batch_that_blows_up_leads_back_to_the_last_good_state_at_half_the_rate() {
    let spec = RecurrentSpec {
        hidden: 5,
        layers: 1,
        epochs: 3,
        batch: 16,
        lr: 0.01,
        ..RecurrentSpec::default()
    };
    // The one window whose target is out of range comes once per epoch: three setbacks are allowed.
    let series = spiked();
    for cell in CELLS {
        let Ok(Fitted::Finished(artifact)) = series.run(cell, &spec, 1, None, usize::MAX) else {
            panic!("{cell} bears three setbacks");
        };
        assert!(
            losses(&artifact).iter().all(|loss| loss.train_loss < 10.0),
            "{:?}",
            losses(&artifact)
        );
        let end = stopped(series.run(cell, &spec, 1, None, 29).unwrap());
        let (about, _) = tensors(&end);
        assert_eq!(about["rate"], libm::pow(0.5, about["setbacks"].as_f64().unwrap()));
        assert!(about["setbacks"].as_u64().unwrap() >= 2);
        let four = RecurrentSpec {
            epochs: 4,
            ..spec.clone()
        };
        match series.run(cell, &four, 1, None, usize::MAX) {
            Err(FitError::Diverged { epoch: 4, .. }) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn progress_grows_through_a_setback() {
    let spec = RecurrentSpec {
        hidden: 5,
        layers: 1,
        epochs: 3,
        batch: 16,
        ..RecurrentSpec::default()
    };
    let series = spiked();
    let mut last = None;
    for batches in 1..29 {
        let progress = stopped(series.run(Cell::Gru, &spec, 1, None, batches).unwrap()).progress;
        assert!(Some(progress) > last, "{progress:?}");
        last = Some(progress);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_setting_lets_a_stop_or_a_thread_change_a_bit(
        lstm: bool, adamw: bool, schedule in 0_usize..3, dropped: bool, spike: bool, seed: u64,
        cuts in proptest::collection::vec((0_usize..25, 1_usize..4), 1..4),
    ) {
        let cell = if lstm { Cell::Lstm } else { Cell::Gru };
        let mut series = Series::waves(70, 2, 1, window(3, 1), 20);
        if spike {
            series.scaled.values.data[40] = 1e39;
        }
        let spec = RecurrentSpec {
            hidden: 4, layers: 2, epochs: 3, batch: 20, lr: 0.05, seed, patience: 2,
            dropout: if dropped { 0.3 } else { 0.0 },
            optimizer: if adamw { Optimizer::Adamw } else { Optimizer::Adam },
            weight_decay: 0.01,
            schedule: [Schedule::Constant, Schedule::Cosine, Schedule::Plateau][schedule],
            ..RecurrentSpec::default()
        };
        let end = |fitted: Result<Fitted, FitError>| match fitted {
            Ok(Fitted::Finished(artifact)) => Ok(artifact.to_bytes().unwrap()),
            Ok(Fitted::Stopped(checkpoint)) => panic!("stopped at {:?}", checkpoint.progress),
            Err(error) => Err(error.to_string()),
        };
        let whole = end(series.run(cell, &spec, 1, None, usize::MAX));
        let mut checkpoint: Option<Checkpoint> = None;
        let mut ended = None;
        for (batches, threads) in cuts.into_iter().chain([(usize::MAX, 2)]) {
            match series.run(cell, &spec, threads, checkpoint.as_ref(), batches) {
                Ok(Fitted::Stopped(stopped)) => checkpoint = Some(stopped),
                other => {
                    ended = Some(end(other));
                    break;
                }
            }
        }
        prop_assert!(ended == Some(whole));
    }
}

#[test]
fn constant_targets_and_columns_give_finite_parameters() {
    for cell in CELLS {
        let rows = vec![vec![0.0, 1.0]; 40];
        let series = Series::new(&rows, &[0], window(4, 1), 10);
        let artifact = finished(series.run(cell, &spec(), 2, None, usize::MAX).unwrap());
        assert!(losses(&artifact).iter().all(|loss| loss.train_loss.is_finite()));
        assert!(
            artifact.to_bytes().is_ok(),
            "an artifact of numbers that are not finite is refused"
        );
    }
}
