//! The gradients of the parameters, in blocks that threads take one by one.
//!
//! A block belongs to one tensor and is summed over all chunks of the batch in rising order, so its bits depend neither on
//! the number of threads nor on which thread takes it.

use std::ops::Range;

use crate::{
    lesson::Lesson,
    outer::{Scratch, add_column_sums, add_transposed},
    shape::{Layout, Role},
    simd::{Kernel, Lanes, Path},
};

/// The rows of a weight in one block. The norm is summed block by block, so this is part of the result's bits.
const ROWS: usize = 64;

/// The gradients of some rows of one tensor.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    /// The tensor's place in the order of all.
    pub(crate) tensor: usize,
    role: Role,
    rows: Range<usize>,
    pub(crate) values: Vec<f32>,
    pub(crate) sum_of_squares: f64,
}

impl Block {
    /// Gives the blocks of all tensors in order.
    pub(crate) fn all(layouts: &[Layout]) -> Vec<Self> {
        let mut blocks = Vec::new();
        for (
            tensor,
            Layout {
                rows, columns, role, ..
            },
        ) in layouts.iter().enumerate()
        {
            for first in (0..*rows).step_by(ROWS) {
                let rows = first..(first + ROWS).min(*rows);
                let values = vec![0.0; rows.len() * columns];
                blocks.push(Self {
                    tensor,
                    role: *role,
                    rows,
                    values,
                    sum_of_squares: 0.0,
                });
            }
        }
        blocks
    }

    /// Starts a new sum.
    pub(crate) fn clear(&mut self) {
        self.values.fill(0.0);
    }

    /// Adds what one chunk of windows gives.
    pub(crate) fn add(&mut self, path: Path, lesson: &Lesson, scratch: &mut Scratch) {
        let sides = match self.role {
            Role::Input { layer } | Role::InputBias { layer } => lesson.input_sides(layer),
            Role::Hidden { layer } | Role::HiddenBias { layer } => lesson.hidden_sides(layer),
            Role::Head | Role::HeadBias => lesson.head_sides(),
        };
        if self.role.is_bias() {
            add_column_sums(path, sides.left, self.rows.start, &mut self.values);
        } else {
            add_transposed(
                path,
                sides.left,
                self.rows.start,
                sides.right,
                &mut self.values,
                scratch,
            );
        }
    }

    /// Sums the squares for the norm.
    pub(crate) fn finish(&mut self, path: Path) {
        path.run(SumOfSquares {
            values: &self.values,
            sum: &mut self.sum_of_squares,
        });
    }
}

/// Sums squares in eight interleaved chains, which are added in order at the end.
struct SumOfSquares<'a> {
    values: &'a [f32],
    sum: &'a mut f64,
}

impl Kernel for SumOfSquares<'_> {
    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, _: L) {
        let mut chains = [0.0_f64; 8];
        let (eights, rest) = self.values.as_chunks::<8>();
        for eight in eights {
            for (chain, &value) in chains.iter_mut().zip(eight) {
                *chain += f64::from(value) * f64::from(value);
            }
        }
        for (chain, &value) in chains.iter_mut().zip(rest) {
            *chain += f64::from(value) * f64::from(value);
        }
        *self.sum = chains.iter().sum();
    }
}
