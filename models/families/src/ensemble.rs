//! Several fitted models as one: between the median and a weighted mean of their forecasts, target by target.
//!
//! Promises that a member which loses to the better baseline has no part in it, that weights are not negative and add up to
//! 1 for each target, and that the artifact contains its members: a forecast needs nothing else.

use forecast::{
    About, Artifact, ArtifactError, EnsembleMember, EnsembleSpec, Forecast, ForecastError, History, ModelSpec, Tensor,
    Tensors, tensors,
};
use series::{Matrix, Scaled};

use crate::forecaster;

/// How many members are drawn at most, with replacement, for one target.
const DRAWS: usize = 50;

/// How many horizons of rows weigh as much as the median.
const EVIDENCE: f64 = 8.0;

/// By how many times chance the error of a sound member may be larger than that of the best.
const WORSE: f64 = 8.0;

/// The tensor of weights, `[members, targets]`.
const WEIGHTS: &str = "ensemble.weights";
/// The tensor of sound members, `[members, targets]`.
const SOUND: &str = "ensemble.sound";
/// The tensor of the median's shares, `[targets]`.
const MEDIAN: &str = "ensemble.median";

/// How many values all members forecast before they are mixed, 32 MiB.
const BLOCK: usize = 1 << 22;

/// The forecasts that decide how a member is weighted.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The forecasts of the rows that select, `[rows, targets]`.
    pub forecasts: &'a [f64],
    /// Whether it is a baseline: members that are worse than the better one are left out.
    pub baseline: bool,
}

/// How members are mixed: `median` of the median of those that are sound, and else their weighted mean.
#[derive(Clone, PartialEq, Debug)]
pub struct Mix {
    /// The weights of the mean, `[members, targets]`; they add up to 1 for each target.
    pub weights: Matrix,
    /// Which members are sound, 0 or 1, `[members, targets]`.
    pub sound: Matrix,
    /// The share of the median, from 0 to 1, for each target.
    pub median: Vec<f64>,
}

impl Mix {
    /// Returns how many members are sound for some target.
    #[must_use]
    pub fn members(&self) -> usize {
        let rows = 0..self.sound.rows;
        rows.filter(|&member| self.sound.row(member).contains(&1.0)).count()
    }
}

