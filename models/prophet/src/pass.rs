//! One pass over the rows of a fit: the residuals at some coefficients, and the sums that the next step needs.

use std::ops::Range;

use forecast::Growth;

use crate::{
    features::{CHUNK, Features},
    moments::{Residues, Sums, add, dot},
    trend::{Line, logistic},
};

/// What all passes of a fit have in common.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) growth: Growth,
    pub(crate) features: &'a Features<'a>,
    /// The times on the scale of the history, 0 to 1.
    pub(crate) t: &'a [f64],
    /// The changepoints on the scale of the history.
    pub(crate) changepoints: &'a [f64],
    /// The row at which each segment begins, and the number of rows.
    pub(crate) bounds: Vec<usize>,
    /// Which columns multiply the trend.
    pub(crate) multiplies: &'a [bool],
}

/// The scaled values of one series.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Values<'a> {
    pub(crate) y: &'a [f64],
    pub(crate) cap: Option<&'a [f64]>,
}

/// The coefficients of a model.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Point {
    /// Rate and level of the line at the start of the history, and those of all columns.
    pub(crate) smooth: Vec<f64>,
    /// The changes of the rate.
    pub(crate) deltas: Vec<f64>,
}

/// The result of a pass.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) residues: Residues,
    /// The products of the model's derivatives.
    pub(crate) sums: Sums,
    /// What its curvature subtracts from these products where residuals are not 0.
    pub(crate) bend: Sums,
}

/// Buffers for one chunk.
#[derive(Default)]
struct Buffers {
    block: Vec<f64>,
    lanes: Vec<[f64; CHUNK]>,
    scaled: Vec<f64>,
}

/// How many numbers are computed per row; each has a lane of the chunk.
const LANES: usize = 11;
const ADDED: usize = 0;
const FACTOR: usize = 1;
const TREND: usize = 2;
const LEFT: usize = 3;
const A: usize = 4;
const B: usize = 5;
const AT: usize = 6;
const BEND_A: usize = 7;
const BEND_B: usize = 8;
const WEIGHTED: usize = 9;
const BEND: usize = 10;

impl<'a> Frame<'a> {
    pub(crate) fn new(
        growth: Growth,
        features: &'a Features<'a>,
        t: &'a [f64],
        changepoints: &'a [f64],
        multiplies: &'a [bool],
    ) -> Self {
        let inner = changepoints.iter().map(|at| t.partition_point(|t| t < at));
        let bounds = std::iter::once(0).chain(inner).chain([t.len()]).collect();
        Self {
            growth,
            features,
            t,
            changepoints,
            bounds,
            multiplies,
        }
    }

    /// Returns whether the model is linear, so that its sums do not depend on the coefficients.
    pub(crate) fn is_linear(&self) -> bool {
        self.growth != Growth::Logistic && !self.multiplies.contains(&true)
    }

    pub(crate) fn segments(&self) -> usize {
        self.changepoints.len() + 1
    }

    pub(crate) fn line(&self, point: &Point) -> Line {
        Line::new(point.smooth[0], point.smooth[1], &point.deltas, self.changepoints)
    }

    /// Returns the segments that some rows belong to, each with its rows.
    fn pieces(&self, rows: &Range<usize>) -> impl Iterator<Item = (usize, Range<usize>)> {
        let (start, end) = (rows.start, rows.end);
        let first = self.bounds[1..].partition_point(|bound| *bound <= start);
        (first..self.segments())
            .take_while(move |&segment| self.bounds[segment] < end)
            .map(move |segment| {
                (
                    segment,
                    self.bounds[segment].max(start)..self.bounds[segment + 1].min(end),
                )
            })
            .filter(|(_, rows)| !rows.is_empty())
    }

    /// Returns the sums of a linear model.
    pub(crate) fn sums(&self) -> Sums {
        let columns = self.features.columns();
        let mut sums = Sums::zeros(self.segments(), columns);
        let (mut buffers, mut a) = (Vec::new(), [0.0; CHUNK]);
        let ones = [1.0; CHUNK];
        for rows in self.features.chunks() {
            let block = self.features.block(&rows, &mut buffers);
            let len = rows.len();
            squares(block, len, columns, &mut sums.square);
            for (segment, piece) in self.pieces(&rows) {
                let local = piece.start - rows.start..piece.end - rows.start;
                self.slopes(segment, &piece, &mut a[local.clone()]);
                let (a, b) = (&a[local.clone()], &ones[local.clone()]);
                sums.add_line(segment, a, b);
                for column in 0..columns {
                    let x = &block[column * len..][local.clone()];
                    sums.add_cross(segment, column, dot(a, x), dot(b, x));
                }
            }
        }
        sums
    }

