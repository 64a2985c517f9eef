//! The mode of the posterior where the sum of squares is a quadratic form.

use forecast::{Growth, ProphetSpec};

use crate::{
    lasso::{backward, factor, forward, lasso},
    moments::dot,
    pass::Point,
    quadratic::{Gradient, Quadratic},
};

/// The smallest noise, as a part of the values' scale: what the Python package uses for values without noise.
pub(crate) const NOISE_FLOOR: f64 = 1e-9;
/// How often noise and coefficients are computed alternately at most. Each time lowers the posterior's negative logarithm.
const ROUNDS: usize = 500;
/// The relative change of the noise's square below which it has converged.
const STILL: f64 = 1e-13;

/// The priors.
///
/// # Source
/// The package's Stan model: normal priors of deviation 5 on rate and offset, normal ones on columns, a double
/// exponential one on changes of the rate, and a half normal one of deviation 0.5 on the noise.
#[derive(Clone, Debug)]
pub(crate) struct Priors {
    /// One over the variance of each smooth coefficient; that of the level is 0 where the prior is on the offset.
    precisions: Vec<f64>,
    /// One over the variance of a logistic trend's offset, which is `-level / rate`.
    ///
    /// The fit uses rate and level instead of rate and offset: the values determine the level almost independently of the rate,
    /// but rate and offset only together, along a curve.
    offset: f64,
    /// One over the scale of changes.
    rate: f64,
    /// How many values there are.
    values: f64,
}

/// The precision of rate and offset.
const LINE: f64 = 1.0 / 25.0;

/// The slope and the curvature of the priors on smooth coefficients at a point.
struct Pull {
    slope: Vec<f64>,
    diagonal: Vec<f64>,
    /// The curvature between rate and level.
    cross: f64,
}

/// The best coefficients and noise.
#[derive(Clone, Debug)]
pub(crate) struct Mode {
    pub(crate) point: Point,
    /// The square of the noise.
    pub(crate) variance: f64,
    /// The negative logarithm of the posterior, without the constants that Stan drops.
    pub(crate) negative_log: f64,
}

impl Priors {
    pub(crate) fn new(spec: &ProphetSpec, columns: Vec<f64>, values: usize) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "row counts lie far below 2^52")]
        let values = values as f64;
        let logistic = spec.growth == Growth::Logistic;
        let mut precisions = vec![LINE, if logistic { 0.0 } else { LINE }];
        precisions.extend(columns);
        Self {
            precisions,
            offset: if logistic { LINE } else { 0.0 },
            rate: 1.0 / spec.changepoint_prior_scale,
            values,
        }
    }

    /// Returns slope and curvature at a point; without the curvature of a logistic trend's offset where it may not be
    /// positive.
    fn pull(&self, smooth: &[f64], curved: bool) -> Pull {
        let mut pull = Pull {
            slope: smooth
                .iter()
                .zip(&self.precisions)
                .map(|(value, precision)| value * precision)
                .collect(),
            diagonal: self.precisions.clone(),
            cross: 0.0,
        };
        if self.offset > 0.0 {
            let (rate, level) = (smooth[0], smooth[1]);
            let (offset, by_rate, by_level) = (-level / rate, level / (rate * rate), -1.0 / rate);
            pull.slope[0] += self.offset * offset * by_rate;
            pull.slope[1] += self.offset * offset * by_level;
            let more = if curved { self.offset * offset } else { 0.0 };
            pull.diagonal[0] += self.offset * by_rate * by_rate - 2.0 * more * by_rate / rate;
            pull.diagonal[1] += self.offset * by_level * by_level;
            pull.cross = self.offset * by_rate * by_level + more / (rate * rate);
        }
        pull
    }

    /// Returns the best square of the noise for a sum of squares: where the posterior's slope in it is 0.
    pub(crate) fn variance(&self, square: f64) -> f64 {
        let n = self.values;
        let best = 2.0 * square / (n + (n * n + 16.0 * square).sqrt());
        best.max(NOISE_FLOOR * NOISE_FLOOR)
    }

    /// Returns the negative logarithm of the posterior.
    pub(crate) fn negative_log(&self, point: &Point, square: f64, variance: f64) -> f64 {
        let offset = if self.offset > 0.0 {
            point.smooth[1] / point.smooth[0]
        } else {
            0.0
        };
        let squares = point
            .smooth
            .iter()
            .zip(&self.precisions)
            .map(|(value, precision)| precision * value * value);
        let sizes = point.deltas.iter().map(|delta| delta.abs());
        0.5 * self.values * libm::log(variance)
            + 2.0 * variance
            + square / (2.0 * variance)
            + 0.5 * (squares.sum::<f64>() + self.offset * offset * offset)
            + self.rate * sizes.sum::<f64>()
    }
}

