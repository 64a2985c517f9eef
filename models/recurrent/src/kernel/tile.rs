//! Sums in registers.

use super::{
    lanes::{Arithmetic, Lanes},
    panel::{Addend, Row},
};

/// Rows of vectors, kept in registers while products are added to them.
pub(super) type Tile<L, const ROWS: usize, const VECTORS: usize> = [[<L as Arithmetic>::Vector; VECTORS]; ROWS];

#[inline(always)]
pub(super) fn load_start<L: Lanes, const ROWS: usize, const VECTORS: usize>(
    lanes: L,
    start: Addend<'_>,
    output: &[Row; ROWS],
    first: usize,
) -> Tile<L, ROWS, VECTORS> {
    match start {
        Addend::Row(row) => [load(lanes, row, first); ROWS],
        Addend::Output => {
            let mut tile = [[lanes.splat(0.0); VECTORS]; ROWS];
            for (into, row) in tile.iter_mut().zip(output) {
                *into = load(lanes, row, first);
            }
            tile
        }
    }
}

#[inline(always)]
pub(super) fn load<L: Lanes, const VECTORS: usize>(lanes: L, row: &Row, first: usize) -> [L::Vector; VECTORS] {
    // No closures around loads: one that is not inlined is not compiled for the path.
    let mut vectors = [lanes.splat(0.0); VECTORS];
    for (vector, into) in vectors.iter_mut().enumerate() {
        *into = lanes.load(&row.0[first + vector * L::WIDTH..]);
    }
    vectors
}

#[inline(always)]
pub(super) fn store<L: Lanes, const VECTORS: usize>(
    lanes: L,
    vectors: &[L::Vector; VECTORS],
    row: &mut Row,
    first: usize,
) {
    for (vector, &value) in vectors.iter().enumerate() {
        lanes.store(value, &mut row.0[first + vector * L::WIDTH..]);
    }
}

#[inline(always)]
pub(super) fn chunk<R, const ROWS: usize>(all: &[R], top: usize) -> &[R; ROWS] {
    all[top..].first_chunk().expect("a tile lies within its rows")
}

#[inline(always)]
pub(super) fn chunk_mut<R, const ROWS: usize>(all: &mut [R], top: usize) -> &mut [R; ROWS] {
    all[top..].first_chunk_mut().expect("a tile lies within its rows")
}
