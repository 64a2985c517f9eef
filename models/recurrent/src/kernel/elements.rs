//! One piece of arithmetic on the elements of many rows.

use super::{
    lanes::{Arithmetic, Lanes},
    panel::{PANEL, Row},
    twice::Twice,
};

/// Arithmetic on the elements that stand at the same place of some rows.
///
/// A trait and not a closure: a call through `Fn` may not be inlined, and would then not be compiled for the path. `apply` must be
/// `#[inline(always)]`.
pub(crate) trait Elements<const INPUTS: usize, const BOTH: usize>: Copy {
    /// Returns the new values of `both`.
    fn apply<A: Arithmetic>(self, lanes: A, inputs: [A::Vector; INPUTS], both: [A::Vector; BOTH]) -> [A::Vector; BOTH];
}

/// Replaces every element of `both` by a value that follows from the elements at the same place in `inputs` and `both`.
///
/// # Shapes
/// All slices have as many rows.
#[inline(always)]
pub(crate) fn each<L: Lanes, const INPUTS: usize, const BOTH: usize>(
    lanes: L,
    elements: impl Elements<INPUTS, BOTH>,
    inputs: [&[Row]; INPUTS],
    mut both: [&mut [Row]; BOTH],
) {
    let (one, two) = (Twice(lanes), Twice(Twice(lanes)));
    let rows = both[0].len();
    for row in (0..rows - rows % 2).step_by(2) {
        each_at(two, elements, inputs, &mut both, row);
    }
    if rows % 2 == 1 {
        each_at(one, elements, inputs, &mut both, rows - 1);
    }
}

#[inline(always)]
fn each_at<R: Rows, const INPUTS: usize, const BOTH: usize>(
    lanes: R,
    elements: impl Elements<INPUTS, BOTH>,
    inputs: [&[Row]; INPUTS],
    both: &mut [&mut [Row]; BOTH],
    row: usize,
) {
    for first in (0..PANEL).step_by(R::COLUMNS) {
        let (mut values_in, mut values) = ([lanes.splat(0.0); INPUTS], [lanes.splat(0.0); BOTH]);
        for (into, rows) in values_in.iter_mut().zip(inputs) {
            *into = lanes.load_rows(&rows[row..], first);
        }
        for (into, rows) in values.iter_mut().zip(both.iter()) {
            *into = lanes.load_rows(&rows[row..], first);
        }
        let values = elements.apply(lanes, values_in, values);
        for (rows, value) in both.iter_mut().zip(values) {
            lanes.store_rows(value, &mut rows[row..], first);
        }
    }
}

/// Some columns of the first rows as one vector. The more values are computed side by side, the less the CPU waits.
trait Rows: Arithmetic {
    /// How many columns.
    const COLUMNS: usize;

    fn load_rows(self, rows: &[Row], first: usize) -> Self::Vector;
    fn store_rows(self, vector: Self::Vector, rows: &mut [Row], first: usize);
}

impl<L: Lanes> Rows for Twice<L> {
    const COLUMNS: usize = Self::WIDTH;

    #[inline(always)]
    fn load_rows(self, rows: &[Row], first: usize) -> Self::Vector {
        self.load(&rows[0].0[first..])
    }

    #[inline(always)]
    fn store_rows(self, vector: Self::Vector, rows: &mut [Row], first: usize) {
        self.store(vector, &mut rows[0].0[first..]);
    }
}

impl<L: Lanes> Rows for Twice<Twice<L>> {
    const COLUMNS: usize = Twice::<L>::WIDTH;

    #[inline(always)]
    fn load_rows(self, rows: &[Row], first: usize) -> Self::Vector {
        [self.0.load(&rows[0].0[first..]), self.0.load(&rows[1].0[first..])]
    }

    #[inline(always)]
    fn store_rows(self, vector: Self::Vector, rows: &mut [Row], first: usize) {
        let [upper, lower] = vector;
        self.0.store(upper, &mut rows[0].0[first..]);
        self.0.store(lower, &mut rows[1].0[first..]);
    }
}

/// Adds the first rows to the second.
#[derive(Clone, Copy)]
pub(crate) struct Plus;

impl Elements<1, 1> for Plus {
    #[inline(always)]
    fn apply<A: Arithmetic>(self, lanes: A, [row]: [A::Vector; 1], [sum]: [A::Vector; 1]) -> [A::Vector; 1] {
        [lanes.add(sum, row)]
    }
}
