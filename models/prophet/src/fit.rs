//! From rows to models.

use std::{collections::BTreeMap, sync::Arc};

use forecast::{Growth, ProphetSpec, Scaling};
use series::Time;

use crate::{
    Error, Notice, Parameters, Prophet,
    design::Source,
    features::Features,
    history::{History, length},
    mode::{Care, Mode, NOISE_FLOOR, Priors, mode},
    model::{Scale, Shape},
    newton,
    pass::{Frame, Point, Values},
    quadratic::{Gradient, Quadratic},
    seasons::{Span, design, orders, standard},
    trend,
};

/// Rows to fit or to forecast, but for their values.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rows<'a> {
    /// When each row is, UTC seconds, in any order and at any distance.
    pub times: &'a [i64],
    /// What a logistic trend saturates at, row by row; that of the settings where none is given.
    pub cap: Option<&'a [f64]>,
    /// What a logistic trend starts from, row by row; that of the settings where none is given.
    pub floor: Option<&'a [f64]>,
    /// Regressors and conditions by name.
    pub columns: &'a [(&'a str, &'a [f64])],
}

impl<'a> Rows<'a> {
    /// Gives rows with times alone.
    #[must_use]
    pub fn at(times: &'a [i64]) -> Self {
        Self {
            times,
            ..Self::default()
        }
    }
}

/// Values of series that are fitted together at most: 32 MB.
const TOGETHER: usize = 4 << 20;

/// Fits one series. A value that is NaN is missing.
///
/// # Errors
/// Where a setting is out of range, a column is missing or holds what it may not, or fewer than two values are there.
pub fn fit(spec: &ProphetSpec, rows: &Rows<'_>, values: &[f64]) -> Result<Prophet, Error> {
    let mut models = fit_all(spec, rows, &[values], 1);
    models.pop().unwrap_or(Err(Error::TooFewValues { have: 0, need: 2 }))
}

/// Fits several series of the same rows, each on its own; what they have in common is worked out once.
///
/// The number of threads never changes a result.
#[must_use]
pub fn fit_all(spec: &ProphetSpec, rows: &Rows<'_>, values: &[&[f64]], threads: usize) -> Vec<Result<Prophet, Error>> {
    if let Err(error) = check(spec, rows) {
        return vec![Err(error); values.len()];
    }
    let mut results: Vec<Result<Prophet, Error>> = values
        .iter()
        .map(|_| Err(Error::TooFewValues { have: 0, need: 2 }))
        .collect();
    let mut groups: BTreeMap<Vec<u64>, Vec<usize>> = BTreeMap::new();
    for (index, values) in values.iter().enumerate() {
        match check_values(values, rows.times.len()) {
            Ok(()) => groups.entry(missing(values)).or_default().push(index),
            Err(error) => results[index] = Err(error),
        }
    }
    for group in groups.values() {
        let series: Vec<&[f64]> = group.iter().map(|&index| values[index]).collect();
        match fit_group(spec, rows, &series, threads) {
            Ok(models) => group
                .iter()
                .zip(models)
                .for_each(|(&index, model)| results[index] = model),
            Err(error) => group.iter().for_each(|&index| results[index] = Err(error.clone())),
        }
    }
    results
}

fn check(spec: &ProphetSpec, rows: &Rows<'_>) -> Result<(), Error> {
    let mut problems = spec.problems("prophet").into_iter();
    // A cap may come with the rows instead.
    let bad = problems.find(|problem| !(problem.path == "prophet.cap" && (rows.cap.is_some() || spec.cap.is_none())));
    if let Some(problem) = bad {
        return Err(Error::Setting(problem));
    }
    if spec.growth == Growth::Logistic && spec.cap.is_none() && rows.cap.is_none() {
        return Err(Error::NoCap);
    }
    rows.check()
}

fn check_values(values: &[f64], rows: usize) -> Result<(), Error> {
    length("y", values.len(), rows)?;
    match values.iter().position(|value| value.is_infinite()) {
        Some(row) => Err(Error::NotFinite {
            column: "y".to_owned(),
            row,
            value: values[row],
        }),
        None => Ok(()),
    }
}

/// Says by bits which values are missing.
fn missing(values: &[f64]) -> Vec<u64> {
    let word = |values: &[f64]| {
        (0..)
            .zip(values)
            .map(|(bit, value)| u64::from(value.is_nan()) << bit)
            .sum()
    };
    values.chunks(64).map(word).collect()
}

