//! The search for the parameters and the start of one form.

use super::{
    likelihood::{Likelihood, Normal, Point},
    slopes::Slopes,
};
use crate::{solve::solve, stop::Stopped};

/// The most steps of a search. More fit a likelihood better but forecast worse: on rows before the test of the M3 monthly
/// series the scaled error is 0.921 with 5 steps, 0.925 with 8 and 0.930 with 40.
const STEPS: usize = 5;
/// The search ends where a step improves the criterion per row by less.
const ALIKE: f64 = 1e-7;
/// How often one step is shortened.
const SHORTER: usize = 7;

/// Memory that searches use again.
#[derive(Default)]
pub(crate) struct Work {
    season: Vec<f64>,
    slopes: Slopes,
    normal: Normal,
    gram: Vec<f64>,
    step: Vec<f64>,
}

impl Work {
    /// Returns memory for the numbers of a season.
    pub(crate) fn season(&mut self) -> &mut Vec<f64> {
        &mut self.season
    }
}

/// Descends from a point to the nearest bottom and returns the value there. Parameters stay inside their range.
///
/// # Source
/// Levenberg 1944 and Marquardt 1963: Gauss-Newton steps, shortened by a multiple of the diagonal.
pub(crate) fn descend(
    likelihood: &Likelihood<'_>,
    point: &mut Point,
    work: &mut Work,
    tick: &mut dyn FnMut() -> Result<(), Stopped>,
) -> Result<f64, Stopped> {
    tick()?;
    let mut value = likelihood.value(point, &mut work.season);
    if value.is_nan() || value == f64::INFINITY {
        return Ok(f64::INFINITY);
    }
    let (shares, places) = likelihood.columns();
    let mut damping = 1e-3;
    let mut trial = point.clone();
    for _ in 0..STEPS {
        likelihood.normal(point, &mut work.slopes, &mut work.normal);
        keep_sum(likelihood, shares.len(), &places, &mut work.normal.gram);
        let before = value;
        for _ in 0..SHORTER {
            tick()?;
            if !step(work, &shares, point, damping) {
                damping *= 10.0;
                continue;
            }
            trial.clone_from(point);
            for (&share, step) in shares.iter().zip(&work.step) {
                trial.shares[share] = (trial.shares[share] + step).clamp(0.0, 1.0);
            }
            for (&place, step) in places.iter().zip(&work.step[shares.len()..]) {
                trial.state[place] += step;
            }
            let next = likelihood.value(&trial, &mut work.season);
            if next < value {
                value = next;
                std::mem::swap(point, &mut trial);
                damping = (damping * 0.2).max(1e-9);
                break;
            }
            damping *= 8.0;
        }
        if before - value < ALIKE {
            break;
        }
    }
    Ok(value)
}

/// Keeps the sum of a season's start as it is: without it level and season could move against each other.
fn keep_sum(likelihood: &Likelihood<'_>, shares: usize, places: &[usize], gram: &mut [f64]) {
    if !likelihood.fits_season || likelihood.form.season == 0 {
        return;
    }
    let count = shares + places.len();
    let first = count - likelihood.form.season;
    let weight = (first..count).map(|i| gram[i * count + i]).fold(0.0, f64::max);
    for i in first..count {
        for j in first..=i {
            gram[i * count + j] += weight;
        }
    }
}

/// Computes a step; returns whether there is one. Parameters at the edge of their range that would leave it stay.
fn step(work: &mut Work, shares: &[usize], point: &Point, damping: f64) -> bool {
    let count = work.normal.right.len();
    let mut held = [false; 4];
    for _ in 0..=shares.len() {
        work.gram.clone_from(&work.normal.gram);
        work.step.clear();
        work.step.extend(work.normal.right.iter().map(|right| -right));
        for i in 0..count {
            let diagonal = &mut work.gram[i * count + i];
            *diagonal += damping * *diagonal + f64::MIN_POSITIVE;
        }
        for i in (0..shares.len()).filter(|&i| held[i]) {
            for j in 0..count {
                work.gram[i.max(j) * count + i.min(j)] = 0.0;
            }
            work.gram[i * count + i] = 1.0;
            work.step[i] = 0.0;
        }
        if !solve(&mut work.gram, &mut work.step) {
            return false;
        }
        let mut again = false;
        for (i, &share) in shares.iter().enumerate() {
            let (at, step) = (point.shares[share], work.step[i]);
            if !held[i] && ((at <= 0.0 && step < 0.0) || (at >= 1.0 && step > 0.0)) {
                held[i] = true;
                again = true;
            }
        }
        if !again {
            return true;
        }
    }
    true
}
