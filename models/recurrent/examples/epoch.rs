//! Prints the seconds of one epoch: 15,917 windows of 10 rows and 17 inputs, 11 targets one step ahead, 2 layers of 128
//! units, batches of 64, for a GRU and an LSTM and for 1 and 2 threads, each the best and the median of some epochs.
//!
//! `cargo run --release -p recurrent --example epoch`
#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a measurement looks at a clock"
)]

use std::time::Instant;

use forecast::{Fit, RecurrentSpec, SeriesData, Training};
use recurrent::{Cell, Recurrent};
use series::{Cut, Frequency, Matrix, Scaled, TimeAxis, WindowShape};

const ROWS: usize = 15_927;
const INPUTS: usize = 17;
const TARGETS: usize = 11;
const EPOCHS: u32 = 7;

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    for (cell, threads) in [(Cell::Gru, 1), (Cell::Gru, 2), (Cell::Lstm, 1), (Cell::Lstm, 2)] {
        if asked.is_empty() || asked == [cell.to_string(), threads.to_string()] {
            let mut seconds = epochs(cell, threads);
            seconds.sort_by(f64::total_cmp);
            let (best, median) = (seconds[0], seconds[seconds.len() / 2]);
            println!(
                "{cell}, {threads} thread(s): best {best:.3} s, median {median:.3} s of {} epochs",
                seconds.len()
            );
        }
    }
}

fn epochs(cell: Cell, threads: usize) -> Vec<f64> {
    let scaled = waves();
    let window = WindowShape {
        context: 10,
        horizon: 1,
        stride: 1,
    };
    let cut = Cut {
        training: 0..ROWS,
        select: ROWS..ROWS,
        calibrate: ROWS..ROWS,
        holdout: ROWS..ROWS,
        windows: ROWS - 10,
        window,
        sampled_rows: ROWS,
    };
    let names: Vec<String> = (0..INPUTS).map(|column| format!("column {column}")).collect();
    let data = Training {
        series: &[SeriesData {
            scaled: &scaled,
            cut: &cut,
        }],
        window,
        season: 720,
        threads,
        cut: "",
        target_names: &names[..TARGETS],
        input_names: &names,
    };
    let model = Recurrent::new(
        cell,
        &RecurrentSpec {
            epochs: EPOCHS,
            ..RecurrentSpec::default()
        },
    );
    let mut seconds = Vec::new();
    let mut start = Instant::now();
    let fitted = model.run(&data, None, &|| false, &mut |_, loss| {
        if loss.is_some() {
            seconds.push(start.elapsed().as_secs_f64());
            start = Instant::now();
        }
    });
    fitted.expect("generated waves do not diverge");
    seconds
}

/// Gives columns of sines with different periods, in `0..1`.
#[expect(clippy::cast_precision_loss, reason = "row numbers are small")]
fn waves() -> Scaled {
    let mut values = Matrix::zeros(ROWS, INPUTS);
    for row in 0..ROWS {
        for (column, value) in values.row_mut(row).iter_mut().enumerate() {
            let phase = row as f64 / (7 + 13 * column) as f64 + column as f64;
            *value = 0.5 + 0.5 * libm::sin(phase);
        }
    }
    Scaled {
        values,
        axis: TimeAxis::new(0, Frequency::Seconds(120), ROWS),
        observed: vec![vec![true; ROWS]; TARGETS],
        targets: (0..TARGETS).collect(),
        past: Vec::new(),
        calendar: (TARGETS..INPUTS).collect(),
        lags: Vec::new(),
        complete: vec![true; ROWS],
        drops_incomplete: false,
    }
}
