//! Series of the same rows: scaled, fitted and turned into models. What they share is computed once.

use std::sync::Arc;

use forecast::{Growth, ProphetSpec, Scaling};

use crate::{
    Error, Notice, Parameters, Prophet, Rows,
    history::History,
    mode::{Care, Mode, NOISE_FLOOR, Priors, mode},
    model::{Scale, Shape},
    newton,
    pass::{Frame, Point, Values},
    quadratic::{Gradient, Quadratic},
    trend,
};

/// The most values of series that are fitted together: 32 MB.
const TOGETHER: usize = 4 << 20;

/// Series with the same rows, and what their fits share.
pub(crate) struct Group<'a> {
    pub(crate) spec: &'a ProphetSpec,
    pub(crate) shape: Arc<Shape>,
    pub(crate) history: &'a History,
    pub(crate) frame: Frame<'a>,
    pub(crate) priors: Priors,
    pub(crate) cap: Option<Vec<f64>>,
    pub(crate) floor: Option<Vec<f64>>,
    pub(crate) notice: Option<Notice>,
}

/// One series, scaled.
struct Scaled {
    y: Vec<f64>,
    cap: Option<Vec<f64>>,
    scale: Scale,
    start: Point,
    constant: bool,
    outside: usize,
}

impl Group<'_> {
    /// Fits all series, each on its own.
    pub(crate) fn fit(&self, series: &[&[f64]], threads: usize) -> Vec<Result<Prophet, Error>> {
        let straight = self.spec.growth != Growth::Logistic;
        let form = straight.then(|| Quadratic::new(&self.frame.sums(), None, self.frame.changepoints));
        let share = series.len().div_ceil(threads.max(1)).max(1);
        if share >= series.len() {
            return self.fit_share(series, form.as_ref());
        }
        let mut results = Vec::with_capacity(series.len());
        std::thread::scope(|scope| {
            let shares = series.chunks(share);
            let workers: Vec<_> = shares
                .map(|share| scope.spawn(|| self.fit_share(share, form.as_ref())))
                .collect();
            for worker in workers {
                match worker.join() {
                    Ok(models) => results.extend(models),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
        });
        results
    }

    fn fit_share(&self, series: &[&[f64]], form: Option<&Quadratic>) -> Vec<Result<Prophet, Error>> {
        let mut results = Vec::with_capacity(series.len());
        // A few at a time, so that memory does not grow with their number.
        let together = (TOGETHER / self.history.times.len().max(1)).clamp(1, 16);
        for part in series.chunks(together) {
            let scaled: Vec<Result<Scaled, Error>> = part.iter().map(|values| self.scale(values)).collect();
            let sums = form.map(|form| self.fit_sums(form, &scaled));
            let fitted = match sums {
                Some(modes) if self.frame.is_linear() => modes,
                Some(modes) => {
                    let near = scaled.iter().zip(modes);
                    near.map(|(scaled, mode)| self.search(scaled.as_ref().ok()?, mode))
                        .collect()
                }
                None => scaled
                    .iter()
                    .map(|scaled| self.search(scaled.as_ref().ok()?, None))
                    .collect(),
            };
            let models = scaled
                .into_iter()
                .zip(fitted)
                .map(|(scaled, mode)| self.model(&scaled?, mode));
            results.extend(models);
        }
        results
    }

    /// Fits series whose quadratic form is the same.
    ///
    /// A second solution starts from the first one with its exact residuals: sums of large numbers lose the digits of a small
    /// residual, differences from a good fit do not.
    fn fit_sums(&self, form: &Quadratic, scaled: &[Result<Scaled, Error>]) -> Vec<Option<Mode>> {
        let mut modes: Vec<Option<Mode>> = scaled.iter().map(|_| None).collect();
        let fitted = |index: &usize| matches!(&scaled[*index], Ok(scaled) if !scaled.constant);
        let which: Vec<usize> = (0..scaled.len()).filter(fitted).collect();
        for pass in 0..2 {
            let at: Vec<(Values<'_>, &Point)> = which
                .iter()
                .filter_map(|&index| {
                    let scaled = scaled[index].as_ref().ok()?;
                    let point = modes[index].as_ref().map_or(&scaled.start, |mode| &mode.point);
                    Some((
                        Values {
                            y: &scaled.y,
                            cap: None,
                        },
                        point,
                    ))
                })
                .collect();
            let residues = self.frame.residues(&at);
            let points: Vec<Point> = at.iter().map(|(_, point)| (*point).clone()).collect();
            for ((&index, point), residues) in which.iter().zip(points).zip(residues) {
                let gradient = Gradient::new(&residues, self.frame.changepoints);
                let variance = match &modes[index] {
                    Some(mode) if pass > 0 => mode.variance,
                    _ => self.priors.variance(residues.square),
                };
                let care = Care {
                    damp: 0.0,
                    remain: 0.0,
                    strict: false,
                };
                modes[index] = mode(form, &gradient, &point, variance, &self.priors, care);
            }
        }
        modes
    }

    /// Fits one series iteratively, from the start of the Python package or from the fit with all terms added.
    fn search(&self, scaled: &Scaled, added: Option<Mode>) -> Option<Mode> {
        let values = Values {
            y: &scaled.y,
            cap: scaled.cap.as_deref(),
        };
        let starts = Vec::from_iter(added.map(|mode| self.multiplied(mode.point, &scaled.y)));
        let search = || newton::search(&self.frame, values, scaled.start.clone(), starts, &self.priors);
        (!scaled.constant).then(search)
    }

    /// Returns a point whose multiplying columns have about the effect that they have in a fit where they are added.
    fn multiplied(&self, mut point: Point, y: &[f64]) -> Point {
        #[expect(clippy::cast_precision_loss, reason = "row counts lie far below 2^52")]
        let level = y.iter().sum::<f64>() / y.len() as f64;
        for (beta, multiplies) in point.smooth[2..].iter_mut().zip(self.frame.multiplies) {
            if *multiplies && level != 0.0 {
                *beta /= level;
            }
        }
        point
    }

    fn point(&self, rate: f64, level: f64) -> Point {
        let mut smooth = vec![rate, level];
        smooth.resize(self.frame.features.columns() + 2, 0.0);
        Point {
            smooth,
            deltas: vec![0.0; self.frame.changepoints.len()],
        }
    }

    /// Scales one series.
    ///
    /// # Source
    /// The package's `initialize_scales`: by the largest size, or by the range above the smallest.
    fn scale(&self, values: &[f64]) -> Result<Scaled, Error> {
        let mut y = self.history.take(values);
        let logistic = self.spec.growth == Growth::Logistic;
        let cap = logistic.then(|| match &self.cap {
            Some(cap) => cap.clone(),
            None => vec![self.spec.cap.unwrap_or(f64::NAN); y.len()],
        });
        let floors = self.floor.as_deref().filter(|_| logistic);
        let given = floors.is_some() || logistic && self.spec.floor.is_some();
        let (low, high) = range(&y);
        let constant = low >= high && !logistic;
        let mut floor = if logistic { self.spec.floor.unwrap_or(0.0) } else { 0.0 };
        let lowest = |floor: f64| floors.map_or(floor, |floors| range(floors).0);
        let size = match (self.spec.scaling, given) {
            (Scaling::Absmax, _) => {
                let away = |(row, value): (usize, &f64)| (value - floors.map_or(floor, |floors| floors[row])).abs();
                y.iter().enumerate().map(away).fold(0.0, f64::max)
            }
            (Scaling::Minmax, true) => cap.as_deref().map_or(high, |cap| range(cap).1) - lowest(floor),
            (Scaling::Minmax, false) => {
                floor = low;
                high - low
            }
        };
        if !size.is_finite() {
            return Err(Error::TooWide { low, high });
        }
        let size = if size > 0.0 { size } else { 1.0 };
        let scale = Scale { floor, size };
        let floor_at = |row: usize| floors.map_or(floor, |floors| floors[row]);
        let mut outside = 0;
        if let Some(cap) = &cap {
            Rows::check_cap(cap, floor_at)?;
            let out = |row: &usize| y[*row] > cap[*row] || y[*row] < floor_at(*row);
            outside = (0..y.len()).filter(out).count();
        }
        y.iter_mut()
            .enumerate()
            .for_each(|(row, value)| *value = (*value - floor_at(row)) / size);
        let scaled_cap = cap.map(|cap| {
            (0..)
                .zip(cap)
                .map(|(row, cap)| (cap - floor_at(row)) / size)
                .collect::<Vec<f64>>()
        });
        let (rate, offset) = trend::start(self.spec.growth, self.frame.t, &y, scaled_cap.as_deref());
        let start = self.point(rate, if logistic { -rate * offset } else { offset });
        Ok(Scaled {
            y,
            cap: scaled_cap,
            scale,
            start,
            constant,
            outside,
        })
    }

    fn model(&self, scaled: &Scaled, mode: Option<Mode>) -> Result<Prophet, Error> {
        let constant = mode.is_none();
        let mode = mode.unwrap_or_else(|| self.constant(scaled));
        let Point { smooth, mut deltas } = mode.point;
        let logistic = self.spec.growth == Growth::Logistic;
        let mut rate = smooth[0];
        let first = rate;
        if self.shape.changepoints.is_empty() {
            // A single changepoint at the start is part of the first rate.
            rate += deltas.iter().sum::<f64>();
            deltas.clear();
        }
        if !mode.negative_log.is_finite() {
            let value = mode.negative_log;
            return Err(Error::Unbounded { value });
        }
        let floor = mode.variance <= NOISE_FLOOR * NOISE_FLOOR && !constant;
        let mut notices = Vec::from_iter(self.notice);
        notices.extend((scaled.outside > 0).then_some(Notice::OutsideCap { values: scaled.outside }));
        notices.extend(constant.then_some(Notice::Constant));
        notices.extend(floor.then_some(Notice::NoiseFloor));
        Ok(Prophet {
            shape: self.shape.clone(),
            scale: scaled.scale,
            parameters: Parameters {
                rate,
                offset: if logistic { -smooth[1] / first } else { smooth[1] },
                deltas,
                columns: smooth[2..].to_vec(),
                noise: mode.variance.sqrt(),
            },
            negative_log: mode.negative_log,
            notices,
        })
    }

    /// Returns what the Python package uses for values that are all equal: a level and hardly any noise.
    fn constant(&self, scaled: &Scaled) -> Mode {
        let variance = NOISE_FLOOR * NOISE_FLOOR;
        Mode {
            negative_log: self.priors.negative_log(&scaled.start, 0.0, variance),
            point: scaled.start.clone(),
            variance,
        }
    }
}

fn range(values: &[f64]) -> (f64, f64) {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    (low, values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}
