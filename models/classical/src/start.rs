//! The best start of a state: for fixed parameters the errors are linear in it, so it has a closed form.

use crate::rule::{Rule, State};

/// How many of the first rows determine the start; later ones hardly depend on it.
const ROWS: usize = 4_096;
/// The effect on an error, for values of size 1, below which a start no longer counts.
const FORGOTTEN: f64 = 1e-9;

/// Which parts of a start are free.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Free {
    pub(crate) slope: bool,
    pub(crate) season: bool,
}

/// Returns the start with the smallest sum of squared errors over the first rows; parts that are not free do not change.
///
/// Of equally good seasons it takes the one whose sum is 0.
pub(crate) fn best(rule: Rule, fixed: &State, free: Free, rows: &[f64]) -> State {
    let count = 1 + usize::from(free.slope) + if free.season { fixed.season.len() } else { 0 };
    let place = |index: usize| index.checked_sub(1 + usize::from(free.slope));
    let unit = |index: usize| {
        let mut unit = State {
            level: 0.0,
            slope: 0.0,
            season: vec![0.0; fixed.season.len()],
        };
        match place(index) {
            Some(place) => unit.season[place] = 1.0,
            None if index == 0 => unit.level = 1.0,
            None => unit.slope = 1.0,
        }
        unit
    };
    let mut base = fixed.clone();
    base.level = 0.0;
    if free.slope {
        base.slope = 0.0;
    }
    if free.season {
        base.season.fill(0.0);
    }
    let (mut gram, mut right) = sums(rule, base, (0..count).map(unit).collect(), rows);
    for i in (0..count).filter(|&i| place(i).is_some()) {
        for j in (0..count).filter(|&j| place(j).is_some()) {
            gram[i * count + j] += 1.0;
        }
    }
    let mut start = fixed.clone();
    if !solve(&mut gram, &mut right) {
        return start;
    }
    for (index, value) in right.into_iter().enumerate() {
        match place(index) {
            Some(place) => start.season[place] = value,
            None if index == 0 => start.level = value,
            None => start.slope = value,
        }
    }
    start
}

/// Returns the products of the effects of every part of the start with each other and with the errors without it.
fn sums(rule: Rule, mut base: State, mut units: Vec<State>, rows: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let (count, season) = (units.len(), base.season.len().max(1));
    let effect_of = rule.homogeneous();
    let (mut gram, mut right, mut effects) = (vec![0.0; count * count], vec![0.0; count], vec![0.0; count]);
    for (row, &y) in rows.iter().take(ROWS).enumerate() {
        let place = row % season;
        let error = rule.absorb(&mut base, place, y);
        for (effect, unit) in effects.iter_mut().zip(&mut units) {
            // The effect of the start on the error of a row of 0.
            *effect = -effect_of.absorb(unit, place, if y.is_nan() { y } else { 0.0 });
        }
        for i in 0..count {
            right[i] += effects[i] * error;
            for j in 0..count {
                gram[i * count + j] += effects[i] * effects[j];
            }
        }
        if row >= season && row % 64 == 0 && units.iter().all(is_forgotten) {
            break;
        }
    }
    (gram, right)
}

fn is_forgotten(unit: &State) -> bool {
    unit.level.abs() < FORGOTTEN && unit.slope.abs() < FORGOTTEN && unit.season.iter().all(|s| s.abs() < FORGOTTEN)
}

/// Solves symmetric equations in place by Cholesky decomposition; returns whether they are positive definite.
fn solve(gram: &mut [f64], right: &mut [f64]) -> bool {
    let n = right.len();
    let mean = (0..n).map(|i| gram[i * n + i]).sum::<f64>();
    for i in 0..n {
        gram[i * n + i] += 1e-12 * mean;
    }
    for i in 0..n {
        for j in 0..=i {
            let mut value = gram[i * n + j];
            for k in 0..j {
                value -= gram[i * n + k] * gram[j * n + k];
            }
            if i != j {
                gram[i * n + j] = value / gram[j * n + j];
            } else if value > 0.0 && value.is_finite() {
                gram[i * n + i] = value.sqrt();
            } else {
                return false;
            }
        }
    }
    for i in 0..n {
        for k in 0..i {
            right[i] -= gram[i * n + k] * right[k];
        }
        right[i] /= gram[i * n + i];
    }
    for i in (0..n).rev() {
        for k in i + 1..n {
            right[i] -= gram[k * n + i] * right[k];
        }
        right[i] /= gram[i * n + i];
    }
    right.iter().all(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_that_made_some_rows_is_found() {
        let rule = Rule::Ets {
            alpha: 0.1,
            beta: 0.02,
            gamma: 0.05,
            phi: 1.0,
        };
        let truth = State {
            level: 3.0,
            slope: -0.2,
            season: vec![1.0, 0.5, -1.5],
        };
        // All rows are exactly as expected, except one that was not observed.
        let mut state = truth.clone();
        let mut rows = Vec::new();
        for row in 0..60 {
            let mut next = [0.0];
            rule.ahead(&state, row % 3, next.iter_mut());
            rule.absorb(&mut state, row % 3, f64::NAN);
            rows.push(if row == 7 { f64::NAN } else { next[0] });
        }
        let fixed = State {
            level: 0.0,
            slope: 0.0,
            season: vec![0.0; 3],
        };
        let free = Free {
            slope: true,
            season: true,
        };
        let start = best(rule, &fixed, free, &rows);
        assert!(
            (start.level - truth.level).abs() < 1e-6 && (start.slope - truth.slope).abs() < 1e-6,
            "{start:?}"
        );
        for (have, want) in start.season.iter().zip(&truth.season) {
            assert!((have - want).abs() < 1e-6, "{start:?}");
        }
    }
}
