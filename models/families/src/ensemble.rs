//! Several fitted models as one: a weighted mean of their forecasts, target by target.
//!
//! Promises that weights are not negative and add up to 1 for each target, that a member without weight is left out of
//! the artifact, and that the artifact contains its members: a forecast needs nothing else.

use forecast::{
    About, Artifact, ArtifactError, EnsembleMember, EnsembleSpec, Forecast, ForecastError, History, ModelSpec, Tensor,
    Tensors, tensors,
};
use series::{Matrix, Scaled};

use crate::forecaster;

/// How many members are drawn at most, with replacement, for one target.
const DRAWS: usize = 50;

/// The tensor of weights, `[members, targets]`.
const WEIGHTS: &str = "ensemble.weights";

/// How many origins all members forecast before the forecasts are mixed, so that memory stays small.
const BLOCK: usize = 512;

/// Returns the weights of members by their errors on rows that no member was fitted on.
///
/// For each target members are drawn greedily with replacement so that the mean of those drawn has the least squared
/// error; the best number of draws counts. This avoids extreme weights from few rows. Where a target has no observed row,
/// all members have the same weight.
///
/// # Shapes
/// `actuals` is `[rows, targets]`, NaN where nothing was observed, and so is each member's `forecasts`; the result is
/// `[members, targets]`.
///
/// # Source
/// Caruana, Niculescu-Mizil, Crew and Ksikes 2004, "Ensemble Selection from Libraries of Models".
#[must_use]
pub fn weigh(actuals: &Matrix, forecasts: &[&[f64]]) -> Matrix {
    let (members, targets) = (forecasts.len(), actuals.cols);
    let mut weights = Matrix::zeros(members, targets);
    for target in 0..targets {
        let products = products(actuals, forecasts, target);
        for (member, weight) in draw(&products, members).into_iter().enumerate() {
            *weights.at_mut(member, target) = weight;
        }
    }
    weights
}

/// Returns the sums of products of the members' errors, `[members, members]`.
fn products(actuals: &Matrix, forecasts: &[&[f64]], target: usize) -> Vec<f64> {
    let members = forecasts.len();
    let mut products = vec![0.0; members * members];
    for row in 0..actuals.rows {
        let (cell, actual) = (row * actuals.cols + target, actuals.at(row, target));
        if actual.is_nan() {
            continue;
        }
        for a in 0..members {
            for b in 0..members {
                products[a * members + b] += (forecasts[a][cell] - actual) * (forecasts[b][cell] - actual);
            }
        }
    }
    products
}

#[expect(clippy::cast_precision_loss, reason = "draws and members are few")]
fn draw(products: &[f64], members: usize) -> Vec<f64> {
    let even = vec![1.0 / members as f64; members];
    if products.iter().all(|product| *product == 0.0) {
        return even;
    }
    let mut counts = vec![0_u32; members];
    // For each member, the sum of the products of its errors with those of all members drawn so far; and the sum over all
    // pairs of drawn members.
    let (mut with, mut drawn) = (vec![0.0; members], 0.0);
    let mut best: Option<(f64, Vec<u32>)> = None;
    for draws in 1..=DRAWS {
        let added = |member: usize| drawn + 2.0 * with[member] + products[member * members + member];
        let next = (0..members).reduce(|a, b| if added(b) < added(a) { b } else { a });
        let Some(next) = next else { break };
        drawn = added(next);
        counts[next] += 1;
        for (member, with) in with.iter_mut().enumerate() {
            *with += products[member * members + next];
        }
        let error = drawn / (draws * draws) as f64;
        if best.as_ref().is_none_or(|(least, _)| error < *least) {
            best = Some((error, counts.clone()));
        }
    }
    let counts = best.map_or(counts, |(_, counts)| counts);
    let total: u32 = counts.iter().sum();
    counts
        .into_iter()
        .map(|count| f64::from(count) / f64::from(total))
        .collect()
}

