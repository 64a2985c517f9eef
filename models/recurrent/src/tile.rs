//! A tile of a product's outputs, which stays in registers while the products are added.

use crate::simd::Lanes;

/// Where a tile stands in an output: in which of how many columns it begins.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) columns: usize,
    pub(crate) first: usize,
}

/// Outputs in registers: some rows, each of some vectors.
pub(crate) type Tile<L, const ROWS: usize, const VECTORS: usize> = [[<L as Lanes>::Vector; VECTORS]; ROWS];

/// Adds the outer product of one column and one row to a tile that stays in registers.
#[inline(always)]
pub(crate) fn add_outer<L: Lanes, const ROWS: usize, const VECTORS: usize>(
    lanes: L,
    tile: &mut Tile<L, ROWS, VECTORS>,
    left: impl Fn(usize) -> f32,
    right: &[f32],
) {
    let right: [L::Vector; VECTORS] = std::array::from_fn(|vector| lanes.load(&right[vector * L::WIDTH..]));
    for (row, tile) in tile.iter_mut().enumerate() {
        let left = lanes.splat(left(row));
        for (sum, right) in tile.iter_mut().zip(right) {
            *sum = lanes.mul_add(left, right, *sum);
        }
    }
}

/// The widest tile: four vectors of 16.
const WIDEST: usize = 64;

/// Gives a tile whose rows are all alike: a part of the given one.
#[inline(always)]
pub(crate) fn load_row<L: Lanes, const ROWS: usize, const VECTORS: usize>(
    lanes: L,
    row: &[f32],
    place: Place,
) -> Tile<L, ROWS, VECTORS> {
    let mut edge = [0.0; WIDEST];
    let live = (VECTORS * L::WIDTH).min(place.columns - place.first);
    edge[..live].copy_from_slice(&row[place.first..place.first + live]);
    [std::array::from_fn(|vector| lanes.load(&edge[vector * L::WIDTH..])); ROWS]
}

/// Reads a tile; where the output has less, there are zeros.
#[inline(always)]
pub(crate) fn load<L: Lanes, const ROWS: usize, const VECTORS: usize>(
    lanes: L,
    output: &[f32],
    place: Place,
) -> Tile<L, ROWS, VECTORS> {
    let wide = VECTORS * L::WIDTH;
    let mut tile = [[lanes.splat(0.0); VECTORS]; ROWS];
    for (into, row) in tile.iter_mut().zip(output.chunks_exact(place.columns)) {
        let row = &row[place.first..];
        if row.len() >= wide {
            *into = std::array::from_fn(|vector| lanes.load(&row[vector * L::WIDTH..]));
        } else {
            let mut edge = [0.0; WIDEST];
            edge[..row.len()].copy_from_slice(row);
            *into = std::array::from_fn(|vector| lanes.load(&edge[vector * L::WIDTH..]));
        }
    }
    tile
}

/// Writes as much of a tile as the output has.
#[inline(always)]
pub(crate) fn store<L: Lanes, const ROWS: usize, const VECTORS: usize>(
    lanes: L,
    tile: &Tile<L, ROWS, VECTORS>,
    output: &mut [f32],
    place: Place,
) {
    let wide = VECTORS * L::WIDTH;
    for (row, from) in output.chunks_exact_mut(place.columns).zip(tile) {
        let row = &mut row[place.first..];
        if row.len() >= wide {
            for (vector, &from) in from.iter().enumerate() {
                lanes.store(from, &mut row[vector * L::WIDTH..]);
            }
        } else {
            let mut edge = [0.0; WIDEST];
            for (vector, &from) in from.iter().enumerate() {
                lanes.store(from, &mut edge[vector * L::WIDTH..]);
            }
            let live = row.len();
            row.copy_from_slice(&edge[..live]);
        }
    }
}
