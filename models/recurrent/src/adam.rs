//! Adam and `AdamW` with a bound on the gradients' norm, as in `torch.optim.Adam`, `torch.optim.AdamW` and `clip_grad_norm_`.

use crate::{
    engine::Update,
    kernel::{Arithmetic, Elements, Kernel, Lanes, Path, Row, each},
};

/// The decay of the mean of gradients.
const BETA_1: f64 = 0.9;
/// The decay of the mean of their squares.
const BETA_2: f64 = 0.999;
/// Keeps the division away from zero.
const EPSILON: f32 = 1e-8;

/// The means of one block's gradients and of their squares.
#[derive(Clone, Debug)]
pub(crate) struct Moments {
    pub(crate) first: Vec<Row>,
    pub(crate) second: Vec<Row>,
}

/// The factors of one step of Adam, the same for all parameters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AdamStep {
    /// The factor that brings the gradients' norm down to the bound; at most 1.
    clip: f32,
    rate: f32,
    scale_of_root: f32,
    /// The part of a parameter that is added to its gradient: Adam's weight decay.
    added: f32,
    /// The factor of a parameter before it is moved: `AdamW`'s weight decay.
    left: f32,
}

impl AdamStep {
    /// Computes the factors of an update.
    pub(crate) fn new(update: &Update) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "past 2^53 steps both corrections are 1")]
        let number = update.number as f64;
        let clip = (update.clip / (update.norm + 1e-6)).min(1.0);
        let rate = update.rate / (1.0 - libm::pow(BETA_1, number));
        let scale = 1.0 / (1.0 - libm::pow(BETA_2, number)).sqrt();
        #[expect(clippy::cast_possible_truncation, reason = "parameters are f32")]
        let [clip, rate, scale_of_root, added, left] =
            [clip, rate, scale, update.added, update.left].map(|value| value as f32);
        Self {
            clip,
            rate,
            scale_of_root,
            added,
            left,
        }
    }

    /// Takes the step with some parameters and their moments.
    pub(crate) fn take(self, path: Path, gradients: &[Row], parameters: &mut [Row], moments: &mut Moments) {
        path.run(Apply {
            step: self,
            gradients,
            parameters,
            moments,
        });
    }
}

struct Apply<'a> {
    step: AdamStep,
    gradients: &'a [Row],
    parameters: &'a mut [Row],
    moments: &'a mut Moments,
}

impl Kernel for Apply<'_> {
    const FLOATS_ONLY: bool = true;

    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
        let Moments { first, second } = self.moments;
        each(lanes, self.step, [self.gradients], [self.parameters, first, second]);
    }
}

impl Elements<1, 3> for AdamStep {
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "parameters are f32")]
    fn apply<A: Arithmetic>(
        self,
        lanes: A,
        [gradient]: [A::Vector; 1],
        [before, first, second]: [A::Vector; 3],
    ) -> [A::Vector; 3] {
        let keep_first = lanes.splat((1.0 - BETA_1) as f32);
        let keep_second = lanes.splat((1.0 - BETA_2) as f32);
        let decay_second = lanes.splat(BETA_2 as f32);
        let gradient = lanes.mul(gradient, lanes.splat(self.clip));
        let gradient = lanes.mul_add(lanes.splat(self.added), before, gradient);
        let first = lanes.mul_add(lanes.sub(gradient, first), keep_first, first);
        let squared = lanes.mul(gradient, gradient);
        let second = lanes.mul_add(squared, keep_second, lanes.mul(second, decay_second));
        let root = lanes.mul(lanes.sqrt(second), lanes.splat(self.scale_of_root));
        let root = lanes.add(root, lanes.splat(EPSILON));
        let move_by = lanes.div(lanes.mul(lanes.splat(self.rate), first), root);
        [
            lanes.sub(lanes.mul(before, lanes.splat(self.left)), move_by),
            first,
            second,
        ]
    }
}
