//! A good file and damaged copies of it, the same ones for the same seed.

#![expect(clippy::unwrap_used, reason = "a test ends where an expectation fails")]

use polars::prelude::{Column, DataFrame, IntoColumn as _, NamedFrom as _, ParquetCompression, ParquetWriter, Series};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng as _},
};

/// Returns a valid file: a few columns of several kinds, in several encodings.
pub(crate) fn good() -> Vec<u8> {
    let column = |name: &str, values: Vec<f64>| Series::new(name.into(), values).into_column();
    let hours = 0..96_i32;
    let time: Vec<i64> = hours
        .clone()
        .map(|hour| 1_700_006_400 + i64::from(hour) * 3_600)
        .collect();
    let texts: Vec<String> = hours.clone().map(|hour| format!("{}.5", hour % 7)).collect();
    let counts: Vec<i32> = hours.clone().map(|hour| hour * hour % 23).collect();
    let flags: Vec<bool> = hours.clone().map(|hour| hour % 3 == 0).collect();
    let loads: Vec<Option<f64>> = hours
        .clone()
        .map(|hour| (hour % 11 > 0).then_some(f64::from(hour) / 3.0))
        .collect();
    let columns: Vec<Column> = vec![
        Series::new("time".into(), time).into_column(),
        column("down", hours.map(|hour| f64::from(hour).sqrt()).collect()),
        Series::new("text".into(), texts).into_column(),
        Series::new("count".into(), counts).into_column(),
        Series::new("flag".into(), flags).into_column(),
        Series::new("load".into(), loads).into_column(),
    ];
    let mut bytes = Vec::new();
    let mut frame = DataFrame::new(96, columns).unwrap();
    ParquetWriter::new(&mut bytes)
        .with_compression(ParquetCompression::Zstd(None))
        .with_row_group_size(Some(40))
        .finish(&mut frame)
        .unwrap();
    bytes
}

/// Returns damaged copies, which follow from a seed: a bit flipped in every `nth` byte, and some bytes replaced or cut
/// off.
pub(crate) fn copies(whole: &[u8], nth: usize, seed: u64) -> Vec<Vec<u8>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut below = |bound: usize| usize::try_from(random.next_u64() % bound as u64).unwrap();
    let mut damaged = Vec::new();
    for at in (4..whole.len()).step_by(nth) {
        let mut bytes = whole.to_vec();
        bytes[at] ^= 1 << below(8);
        damaged.push(bytes);
    }
    for _ in 0..whole.len() / nth / 2 {
        let mut bytes = whole.to_vec();
        for _ in 0..=below(4) {
            let at = 4 + below(whole.len() - 4);
            bytes[at] = u8::try_from(below(256)).unwrap();
        }
        if below(4) == 0 {
            let end = 12 + below(whole.len() - 12);
            bytes.drain(end - 8..end);
        }
        damaged.push(bytes);
    }
    damaged
}
