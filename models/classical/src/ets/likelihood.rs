//! The likelihood of a form, and its slopes by every number that is estimated.

use super::{
    form::Form,
    slopes::Slopes,
    smooth::{FLOOR, Smooth},
};

/// The smallest mean squared error that counts as different from 0, for values of size 1.
const EXACT: f64 = 1e-20;

/// One point of the search: the parameters as shares from 0 to 1, and the start.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Point {
    pub(crate) shares: [f64; 4],
    /// Level, slope, and the season's numbers.
    pub(crate) state: Vec<f64>,
}

/// The rows and the form that points are judged on.
pub(crate) struct Likelihood<'a> {
    pub(crate) form: Form,
    /// NaN where nothing was observed.
    pub(crate) rows: &'a [f64],
    /// How many rows were observed.
    pub(crate) observed: f64,
    /// Whether the start of the season is estimated too.
    pub(crate) fits_season: bool,
}

/// Sums for one step of the search: of the squares that the likelihood has in the place of squared errors.
#[derive(Default)]
pub(crate) struct Normal {
    /// The products of slopes, lower half.
    pub(crate) gram: Vec<f64>,
    /// The products of slopes and errors.
    pub(crate) right: Vec<f64>,
}

impl Likelihood<'_> {
    /// Returns the shares that are estimated, then the places in the state.
    pub(crate) fn columns(&self) -> (Vec<usize>, Vec<usize>) {
        let season = if self.fits_season { self.form.season } else { 0 };
        let slope = self.form.has_slope().then_some(1);
        let state = std::iter::once(0).chain(slope).chain(2..2 + season);
        (self.form.shares().collect(), state.collect())
    }

    /// Returns minus twice the concentrated log-likelihood per row, up to a constant: `ln Σe² + 2/n Σ ln |μ|`, the second part
    /// with relative errors. Infinite where a form's expected values do not stay above 0.
    ///
    /// # Source
    /// Hyndman et al. 2008, equation 5.3.
    pub(crate) fn value(&self, point: &Point, season: &mut Vec<f64>) -> f64 {
        let smooth = self.form.at(point.shares);
        fresh(season, self.form, point);
        match (self.form.product, self.form.relative) {
            (false, false) => self.run::<false, false>(smooth, &point.state, season),
            (false, true) => self.run::<false, true>(smooth, &point.state, season),
            (true, false) => self.run::<true, false>(smooth, &point.state, season),
            (true, true) => self.run::<true, true>(smooth, &point.state, season),
        }
    }

    fn run<const PRODUCT: bool, const RELATIVE: bool>(&self, by: Smooth, state: &[f64], season: &mut [f64]) -> f64 {
        let (mut level, mut slope, mut place) = (state[0], state[1], 0);
        let (mut squares, mut logs) = (0.0, Logs::default());
        for &y in self.rows {
            let (base, s) = (level + by.phi * slope, season[place]);
            let expected = if PRODUCT { base * s } else { base + s };
            if (PRODUCT && (is_low(base) || is_low(s))) || (RELATIVE && is_low(expected)) {
                return f64::INFINITY;
            }
            slope *= by.phi;
            level = base;
            if !y.is_nan() {
                let error = y - expected;
                let judged = if RELATIVE { error / expected } else { error };
                if RELATIVE {
                    logs.add(expected);
                }
                squares += judged * judged;
                let (of_level, of_season) = if PRODUCT {
                    (error / s, error / base)
                } else {
                    (error, error)
                };
                level += by.alpha * of_level;
                slope += by.beta * of_level;
                season[place] = s + by.gamma * of_season;
            }
            place = if place + 1 == season.len() { 0 } else { place + 1 };
        }
        libm::log(squares.max(EXACT * self.observed)) + 2.0 / self.observed * logs.sum()
    }

    /// Fills the sums of a Gauss-Newton step.
    ///
    /// `Σe² exp(2/n Σ ln μ)` is a sum of squares too, of `e` times the geometric mean of `μ`, so the step is exact for relative
    /// errors as well.
    pub(crate) fn normal(&self, point: &Point, work: &mut Slopes, normal: &mut Normal) {
        let form = self.form;
        let by = form.at(point.shares);
        let (shares, places) = self.columns();
        let (count, season) = (shares.len() + places.len(), form.season.max(1));
        work.reset(count, season);
        normal.gram.clear();
        normal.gram.resize(count * count, 0.0);
        normal.right.clear();
        normal.right.resize(count, 0.0);
        fresh(&mut work.season, form, point);
        for (&place, column) in places.iter().zip(shares.len()..) {
            work.start(place, column);
        }
        let by_share: Vec<[f64; 4]> = shares.iter().map(|&share| form.slope_of(share, point.shares)).collect();
        let (mut level, mut slope, mut place) = (point.state[0], point.state[1], 0);
        let mut squares = 0.0;
        for &y in self.rows {
            let s = work.season[place];
            let base = level + by.phi * slope;
            work.expect(by, &by_share, slope, base, s, place);
            slope *= by.phi;
            level = base;
            if !y.is_nan() {
                let error = y - if by.product { base * s } else { base + s };
                squares += work.judge(form.relative, y, y - error, &mut normal.right);
                add_products(&work.judged, &mut normal.gram);
                let (of_level, of_season) = if by.product {
                    (error / s, error / base)
                } else {
                    (error, error)
                };
                work.update(by, &by_share, [of_level, of_season], [y, base, s], place);
                level += by.alpha * of_level;
                slope += by.beta * of_level;
                work.season[place] = s + by.gamma * of_season;
            }
            place = if place + 1 == season { 0 } else { place + 1 };
        }
        if form.relative {
            add_mean(&mut work.growth, self.observed, squares, normal);
        }
    }
}

