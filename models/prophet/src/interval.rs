//! Intervals: noise everywhere, and after the history changes of the trend as frequent and as large as those within it.

use forecast::Growth;
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use crate::{Error, Prediction, Prophet, Rows, trend::logistic};

/// How intervals are simulated.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Simulation {
    /// The share of values that an interval should contain, between 0 and 1.
    pub width: f64,
    /// How many futures are drawn.
    pub samples: usize,
    /// The seed of the random numbers.
    pub seed: u64,
}

impl Default for Simulation {
    fn default() -> Self {
        Self {
            width: 0.8,
            samples: 1_000,
            seed: 0,
        }
    }
}

/// Intervals, row by row, in the units of the fitted values.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Intervals {
    /// The lower ends around the forecast.
    pub lower: Vec<f64>,
    /// The upper ends around the forecast.
    pub upper: Vec<f64>,
    /// The lower ends around the trend.
    pub trend_lower: Vec<f64>,
    /// The upper ends around the trend.
    pub trend_upper: Vec<f64>,
}

/// The trend of one drawn future, relative to the expected one.
#[derive(Clone, Copy, Default)]
struct Path {
    /// The distance of its line from the expected one.
    level: f64,
    /// The difference of the slopes.
    slope: f64,
    /// The change at the last row, of which half is still to come.
    change: f64,
}

impl Prophet {
    /// Simulates intervals around a forecast of the same rows.
    ///
    /// Within the history only the noise counts, and its quantiles are exact. After it every row may change the trend, as often
    /// as there are changepoints in the same time, by as much as the average fitted change.
    ///
    /// # Errors
    /// Where the cap is missing.
    ///
    /// # Source
    /// The Python package's `sample_model_vectorized`, with the distance of each row from the one before it instead of
    /// their mean.
    pub fn intervals(
        &self,
        rows: &Rows<'_>,
        forecast: &Prediction,
        simulation: Simulation,
    ) -> Result<Intervals, Error> {
        let bounds = self.bounds(rows)?;
        let width = simulation.width.clamp(0.0, 1.0);
        let spread = deviate(0.5 + width / 2.0) * self.parameters.noise * self.scale.size;
        let mut intervals = Intervals {
            lower: forecast.yhat.iter().map(|yhat| yhat - spread).collect(),
            upper: forecast.yhat.iter().map(|yhat| yhat + spread).collect(),
            trend_lower: forecast.trend.clone(),
            trend_upper: forecast.trend.clone(),
        };
        let mut future: Vec<usize> = (0..rows.times.len())
            .filter(|&row| self.shape.scaled(rows.times[row]) > 1.0)
            .collect();
        future.sort_by_key(|&row| rows.times[row]);
        if self.shape.spec.growth == Growth::Flat || future.is_empty() {
            return Ok(intervals);
        }
        let mut paths = vec![Path::default(); simulation.samples.max(1)];
        let mut draw = Draw(ChaCha8Rng::seed_from_u64(simulation.seed));
        let (line, mut before) = (self.line(), 1.0);
        let (mut trends, mut values) = (Vec::new(), Vec::new());
        for row in future {
            let t = self.shape.scaled(rows.times[row]);
            self.advance(&mut paths, t - before, &mut draw);
            before = t;
            let (floor, cap) = bounds[row];
            self.trends(&paths, line.at(t), cap, &mut trends);
            let factor = 1.0 + forecast.multiplicative[row];
            values.clear();
            for trend in &mut trends {
                *trend = *trend * self.scale.size + floor;
                let noise = draw.normal() * self.parameters.noise * self.scale.size;
                values.push(*trend * factor + forecast.additive[row] + noise);
            }
            (intervals.lower[row], intervals.upper[row]) = ends(&mut values, width);
            (intervals.trend_lower[row], intervals.trend_upper[row]) = ends(&mut trends, width);
        }
        Ok(intervals)
    }

    /// Advances each path by some time with random changes.
    fn advance(&self, paths: &mut [Path], gap: f64, draw: &mut Draw) {
        #[expect(clippy::cast_precision_loss, reason = "changepoints are few")]
        let changepoints = self.shape.changepoints.len().max(1) as f64;
        let deltas = &self.parameters.deltas;
        #[expect(clippy::cast_precision_loss, reason = "changepoints are few")]
        let size = deltas.iter().map(|delta| delta.abs()).sum::<f64>() / deltas.len().max(1) as f64 + 1e-8;
        // A gap in which more than one change is expected is divided into steps.
        let steps = libm::ceil((changepoints * gap).min(1e4)).max(1.0);
        let (likely, gap) = (changepoints * gap / steps, gap / steps);
        let logistic = self.shape.spec.growth == Growth::Logistic;
        let mut step = 0.0;
        while step < steps {
            for path in &mut *paths {
                let change = if draw.uniform() < likely {
                    draw.laplace() * size
                } else {
                    0.0
                };
                // The package spreads a change over its row and the next; a logistic trend feels it one row later.
                let shift = f64::midpoint(path.change, change);
                if logistic {
                    path.level += path.slope * gap;
                    path.slope += shift;
                } else {
                    path.slope += shift;
                    path.level += path.slope * gap;
                }
                path.change = change;
            }
            step += 1.0;
        }
    }