/// Returns one artifact of several that were fitted on one cut. Members without weight are left out.
///
/// # Errors
/// Where no member has a weight.
///
/// # Shapes
/// `weights` is `[members, targets]`.
pub fn combine(members: &[(String, Artifact)], weights: &Matrix) -> Result<Artifact, ArtifactError> {
    let kept: Vec<usize> = (0..members.len())
        .filter(|&member| weights.row(member).iter().any(|weight| *weight > 0.0))
        .collect();
    let Some((_, first)) = kept.first().map(|&member| &members[member]) else {
        return Err(ArtifactError::Missing { tensor: WEIGHTS.into() });
    };
    let shape = vec![kept.len(), weights.cols];
    let rows = kept.iter().flat_map(|&member| weights.row(member).iter().copied());
    let mut tensors = Tensors::from([(WEIGHTS.to_owned(), Tensor::f64(shape, rows.collect()))]);
    let mut abouts = Vec::with_capacity(kept.len());
    for (place, &member) in kept.iter().enumerate() {
        let (name, artifact) = &members[member];
        let own = artifact.tensors.iter();
        tensors.extend(own.map(|(tensor, data)| (format!("{place}/{tensor}"), data.clone())));
        abouts.push(EnsembleMember {
            name: name.clone(),
            about: artifact.about.clone(),
        });
    }
    let history_rows = abouts.iter().map(|member| member.about.history_rows).max();
    let settings = ModelSpec::Ensemble(EnsembleSpec { members: abouts });
    let about = About {
        kind: settings.kind().to_owned(),
        settings,
        history_rows: history_rows.unwrap_or_default(),
        epochs: Vec::new(),
        intervals: None,
        notices: Vec::new(),
        ..first.about.clone()
    };
    Ok(Artifact { about, tensors })
}

/// A fitted ensemble.
pub(crate) struct Ensemble {
    members: Vec<Box<dyn Forecast>>,
    /// The weights, `[members, targets]`.
    weights: Matrix,
}

impl Ensemble {
    /// Reads an ensemble's artifact.
    ///
    /// # Errors
    /// Where a member's tensors are not those of its kind, or weights are missing, negative or do not add up to 1.
    pub(crate) fn read(artifact: &Artifact, spec: &EnsembleSpec) -> Result<Self, ArtifactError> {
        let shape = [spec.members.len(), artifact.about.targets.len()];
        let weights = Matrix {
            rows: shape[0],
            cols: shape[1],
            data: tensors::f64s(&artifact.tensors, WEIGHTS, &shape)?.to_vec(),
        };
        for target in 0..weights.cols {
            let column = weights.column(target);
            let sum: f64 = column.iter().sum();
            if (sum - 1.0).abs() > 1e-9 || column.iter().any(|weight| *weight < 0.0) {
                let range = "not negative and 1 in all";
                let problem = series::Problem::new(format!("weights of target {target}"), sum, range);
                return Err(ArtifactError::Settings(problem));
            }
        }
        let members = spec.members.iter().enumerate().map(|(place, member)| {
            let prefix = format!("{place}/");
            let own = artifact.tensors.iter();
            let tensors =
                own.filter_map(|(name, tensor)| Some((name.strip_prefix(&prefix)?.to_owned(), tensor.clone())));
            forecaster(&Artifact {
                about: member.about.clone(),
                tensors: tensors.collect(),
            })
        });
        Ok(Self {
            members: members.collect::<Result<_, _>>()?,
            weights,
        })
    }

    fn add(&self, member: usize, forecast: &[f64], sum: &mut [f64]) {
        let targets = self.weights.cols;
        for (cell, (sum, value)) in sum.iter_mut().zip(forecast).enumerate() {
            *sum += self.weights.at(member, cell % targets) * value;
        }
    }
}

impl Forecast for Ensemble {
    fn history_rows(&self) -> usize {
        self.members
            .iter()
            .map(|member| member.history_rows())
            .max()
            .unwrap_or_default()
    }

    /// Returns the shortest trained horizon: beyond it that member continues from its own forecasts.
    fn trained_horizon(&self) -> Option<usize> {
        self.members.iter().filter_map(|member| member.trained_horizon()).min()
    }

    fn forecast(&self, history: &History<'_>, steps: usize) -> Result<Matrix, ForecastError> {
        let mut sum = Matrix::zeros(steps, self.weights.cols);
        for (place, member) in self.members.iter().enumerate() {
            self.add(place, &member.forecast(history, steps)?.data, &mut sum.data);
        }
        Ok(sum)
    }

    fn forecast_origins(
        &self,
        scaled: &Scaled,
        origins: &[usize],
        steps: usize,
        out: &mut dyn FnMut(usize, &[f64]),
    ) -> Result<(), ForecastError> {
        let cells = steps * self.weights.cols;
        for (block, origins) in origins.chunks(BLOCK).enumerate() {
            let mut sums = vec![0.0; origins.len() * cells];
            for (place, member) in self.members.iter().enumerate() {
                member.forecast_origins(scaled, origins, steps, &mut |index, forecast| {
                    self.add(place, forecast, &mut sums[index * cells..(index + 1) * cells]);
                })?;
            }
            for (index, sum) in sums.chunks(cells).enumerate() {
                out(block * BLOCK + index, sum);
            }
        }
        Ok(())
    }
}