/// Returns whether a factor is too small, or not a number.
fn is_low(factor: f64) -> bool {
    factor.is_nan() || factor <= FLOOR
}

/// Adds to the sums what the geometric mean of the expected values contributes; `growth` is the sum of their relative slopes.
fn add_mean(growth: &mut [f64], observed: f64, squares: f64, normal: &mut Normal) {
    let count = growth.len();
    for value in &mut *growth {
        *value /= observed;
    }
    for i in 0..count {
        for j in 0..=i {
            normal.gram[i * count + j] +=
                normal.right[i] * growth[j] + growth[i] * normal.right[j] + squares * growth[i] * growth[j];
        }
    }
    for (right, growth) in normal.right.iter_mut().zip(growth) {
        *right += squares * *growth;
    }
}

/// Adds the lower half of the products of some numbers with each other.
fn add_products(numbers: &[f64], gram: &mut [f64]) {
    let count = numbers.len();
    for (i, &a) in numbers.iter().enumerate() {
        for (sum, b) in gram[i * count..=i * count + i].iter_mut().zip(numbers) {
            *sum += a * b;
        }
    }
}

fn fresh(season: &mut Vec<f64>, form: Form, point: &Point) {
    season.clear();
    season.extend_from_slice(&point.state[2..]);
    if form.season == 0 {
        season.push(if form.product { 1.0 } else { 0.0 });
    }
}

/// A sum of logarithms, taken of products.
struct Logs {
    product: f64,
    sum: f64,
}

impl Default for Logs {
    fn default() -> Self {
        Self { product: 1.0, sum: 0.0 }
    }
}

impl Logs {
    fn add(&mut self, value: f64) {
        self.product *= value;
        if !(1e-200..1e200).contains(&self.product) {
            self.sum += libm::log(self.product);
            self.product = 1.0;
        }
    }

    fn sum(&self) -> f64 {
        self.sum + libm::log(self.product)
    }
}

#[cfg(test)]
mod tests {
    use forecast::Trend;

    use super::*;

    #[test]
    fn slopes_are_those_of_finite_differences() {
        let rows: Vec<f64> = (0..40_u32)
            .map(|t| {
                if t == 9 {
                    f64::NAN
                } else {
                    1.0 + 0.01 * f64::from(t) + 0.1 * f64::from(t * 7 % 5)
                }
            })
            .collect();
        for (relative, product) in [(false, false), (true, false), (false, true), (true, true)] {
            let form = Form {
                relative,
                trend: Trend::Damped,
                season: 4,
                product,
            };
            let likelihood = Likelihood {
                form,
                rows: &rows,
                observed: 39.0,
                fits_season: true,
            };
            let season = if product {
                [1.1, 0.9, 1.05, 0.95]
            } else {
                [0.1, -0.1, 0.05, -0.05]
            };
            let point = Point {
                shares: [0.3, 0.2, 0.25, 0.6],
                state: [&[1.1, 0.02][..], &season].concat(),
            };
            let (mut work, mut normal, mut memory) = (Slopes::default(), Normal::default(), Vec::new());
            likelihood.normal(&point, &mut work, &mut normal);
            let (shares, places) = likelihood.columns();
            let mut by_difference = Vec::new();
            for column in 0..shares.len() + places.len() {
                let mut at = |by: f64| {
                    let mut moved = point.clone();
                    match shares.get(column) {
                        Some(&share) => moved.shares[share] += by,
                        None => moved.state[places[column - shares.len()]] += by,
                    }
                    likelihood.value(&moved, &mut memory)
                };
                by_difference.push((at(1e-6) - at(-1e-6)) / 2e-6);
            }
            // The value is a logarithm, so its slopes are those of the squares up to one factor.
            let factor = by_difference[0] / normal.right[0];
            for (have, want) in normal.right.iter().zip(&by_difference) {
                assert!((have * factor - want).abs() < 1e-6 * (1.0 + want.abs()), "{form:?}");
            }
        }
    }
}
