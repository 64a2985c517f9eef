//! A fit that is stopped and resumed ends as if it had not been stopped.

use std::cell::Cell;

use forecast::{FitError, Fitted};

use crate::data::{Series, finished, kinds, wave};

fn series() -> Series {
    let targets: Vec<Vec<f64>> = (0..3).map(|k| wave(100, 6, 0.01 * f64::from(k), 0.3)).collect();
    Series::new(&targets, 90, 6)
}

#[test]
fn a_fit_stopped_anywhere_ends_with_the_same_bytes() {
    let series = series();
    for fit in kinds() {
        let calm = series.artifact(&fit).to_bytes().unwrap();
        for (evaluations, threads) in [(0, 1), (1, 1), (100, 1), (700, 1), (2_000, 2), (500, 3)] {
            let asked = Cell::new(0);
            let stop = || asked.replace(asked.get() + 1) >= evaluations;
            let mut fitted = series.run(&fit, threads, None, &stop).unwrap();
            if let Fitted::Stopped(checkpoint) = &fitted {
                assert!(checkpoint.progress.batch < 3);
                fitted = series.run(&fit, threads, Some(checkpoint), &|| false).unwrap();
            }
            assert_eq!(
                finished(fitted).to_bytes().unwrap(),
                calm,
                "{fit:?} stopped after {evaluations}"
            );
        }
    }
}

#[test]
fn stops_keep_the_targets_that_are_finished() {
    let series = series();
    let asked = Cell::new(0);
    let count = || {
        asked.set(asked.get() + 1);
        false
    };
    let [fit, theta, ..] = kinds();
    finished(series.run(&fit, 1, None, &count).unwrap());
    let most = asked.get();
    asked.set(0);
    let stop = || asked.replace(asked.get() + 1) >= most / 2;
    let Fitted::Stopped(checkpoint) = series.run(&fit, 1, None, &stop).unwrap() else {
        panic!("half of the evaluations were enough")
    };
    assert_eq!(checkpoint.progress.batch, 1);
    let error = series.run(&theta, 1, Some(&checkpoint), &|| false).unwrap_err();
    assert!(
        matches!(error, FitError::Checkpoint(_)),
        "a checkpoint of another fit: {error}"
    );
    let mut broken = checkpoint;
    broken.bytes.truncate(100);
    let error = series.run(&fit, 1, Some(&broken), &|| false).unwrap_err();
    assert!(matches!(error, FitError::Checkpoint(_)));
}
