//! Forecasts of any rows: the trend, what is added to it and what multiplies it.

use std::{ops::Range, sync::Arc};

use forecast::{Growth, Mode};

use crate::{
    Error, Prophet, Rows,
    features::CHUNK,
    moments::add,
    trend::{Line, logistic},
};

/// A forecast, row by row, in the units of the fitted values.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Prediction {
    /// The forecast: `trend (1 + multiplicative) + additive`.
    pub yhat: Vec<f64>,
    /// The trend alone.
    pub trend: Vec<f64>,
    /// The sum of all terms that are added.
    pub additive: Vec<f64>,
    /// The sum of all terms that multiply, as a part of the trend.
    pub multiplicative: Vec<f64>,
}

/// The effect of one season, holiday or regressor, row by row.
#[derive(Clone, PartialEq, Debug)]
pub struct Component {
    /// The name of the season, holiday or regressor.
    pub name: String,
    /// Whether it is added or multiplies.
    pub mode: Mode,
    /// The effect in each row: in the units of the fitted values where it is added, as a part of the trend where it multiplies.
    pub values: Vec<f64>,
}

impl Prophet {
    /// Forecasts some rows, before, within or after the history.
    ///
    /// # Errors
    /// Where a column or the cap is missing, or a value is out of range.
    pub fn predict(&self, rows: &Rows<'_>) -> Result<Prediction, Error> {
        let mut all = predict_all(std::slice::from_ref(self), rows)?;
        Ok(all.pop().unwrap_or_default())
    }

    /// Returns the effect of each season, holiday and regressor.
    ///
    /// # Errors
    /// As [`Prophet::predict`].
    pub fn components(&self, rows: &Rows<'_>) -> Result<Vec<Component>, Error> {
        let terms = &self.shape.design.terms;
        let mut values = vec![Vec::with_capacity(rows.times.len()); terms.len()];
        blocks(self, rows, &mut |at, block| {
            for (term, values) in terms.iter().zip(&mut values) {
                let mut sum = vec![0.0; at.len()];
                let columns = term.first..term.first + term.kind.columns();
                for (x, beta) in block[columns.start * at.len()..]
                    .chunks_exact(at.len())
                    .zip(&self.parameters.columns[columns])
                {
                    add(&mut sum, *beta, x);
                }
                let size = if term.mode == Mode::Additive {
                    self.scale.size
                } else {
                    1.0
                };
                values.extend(sum.iter().map(|value| value * size));
            }
        })?;
        let parts = terms.iter().zip(values);
        Ok(parts
            .map(|(term, values)| Component {
                name: term.name.clone(),
                mode: term.mode,
                values,
            })
            .collect())
    }

    pub(crate) fn line(&self) -> Line {
        let mut changepoints = self.shape.scaled_changepoints();
        let parameters = &self.parameters;
        changepoints.truncate(parameters.deltas.len());
        let level = match self.shape.spec.growth {
            Growth::Logistic => -parameters.rate * parameters.offset,
            Growth::Linear | Growth::Flat => parameters.offset,
        };
        Line::new(parameters.rate, level, &parameters.deltas, &changepoints)
    }

    /// Returns the floor and the scaled cap of each row.
    pub(crate) fn bounds(&self, rows: &Rows<'_>) -> Result<Vec<(f64, f64)>, Error> {
        let spec = &self.shape.spec;
        let count = rows.times.len();
        if spec.growth != Growth::Logistic {
            return Ok(vec![(self.scale.floor, 1.0); count]);
        }
        let cap = |row: usize| rows.cap.map_or(spec.cap, |cap| Some(cap[row])).ok_or(Error::NoCap);
        let floor = |row: usize| rows.floor.map_or(self.scale.floor, |floor| floor[row]);
        let caps = (0..count).map(cap).collect::<Result<Vec<f64>, Error>>()?;
        Rows::check_cap(&caps, floor)?;
        let bound = |(row, cap): (usize, f64)| (floor(row), (cap - floor(row)) / self.scale.size);
        Ok(caps.into_iter().enumerate().map(bound).collect())
    }
}

/// Forecasts some rows with several models; columns that they share are computed once.
///
/// # Errors
/// As [`Prophet::predict`].
pub fn predict_all(models: &[Prophet], rows: &Rows<'_>) -> Result<Vec<Prediction>, Error> {
    rows.check()?;
    let mut all = Vec::with_capacity(models.len());
    let alike = |a: &Prophet, b: &Prophet| Arc::ptr_eq(&a.shape, &b.shape) || a.shape.design == b.shape.design;
    for group in models.chunk_by(alike) {
        let mut parts = vec![Prediction::default(); group.len()];
        let multiplies = group[0].shape.design.multiplies();
        blocks(&group[0], rows, &mut |at, block| {
            for (model, part) in group.iter().zip(&mut parts) {
                let first = part.additive.len();
                part.additive.resize(first + at.len(), 0.0);
                part.multiplicative.resize(first + at.len(), 0.0);
                let columns = block.chunks_exact(at.len().max(1)).zip(&model.parameters.columns);
                for ((x, beta), multiplies) in columns.zip(&multiplies) {
                    let sum = if *multiplies {
                        &mut part.multiplicative
                    } else {
                        &mut part.additive
                    };
                    add(&mut sum[first..], *beta, x);
                }
            }
        })?;
        for (model, part) in group.iter().zip(&mut parts) {
            model.finish(rows, part)?;
        }
        all.append(&mut parts);
    }
    Ok(all)
}

impl Prophet {
    /// Adds the trend to a forecast and converts it to the units of the fitted values.
    fn finish(&self, rows: &Rows<'_>, part: &mut Prediction) -> Result<(), Error> {
        let (line, bounds) = (self.line(), self.bounds(rows)?);
        let is_logistic = self.shape.spec.growth == Growth::Logistic;
        for ((&time, (floor, cap)), (additive, multiplicative)) in rows
            .times
            .iter()
            .zip(bounds)
            .zip(part.additive.iter_mut().zip(&part.multiplicative))
        {
            let at = line.at(self.shape.scaled(time));
            let trend = if is_logistic { cap * logistic(at) } else { at };
            let trend = trend * self.scale.size + floor;
            *additive *= self.scale.size;
            part.trend.push(trend);
            part.yhat.push(trend * (1.0 + multiplicative) + *additive);
        }
        Ok(())
    }
}

/// Computes the columns of some rows and passes them on, a chunk at a time.
fn blocks(model: &Prophet, rows: &Rows<'_>, each: &mut dyn FnMut(&Range<usize>, &[f64])) -> Result<(), Error> {
    rows.check()?;
    let design = &model.shape.design;
    let inputs = rows.inputs(design)?;
    design.check(&inputs)?;
    let mut block = vec![0.0; CHUNK.min(rows.times.len()) * design.columns];
    for start in (0..rows.times.len()).step_by(CHUNK) {
        let at = start..(start + CHUNK).min(rows.times.len());
        let inputs = inputs.iter().map(|input| input.map(|values| &values[at.clone()]));
        let block = &mut block[..at.len() * design.columns];
        design.fill(&rows.times[at.clone()], &inputs.collect::<Vec<_>>(), block);
        each(&at, block);
    }
    Ok(())
}
