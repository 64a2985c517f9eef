//! Adam with a bound on the gradients' norm, as `torch.optim.Adam` and `clip_grad_norm_` do it.

use crate::{
    gradient::Block,
    lanes::each,
    simd::{Kernel, Lanes, Path},
};

/// The decay of the mean of gradients.
const BETA_1: f64 = 0.9;
/// The decay of the mean of their squares.
const BETA_2: f64 = 0.999;
/// Keeps the division away from zero.
const EPSILON: f32 = 1e-8;

/// The means of one tensor's gradients and of their squares.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Moments {
    pub(crate) first: Vec<f32>,
    pub(crate) second: Vec<f32>,
}

impl Moments {
    /// Gives moments of zero.
    pub(crate) fn zero(len: usize) -> Self {
        Self {
            first: vec![0.0; len],
            second: vec![0.0; len],
        }
    }
}

/// What one step of Adam has in common for all parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AdamStep {
    /// Brings the gradients' norm down to the bound.
    clip: f32,
    rate: f32,
    root_of_correction: f32,
}

impl AdamStep {
    /// Prepares step number `step`, counted from 1, for gradients of the given norm.
    pub(crate) fn new(step: u64, learning_rate: f64, bound: f64, norm: f64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "past 2^53 steps both corrections are 1")]
        let step = step as f64;
        let clip = (bound / (norm + 1e-6)).min(1.0);
        let rate = learning_rate / (1.0 - libm::pow(BETA_1, step));
        let root = (1.0 - libm::pow(BETA_2, step)).sqrt();
        #[expect(clippy::cast_possible_truncation, reason = "parameters are f32")]
        let (clip, rate, root_of_correction) = (clip as f32, rate as f32, root as f32);
        Self {
            clip,
            rate,
            root_of_correction,
        }
    }

    /// Gives the parameters after the step in `after`, and takes the moments with them.
    pub(crate) fn apply(
        self,
        path: Path,
        block: &Block,
        before: &[f32],
        after: &mut [f32],
        (first, second): (&mut [f32], &mut [f32]),
    ) {
        path.run(Apply {
            step: self,
            gradients: &block.values,
            before,
            after,
            first,
            second,
        });
    }
}

struct Apply<'a> {
    step: AdamStep,
    gradients: &'a [f32],
    before: &'a [f32],
    after: &'a mut [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
}

impl Kernel for Apply<'_> {
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "parameters are f32")]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, _: L) {
        let (keep_first, keep_second, decay_second) = ((1.0 - BETA_1) as f32, (1.0 - BETA_2) as f32, BETA_2 as f32);
        let AdamStep {
            clip,
            rate,
            root_of_correction,
        } = self.step;
        let both = [self.after, self.first, self.second];
        each(
            [self.gradients, self.before],
            both,
            |[gradient, before], [_, first, second]| {
                let gradient = gradient * clip;
                let first = (gradient - first).mul_add(keep_first, first);
                let second = (gradient * gradient).mul_add(keep_second, second * decay_second);
                let root = second.sqrt() / root_of_correction + EPSILON;
                [before - rate * first / root, first, second]
            },
        );
    }
}
