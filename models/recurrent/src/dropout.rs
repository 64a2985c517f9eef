//! Dropout: which outputs of a layer the layer above does not see in a batch.
//!
//! The mask is a hash of the seed, the batch, the layer, the window's place in the batch, the step and the unit: it takes no
//! memory, the backward pass computes it again, and neither chunks nor threads nor stops change it.

use crate::kernel::{Kernel, Lanes, PANEL, Panels, Path, Row};

/// The masks of one batch, from one of its windows on.
#[derive(Clone, Copy, Debug)]
pub struct Dropout {
    /// The factor of values that are kept, so that their expected sum stays the same.
    scale: f32,
    /// A unit whose hash is below this is dropped.
    below: u32,
    key: u64,
    first_window: usize,
}

impl Dropout {
    /// Returns the masks of a batch; `None` where nothing is dropped.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of 2^32 is below it"
    )]
    pub(crate) fn new(fraction: f64, seed: u64, epoch: u32, batch: u64) -> Option<Self> {
        (fraction > 0.0).then(|| Self {
            scale: (1.0 / (1.0 - fraction)) as f32,
            below: (fraction * 4_294_967_296.0) as u32,
            key: mix(mix(mix(seed) ^ u64::from(epoch)) ^ batch),
            first_window: 0,
        })
    }

    /// Returns the factors of a layer's outputs: 0 where they are dropped, above 1 elsewhere to make up for it.
    ///
    /// # Shapes
    /// `[windows, context, hidden]`.
    #[must_use]
    pub fn factors(self, layer: usize, windows: usize, context: usize, hidden: usize) -> Vec<f32> {
        let tall = context * windows;
        let mut panels = vec![Row([1.0; PANEL]); hidden.div_ceil(PANEL) * tall];
        self.mask(Path::Portable, layer, windows, tall, &mut panels);
        let mut factors = Vec::with_capacity(tall * hidden);
        for window in 0..windows {
            for step in 0..context {
                let row = step * windows + window;
                factors.extend((0..hidden).map(|unit| panels[unit / PANEL * tall + row].0[unit % PANEL]));
            }
        }
        factors
    }

    /// Returns the masks that begin at a window of the batch.
    pub(crate) fn starting_at(self, first_window: usize) -> Self {
        Self { first_window, ..self }
    }

    /// Writes the outputs of a layer, panels of `context · windows` rows, as the layer above sees them.
    pub(crate) fn drop(self, path: Path, layer: usize, windows: usize, outputs: Panels<'_>, into: &mut [Row]) {
        let tall = outputs.panel(0).len();
        for (panel, into) in into.chunks_exact_mut(tall).enumerate() {
            into.copy_from_slice(outputs.panel(panel));
        }
        self.mask(path, layer, windows, tall, into);
    }

    /// Drops and scales in place: outputs in the forward pass, their gradients in the backward pass.
    pub(crate) fn mask(self, path: Path, layer: usize, windows: usize, tall: usize, values: &mut [Row]) {
        for (panel, values) in values.chunks_exact_mut(tall).enumerate() {
            path.run(Mask {
                dropout: self,
                key: mix(self.key ^ mix((layer as u64) << 32 | panel as u64)),
                windows,
                values,
            });
        }
    }
}

struct Mask<'a> {
    dropout: Dropout,
    key: u64,
    windows: usize,
    values: &'a mut [Row],
}

impl Kernel for Mask<'_> {
    const FLOATS_ONLY: bool = true;

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the upper half of a hash")]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, _: L) {
        for (place, row) in self.values.iter_mut().enumerate() {
            let (step, window) = (place / self.windows, place % self.windows + self.dropout.first_window);
            let key = (mix(self.key ^ ((step as u64) << 32 | window as u64)) >> 32) as u32;
            for unit in 0..PANEL {
                let kept = hash(key.wrapping_add((unit as u32).wrapping_mul(0x9e37_79b9))) >= self.dropout.below;
                row.0[unit] = if kept { row.0[unit] * self.dropout.scale } else { 0.0 };
            }
        }
    }
}

/// Mixes 64 bits: the finalizer of splitmix64 (Steele, Lea and Flood 2014).
#[inline(always)]
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Mixes 32 bits: the finalizer of `MurmurHash3` (Appleby).
#[inline(always)]
fn hash(x: u32) -> u32 {
    let x = (x ^ (x >> 16)).wrapping_mul(0x85eb_ca6b);
    let x = (x ^ (x >> 13)).wrapping_mul(0xc2b2_ae35);
    x ^ (x >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{paths, zeros};

    const ONE: Row = Row([1.0; PANEL]);

    fn masked(path: Path, dropout: Dropout, layer: usize, windows: usize) -> Vec<Row> {
        let mut values = vec![ONE; 2 * 5 * windows];
        dropout.mask(path, layer, windows, 5 * windows, &mut values);
        values
    }

    #[test]
    fn the_share_is_dropped_and_the_rest_scaled_up_on_every_path() {
        let dropout = Dropout::new(0.25, 3, 1, 7).unwrap();
        let expected = masked(Path::Portable, dropout, 0, 64);
        let values: Vec<f32> = expected.iter().flat_map(|row| row.0).collect();
        assert!(values.iter().all(|value| [0.0, 4.0 / 3.0].contains(value)));
        let dropped = values.iter().filter(|value| **value == 0.0).count();
        // Four standard deviations of 20,480 draws.
        assert!(
            dropped.abs_diff(values.len() / 4) < 250,
            "{dropped} of {}",
            values.len()
        );
        for path in paths() {
            assert_eq!(masked(path, dropout, 0, 64), expected, "{path:?}");
        }
    }

    #[test]
    fn masks_follow_the_window_in_the_batch_and_differ_by_batch_layer_and_seed() {
        let dropout = Dropout::new(0.5, 3, 1, 7).unwrap();
        let whole = masked(Path::Portable, dropout, 0, 4);
        let part = masked(Path::Portable, dropout.starting_at(2), 0, 2);
        for step in 0..5 {
            assert_eq!(part[step * 2..][..2], whole[step * 4 + 2..][..2]);
        }
        for (other, layer) in [
            (Dropout::new(0.5, 3, 1, 8), 0),
            (Dropout::new(0.5, 3, 2, 7), 0),
            (Dropout::new(0.5, 4, 1, 7), 0),
            (Some(dropout), 1),
        ] {
            assert_ne!(masked(Path::Portable, other.unwrap(), layer, 4), whole);
        }
        assert!(Dropout::new(0.0, 3, 1, 7).is_none());
    }

    #[test]
    fn what_is_dropped_is_zero_and_a_copy_leaves_its_source() {
        let outputs = vec![ONE; 12];
        let mut into = zeros(12);
        let dropout = Dropout::new(0.9, 0, 0, 0).unwrap();
        dropout.drop(Path::fastest(), 0, 3, Panels::new(&outputs, 12, 0..12), &mut into);
        assert!(outputs.iter().all(|row| *row == ONE));
        assert!(into.iter().any(|row| row.0.contains(&0.0)));
    }
}