    /// Writes the times since the start of a segment; 0 for a flat trend.
    fn slopes(&self, segment: usize, rows: &Range<usize>, a: &mut [f64]) {
        if self.growth == Growth::Flat {
            return a.fill(0.0);
        }
        let start = segment.checked_sub(1).map_or(0.0, |before| self.changepoints[before]);
        for (a, t) in a.iter_mut().zip(&self.t[rows.clone()]) {
            *a = t - start;
        }
    }

    /// Returns the residuals of each of some series, for a linear model.
    pub(crate) fn residues(&self, series: &[(Values<'_>, &Point)]) -> Vec<Residues> {
        let columns = self.features.columns();
        let mut all = vec![Residues::zeros(self.segments(), columns); series.len()];
        let lines: Vec<Line> = series.iter().map(|(_, point)| self.line(point)).collect();
        let (mut buffers, mut a, mut left) = (Vec::new(), [0.0; CHUNK], [0.0; CHUNK]);
        let ones = [1.0; CHUNK];
        for rows in self.features.chunks() {
            let (block, len) = (self.features.block(&rows, &mut buffers), rows.len());
            for (segment, piece) in self.pieces(&rows) {
                self.slopes(
                    segment,
                    &piece,
                    &mut a[piece.start - rows.start..piece.end - rows.start],
                );
            }
            for (((values, point), line), found) in series.iter().zip(&lines).zip(&mut all) {
                let left = &mut left[..len];
                left.copy_from_slice(&values.y[rows.clone()]);
                for (x, beta) in block.chunks_exact(len).zip(&point.smooth[2..]) {
                    add(left, -beta, x);
                }
                for (segment, piece) in self.pieces(&rows) {
                    let local = piece.start - rows.start..piece.end - rows.start;
                    let (level, slope) = (line.level[segment], line.slope[segment]);
                    for (left, a) in left[local.clone()].iter_mut().zip(&a[local.clone()]) {
                        *left -= level + slope * a;
                    }
                    found.line[segment][0] += dot(&a[local.clone()], &left[local.clone()]);
                    found.line[segment][1] += dot(&ones[local.clone()], &left[local]);
                }
                for (sum, x) in found.columns.iter_mut().zip(block.chunks_exact(len)) {
                    *sum += dot(x, left);
                }
                found.square += dot(left, left);
            }
        }
        all
    }

    /// Returns the residuals and all sums at some coefficients, for any model.
    pub(crate) fn found(&self, values: Values<'_>, point: &Point) -> Found {
        let (segments, columns) = (self.segments(), self.features.columns());
        let mut found = Found {
            residues: Residues::zeros(segments, columns),
            sums: Sums::zeros(segments, columns),
            bend: Sums::zeros(segments, columns),
        };
        let line = self.line(point);
        let mut buffers = Buffers {
            lanes: vec![[0.0; CHUNK]; LANES],
            ..Buffers::default()
        };
        for rows in self.features.chunks() {
            self.chunk(&rows, values, point, &line, &mut buffers, &mut found);
        }
        found
    }

    fn chunk(
        &self,
        rows: &Range<usize>,
        values: Values<'_>,
        point: &Point,
        line: &Line,
        buffers: &mut Buffers,
        found: &mut Found,
    ) {
        let (len, columns) = (rows.len(), self.features.columns());
        let Buffers { block, lanes, scaled } = buffers;
        let block = self.features.block(rows, block);
        lanes[ADDED][..len].fill(0.0);
        lanes[FACTOR][..len].fill(1.0);
        for ((x, beta), multiplies) in block.chunks_exact(len).zip(&point.smooth[2..]).zip(self.multiplies) {
            add(&mut lanes[if *multiplies { FACTOR } else { ADDED }][..len], *beta, x);
        }
        for (segment, piece) in self.pieces(rows) {
            let local = piece.start - rows.start..piece.end - rows.start;
            self.slopes(segment, &piece, &mut lanes[AT][local.clone()]);
            let (level, slope) = (line.level[segment], line.slope[segment]);
            for row in local {
                self.row(rows.start + row, row, level, slope, values, lanes);
            }
        }
        // Columns that multiply are weighted by the trend.
        scaled.resize(block.len(), 0.0);
        for ((z, x), multiplies) in scaled
            .chunks_exact_mut(len)
            .zip(block.chunks_exact(len))
            .zip(self.multiplies)
        {
            if *multiplies {
                for ((z, x), trend) in z.iter_mut().zip(x).zip(&lanes[TREND]) {
                    *z = x * trend;
                }
            } else {
                z.copy_from_slice(x);
            }
        }
        squares(scaled, len, columns, &mut found.sums.square);
        let left = &lanes[LEFT][..len];
        found.residues.square += dot(left, left);
        for (sum, z) in found.residues.columns.iter_mut().zip(scaled.chunks_exact(len)) {
            *sum += dot(z, left);
        }
        for (segment, piece) in self.pieces(rows) {
            let local = piece.start - rows.start..piece.end - rows.start;
            let of = |lane: usize| &lanes[lane][local.clone()];
            found.sums.add_line(segment, of(A), of(B));
            found.residues.line[segment][0] += dot(of(A), of(LEFT));
            found.residues.line[segment][1] += dot(of(B), of(LEFT));
            if self.growth == Growth::Logistic {
                let (at, weighted) = (of(AT), of(WEIGHTED));
                let line = &mut found.bend.line[segment];
                line[0] += dot(at, weighted);
                line[1] += dot(of(BEND), at);
                line[2] += of(BEND).iter().sum::<f64>();
            }
            for column in 0..columns {
                let z = &scaled[column * len..][local.clone()];
                found.sums.add_cross(segment, column, dot(of(A), z), dot(of(B), z));
                if self.multiplies[column] {
                    let x = &block[column * len..][local.clone()];
                    found
                        .bend
                        .add_cross(segment, column, dot(of(BEND_A), x), dot(of(BEND_B), x));
                }
            }
        }
    }

    /// Computes one row: trend, residual, and the derivatives of the model.
    fn row(&self, at: usize, row: usize, level: f64, slope: f64, values: Values<'_>, lanes: &mut [[f64; CHUNK]]) {
        let since = lanes[AT][row];
        let line = level + slope * since;
        let (trend, steep, bent) = match (self.growth, values.cap) {
            (Growth::Logistic, Some(cap)) => {
                let share = logistic(line);
                let steep = cap[at] * share * (1.0 - share);
                (cap[at] * share, steep, steep * (1.0 - 2.0 * share))
            }
            _ => (line, 1.0, 0.0),
        };
        let factor = lanes[FACTOR][row];
        let left = values.y[at] - trend * factor - lanes[ADDED][row];
        lanes[TREND][row] = trend;
        lanes[LEFT][row] = left;
        lanes[B][row] = steep * factor;
        lanes[A][row] = steep * factor * since;
        lanes[BEND_B][row] = left * steep;
        lanes[BEND_A][row] = left * steep * since;
        lanes[BEND][row] = left * factor * bent;
        lanes[WEIGHTED][row] = left * factor * bent * since;
    }
}

impl Sums {
    fn add_line(&mut self, segment: usize, a: &[f64], b: &[f64]) {
        let line = &mut self.line[segment];
        line[0] += dot(a, a);
        line[1] += dot(a, b);
        line[2] += dot(b, b);
    }

    fn add_cross(&mut self, segment: usize, column: usize, a: f64, b: f64) {
        let at = segment * 2 * self.columns + column;
        self.cross[at] += a;
        self.cross[at + self.columns] += b;
    }
}

fn squares(block: &[f64], len: usize, columns: usize, square: &mut [f64]) {
    for (row, x) in block.chunks_exact(len).enumerate() {
        for (column, y) in block.chunks_exact(len).enumerate().skip(row) {
            square[row * columns + column] += dot(x, y);
        }
    }
}