/// How a quadratic form is solved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Care {
    /// The part of the diagonal that is added to it, which makes steps smaller.
    pub(crate) damp: f64,
    /// The part of the sum of squares that must remain, since an approximate form may predict too little.
    pub(crate) remain: f64,
    /// Whether the curvature of the priors counts and a form that is not positive definite is refused.
    pub(crate) strict: bool,
}

/// Returns the best coefficients and noise, found alternately, each exactly for the other; `None` where the form must be
/// positive definite and is not.
pub(crate) fn mode(
    form: &Quadratic,
    gradient: &Gradient,
    origin: &Point,
    variance: f64,
    priors: &Priors,
    care: Care,
) -> Option<Mode> {
    let mut best = Mode {
        point: origin.clone(),
        variance,
        negative_log: f64::INFINITY,
    };
    for _ in 0..ROUNDS {
        let point = coefficients(form, gradient, origin, &best, priors, care)?;
        let step = Point {
            smooth: differences(&point.smooth, &origin.smooth),
            deltas: differences(&point.deltas, &origin.deltas),
        };
        let first = dot(&gradient.smooth, &step.smooth) + dot(&gradient.deltas, &step.deltas);
        let square = gradient.square - 2.0 * first + form.form(&step);
        let square = square.max(care.remain * gradient.square).max(0.0);
        let variance = priors.variance(square);
        let still = (variance - best.variance).abs() <= STILL * variance;
        best = Mode {
            negative_log: priors.negative_log(&point, square, variance),
            point,
            variance,
        };
        if still {
            break;
        }
    }
    Some(best)
}

/// Returns the best coefficients for a noise.
fn coefficients(
    form: &Quadratic,
    gradient: &Gradient,
    origin: &Point,
    before: &Mode,
    priors: &Priors,
    care: Care,
) -> Option<Point> {
    let (width, changes) = (form.width, form.changes);
    let mut lower = form.smooth.clone();
    let mut smooth = gradient.smooth.clone();
    let pull = priors.pull(&origin.smooth, care.strict);
    for index in 0..width {
        let diagonal = &mut lower[index * width + index];
        *diagonal += care.damp * diagonal.abs() + before.variance * pull.diagonal[index];
        smooth[index] -= before.variance * pull.slope[index];
    }
    lower[width] += before.variance * pull.cross;
    if !factor(&mut lower, width) && care.strict {
        return None;
    }
    forward(&lower, width, &mut smooth);
    // Smooth coefficients follow from the changes, which leaves a form in the changes alone.
    let mut cross = form.cross.clone();
    let mut deltas = form.deltas.clone();
    let mut linear = gradient.deltas.clone();
    for change in 0..changes {
        let (done, own) = cross.split_at_mut(change * width);
        let own = &mut own[..width];
        forward(&lower, width, own);
        linear[change] -= dot(own, &smooth);
        let diagonal = &mut deltas[change * changes + change];
        *diagonal += care.damp * diagonal.abs() - dot(own, own);
        for (earlier, other) in done.chunks_exact(width).enumerate() {
            let product = dot(own, other);
            deltas[change * changes + earlier] -= product;
            deltas[earlier * changes + change] -= product;
        }
    }
    let mut moved = before.point.deltas.clone();
    lasso(
        &deltas,
        &linear,
        &origin.deltas,
        before.variance * priors.rate,
        &mut moved,
    );
    for ((own, moved), origin) in cross.chunks_exact(width.max(1)).zip(&moved).zip(&origin.deltas) {
        for (value, cross) in smooth.iter_mut().zip(own) {
            *value -= cross * (moved - origin);
        }
    }
    backward(&lower, width, &mut smooth);
    let smooth = smooth
        .iter()
        .zip(&origin.smooth)
        .map(|(step, origin)| origin + step)
        .collect();
    Some(Point { smooth, deltas: moved })
}

fn differences(x: &[f64], y: &[f64]) -> Vec<f64> {
    x.iter().zip(y).map(|(x, y)| x - y).collect()
}
