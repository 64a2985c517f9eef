//! The gradients of the parameters, block by block, so that threads can take them one by one.
//!
//! A block is summed over all chunks of the batch in rising order, so its bits depend neither on the number of threads nor
//! on which thread takes it.

use crate::{
    lesson::{Lesson, Sides},
    panel::{PANEL, Row, add_rows, add_transposed, zeros},
    simd::{Kernel, Lanes, Path},
    weights::Place,
};

/// The gradients of one block's parameters.
#[derive(Clone, Debug)]
pub(crate) struct Gradient {
    place: Place,
    pub(crate) values: Vec<Row>,
    pub(crate) sum_of_squares: f64,
}

impl Gradient {
    /// Gives gradients of zero.
    pub(crate) fn zero(place: Place) -> Self {
        Self {
            place,
            values: zeros(place.rows()),
            sum_of_squares: 0.0,
        }
    }

    /// Starts a new sum.
    pub(crate) fn clear(&mut self) {
        self.values.fill(Row::ZERO);
    }

    /// Adds what one chunk of windows gives.
    pub(crate) fn add(&mut self, path: Path, lesson: &Lesson) {
        path.run(Add { gradient: self, lesson });
    }

    /// Sums the squares for the norm.
    pub(crate) fn finish(&mut self, path: Path) {
        path.run(SumOfSquares {
            values: &self.values,
            sum: &mut self.sum_of_squares,
        });
    }
}

struct Add<'a> {
    gradient: &'a mut Gradient,
    lesson: &'a Lesson,
}

impl Kernel for Add<'_> {
    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
        let Gradient { place, values, .. } = self.gradient;
        let (input, rest) = values.split_at_mut(place.inputs);
        let (hidden, biases) = rest.split_at_mut(place.hidden);
        let sides = self.lesson.input_sides(place);
        add_sides::<L, ROWS, VECTORS>(lanes, &sides, input);
        match biases {
            [bias] => add_rows(lanes, sides.right, bias),
            [bias, other] => {
                add_sides::<L, ROWS, VECTORS>(lanes, &self.lesson.hidden_sides(place), hidden);
                add_rows(lanes, sides.right, bias);
                if place.apart {
                    add_rows(lanes, self.lesson.hidden_gradients(place), other);
                } else {
                    *other = *bias;
                }
            }
            _ => unreachable!("a block has one bias or two"),
        }
    }
}

#[inline(always)]
fn add_sides<L: Lanes, const ROWS: usize, const VECTORS: usize>(lanes: L, sides: &Sides<'_>, sum: &mut [Row]) {
    for (panel, sum) in sum.chunks_mut(PANEL).enumerate() {
        add_transposed::<L, ROWS, VECTORS>(lanes, sides.left.panel(panel), sides.right, sum);
    }
}

/// Sums squares column by column, and then the columns in order.
struct SumOfSquares<'a> {
    values: &'a [Row],
    sum: &'a mut f64,
}

impl Kernel for SumOfSquares<'_> {
    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, _: L) {
        let mut columns = [0.0_f64; PANEL];
        for row in self.values {
            for (sum, &value) in columns.iter_mut().zip(&row.0) {
                *sum += f64::from(value) * f64::from(value);
            }
        }
        *self.sum = columns.iter().sum();
    }
}
