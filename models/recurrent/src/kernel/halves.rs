//! Rows rounded to bf16.

use super::{
    lanes::Lanes,
    panel::{Neighbours, PANEL, Quad, Row},
};

impl Neighbours {
    /// Becomes a row rounded to bf16.
    #[inline(always)]
    pub(crate) fn round<L: Lanes>(&mut self, lanes: L, row: &Row) {
        for first in (0..PANEL).step_by(2 * L::WIDTH) {
            let second = lanes.load(&row.0[first + L::WIDTH..]);
            lanes.store_neighbours(lanes.load(&row.0[first..]), second, &mut self.0[first / 2..]);
        }
    }
}

/// Rounds rows to quads; missing rows of the last one are zeros.
#[inline(always)]
pub(crate) fn round<L: Lanes>(lanes: L, rows: &[Row], quads: &mut [Quad]) {
    for (rows, quad) in rows.chunks(Quad::ROWS).zip(quads) {
        let mut four = [&Row::ZERO; 4];
        for (into, row) in four.iter_mut().zip(rows) {
            *into = row;
        }
        for first in (0..PANEL).step_by(L::WIDTH) {
            let mut values = [lanes.splat(0.0); 4];
            for (value, row) in values.iter_mut().zip(four) {
                *value = lanes.load(&row.0[first..]);
            }
            let [upper, lower] = &mut quad.0;
            lanes.store_quad(values, [&mut upper[first..], &mut lower[first..]]);
        }
    }
}
