//! The gradients of the parameters, block by block, so that threads can work on different blocks.
//!
//! Each portion of a batch has gradients of its own, and they are added up in the order of the portions, so the bits depend neither
//! on the number of threads nor on which thread takes what.

use crate::kernel::{Kernel, Lanes, PANEL, Path, Plus, Position, Row, each, zeros};

/// The gradients of one block's parameters.
#[derive(Clone, Debug)]
pub(crate) struct Gradient {
    pub(crate) position: Position,
    pub(crate) values: Vec<Row>,
}

impl Gradient {
    /// Returns gradients of zero.
    pub(crate) fn zero(position: Position) -> Self {
        Self {
            position,
            values: zeros(position.rows()),
        }
    }

    /// Adds the gradients of another chunk.
    pub(crate) fn add(&mut self, path: Path, chunk: &Self) {
        path.run(Add {
            chunk: &chunk.values,
            total: &mut self.values,
        });
    }

    /// Becomes the sum of some portions' gradients, added in their order, and returns its sum of squares.
    pub(crate) fn sum<'a>(&mut self, path: Path, portions: impl Iterator<Item = &'a Self>) -> f64 {
        let portions: Vec<&[Row]> = portions.map(|portion| portion.values.as_slice()).collect();
        let mut squares = 0.0;
        path.run(Sum {
            portions: &portions,
            total: &mut self.values,
            squares: &mut squares,
        });
        squares
    }
}

/// Adds the rows of a chunk to the total.
struct Add<'a> {
    chunk: &'a [Row],
    total: &'a mut [Row],
}

impl Kernel for Add<'_> {
    const FLOATS_ONLY: bool = true;

    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
        each(lanes, Plus, [self.chunk], [self.total]);
    }
}

/// Adds up the rows of all portions; the squares are summed column by column, then over the columns in order.
struct Sum<'a> {
    portions: &'a [&'a [Row]],
    total: &'a mut [Row],
    squares: &'a mut f64,
}

impl Kernel for Sum<'_> {
    const FLOATS_ONLY: bool = true;

    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
        let mut columns = [0.0_f64; PANEL];
        for (index, total) in self.total.iter_mut().enumerate() {
            *total = Row::ZERO;
            for portion in self.portions {
                each(lanes, Plus, [&portion[index..=index]], [std::slice::from_mut(total)]);
            }
            for (square, &value) in columns.iter_mut().zip(&total.0) {
                *square += f64::from(value) * f64::from(value);
            }
        }
        *self.squares = columns.iter().sum();
    }
}
