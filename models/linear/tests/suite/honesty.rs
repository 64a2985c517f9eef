//! A fit must not learn from held-out rows, and must not depend on the number of threads.

use forecast::{Channels, LinearSpec};
use linear::Ridge;
use proptest::prelude::*;
use series::{Clean, Validation, WindowShape};

use crate::data::{Prepared, finished, noisy, prepare, prepare_with_calendar, run_on, wave};

const WINDOW: WindowShape = WindowShape {
    context: 12,
    horizon: 3,
    stride: 1,
};

fn spec(channels: Channels) -> LinearSpec {
    LinearSpec {
        channels,
        ..LinearSpec::default()
    }
}

/// All choices of channels, without and with the calendar.
fn specs() -> impl Iterator<Item = LinearSpec> {
    let channels = [Channels::Auto, Channels::Own, Channels::Pooled, Channels::All];
    channels.into_iter().flat_map(|channels| {
        [false, true].map(|calendar| LinearSpec {
            calendar,
            ..spec(channels)
        })
    })
}

fn two(rows: u32, window: WindowShape) -> Prepared {
    let targets = [noisy(rows as usize), wave(rows, 2.0)];
    prepare_with_calendar(&targets, window, &Clean::default(), Validation::Fraction(0.2))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn rows_that_calibrate_or_score_never_move_a_fit(poison in -1e9_f64..1e9) {
        for spec in specs() {
            let (data, mut poisoned) = (two(500, WINDOW), two(500, WINDOW));
            prop_assert!(!data.cut.select.is_empty() && !data.cut.calibrate.is_empty());
            for row in data.cut.calibrate.start..data.scaled.rows() {
                poisoned.scaled.values.row_mut(row).fill(poison);
            }
            let fit = Ridge::fit(&spec);
            prop_assert_eq!(
                finished(&fit, &data).to_bytes().unwrap(),
                finished(&fit, &poisoned).to_bytes().unwrap(),
                "{:?}", spec
            );
        }
    }
}

#[test]
fn threads_never_move_a_fit() {
    // More inputs than a single thread is used for.
    let window = WindowShape { context: 90, ..WINDOW };
    let data = two(900, window);
    for spec in specs() {
        let fit = Ridge::fit(&spec);
        let alone = finished(&fit, &data);
        for threads in [2, 5] {
            let forecast::Fitted::Finished(together) = run_on(threads, &fit, &data, None, &|| false).unwrap() else {
                panic!("nobody asked it to stop")
            };
            assert_eq!(together, alone, "{spec:?} on {threads} threads");
        }
    }
}

#[test]
fn the_error_that_chose_is_kept_and_nearly_the_best_of_all() {
    let data = two(600, WINDOW);
    let read = |channels| Ridge::read(&finished(&Ridge::fit(&spec(channels)), &data)).unwrap();
    let auto = read(Channels::Auto);
    let each = [Channels::Own, Channels::Pooled, Channels::All].map(read);
    assert!(each.contains(&auto), "one of the others");
    // Another than the pooled one must be clearly better, by at most 10 %.
    let best = each.iter().filter_map(Ridge::select_mse).fold(f64::INFINITY, f64::min);
    assert!(auto.select_mse().unwrap() * 0.9 <= best);
    let unselected = prepare(&[noisy(300)], WINDOW, &Clean::default(), Validation::None);
    let fitted = Ridge::read(&finished(&Ridge::fit(&LinearSpec::default()), &unselected)).unwrap();
    assert_eq!((fitted.select_mse(), fitted.channels()), (None, Channels::Own));
}
