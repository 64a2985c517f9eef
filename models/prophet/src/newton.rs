//! The mode of the posterior where the trend is logistic or a term multiplies it, by Newton steps.

use crate::{
    mode::{Care, Mode, Priors, mode},
    pass::{Found, Frame, Point, Values},
    quadratic::{Gradient, Quadratic},
};

/// The most passes over the rows.
const PASSES: usize = 300;
/// The relative gain below which a step is the last one.
const STILL: f64 = 1e-10;
/// How many first steps ignore curvature, which misleads far from the mode.
const ROUGH: usize = 2;

/// Returns the mode, searched from the best of some points.
///
/// Each step aims at the mode of the current quadratic form, priors and noise included. It is shortened while the posterior gets
/// worse, and damped where shortening does not help.
pub(crate) fn search(frame: &Frame<'_>, values: Values<'_>, start: Point, others: Vec<Point>, priors: &Priors) -> Mode {
    let (mut best, mut found) = look(frame, values, start, priors);
    for other in others {
        let (mode, there) = look(frame, values, other, priors);
        if mode.negative_log < best.negative_log {
            (best, found) = (mode, there);
        }
    }
    let (mut damp, mut passes, mut steps) = (0.0, 1, 0);
    while passes < PASSES {
        let Some(aim) = aim(frame, &found, &best, priors, damp, steps >= ROUGH) else {
            return best;
        };
        let mut share = 1.0;
        let mut next = None;
        while next.is_none() && share > 0.05 && passes < PASSES {
            let point = between(&best.point, &aim, share);
            let (mode, there) = look(frame, values, point, priors);
            passes += 1;
            if mode.negative_log <= best.negative_log {
                next = Some((mode, there));
            }
            share *= 0.4;
        }
        let Some((mode, there)) = next else {
            if damp > 1e6 {
                return best;
            }
            damp = if damp == 0.0 { 1e-3 } else { damp * 30.0 };
            continue;
        };
        let gain = best.negative_log - mode.negative_log;
        (best, found) = (mode, there);
        steps += 1;
        if gain <= STILL * (1.0 + best.negative_log.abs()) && damp < 1.0 {
            return best;
        }
        damp = if damp > 1e-4 { damp / 30.0 } else { 0.0 };
    }
    best
}

/// Passes over the rows at a point, and returns it with the best noise.
fn look(frame: &Frame<'_>, values: Values<'_>, point: Point, priors: &Priors) -> (Mode, Found) {
    let found = frame.found(values, &point);
    let variance = priors.variance(found.residues.square);
    let negative_log = priors.negative_log(&point, found.residues.square, variance);
    let mode = Mode {
        point,
        variance,
        negative_log,
    };
    (mode, found)
}

/// Returns the mode of the current form: with curvature where that is positive definite, else without it.
fn aim(frame: &Frame<'_>, found: &Found, at: &Mode, priors: &Priors, damp: f64, curved: bool) -> Option<Point> {
    let gradient = Gradient::new(&found.residues, frame.changepoints);
    let form = |bend| Quadratic::new(&found.sums, bend, frame.changepoints);
    let solve = |form: &Quadratic, strict: bool| {
        let care = Care {
            damp,
            remain: 0.1,
            strict,
        };
        mode(form, &gradient, &at.point, at.variance, priors, care)
    };
    let newton = if curved {
        solve(&form(Some(&found.bend)), true)
    } else {
        None
    };
    newton.or_else(|| solve(&form(None), false)).map(|mode| mode.point)
}

fn between(from: &Point, to: &Point, share: f64) -> Point {
    let part = |from: &[f64], to: &[f64]| -> Vec<f64> {
        if share >= 1.0 {
            return to.to_vec();
        }
        from.iter()
            .zip(to)
            .map(|(from, to)| from + share * (to - from))
            .collect()
    };
    Point {
        smooth: part(&from.smooth, &to.smooth),
        deltas: part(&from.deltas, &to.deltas),
    }
}
