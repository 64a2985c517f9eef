//! Prints the seconds of one epoch, one JSON line for each cell, precision and number of threads: 15,917 windows of 10 rows and 17
//! inputs, 11 targets one step ahead, 2 layers of 128 units, batches of 64.
//!
//! `cargo run --release -p recurrent --example epoch`, or `-- gru f32 2` for one line.
#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a measurement looks at a clock"
)]

use std::time::Instant;

use forecast::{Fit, Precision, RecurrentSpec};
use recurrent::{Cell, Recurrent};

mod waves;

const ROWS: usize = 15_927;
const EPOCHS: u32 = 7;

fn main() {
    let data = waves::Waves::new(ROWS);
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let precisions = [(Precision::F32, "f32"), (Precision::Bf16, "bf16")];
    let kinds = [Cell::Gru, Cell::Lstm]
        .into_iter()
        .flat_map(|cell| precisions.map(|precision| (cell, precision)));
    for ((cell, (precision, name)), threads) in kinds.flat_map(|kind| [1, 2].map(|threads| (kind, threads))) {
        if asked.is_empty() || asked == [cell.to_string(), name.to_owned(), threads.to_string()] {
            let mut seconds = epochs(&data, cell, precision, threads);
            seconds.sort_by(f64::total_cmp);
            let (best, median, worst) = (seconds[0], seconds[seconds.len() / 2], seconds[seconds.len() - 1]);
            println!(
                "{{\"cell\": \"{cell}\", \"precision\": \"{name}\", \"threads\": {threads}, \"epoch_s\": {{\"median\": {median:.3}, \"min\": {best:.3}, \"max\": {worst:.3}}}}}"
            );
        }
    }
}

fn epochs(data: &waves::Waves, cell: Cell, precision: Precision, threads: usize) -> Vec<f64> {
    let spec = RecurrentSpec {
        epochs: EPOCHS,
        precision,
        ..RecurrentSpec::default()
    };
    let model = Recurrent::new(cell, &spec);
    let mut seconds = Vec::new();
    let mut start = Instant::now();
    let fitted = data.with_training(threads, |training| {
        model.run(training, None, &|| false, &mut |_, loss| {
            if loss.is_some() {
                seconds.push(start.elapsed().as_secs_f64());
                start = Instant::now();
            }
        })
    });
    fitted.expect("generated waves do not diverge");
    seconds
}
