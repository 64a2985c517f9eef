//! The gradients of the parameters, block by block, so that threads can take them one by one.
//!
//! A block is summed over all chunks of the batch in rising order, so its bits depend neither on the number of threads nor
//! on which thread takes it.

use std::marker::PhantomData;

use forecast::Precision;

use crate::{
    activation::Panels,
    factors::{Bf16, F32, Factors},
    lesson::Lesson,
    panel::{PANEL, Row, Start, zeros},
    product::{add_rows, multiply_transposed},
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

    /// Takes what the first chunk of windows gives, or adds what another one gives.
    pub(crate) fn add(&mut self, path: Path, lesson: &Lesson, first: bool) {
        let start = if first { Start::Row(&Row::ZERO) } else { Start::Output };
        match lesson.precision() {
            Precision::F32 => path.run(Add {
                gradient: self,
                lesson,
                start,
                factors: PhantomData::<F32>,
            }),
            Precision::Bf16 => path.run(Add {
                gradient: self,
                lesson,
                start,
                factors: PhantomData::<Bf16>,
            }),
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

struct Add<'a, F> {
    gradient: &'a mut Gradient,
    lesson: &'a Lesson,
    start: Start<'a>,
    factors: PhantomData<F>,
}

impl<F: Factors> Kernel for Add<'_, F> {
    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
        let Self {
            gradient,
            lesson,
            start,
            ..
        } = self;
        let Gradient { place, values, .. } = gradient;
        let (input, rest) = values.split_at_mut(place.inputs);
        let (hidden, biases) = rest.split_at_mut(place.hidden);
        let sides = lesson.input_sides::<F>(place);
        add_sides::<F, L, ROWS, VECTORS>(lanes, &sides, start, input);
        match biases {
            [bias] => add_rows::<F, L>(lanes, sides.1, start, bias),
            [bias, other] => {
                add_sides::<F, L, ROWS, VECTORS>(lanes, &lesson.hidden_sides::<F>(place), start, hidden);
                add_rows::<F, L>(lanes, sides.1, start, bias);
                if place.apart {
                    add_rows::<F, L>(lanes, lesson.hidden_gradients::<F>(place), start, other);
                } else {
                    *other = *bias;
                }
            }
            _ => unreachable!("a block has one bias or two"),
        }
    }
}

#[inline(always)]
fn add_sides<F: Factors, L: Lanes, const ROWS: usize, const VECTORS: usize>(
    lanes: L,
    (left, right): &(Panels<'_, F::Right>, &[F::Right]),
    start: Start<'_>,
    sum: &mut [Row],
) {
    for (panel, sum) in sum.chunks_mut(PANEL).enumerate() {
        multiply_transposed::<F, L, ROWS, VECTORS>(lanes, left.panel(panel), right, start, sum);
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
