//! The gradients of the parameters, block by block, so that threads can take them one by one.
//!
//! Each share of a batch has gradients of its own, and they are added up in the order of the shares, so the bits depend neither
//! on the number of threads nor on which thread takes what.

use std::marker::PhantomData;

use crate::{
    factors::{Factors, Neighbours},
    lesson::Lesson,
    panel::{PANEL, Row, each, zeros},
    product::Plus,
    simd::{Kernel, Lanes, Path},
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

/// Takes what a chunk of windows gives for the blocks of one layer, or for the head's.
pub(crate) struct Take<'a, F> {
    pub(crate) factors: PhantomData<F>,
    pub(crate) lesson: &'a Lesson,
    pub(crate) gradients: &'a mut [Gradient],
    pub(crate) room: &'a mut Vec<Neighbours>,
}

impl<F: Factors> Kernel for Take<'_, F> {
    fn tile_rows(&self) -> Option<usize> {
        F::tile_rows(PANEL)
    }

    #[inline(always)]
    fn run<L: Lanes, const ROWS: usize, const VECTORS: usize>(self, lanes: L) {
        let Self {
            lesson,
            gradients,
            room,
            ..
        } = self;
        let place = gradients[0].place;
        let left = lesson.inputs::<F>(place.layer);
        for panel in 0..place.inputs.div_ceil(PANEL) {
            let left = F::turn(lanes, left.panel(panel), room);
            for Gradient { place, values } in gradients.iter_mut() {
                let output = rows_mut(&mut values[..place.inputs], panel);
                F::multiply_turned::<L, ROWS, VECTORS>(lanes, left, lesson.input_gradients::<F>(place), output);
            }
        }
        if !place.is_head() {
            let left = lesson.states_before::<F>(place.layer);
            for panel in 0..place.hidden.div_ceil(PANEL) {
                let steps = left.panel(panel);
                let left = F::turn(lanes, steps, room);
                for Gradient { place, values } in gradients.iter_mut() {
                    let right = lesson.hidden_gradients::<F>(place);
                    let output = rows_mut(&mut values[place.inputs..][..place.hidden], panel);
                    F::multiply_turned::<L, ROWS, VECTORS>(lanes, left, &right[right.len() - steps.len()..], output);
                }
            }
        }
        for Gradient { place, values } in gradients {
            let (_, biases) = values.split_at_mut(place.inputs + place.hidden);
            F::add_rows(lanes, lesson.input_gradients::<F>(place), &mut biases[0]);
            match biases {
                [_, other] if place.apart => F::add_rows(lanes, lesson.hidden_gradients::<F>(place), other),
                [bias, other] => *other = *bias,
                _ => {}
            }
        }
    }
}

/// Gives the rows of a panel, fewer of the last one.
fn rows_mut(all: &mut [Row], panel: usize) -> &mut [Row] {
    let rows = all.len() - panel * PANEL;
    &mut all[panel * PANEL..][..rows.min(PANEL)]
}
