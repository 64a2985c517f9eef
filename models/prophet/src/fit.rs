//! The fit: from rows to models.

use std::{collections::BTreeMap, sync::Arc};

use forecast::{Growth, ProphetSpec};
use series::Time;

use crate::{
    Error, Notice, Prophet,
    design::TermKind,
    features::Features,
    group::Group,
    history::{History, length},
    mode::Priors,
    model::Shape,
    pass::Frame,
    seasons::{Span, design, orders, standard},
    trend,
};

/// Rows to fit or to forecast, without their values.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rows<'a> {
    /// The time of each row, UTC seconds, in any order and at any distance.
    pub times: &'a [i64],
    /// The upper bound of a logistic trend, row by row; by default that of the settings.
    pub cap: Option<&'a [f64]>,
    /// The lower bound of a logistic trend, row by row; by default that of the settings.
    pub floor: Option<&'a [f64]>,
    /// The columns of regressors and conditions, by name.
    pub columns: &'a [(&'a str, &'a [f64])],
}

impl<'a> Rows<'a> {
    /// Returns rows that have only times.
    #[must_use]
    pub fn at(times: &'a [i64]) -> Self {
        Self {
            times,
            ..Self::default()
        }
    }
}

/// Fits one series; NaN is a missing value.
///
/// # Errors
/// Where a setting is out of range, a column is missing or has a value out of range, or there are fewer than two values.
pub fn fit(spec: &ProphetSpec, rows: &Rows<'_>, values: &[f64]) -> Result<Prophet, Error> {
    let mut models = fit_all(spec, rows, &[values], 1);
    models.pop().unwrap_or(Err(Error::TooFewValues { have: 0, need: 2 }))
}

/// Fits several series of the same rows, each on its own; what they share is computed once.
///
/// The results do not depend on the number of threads.
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
    // The rows may have a cap of their own.
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

/// Returns which values are missing, a bit for each.
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
    let group = Group {
        spec,
        priors: Priors::new(spec, shape.design.precisions(), t.len()),
        shape: shape.clone(),
        history: &history,
        frame,
        cap,
        floor,
        notice,
    };
    Ok(group.fit(series, threads))
}

/// Computes what all models of some rows share.
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
            TermKind::Column {
                standardize,
                mean,
                deviation,
            },
            Some(values),
        ) = (&mut term.kind, input)
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
