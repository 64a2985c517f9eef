//! How the ridge chooses its context and its channels.

use forecast::{Channels, Fit, FitError, Fitted, Forecast, LinearSpec};
use linear::Ridge;
use series::{Clean, Validation, WindowShape};

use crate::data::{Prepared, finished, noisy, prepare, run, run_on, wave};

const WINDOW: WindowShape = WindowShape {
    context: 5,
    horizon: 3,
    stride: 1,
};

fn with_contexts(targets: &[Vec<f64>], validation: Validation, contexts: &[usize]) -> Prepared {
    let mut data = prepare(targets, WINDOW, &Clean::default(), validation);
    data.contexts = contexts.to_vec();
    data
}

/// A value that returns after 30 rows, with a little noise: a shorter context cannot know it.
fn echo(rows: usize) -> Vec<f64> {
    let (pattern, noise) = (noisy(30), noisy(rows));
    (0..rows).map(|row| pattern[row % 30] + 0.05 * noise[row]).collect()
}

fn spec(channels: Channels) -> LinearSpec {
    LinearSpec {
        channels,
        ..LinearSpec::default()
    }
}

#[test]
fn the_artifact_has_the_context_that_was_chosen() {
    let data = with_contexts(&[echo(900)], Validation::Fraction(0.2), &[5, 12, 32]);
    for channels in [Channels::Auto, Channels::Own, Channels::Pooled, Channels::All] {
        let artifact = finished(&Ridge::fit(&spec(channels)), &data);
        assert_eq!(
            (artifact.about.context, artifact.about.history_rows),
            (32, 32),
            "{channels:?}"
        );
        assert_eq!(Ridge::read(&artifact).unwrap().history_rows(), 32, "{channels:?}");
    }
}

#[test]
fn a_shorter_context_is_chosen_where_a_longer_one_is_clearly_worse() {
    // With nearly as many lags as windows and no shrinking to speak of, a fit learns noise by heart.
    let data = with_contexts(&[noisy(400)], Validation::Fraction(0.4), &[3, 110]);
    let weak = LinearSpec {
        lambda: forecast::Lambda::Given(1e-9),
        ..LinearSpec::default()
    };
    assert_eq!(finished(&Ridge::fit(&weak), &data).about.context, 3);
}

#[test]
fn contexts_without_windows_are_left_out() {
    let data = with_contexts(&[echo(400)], Validation::Fraction(0.2), &[32, 1_000]);
    assert_eq!(finished(&Ridge::fit(&LinearSpec::default()), &data).about.context, 32);
    let data = with_contexts(&[echo(400)], Validation::Fraction(0.2), &[1_000]);
    let error = run(&Ridge::fit(&LinearSpec::default()), &data, None, &|| false).unwrap_err();
    assert!(matches!(error, FitError::TooFewWindows { have: 0, need: 1 }), "{error}");
}

#[test]
fn without_rows_that_select_the_longest_context_with_four_windows_a_row_is_taken() {
    for (rows, expected) in [(60, 5), (110, 20), (400, 64)] {
        let data = with_contexts(&[noisy(rows)], Validation::None, &[5, 20, 64]);
        let artifact = finished(&Ridge::fit(&LinearSpec::default()), &data);
        assert_eq!(artifact.about.context, expected, "{rows} rows");
    }
}

#[test]
fn a_fit_stopped_anywhere_ends_with_the_same_bytes_on_any_number_of_threads() {
    let data = with_contexts(&[echo(700), wave(700, 2.0)], Validation::Fraction(0.2), &[5, 32, 70]);
    for channels in [Channels::Auto, Channels::Own] {
        let fit = Ridge::fit(&spec(channels));
        let whole = finished(&fit, &data).to_bytes().unwrap();
        let mut state = None;
        let artifact = loop {
            // Each run does one batch.
            let asked = std::cell::Cell::new(0);
            let stop = || asked.replace(asked.get() + 1) > 0;
            match run_on(3, &fit, &data, state.as_ref(), &stop).unwrap() {
                Fitted::Finished(artifact) => break artifact,
                Fitted::Stopped(checkpoint) => state = Some(checkpoint),
            }
        };
        assert_eq!(artifact.to_bytes().unwrap(), whole, "{channels:?}");
        let mut other = with_contexts(&[echo(700), wave(700, 2.0)], Validation::Fraction(0.2), &[5, 32]);
        let refused = fit_error(&fit, &other, state.as_ref());
        assert!(matches!(refused, FitError::Checkpoint(_)), "{refused}");
        other.contexts.push(70);
        assert!(run(&fit, &other, state.as_ref(), &|| false).is_ok(), "{channels:?}");
    }
}

fn fit_error(fit: &dyn Fit, on: &Prepared, resume: Option<&forecast::Checkpoint>) -> FitError {
    run(fit, on, resume, &|| false).unwrap_err()
}

#[test]
fn coefficients_of_each_target_need_a_clear_lead() {
    let walk = || {
        noisy(600).into_iter().scan(0.0, |last, noise| {
            *last += noise - 0.5;
            Some(*last)
        })
    };
    let (walk, back): (Vec<f64>, Vec<f64>) = (walk().collect(), walk().collect::<Vec<_>>().into_iter().rev().collect());
    let jumps = |row: usize| if row.is_multiple_of(2) { 1.0 } else { -1.0 };
    let opposite: Vec<f64> = noisy(600)
        .iter()
        .enumerate()
        .map(|(row, noise)| jumps(row) + noise)
        .collect();
    for (targets, pooled) in [([walk, back], true), ([wave(600, 1.0), opposite], false)] {
        let data = with_contexts(&targets, Validation::Fraction(0.1), &[]);
        let model = Ridge::read(&finished(&Ridge::fit(&LinearSpec::default()), &data)).unwrap();
        assert_eq!(model.channels() == Channels::Pooled, pooled, "{:?}", model.channels());
    }
}