/// Fits series with the same rows missing.
fn fit_group(
    spec: &ProphetSpec,
    rows: &Rows<'_>,
    series: &[&[f64]],
    threads: usize,
) -> Result<Vec<Result<Prophet, Error>>, Error> {
    let history = History::new(rows.times, series[0]);
    let (shape, notice) = shape(spec, rows, &history)?;
    let inputs = history.inputs(&shape.design, rows)?;
    let t: Vec<f64> = history.times.iter().map(|&time| shape.scaled(time)).collect();
    let changepoints = shape.scaled_changepoints();
    let multiplies = shape.design.multiplies();
    let features = Features::new(&shape.design, &history.times, &inputs);
    let frame = Frame::new(spec.growth, &features, &t, &changepoints, &multiplies);
    let cap = rows.cap.map(|cap| history.take(cap));
    let floor = rows.floor.map(|floor| history.take(floor));
    let common = Common {
        spec,
        priors: Priors::new(spec, shape.design.precisions(), t.len()),
        shape: shape.clone(),
        history: &history,
        frame,
        cap,
        floor,
        notice,
    };
    Ok(common.fit(series, threads))
}

/// Works out what models of some rows share.
fn shape(spec: &ProphetSpec, rows: &Rows<'_>, history: &History) -> Result<(Arc<Shape>, Option<Notice>), Error> {
    let times = &history.times;
    if times.len() < 2 {
        return Err(Error::TooFewValues {
            have: times.len(),
            need: 2,
        });
    }
    let span = Span::of(times);
    if span.length == 0 {
        let (values, time) = (times.len(), Time(times[0]));
        return Err(Error::OneTime { values, time });
    }
    let orders = orders(spec, span);
    let mut design = design(spec, orders);
    let inputs = history.inputs(&design, rows)?;
    let slices: Vec<Option<&[f64]>> = inputs.iter().map(Option::as_deref).collect();
    design.check(&slices)?;
    for (term, input) in design.terms.iter_mut().zip(&slices) {
        if let (
            Source::Column {
                standardize,
                mean,
                deviation,
            },
            Some(values),
        ) = (&mut term.source, input)
        {
            (*mean, *deviation) = standard(*standardize, values);
        }
    }
    let (mut changepoints, notice) = trend::changepoints(spec, times)?;
    if spec.growth == Growth::Flat {
        changepoints.clear();
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "times lie far below 2^52 seconds from each other"
    )]
    let length = span.length as f64;
    let shape = Shape {
        spec: spec.clone(),
        orders,
        design,
        start: times[0],
        length,
        changepoints,
    };
    Ok((Arc::new(shape), notice.filter(|_| spec.growth != Growth::Flat)))
}

/// What the fits of a group share.
struct Common<'a> {
    spec: &'a ProphetSpec,
    shape: Arc<Shape>,
    history: &'a History,
    frame: Frame<'a>,
    priors: Priors,
    cap: Option<Vec<f64>>,
    floor: Option<Vec<f64>>,
    notice: Option<Notice>,
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

impl Common<'_> {
    fn fit(&self, series: &[&[f64]], threads: usize) -> Vec<Result<Prophet, Error>> {
        let linear = self.frame.is_linear();
        let form = linear.then(|| Quadratic::new(&self.frame.sums(), None, self.frame.changepoints));
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
        // Few at a time, so that memory does not grow with their number.
        let together = (TOGETHER / self.history.times.len().max(1)).clamp(1, 16);
        for part in series.chunks(together) {
            let scaled: Vec<Result<Scaled, Error>> = part.iter().map(|values| self.scale(values)).collect();
            let fitted = match form {
                Some(form) => self.fit_sums(form, &scaled),
                None => scaled.iter().map(|scaled| self.search(scaled.as_ref().ok()?)).collect(),
            };
            let models = scaled
                .into_iter()
                .zip(fitted)
                .map(|(scaled, mode)| self.model(&scaled?, mode));
            results.extend(models);
        }
        results
    }

    /// Fits series that the same sums hold for.
    ///
    /// The second round begins at the first one's result with what is truly left over there: sums of large numbers lose
    /// the digits of a small remainder, differences from a good fit do not.
    fn fit_sums(&self, form: &Quadratic, scaled: &[Result<Scaled, Error>]) -> Vec<Option<Mode>> {
        let mut modes: Vec<Option<Mode>> = scaled.iter().map(|_| None).collect();
        let fitted = |index: &usize| matches!(&scaled[*index], Ok(scaled) if !scaled.constant);
        let which: Vec<usize> = (0..scaled.len()).filter(fitted).collect();
        for round in 0..2 {
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
                    Some(mode) if round > 0 => mode.variance,
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

    fn search(&self, scaled: &Scaled) -> Option<Mode> {
        let values = Values {
            y: &scaled.y,
            cap: scaled.cap.as_deref(),
        };
        (!scaled.constant).then(|| newton::search(&self.frame, values, scaled.start.clone(), &self.priors))
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
            // The one changepoint at the start is part of the first rate.
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

    /// Gives what the package takes for values that are all equal: a level and hardly any noise.
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
