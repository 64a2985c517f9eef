//! What is drawn from the seed: the first parameters, and the order of windows of each epoch.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use crate::shape::Shape;

/// Draws the first parameters, in the order of [`Shape::layouts`].
///
/// # Source
/// PyTorch's `nn.GRU`, `nn.LSTM` and `nn.Linear`: all uniform in `±1/√hidden`. The numbers drawn are our own.
pub(crate) fn first_values(shape: &Shape, seed: u64) -> Vec<Vec<f32>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    #[expect(clippy::cast_precision_loss, reason = "the hidden size is far below 2^24")]
    let bound = 1.0 / (shape.hidden as f32).sqrt();
    let tensors = shape.layouts();
    tensors
        .iter()
        .map(|tensor| {
            (0..tensor.len())
                .map(|_| (2.0 * fraction(&mut random) - 1.0) * bound)
                .collect()
        })
        .collect()
}

/// Returns a number from 0 to below 1.
#[expect(clippy::cast_precision_loss, reason = "24 bits are exact in f32")]
fn fraction(random: &mut ChaCha8Rng) -> f32 {
    (random.next_u32() >> 8) as f32 / 16_777_216.0
}

/// Shuffles the windows into the order of one epoch, which depends on the seed and the epoch only.
pub(crate) fn shuffle(order: &mut [usize], seed: u64, epoch: u32) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    // Stream 0 drew the parameters.
    random.set_stream(u64::from(epoch) + 1);
    for (place, window) in order.iter_mut().enumerate() {
        *window = place;
    }
    for last in (1..order.len()).rev() {
        order.swap(last, below(&mut random, last + 1));
    }
}

/// Returns a number below a bound, by multiplication: its bias is below 2^-32 for any number of windows there can be.
#[expect(clippy::cast_possible_truncation, reason = "the result is below the bound")]
fn below(random: &mut ChaCha8Rng, bound: usize) -> usize {
    ((u128::from(random.next_u64()) * bound as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Cell;

    #[test]
    fn an_epochs_order_holds_every_window_once_and_follows_seed_and_epoch() {
        let draw = |seed, epoch| {
            let mut order = vec![0; 1000];
            shuffle(&mut order, seed, epoch);
            order
        };
        let mut sorted = draw(3, 0);
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..1000));
        assert_eq!(draw(3, 1), draw(3, 1));
        assert_ne!(draw(3, 1), draw(3, 2));
        assert_ne!(draw(3, 1), draw(4, 1));
    }

    #[test]
    fn first_values_fill_the_range_of_pytorch_and_follow_the_seed() {
        let shape = Shape {
            cell: Cell::Gru,
            inputs: 3,
            hidden: 16,
            layers: 1,
            context: 2,
            outputs: 1,
            precision: forecast::Precision::F32,
        };
        let values = first_values(&shape, 5).concat();
        assert!(values.iter().all(|v| v.abs() <= 0.25));
        assert!(values.iter().any(|v| *v > 0.24) && values.iter().any(|v| *v < -0.24));
        assert_ne!(values, first_values(&shape, 6).concat());
    }
}
