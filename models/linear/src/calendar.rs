//! Sums with calendar inputs: only the last row of a window's context counts, without normalisation.
//!
//! So two calendar inputs need one sum, and a calendar input with a channel's window needs a row of sums.

use series::{Matrix, WindowShape};

use crate::{
    parallel,
    runs::{self, Runs},
};

/// The sums over all windows of some series.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Calendar {
    /// The sum of each input.
    pub(crate) sums: Vec<f64>,
    /// For each input the sums of its products with every row of each channel: `[channels, context + horizon]`.
    pub(crate) channels: Vec<Matrix>,
    /// The sums of the products of two inputs, symmetric.
    pub(crate) products: Matrix,
}

impl Calendar {
    /// Sums over all windows of all series, which all have the same number of inputs.
    pub(crate) fn of(series: &[Runs<'_>], shape: WindowShape, threads: usize) -> Self {
        let (inputs, channels) = series
            .first()
            .map_or((0, 0), |series| (series.calendar.len(), series.channels.len()));
        let last = shape.context - 1;
        let rows = parallel::map(threads, inputs * (channels + inputs), |pair| {
            let (a, b) = (pair / (channels + inputs), pair % (channels + inputs));
            let row = |series: &Runs<'_>| {
                let right = match b.checked_sub(channels) {
                    Some(b) => (series.calendar[b], last..shape.context),
                    None => (series.channels[b], 0..shape.rows()),
                };
                series.row((series.calendar[a], last), right, shape, 0)
            };
            runs::total(&series.iter().map(row).collect::<Vec<_>>())
        });
        let sum = |input: usize| {
            let last_rows = runs::runs(series).flat_map(|(series, run)| run.map(move |origin| (series, origin - 1)));
            last_rows
                .map(|(series, row)| series.scaled(series.calendar[input], row))
                .sum()
        };
        let (mut beside, mut between) = (Vec::new(), Vec::new());
        for rows in rows.chunks((channels + inputs).max(1)) {
            beside.push(Matrix {
                rows: channels,
                cols: shape.rows(),
                data: rows[..channels].concat(),
            });
            between.extend(rows[channels..].iter().flatten());
        }
        Self {
            sums: (0..inputs).map(sum).collect(),
            channels: beside,
            products: Matrix {
                rows: inputs,
                cols: inputs,
                data: between,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use series::Windows;

    use super::*;
    use crate::runs::Channel;

    const CLOSE: f64 = 1e-9; // Sums of at most a few hundred products of numbers below 4.

    proptest! {
        #[test]
        fn the_sums_are_those_over_the_last_rows_of_all_windows(
            numbers in proptest::collection::vec(-1.0_f64..1.0, 240), context in 1_usize..8, horizon in 1_usize..5,
            split in 20_usize..40, gap in 0_usize..5, stride in 1_usize..4, threads in 1_usize..4,
        ) {
            let shape = WindowShape { context, horizon, stride };
            let channel = |input, level| Channel { input, level, factor: 2.0 };
            let values = Matrix { rows: 60, cols: 4, data: numbers.clone() };
            let later = Matrix { rows: 50, cols: 4, data: numbers[40..].to_vec() };
            let runs = |values, origins| Runs {
                values, channels: vec![channel(0, 0.25), channel(2, -0.5)], calendar: vec![channel(1, 0.0), channel(3, 0.0)], origins,
            };
            let runs = [
                runs(&values, vec![context..split, split + gap..60 - horizon + 1]),
                runs(&later, Windows::inside(0..50, shape, None).runs()),
            ];
            let calendar = Calendar::of(&runs, shape, threads);
            // The sum over all windows of a function of one.
            let over = |of: &dyn Fn(&Runs<'_>, usize) -> f64| -> f64 {
                runs::runs(&runs).flat_map(|(series, run)| run.map(move |origin| of(series, origin))).sum()
            };
            for a in 0..2 {
                let left = |series: &Runs<'_>, origin: usize| series.scaled(series.calendar[a], origin - 1);
                prop_assert!((calendar.sums[a] - over(&left)).abs() < CLOSE);
                for b in 0..2 {
                    let want = over(&|series, origin| left(series, origin) * series.scaled(series.calendar[b], origin - 1));
                    prop_assert!((calendar.products.at(a, b) - want).abs() < CLOSE, "inputs {} and {}", a, b);
                    for j in 0..shape.rows() {
                        let want = over(&|series, origin| left(series, origin) * series.scaled(series.channels[b], origin - context + j));
                        prop_assert!((calendar.channels[a].at(b, j) - want).abs() < CLOSE, "input {}, channel {}, row {}", a, b, j);
                    }
                }
            }
            prop_assert_eq!(&calendar, &Calendar::of(&runs, shape, 1), "threads never show");
        }
    }
}