/// Returns how to mix members, by their errors on rows that no member was fitted on.
///
/// For each target, members are not sound and left out whose squared error is larger than that of the better baseline, or far
/// larger than that of the best member: by more than `1 / horizons` and `8 / horizons` of it, which is chance.
/// Sound members are drawn greedily with replacement so that the mean of those drawn has the least squared error; the best
/// number of draws counts. Such weights follow chance where few horizons select, so the mean is shrunk towards the median of
/// the sound members: its share is `8 / (8 + horizons)`. Where a target has no observed row, all models are sound and the
/// median forecasts.
///
/// # Shapes
/// `actuals` is `[rows, targets]`, NaN where nothing was observed; `horizons` is how many horizons fit into the rows that
/// select.
///
/// # Source
/// Caruana, Niculescu-Mizil, Crew and Ksikes 2004, "Ensemble Selection from Libraries of Models". The median: Petropoulos and
/// Svetunkov 2020, "A simple combination of univariate models".
#[must_use]
pub fn weigh(actuals: &Matrix, candidates: &[Candidate<'_>], horizons: f64) -> Mix {
    let (members, targets) = (candidates.len(), actuals.cols);
    let mut mix = Mix {
        weights: Matrix::zeros(members, targets),
        sound: Matrix::zeros(members, targets),
        median: vec![1.0; targets],
    };
    for target in 0..targets {
        let seen = (0..actuals.rows).any(|row| !actuals.at(row, target).is_nan());
        let products = products(actuals, candidates, target);
        let sound = sound(&products, candidates, seen, 1.0 / horizons.max(0.5));
        for &member in &sound {
            *mix.sound.at_mut(member, target) = 1.0;
        }
        let weights = draw(&products, members, &sound);
        for (member, weight) in weights.into_iter().enumerate() {
            *mix.weights.at_mut(member, target) = weight;
        }
        if seen {
            mix.median[target] = EVIDENCE / (EVIDENCE + horizons.max(0.0));
        }
    }
    mix
}

/// Returns the models that lose neither to the better baseline nor by much to the best member, and else the better baseline; all
/// models where nothing was seen.
fn sound(products: &[f64], candidates: &[Candidate<'_>], seen: bool, chance: f64) -> Vec<usize> {
    let members = candidates.len();
    let error = |member: usize| products[member * members + member];
    let of = |baseline: bool| (0..members).filter(move |&member| candidates[member].baseline == baseline);
    let bound = of(true).map(error).fold(f64::INFINITY, f64::min);
    let best = (0..members).map(error).fold(f64::INFINITY, f64::min);
    let bound = (bound * (1.0 + chance)).min(best * (1.0 + WORSE * chance));
    let sound: Vec<usize> = of(false).filter(|&model| !seen || error(model) <= bound).collect();
    if !sound.is_empty() {
        return sound;
    }
    of(true)
        .reduce(|a, b| if error(b) < error(a) { b } else { a })
        .into_iter()
        .collect()
}

/// Returns the sums of products of the members' errors, `[members, members]`.
fn products(actuals: &Matrix, candidates: &[Candidate<'_>], target: usize) -> Vec<f64> {
    let members = candidates.len();
    let mut products = vec![0.0; members * members];
    for row in 0..actuals.rows {
        let (cell, actual) = (row * actuals.cols + target, actuals.at(row, target));
        if actual.is_nan() {
            continue;
        }
        for a in 0..members {
            for b in 0..members {
                let error = |member: usize| candidates[member].forecasts[cell] - actual;
                products[a * members + b] += error(a) * error(b);
            }
        }
    }
    products
}

/// Draws sound members; all weigh the same where their errors do not tell them apart.
#[expect(clippy::cast_precision_loss, reason = "draws and members are few")]
fn draw(products: &[f64], members: usize, sound: &[usize]) -> Vec<f64> {
    let mut even = vec![0.0; members];
    for &member in sound {
        even[member] = 1.0 / sound.len() as f64;
    }
    if sound.iter().all(|&member| products[member * members + member] == 0.0) {
        return even;
    }
    let mut counts = vec![0_u32; members];
    // For each member, the sum of the products of its errors with those of all members drawn so far; and the sum over all
    // pairs of drawn members.
    let (mut with, mut drawn) = (vec![0.0; members], 0.0);
    let mut best: Option<(f64, Vec<u32>)> = None;
    for draws in 1..=DRAWS {
        let added = |member: usize| drawn + 2.0 * with[member] + products[member * members + member];
        let next = sound
            .iter()
            .copied()
            .reduce(|a, b| if added(b) < added(a) { b } else { a });
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

/// Returns one artifact of several that were fitted on one cut. Members that are sound for no target are left out.
///
/// # Errors
/// Where no member is sound.
pub fn combine(members: &[(String, Artifact)], mix: &Mix) -> Result<Artifact, ArtifactError> {
    let is_sound = |&member: &usize| mix.sound.row(member).contains(&1.0);
    let kept: Vec<usize> = (0..members.len()).filter(is_sound).collect();
    let Some((_, first)) = kept.first().map(|&member| &members[member]) else {
        return Err(ArtifactError::Missing { tensor: SOUND.into() });
    };
    let rows = |of: &Matrix| {
        let rows = kept.iter().flat_map(|&member| of.row(member).iter().copied());
        Tensor::f64(vec![kept.len(), of.cols], rows.collect())
    };
    let mut tensors = Tensors::from([
        (WEIGHTS.to_owned(), rows(&mix.weights)),
        (SOUND.to_owned(), rows(&mix.sound)),
        (
            MEDIAN.to_owned(),
            Tensor::f64(vec![mix.median.len()], mix.median.clone()),
        ),
    ]);
    let mut abouts = Vec::with_capacity(kept.len());
    for (place, &member) in kept.iter().enumerate() {
        let (name, artifact) = &members[member];
        tensors::nest(&mut tensors, &format!("{place}/"), artifact.tensors.clone());
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
        later: Vec::new(),
        parent: None,
        ..first.about.clone()
    };
    Ok(Artifact { about, tensors })
}

/// Returns the members of an ensemble with their names.
pub(crate) fn members(artifact: &Artifact, spec: &EnsembleSpec) -> Vec<(String, Artifact)> {
    let member = |(place, member): (usize, &EnsembleMember)| {
        let tensors = tensors::nested(&artifact.tensors, &format!("{place}/"));
        let about = member.about.clone();
        (member.name.clone(), Artifact { about, tensors })
    };
    spec.members.iter().enumerate().map(member).collect()
}

/// Reads how an ensemble's members are mixed.
///
/// # Errors
/// Where a tensor is missing, weights are negative or do not add up to 1, a target has no sound member, or a share is out of
/// range.
pub(crate) fn mix(artifact: &Artifact, spec: &EnsembleSpec) -> Result<Mix, ArtifactError> {
    let shape = [spec.members.len(), artifact.about.targets.len()];
    let matrix = |name: &str| {
        Ok::<_, ArtifactError>(Matrix {
            rows: shape[0],
            cols: shape[1],
            data: tensors::f64s(&artifact.tensors, name, &shape)?.to_vec(),
        })
    };
    let mix = Mix {
        weights: matrix(WEIGHTS)?,
        sound: matrix(SOUND)?,
        median: tensors::f64s(&artifact.tensors, MEDIAN, &shape[1..])?.to_vec(),
    };
    let refused =
        |path: String, value: f64, range: &str| Err(ArtifactError::Settings(series::Problem::new(path, value, range)));
    for target in 0..shape[1] {
        let (weights, sound) = (mix.weights.column(target), mix.sound.column(target));
        let sum: f64 = weights.iter().sum();
        if (sum - 1.0).abs() > 1e-9 || weights.iter().any(|weight| *weight < 0.0) {
            return refused(format!("weights of target {target}"), sum, "not negative and 1 in all");
        }
        if !sound.contains(&1.0) {
            return refused(format!("sound members of target {target}"), 0.0, "at least 1");
        }
        if !(0.0..=1.0).contains(&mix.median[target]) {
            return refused(format!("median of target {target}"), mix.median[target], "from 0 to 1");
        }
    }
    Ok(mix)
}

/// A fitted ensemble.
pub(crate) struct Ensemble {
    members: Vec<Box<dyn Forecast>>,
    mix: Mix,
}

impl Ensemble {
    /// Reads an ensemble's artifact.
    ///
    /// # Errors
    /// Where a member's tensors are not those of its kind, or the mix is not one.
    pub(crate) fn read(artifact: &Artifact, spec: &EnsembleSpec) -> Result<Self, ArtifactError> {
        let members = members(artifact, spec);
        Ok(Self {
            members: members
                .iter()
                .map(|(_, member)| forecaster(member))
                .collect::<Result<_, _>>()?,
            mix: mix(artifact, spec)?,
        })
    }

    /// Mixes the forecasts of all members, each `[steps, targets]`.
    fn mixed(&self, forecasts: &[&[f64]], into: &mut [f64]) {
        let targets = self.mix.median.len();
        let mut sound = Vec::with_capacity(forecasts.len());
        for (cell, value) in into.iter_mut().enumerate() {
            let target = cell % targets;
            let mut mean = 0.0;
            sound.clear();
            for (member, forecast) in forecasts.iter().enumerate() {
                mean += self.mix.weights.at(member, target) * forecast[cell];
                if self.mix.sound.at(member, target) > 0.0 {
                    sound.push(forecast[cell]);
                }
            }
            let share = self.mix.median[target];
            *value = share * median(&mut sound) + (1.0 - share) * mean;
        }
    }
}

/// Returns the value in the middle, or the mean of the two in the middle; there is at least one.
fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
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
        let forecasts = self.members.iter().map(|member| member.forecast(history, steps));
        let forecasts = forecasts.collect::<Result<Vec<_>, _>>()?;
        let each: Vec<&[f64]> = forecasts.iter().map(|forecast| forecast.data.as_slice()).collect();
        let mut mixed = Matrix::zeros(steps, self.mix.median.len());
        self.mixed(&each, &mut mixed.data);
        Ok(mixed)
    }

    fn forecast_origins(
        &self,
        scaled: &Scaled,
        origins: &[usize],
        steps: usize,
        out: &mut dyn FnMut(usize, &[f64]),
    ) -> Result<(), ForecastError> {
        let cells = steps * self.mix.median.len();
        let block = (BLOCK / (cells * self.members.len()).max(1)).max(1);
        let mut mixed = vec![0.0; cells];
        for (turn, origins) in origins.chunks(block).enumerate() {
            let mut forecasts = vec![vec![0.0; origins.len() * cells]; self.members.len()];
            for (member, forecasts) in self.members.iter().zip(&mut forecasts) {
                member.forecast_origins(scaled, origins, steps, &mut |index, forecast| {
                    forecasts[index * cells..(index + 1) * cells].copy_from_slice(forecast);
                })?;
            }
            for index in 0..origins.len() {
                let own = index * cells..(index + 1) * cells;
                let each: Vec<&[f64]> = forecasts.iter().map(|forecasts| &forecasts[own.clone()]).collect();
                self.mixed(&each, &mut mixed);
                out(turn * block + index, &mixed);
            }
        }
        Ok(())
    }
}
