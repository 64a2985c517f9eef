//! The sum of squares near some coefficients, as a quadratic form.

use crate::{
    moments::{Residues, Sums, dot},
    pass::Point,
};

/// The quadratic form: products of the derivatives with respect to all coefficients.
#[derive(Clone, Debug)]
pub(crate) struct Quadratic {
    /// Those of rate, level and columns: `[smooth, smooth]`.
    pub(crate) smooth: Vec<f64>,
    /// Those of changes with rate, level and columns: `[changepoints, smooth]`.
    pub(crate) cross: Vec<f64>,
    /// Those of changes: `[changepoints, changepoints]`.
    pub(crate) deltas: Vec<f64>,
    /// How many smooth coefficients there are.
    pub(crate) width: usize,
    /// How many changepoints there are.
    pub(crate) changes: usize,
}

/// The gradient: products of the derivatives with the residuals.
#[derive(Clone, Debug)]
pub(crate) struct Gradient {
    pub(crate) smooth: Vec<f64>,
    pub(crate) deltas: Vec<f64>,
    /// The sum of squared residuals.
    pub(crate) square: f64,
}

impl Quadratic {
    /// Combines the sums of all segments; `bend` is subtracted where curvature counts.
    pub(crate) fn new(sums: &Sums, bend: Option<&Sums>, changepoints: &[f64]) -> Self {
        let (columns, changes) = (sums.columns, changepoints.len());
        let width = columns + 2;
        let mut result = Self {
            smooth: vec![0.0; width * width],
            cross: vec![0.0; changes * width],
            deltas: vec![0.0; changes * changes],
            width,
            changes,
        };
        // From the last segment to the first: the sums of all rows from a segment on, times counted from its start.
        let (mut line, mut cross) = ([0.0; 3], vec![0.0; 2 * columns]);
        for segment in (0..=changes).rev() {
            let start = segment.checked_sub(1).map_or(0.0, |before| changepoints[before]);
            let ahead = changepoints.get(segment).map_or(0.0, |next| next - start);
            later(&mut line, &mut cross, ahead);
            let mut own = sums.line[segment];
            let mut own_cross = sums.cross[segment * 2 * columns..][..2 * columns].to_vec();
            if let Some(bend) = bend {
                own.iter_mut()
                    .zip(bend.line[segment])
                    .for_each(|(own, bend)| *own -= bend);
                let bend = &bend.cross[segment * 2 * columns..];
                own_cross.iter_mut().zip(bend).for_each(|(own, bend)| *own -= bend);
            }
            line.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
            cross.iter_mut().zip(own_cross).for_each(|(sum, own)| *sum += own);
            if let Some(change) = segment.checked_sub(1) {
                let row = &mut result.cross[change * width..][..width];
                row[0] = line[0] + start * line[1];
                row[1] = line[1];
                row[2..].copy_from_slice(&cross[..columns]);
                for (earlier, at) in changepoints[..=change].iter().enumerate() {
                    let value = line[0] + (start - at) * line[1];
                    result.deltas[earlier * changes + change] = value;
                    result.deltas[change * changes + earlier] = value;
                }
            }
        }
        result.fill_smooth(line, &cross, &sums.square);
        result
    }

    fn fill_smooth(&mut self, line: [f64; 3], cross: &[f64], square: &[f64]) {
        let (width, columns) = (self.width, self.width - 2);
        let mut set = |row: usize, column: usize, value: f64| {
            self.smooth[row * width + column] = value;
            self.smooth[column * width + row] = value;
        };
        set(0, 0, line[0]);
        set(0, 1, line[1]);
        set(1, 1, line[2]);
        for column in 0..columns {
            set(0, column + 2, cross[column]);
            set(1, column + 2, cross[columns + column]);
            for other in column..columns {
                set(column + 2, other + 2, square[column * columns + other]);
            }
        }
    }

    /// Returns `d' Q d`.
    pub(crate) fn form(&self, step: &Point) -> f64 {
        let mut sum = 0.0;
        for (row, factor) in self.smooth.chunks_exact(self.width).zip(&step.smooth) {
            sum += factor * dot(row, &step.smooth);
        }
        for (change, factor) in step.deltas.iter().enumerate() {
            let cross = dot(&self.cross[change * self.width..][..self.width], &step.smooth);
            let own = dot(&self.deltas[change * self.changes..][..self.changes], &step.deltas);
            sum += factor * (2.0 * cross + own);
        }
        sum
    }
}

impl Gradient {
    pub(crate) fn new(residues: &Residues, changepoints: &[f64]) -> Self {
        let changes = changepoints.len();
        let (mut deltas, mut line) = (vec![0.0; changes], [0.0; 2]);
        for segment in (0..=changes).rev() {
            let start = segment.checked_sub(1).map_or(0.0, |before| changepoints[before]);
            let ahead = changepoints.get(segment).map_or(0.0, |next| next - start);
            line[0] += ahead * line[1];
            line[0] += residues.line[segment][0];
            line[1] += residues.line[segment][1];
            if let Some(change) = segment.checked_sub(1) {
                deltas[change] = line[0];
            }
        }
        let mut smooth = line.to_vec();
        smooth.extend_from_slice(&residues.columns);
        Self {
            smooth,
            deltas,
            square: residues.square,
        }
    }
}

/// Converts sums to times that count from a start that lies `ahead` earlier.
fn later(line: &mut [f64; 3], cross: &mut [f64], ahead: f64) {
    line[0] += ahead * (2.0 * line[1] + ahead * line[2]);
    line[1] += ahead * line[2];
    let (a, b) = cross.split_at_mut(cross.len() / 2);
    for (a, b) in a.iter_mut().zip(b) {
        *a += ahead * *b;
    }
}
