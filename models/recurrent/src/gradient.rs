//! The gradients of the parameters, block by block, so that threads can take them one by one.
//!
//! Each share of a batch has gradients of its own, and they are added up in the order of the shares, so the bits depend neither
//! on the number of threads nor on which thread takes what.

use crate::kernel::{Kernel, Lanes, PANEL, Path, Plus, Position, Row, each, zeros};

/// The gradients of one block's parameters.
#[derive(Clone, Debug)]
pub(crate) struct Gradient {
    pub(crate) position: Position,
    pub(crate) values: Vec<Row>,
}

impl Gradient {
    /// Gives gradients of zero.
    pub(crate) fn zero(position: Position) -> Self {
        Self {
            position,
            values: zeros(position.rows()),
        }
    }

    /// Adds another chunk's gradients.
    pub(crate) fn add(&mut self, path: Path, chunk: &Self) {
        path.run(Add {
            chunk: &chunk.values,
            total: &mut self.values,
        });
    }

    /// Becomes the sum of some shares' gradients, added in their order, and gives its sum of squares.
    pub(crate) fn sum<'a>(&mut self, path: Path, shares: impl Iterator<Item = &'a Self>) -> f64 {
        let shares: Vec<&[Row]> = shares.map(|share| share.values.as_slice()).collect();
        let mut squares = 0.0;
        path.run(Sum {
            shares: &shares,
            total: &mut self.values,
            squares: &mut squares,
        });
        squares
    }
}

/// Adds rows of a chunk.
struct Add<'a> {
    chunk: &'a [Row],
    total: &'a mut [Row],
}

impl Kernel for Add<'_> {
    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
        each(lanes, Plus, [self.chunk], [self.total]);
    }
}

/// Adds up rows of shares, and their squares column by column and then the columns in order.
struct Sum<'a> {
    shares: &'a [&'a [Row]],
    total: &'a mut [Row],
    squares: &'a mut f64,
}

impl Kernel for Sum<'_> {
    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
        let mut columns = [0.0_f64; PANEL];
        for (index, total) in self.total.iter_mut().enumerate() {
            *total = Row::ZERO;
            for share in self.shares {
                each(lanes, Plus, [&share[index..=index]], [std::slice::from_mut(total)]);
            }
            for (square, &value) in columns.iter_mut().zip(&total.0) {
                *square += f64::from(value) * f64::from(value);
            }
        }
        *self.squares = columns.iter().sum();
    }
}