    /// Computes the scaled trend of each path; the mean of logistic ones stays the expected trend.
    fn trends(&self, paths: &[Path], expected: f64, cap: f64, trends: &mut Vec<f64>) {
        trends.clear();
        if self.shape.spec.growth != Growth::Logistic {
            trends.extend(paths.iter().map(|path| expected + path.level));
            return;
        }
        trends.extend(paths.iter().map(|path| cap * logistic(expected + path.level)));
        #[expect(clippy::cast_precision_loss, reason = "samples lie far below 2^52")]
        let mean = trends.iter().sum::<f64>() / trends.len() as f64;
        let shift = cap * logistic(expected) - mean;
        for trend in trends {
            *trend += shift;
        }
    }
}

/// Returns the ends between which a share of values lies, interpolated as `numpy.percentile` does.
fn ends(values: &mut [f64], width: f64) -> (f64, f64) {
    let mut end = |part: f64| {
        #[expect(clippy::cast_precision_loss, reason = "samples lie far below 2^52")]
        let place = part * (values.len() - 1) as f64;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a place among the values"
        )]
        let below = libm::floor(place) as usize;
        let (_, &mut value, above) = values.select_nth_unstable_by(below, f64::total_cmp);
        let next = above.iter().copied().fold(f64::INFINITY, f64::min);
        let share = place - libm::floor(place);
        if share > 0.0 && next.is_finite() {
            value + share * (next - value)
        } else {
            value
        }
    };
    (end((1.0 - width) / 2.0), end(f64::midpoint(1.0, width)))
}

/// Random numbers from a seed.
struct Draw(ChaCha8Rng);

impl Draw {
    /// Returns a number from 0 to below 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exact in f64")]
    fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0
    }

    /// Returns a number of the double exponential distribution of scale 1.
    fn laplace(&mut self) -> f64 {
        let half = self.uniform() - 0.5;
        -half.signum() * libm::log1p(-2.0 * half.abs().min(0.5 - 1e-16))
    }

    /// Returns a number of the normal distribution of deviation 1.
    fn normal(&mut self) -> f64 {
        deviate(self.uniform().max(1e-17))
    }
}

/// Returns the quantile of the normal distribution.
///
/// # Source
/// Wichura 1988, algorithm AS 241, routine PPND16.
fn deviate(part: f64) -> f64 {
    let centred = part - 0.5;
    if centred.abs() <= 0.425 {
        let r = 0.180_625 - centred * centred;
        return centred * ratio(r, &CENTRE.0, &CENTRE.1);
    }
    let tail = if centred < 0.0 { part } else { 1.0 - part };
    let r = (-libm::log(tail.max(f64::MIN_POSITIVE))).sqrt();
    let (from, coefficients) = if r <= 5.0 { (1.6, &MIDDLE) } else { (5.0, &FAR) };
    centred.signum() * ratio(r - from, &coefficients.0, &coefficients.1)
}

fn ratio(r: f64, above: &[f64; 8], below: &[f64; 8]) -> f64 {
    let polynomial = |c: &[f64; 8]| c.iter().rev().fold(0.0, |sum, c| sum * r + c);
    polynomial(above) / polynomial(below)
}

type Ratio = ([f64; 8], [f64; 8]);

const CENTRE: Ratio = (
    [
        3.387_132_872_796_366_5,
        1.331_416_678_917_843_8e2,
        1.971_590_950_306_551_3e3,
        1.373_169_376_550_946e4,
        4.592_195_393_154_987e4,
        6.726_577_092_700_87e4,
        3.343_057_558_358_813e4,
        2.509_080_928_730_122_7e3,
    ],
    [
        1.0,
        4.231_333_070_160_091e1,
        6.871_870_074_920_579e2,
        5.394_196_021_424_751e3,
        2.121_379_430_158_659_7e4,
        3.930_789_580_009_271e4,
        2.872_908_573_572_194_3e4,
        5.226_495_278_852_854e3,
    ],
);
const MIDDLE: Ratio = (
    [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        2.417_807_251_774_506e-1,
        2.272_384_498_926_918_4e-2,
        7.745_450_142_783_414e-4,
    ],
    [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        6.897_673_349_851e-1,
        1.481_039_764_274_800_8e-1,
        1.519_866_656_361_645_7e-2,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ],
);
const FAR: Ratio = (
    [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        2.965_605_718_285_048_7e-1,
        2.653_218_952_657_612_4e-2,
        1.242_660_947_388_078_4e-3,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ],
    [
        1.0,
        5.998_322_065_558_88e-1,
        1.369_298_809_227_358e-1,
        1.487_536_129_085_061_5e-2,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_7e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_8e-15,
    ],
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_the_normal_distribution_are_those_of_tables() {
        for (part, expected) in [
            (0.5, 0.0),
            (0.9, 1.281_551_565_544_600_4),
            (0.1, -1.281_551_565_544_600_4),
            (0.975, 1.959_963_984_540_054),
            (1e-10, -6.361_340_902_404_056),
            (1e-3, -3.090_232_306_167_813),
        ] {
            assert!((deviate(part) - expected).abs() < 1e-12, "{part}: {}", deviate(part));
        }
    }

    #[test]
    fn ends_are_interpolated_between_neighbours() {
        let mut values: Vec<f64> = (0..11).rev().map(f64::from).collect();
        let (low, high) = ends(&mut values, 0.8);
        assert!((low - 1.0).abs() < 1e-12 && (high - 9.0).abs() < 1e-12, "{low} {high}");
        let (low, high) = ends(&mut [4.0, 1.0], 0.5);
        assert!(
            (low - 1.75).abs() < 1e-12 && (high - 3.25).abs() < 1e-12,
            "{low} {high}"
        );
    }
}
