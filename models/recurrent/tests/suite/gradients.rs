//! Gradients against finite differences of the same equations in double precision.

use forecast::{Precision, RecurrentSpec};
use recurrent::Cell;

use crate::{
    data::{CELLS, Series, assert_close, first_parameters, numbers, window},
    reference,
};

/// 24-bit mantissa, sums over 19 windows and 4 steps, relative to a tensor's largest gradient.
const F32_GRADIENT: f64 = 1e-5;
/// Factors with 8-bit mantissas, each wrong by up to 0.004, against equations without rounding.
const BF16_GRADIENT: f64 = 0.03;

fn compare(cell: Cell, layers: usize, hidden: usize, cols: usize, targets: usize, shape: (usize, usize)) {
    let (context, horizon) = shape;
    let series = Series::waves(18 + context + horizon, cols, targets, window(context, horizon), 0);
    for precision in [(Precision::F32, F32_GRADIENT), (Precision::Bf16, BF16_GRADIENT)] {
        compare_in(precision, cell, layers, hidden, &series);
    }
}

fn compare_in((precision, tolerance): (Precision, f64), cell: Cell, layers: usize, hidden: usize, series: &Series) {
    let spec = RecurrentSpec {
        hidden,
        layers,
        precision,
        ..RecurrentSpec::default()
    };
    let (loss, gradients) = series.gradients(cell, &spec, None);
    let mut parameters = numbers(&first_parameters(series, cell, &spec));
    let windows = windows(series);
    let exact = reference::loss(cell, &parameters, layers, &windows);
    assert!((loss / exact - 1.0).abs() < tolerance, "loss {loss}, expected {exact}");
    for (name, gradients) in numbers(&gradients) {
        let mut differences = Vec::new();
        for place in 0..gradients.len() {
            // The difference's own error is the square of this, far below single precision.
            const STEP: f64 = 1e-5;
            let mut at = |offset: f64| {
                let before = parameters[&name][place];
                parameters.get_mut(&name).unwrap()[place] = before + offset;
                let loss = reference::loss(cell, &parameters, layers, &windows);
                parameters.get_mut(&name).unwrap()[place] = before;
                loss
            };
            differences.push((at(STEP) - at(-STEP)) / (2.0 * STEP));
        }
        assert_close(&format!("{cell} {name}"), &gradients, &differences, tolerance);
    }
}

fn windows(series: &Series) -> Vec<(Vec<Vec<f64>>, Vec<f64>)> {
    let values = &series.scaled.values;
    let shape = series.cut.window;
    let window = |origin: usize| {
        let context = (origin - shape.context..origin)
            .map(|row| values.row(row).to_vec())
            .collect();
        let ahead = (origin..origin + shape.horizon).map(|row| values.row(row));
        let targets = ahead.flat_map(|row| series.scaled.targets.iter().map(|&target| row[target]));
        (context, targets.collect())
    };
    crate::data::origins(series).map(window).collect()
}

#[test]
fn every_tensors_gradient_equals_finite_differences() {
    for cell in CELLS {
        compare(cell, 2, 3, 2, 2, (4, 2));
    }
}

#[test]
fn gradients_hold_for_one_unit_one_row_and_wide_or_deep_nets() {
    for cell in CELLS {
        compare(cell, 1, 1, 1, 1, (1, 1));
        compare(cell, 1, 20, 3, 1, (3, 1));
        compare(cell, 3, 2, 4, 1, (6, 3));
    }
}

/// More windows than all portions of one chunk each would have.
#[test]
fn gradients_of_a_large_batch_are_those_of_all_its_windows() {
    let series = Series::waves(1200, 1, 1, window(2, 1), 0);
    for cell in CELLS {
        compare_in((Precision::F32, F32_GRADIENT), cell, 1, 2, &series);
        compare_in((Precision::Bf16, BF16_GRADIENT), cell, 1, 2, &series);
    }
}
