//! What a fit promises: the mode of the posterior, independent of the order of rows, and errors for bad input.
#![expect(clippy::unwrap_used, reason = "a test's helpers fail as it does")]
#![expect(clippy::cast_precision_loss, reason = "rows are few")]

mod intervals;
mod mode;
mod refusals;

use forecast::ProphetSpec;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use serde_json::Value;

const DAY: i64 = 86_400;

fn days(count: usize) -> Vec<i64> {
    (16_000..).take(count).map(|day| day * DAY).collect()
}

fn spec(settings: Value) -> ProphetSpec {
    serde_json::from_value(settings).unwrap()
}

struct Noise(ChaCha8Rng);

impl Noise {
    fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * libm::log(1.0 - self.uniform())).sqrt() * libm::cos(std::f64::consts::TAU * self.uniform())
    }
}

/// A trend with a break, a weekly season that grows with it, and noise.
fn made(rows: usize, seed: u64) -> Vec<f64> {
    let mut noise = Noise::new(seed);
    let value = |row: usize| {
        let at = row as f64 / rows as f64;
        let trend = 20.0 + 30.0 * at - 45.0 * (at - 0.6).max(0.0);
        trend * (1.0 + 0.1 * libm::sin(std::f64::consts::TAU * row as f64 / 7.0)) + noise.normal()
    };
    (0..rows).map(value).collect()
}
