//! Equal seeds give equal bits, on any number of threads and wherever a fit was stopped.

use forecast::{Checkpoint, Data, Fitted, Precision, Progress, RecurrentSpec, Tensors};
use proptest::prelude::*;
use recurrent::Cell;

use crate::data::{CELLS, Series, finished, stopped, window};

/// 70 training windows in batches of 33, 33 and 4: several chunks, and a short last batch.
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
        patience: 2,
        ..RecurrentSpec::default()
    }
}

fn bytes(fitted: Fitted) -> Vec<u8> {
    finished(fitted).to_bytes().unwrap()
}

#[test]
fn one_seed_gives_the_same_bytes_with_any_number_of_threads() {
    for cell in CELLS {
        let one = bytes(series().run(cell, &spec(), 1, None, usize::MAX).unwrap());
        for threads in [2, 3, 8] {
            let many = bytes(series().run(cell, &spec(), threads, None, usize::MAX).unwrap());
            assert!(one == many, "{cell} with {threads} threads");
        }
    }
}

#[test]
fn a_batch_of_many_chunks_gives_the_same_bytes_with_any_number_of_threads() {
    let series = Series::waves(1300, 2, 1, window(3, 1), 40);
    for (cell, precision) in CELLS.into_iter().zip([Precision::F32, Precision::Bf16]) {
        let spec = RecurrentSpec {
            batch: 700,
            hidden: 5,
            precision,
            ..spec()
        };
        let one = bytes(series.run(cell, &spec, 1, None, usize::MAX).unwrap());
        for threads in [2, 5] {
            let many = bytes(series.run(cell, &spec, threads, None, usize::MAX).unwrap());
            assert!(one == many, "{cell} with {threads} threads");
        }
    }
}

#[test]
fn another_seed_gives_other_weights() {
    for cell in CELLS {
        let other = RecurrentSpec { seed: 1, ..spec() };
        assert_ne!(series().fit(cell, &spec()).tensors, series().fit(cell, &other).tensors);
    }
}

#[test]
fn a_fit_stopped_at_any_batch_goes_on_to_the_same_bytes() {
    for cell in CELLS {
        let whole = bytes(series().run(cell, &spec(), 1, None, usize::MAX).unwrap());
        // Three batches per epoch: the stop is before, within and after the end of every epoch.
        for batches in 0..9 {
            let checkpoint = stopped(series().run(cell, &spec(), 2, None, batches).unwrap());
            let (epoch, batch) = (u32::try_from(batches / 3).unwrap(), u64::try_from(batches % 3).unwrap());
            assert_eq!(checkpoint.progress, Progress { epoch, batch });
            let resumed = bytes(series().run(cell, &spec(), 1, Some(&checkpoint), usize::MAX).unwrap());
            assert!(whole == resumed, "{cell} stopped after {batches} batches");
        }
    }
}

#[test]
fn a_checkpoint_that_is_taken_up_and_stopped_at_once_is_the_same_checkpoint() {
    let checkpoint = stopped(series().run(Cell::Gru, &spec(), 1, None, 4).unwrap());
    assert_eq!(
        stopped(series().run(Cell::Gru, &spec(), 1, Some(&checkpoint), 0).unwrap()),
        checkpoint
    );
}

/// Returns a checksum of all parameters' bits (FNV-1a).
fn checksum(tensors: &Tensors) -> u64 {
    let mut sum = 0xcbf2_9ce4_8422_2325_u64;
    for tensor in tensors.values() {
        if let Data::F32(values) = &tensor.data {
            for byte in values.iter().flat_map(|value| value.to_bits().to_le_bytes()) {
                sum = (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        }
    }
    sum
}

/// Digests of artifacts are compared between machines, so these bits must not change by accident.
#[test]
fn the_bits_are_the_same_on_every_machine() {
    for (cell, expected) in [(Cell::Gru, 0xa8ac_6cc1_b1af_8204), (Cell::Lstm, 0x7213_e5e2_40fe_92b4)] {
        let sum = checksum(&series().fit(cell, &spec()).tensors);
        assert_eq!(sum, expected, "{cell}: {sum:#x}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn stops_and_threads_never_change_a_bit(
        lstm: bool, hidden in 1_usize..7, layers in 1_usize..3, context in 1_usize..4, horizon in 1_usize..3,
        rows in 30_usize..60, batch in 1_usize..40, seed: u64, select in 0_usize..12,
        cuts in proptest::collection::vec((1_usize..12, 1_usize..4), 0..4),
    ) {
        let cell = if lstm { Cell::Lstm } else { Cell::Gru };
        let series = Series::waves(rows, 2, 1, window(context, horizon), select);
        let spec = RecurrentSpec { hidden, layers, epochs: 2, batch, lr: 0.01, seed, patience: 1, ..RecurrentSpec::default() };
        let whole = bytes(series.run(cell, &spec, 1, None, usize::MAX).unwrap());
        let mut checkpoint: Option<Checkpoint> = None;
        let mut end = None;
        for (batches, threads) in cuts.into_iter().chain([(usize::MAX, 2)]) {
            match series.run(cell, &spec, threads, checkpoint.as_ref(), batches).unwrap() {
                Fitted::Stopped(stopped) => checkpoint = Some(stopped),
                Fitted::Finished(artifact) => {
                    end = Some(artifact.to_bytes().unwrap());
                    break;
                }
            }
        }
        prop_assert!(end.is_some_and(|end| end == whole));
    }
}
