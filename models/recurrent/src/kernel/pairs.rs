//! Products of panels of bf16 in a fixed order of accumulation: that of the tile instructions.

#[cfg(target_arch = "x86_64")]
use super::amx;
use super::{
    lanes::{Lanes, flush},
    panel::{Addend, BLOCK, Neighbours, PANEL, QUADS, Quad, Row},
    tile::{Tile, chunk, chunk_mut, load, load_start, store},
};

/// Computes `output = start + left · right` of bf16.
///
/// The depth is cut into blocks of 32 steps. A block's even steps and its odd ones are each a chain of fused multiply-adds
/// from zero; the sum of both is added to the result so far. Values below the normal range of `f32` count as zero, before and
/// after each step. Steps of zeros change nothing.
///
/// # Shapes
/// `left(i)` has the rows of `output` and the columns of block `i`, `right(i)` at least the steps of the block; `depth` is
/// the number of steps in all. Where [`Lanes::TILES`] is true, the rows of `output` are a multiple of [`Lanes::tile_rows`].
///
/// # Source
/// `TDPBF16PS` in Intel's Software Developer's Manual, volume 2.
#[inline(always)]
pub(crate) fn multiply<'a, L: Lanes>(
    lanes: L,
    depth: usize,
    left: impl Fn(usize) -> &'a [Neighbours],
    right: impl Fn(usize) -> &'a [Quad],
    start: Addend<'_>,
    output: &mut [Row],
) {
    #[cfg(target_arch = "x86_64")]
    if L::TILES {
        // SAFETY: lanes with tiles say 0 rows until the tiles of this thread are set up, then how many.
        return unsafe { amx::multiply(lanes.tile_rows(), depth, left, right, start, output) };
    }
    let mut top = 0;
    while output.len() - top >= 4 {
        multiply_tile::<L, 4, 2>(lanes, depth, &left, &right, start, output, top);
        top += 4;
    }
    while top < output.len() {
        multiply_tile::<L, 1, 2>(lanes, depth, &left, &right, start, output, top);
        top += 1;
    }
}

#[inline(always)]
fn multiply_tile<'a, L: Lanes, const ROWS: usize, const VECTORS: usize>(
    lanes: L,
    depth: usize,
    left: &impl Fn(usize) -> &'a [Neighbours],
    right: &impl Fn(usize) -> &'a [Quad],
    start: Addend<'_>,
    output: &mut [Row],
    top: usize,
) {
    let output: &mut [Row; ROWS] = chunk_mut(output, top);
    for first in (0..PANEL).step_by(VECTORS * L::WIDTH) {
        let mut tile: Tile<L, ROWS, VECTORS> = load_start(lanes, start, output, first);
        flush_all(lanes, &mut tile);
        for (block, done) in (0..depth).step_by(BLOCK).enumerate() {
            let left: &[Neighbours; ROWS] = chunk(left(block), top);
            let right = &right(block)[..(depth - done).div_ceil(Quad::ROWS).min(QUADS)];
            let mut sums = [[[lanes.splat(0.0); 2]; VECTORS]; ROWS];
            for (quad, right) in right.iter().enumerate().take(QUADS) {
                let right = load_quad::<L, VECTORS>(lanes, right, first);
                for (left, sums) in left.iter().zip(&mut sums) {
                    add_quad(lanes, left, quad, &right, sums);
                }
            }
            close(lanes, &sums, &mut tile);
        }
        for (row, tile) in output.iter_mut().zip(&tile) {
            store(lanes, tile, row, first);
        }
    }
}

/// Adds `left · right` to one row of several panels at once: the few chains of a single window would leave the CPU idle.
///
/// # Shapes
/// As [`super::product::multiply_row`].
#[inline(always)]
pub(crate) fn multiply_row<'a, L: Lanes, const VECTORS: usize, const OUTPUTS: usize>(
    lanes: L,
    depth: usize,
    left: impl Fn(usize) -> &'a Neighbours,
    right: impl Fn(usize, usize) -> &'a [Quad],
    outputs: &mut [&mut [Row]; OUTPUTS],
) {
    for first in (0..PANEL).step_by(VECTORS * L::WIDTH) {
        let mut tile: Tile<L, OUTPUTS, VECTORS> = [[lanes.splat(0.0); VECTORS]; OUTPUTS];
        for (into, output) in tile.iter_mut().zip(outputs.iter()) {
            *into = load(lanes, &output[0], first);
        }
        flush_all(lanes, &mut tile);
        for (block, done) in (0..depth).step_by(BLOCK).enumerate() {
            let quads = (depth - done).div_ceil(Quad::ROWS).min(QUADS);
            // `array::from_fn` is not always inlined.
            let mut rights: [&[Quad]; OUTPUTS] = [&[]; OUTPUTS];
            for (output, rights) in rights.iter_mut().enumerate() {
                *rights = &right(output, block)[..quads];
            }
            let left = left(block);
            let mut sums = [[[lanes.splat(0.0); 2]; VECTORS]; OUTPUTS];
            for quad in 0..quads {
                for (sums, right) in sums.iter_mut().zip(rights) {
                    let right = load_quad::<L, VECTORS>(lanes, &right[quad], first);
                    add_quad(lanes, left, quad, &right, sums);
                }
            }
            close(lanes, &sums, &mut tile);
        }
        for (tile, output) in tile.iter().zip(outputs.iter_mut()) {
            store(lanes, tile, &mut output[0], first);
        }
    }
}

#[inline(always)]
fn load_quad<L: Lanes, const VECTORS: usize>(lanes: L, quad: &Quad, first: usize) -> [[L::Pairs; 2]; VECTORS] {
    // No closures around loads: one that is not inlined is not compiled for the path.
    let mut vectors = [[lanes.splat_pair(0); 2]; VECTORS];
    for (vector, pairs) in vectors.iter_mut().enumerate() {
        for (pair, row) in pairs.iter_mut().zip(&quad.0) {
            *pair = lanes.load_pairs(&row[first + vector * L::WIDTH..]);
        }
    }
    vectors
}

/// Adds a row's products with four steps to the two chains of each output.
#[inline(always)]
fn add_quad<L: Lanes, const VECTORS: usize>(
    lanes: L,
    left: &Neighbours,
    quad: usize,
    right: &[[L::Pairs; 2]; VECTORS],
    sums: &mut [[L::Vector; 2]; VECTORS],
) {
    let left = [
        lanes.splat_pair(left.0[2 * quad]),
        lanes.splat_pair(left.0[2 * quad + 1]),
    ];
    for (sums, &right) in sums.iter_mut().zip(right) {
        *sums = lanes.add_quad(left, right, *sums);
    }
}

/// Adds the sums of a block's chains to what came before.
#[inline(always)]
fn close<L: Lanes, const ROWS: usize, const VECTORS: usize>(
    lanes: L,
    sums: &[[[L::Vector; 2]; VECTORS]; ROWS],
    tile: &mut Tile<L, ROWS, VECTORS>,
) {
    for (sums, tile) in sums.iter().zip(tile) {
        for (&[even, odd], total) in sums.iter().zip(tile) {
            *total = flush(lanes, lanes.add(*total, flush(lanes, lanes.add(even, odd))));
        }
    }
}

#[inline(always)]
fn flush_all<L: Lanes, const ROWS: usize, const VECTORS: usize>(lanes: L, tile: &mut Tile<L, ROWS, VECTORS>) {
    for value in tile.iter_mut().flatten() {
        *value = flush(lanes, *value);
    }
}
