//! Prints what a fit costs beside its arithmetic, one JSON line for each cell: the most memory it took in addition to the
//! data, and the milliseconds of a checkpoint in the middle of an epoch and of the epoch.
//!
//! `cargo run --release -p recurrent --example costs -- FILE.csv`, a file with a header whose columns are numbers except the
//! first; without a file, generated rows of the same size as those of PobleSec.
#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a measurement looks at a clock, at a file and at itself"
)]

use std::{cell::Cell as Slot, fs, time::Instant};

use forecast::{Fit, Fitted, RecurrentSpec};
use recurrent::{Cell, Recurrent};

mod waves;

const ROWS: usize = 15_927;

fn main() {
    let data = match std::env::args().nth(1) {
        Some(file) => waves::Waves::with_measured(&measured(&file)),
        None => waves::Waves::new(ROWS),
    };
    for cell in [Cell::Gru, Cell::Lstm] {
        let before = memory("VmRSS");
        let model = Recurrent::new(
            cell,
            &RecurrentSpec {
                epochs: 1,
                ..RecurrentSpec::default()
            },
        );
        let start = Instant::now();
        let fitted = data.with_training(2, |training| model.run(training, None, &|| false, &mut |_, _| ()));
        let epoch = start.elapsed().as_secs_f64();
        assert!(
            matches!(fitted, Ok(Fitted::Finished(_))),
            "measured values do not diverge"
        );
        let (peak, mut checkpoints) = (memory("VmHWM"), Vec::new());
        for _ in 0..9 {
            let (asked, told) = (Slot::new(0), Slot::new(None));
            let stop = || {
                asked.set(asked.get() + 1);
                let over = asked.get() > 20;
                told.set(over.then(Instant::now));
                over
            };
            let fitted = data.with_training(2, |training| model.run(training, None, &stop, &mut |_, _| ()));
            assert!(matches!(fitted, Ok(Fitted::Stopped(_))), "asked to stop");
            checkpoints.extend(told.get().map(|told| told.elapsed().as_secs_f64()));
        }
        checkpoints.sort_by(f64::total_cmp);
        let checkpoint = checkpoints[checkpoints.len() / 2];
        println!(
            "{{\"cell\": \"{cell}\", \"data_mib\": {before:.1}, \"peak_mib\": {peak:.1}, \"over_mib\": {:.1}, \
             \"epoch_ms\": {:.0}, \"checkpoint_ms\": {:.2}, \"share\": {:.4}}}",
            peak - before,
            1e3 * epoch,
            1e3 * checkpoint,
            checkpoint / epoch,
        );
    }
}

/// Returns all columns of the file except the first, row by row.
fn measured(file: &str) -> Vec<Vec<f64>> {
    let text = fs::read_to_string(file).expect("the file can be read");
    let number = |field: &str| field.trim().parse().unwrap_or(0.0);
    text.lines()
        .skip(1)
        .map(|line| line.split(',').skip(1).map(number).collect())
        .collect()
}

/// Returns one of the kernel's figures about this process, in MiB.
fn memory(name: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status
        .lines()
        .find(|line| line.starts_with(name))
        .expect("Linux tells this one");
    let kib: f64 = line
        .split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse().ok())
        .expect("a number");
    kib / 1024.0
}
