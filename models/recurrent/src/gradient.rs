//! The gradients of the parameters, block by block, so that threads can take them one by one.
//!
//! Each chunk of a batch has gradients of its own, and they are added up in the order of the chunks, so the bits depend neither
//! on the number of threads nor on which thread takes what.

use std::marker::PhantomData;

use forecast::Precision;

use crate::{
    activation::Panels,
    factors::{Bf16, F32, Factors},
    lesson::Lesson,
    panel::{Elements, PANEL, Row, Start, each, zeros},
    product::{add_rows, multiply_transposed},
    simd::{Arithmetic, Kernel, Lanes, Path},
    weights::Place,
};

/// The gradients of one block's parameters.
#[derive(Clone, Debug)]
pub(crate) struct Gradient {
    pub(crate) place: Place,
    pub(crate) values: Vec<Row>,
}

impl Gradient {
    /// Gives gradients of zero.
    pub(crate) fn zero(place: Place) -> Self {
        Self {
            place,
            values: zeros(place.rows()),
        }
    }

    /// Takes what a chunk of windows gives.
    pub(crate) fn take(&mut self, path: Path, lesson: &Lesson) {
        match lesson.precision() {
            Precision::F32 => path.run(Take {
                gradient: self,
                lesson,
                factors: PhantomData::<F32>,
            }),
            Precision::Bf16 => path.run(Take {
                gradient: self,
                lesson,
                factors: PhantomData::<Bf16>,
            }),
        }
    }

    /// Becomes the sum of some chunks' gradients, added in their order, and gives its sum of squares.
    pub(crate) fn sum<'a>(&mut self, path: Path, mut chunks: impl Iterator<Item = &'a Self>) -> f64 {
        if let Some(first) = chunks.next() {
            self.values.copy_from_slice(&first.values);
        }
        for chunk in chunks {
            path.run(AddUp(&mut self.values, &chunk.values));
        }
        let mut sum = 0.0;
        path.run(SumOfSquares {
            values: &self.values,
            sum: &mut sum,
        });
        sum
    }
}

/// Adds the second to the first.
struct AddUp<'a>(&'a mut [Row], &'a [Row]);

impl Kernel for AddUp<'_> {
    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
        for (sum, row) in self.0.iter_mut().zip(self.1) {
            each(lanes, Plus, [row], [sum]);
        }
    }
}

#[derive(Clone, Copy)]
struct Plus;

impl Elements<1, 1> for Plus {
    #[inline(always)]
    fn apply<A: Arithmetic>(self, lanes: A, [row]: [A::Vector; 1], [sum]: [A::Vector; 1]) -> [A::Vector; 1] {
        [lanes.add(sum, row)]
    }
}

struct Take<'a, F> {
    gradient: &'a mut Gradient,
    lesson: &'a Lesson,
    factors: PhantomData<F>,
}

impl<F: Factors> Kernel for Take<'_, F> {
    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
        let Self { gradient, lesson, .. } = self;
        let Gradient { place, values, .. } = gradient;
        let (input, rest) = values.split_at_mut(place.inputs);
        let (hidden, biases) = rest.split_at_mut(place.hidden);
        let sides = lesson.input_sides::<F>(place);
        add_sides::<F, L, ROWS, VECTORS>(lanes, &sides, input);
        match biases {
            [bias] => add_rows::<F, L>(lanes, sides.1, bias),
            [bias, other] => {
                add_sides::<F, L, ROWS, VECTORS>(lanes, &lesson.hidden_sides::<F>(place), hidden);
                add_rows::<F, L>(lanes, sides.1, bias);
                if place.apart {
                    add_rows::<F, L>(lanes, lesson.hidden_gradients::<F>(place), other);
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
    sum: &mut [Row],
) {
    for (panel, sum) in sum.chunks_mut(PANEL).enumerate() {
        multiply_transposed::<F, L, ROWS, VECTORS>(lanes, left.panel(panel), right, Start::Row(&Row::ZERO), sum);
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
