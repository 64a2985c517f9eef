//! The coefficients of a ridge, and how they forecast.
#![expect(
    clippy::inline_always,
    reason = "only inlined code is compiled for the widest vectors"
)]

use forecast::{About, ArtifactError, Tensor, Tensors, tensors};
use series::Matrix;

use crate::wide::wide;

/// Coefficients, by which lags a target is forecast from.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Map {
    /// Each target has its own map of its own lags.
    Own(Vec<Own>),
    /// All targets share one map of their own lags.
    Pooled(Pooled),
    /// One map leads from all channels to all targets.
    All(Joint),
}

/// The map of one target.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Own {
    /// `[context - 1, horizon]`.
    pub(crate) weight: Matrix,
    /// One per step.
    pub(crate) bias: Vec<f64>,
    /// `[calendar, horizon]`.
    pub(crate) calendar: Matrix,
}

/// The map that all targets share.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Pooled {
    /// It knows no unit: `[context - 1, horizon]`.
    pub(crate) weight: Matrix,
    /// The same for all targets, each in its own unit: `[calendar, targets * horizon]`.
    pub(crate) calendar: Matrix,
}

/// The map from all channels to all targets.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Joint {
    /// `[channels * context, targets * horizon]`; a channel's last row stands for itself, the others relative to it.
    pub(crate) weight: Matrix,
    /// One per target and step.
    pub(crate) bias: Vec<f64>,
    /// `[calendar, targets * horizon]`.
    pub(crate) calendar: Matrix,
}

/// What a map is from and to. Weights of calendar inputs are there only where there are such inputs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Shape {
    pub(crate) context: usize,
    pub(crate) horizon: usize,
    pub(crate) targets: usize,
    /// How many calendar inputs.
    pub(crate) calendar: usize,
}

impl Shape {
    /// Gives that of a finished model, whose tensors tell how many calendar inputs it has.
    pub(crate) fn of(about: &About, tensors: &Tensors) -> Self {
        let calendar = tensors.iter().find(|(name, _)| name.ends_with(CALENDAR));
        Self {
            context: about.context.max(1),
            horizon: about.horizon,
            targets: about.targets.len(),
            calendar: calendar
                .and_then(|(_, tensor)| tensor.shape.first().copied())
                .unwrap_or(0),
        }
    }

    fn outputs(self) -> usize {
        self.targets * self.horizon
    }
}

/// How the names of calendar weights end.
const CALENDAR: &str = ".calendar";

impl Map {
    /// Reads whichever map is there.
    pub(crate) fn read(tensors: &Tensors, shape: Shape) -> Result<Self, ArtifactError> {
        if Pooled::NAMES.iter().any(|name| tensors.contains_key(*name)) {
            return Ok(Self::Pooled(Pooled::read(tensors, shape)?));
        }
        if Joint::NAMES.iter().any(|name| tensors.contains_key(*name)) {
            return Ok(Self::All(Joint::read(tensors, shape)?));
        }
        let own = (0..shape.targets).map(|target| Own::read(tensors, target, shape));
        Ok(Self::Own(own.collect::<Result<_, _>>()?))
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Own(_) => "own",
            Self::Pooled(_) => "pooled",
            Self::All(_) => "all",
        }
    }

    /// Gives how many channels it needs, where it needs others than the targets.
    pub(crate) fn channels(&self, context: usize) -> Option<usize> {
        match self {
            Self::Own(_) | Self::Pooled(_) => None,
            Self::All(joint) => Some(joint.weight.rows / context),
        }
    }

    /// Forecasts the trained horizon from one context.
    ///
    /// # Shapes
    /// `window` is `[context, inputs]`, `channels` are inputs, targets first, `calendar` are others; the result is
    /// `[horizon, targets]`.
    pub(crate) fn forecast(&self, window: &Matrix, channels: &[usize], calendar: &[usize], shape: Shape) -> Matrix {
        wide(
            #[inline(always)]
            || self.block(window, channels, calendar, shape),
        )
    }

    #[inline(always)]
    fn block(&self, window: &Matrix, channels: &[usize], calendar: &[usize], shape: Shape) -> Matrix {
        let Shape { horizon, targets, .. } = shape;
        let mut result = Matrix::zeros(horizon, targets);
        let columns: Vec<Vec<f64>> = channels.iter().map(|&input| window.column(input)).collect();
        let now: Vec<f64> = calendar
            .iter()
            .map(|&input| window.at(window.rows - 1, input))
            .collect();
        let together = match self {
            Self::Own(_) => Vec::new(),
            Self::Pooled(pooled) => with_calendar(vec![0.0; targets * horizon], &pooled.calendar, &now),
            Self::All(joint) => joint.differences(with_calendar(joint.bias.clone(), &joint.calendar, &now), &columns),
        };
        for target in 0..targets {
            let context = &columns[target];
            let of_target = || together[target * horizon..(target + 1) * horizon].to_vec();
            let own = match self {
                Self::Own(own) => {
                    let own = &own[target];
                    differences(
                        &own.weight,
                        with_calendar(own.bias.clone(), &own.calendar, &now),
                        context,
                    )
                }
                Self::Pooled(pooled) => differences(&pooled.weight, of_target(), context),
                Self::All(_) => of_target(),
            };
            for (step, difference) in own.into_iter().enumerate() {
                *result.at_mut(step, target) = context[context.len() - 1] + difference;
            }
        }
        result
    }
}

/// Adds what the calendar says.
#[inline(always)]
fn with_calendar(mut forecast: Vec<f64>, weight: &Matrix, now: &[f64]) -> Vec<f64> {
    for (i, value) in now.iter().enumerate() {
        add(&mut forecast, *value, weight.row(i));
    }
    forecast
}

/// Gives the forecast relative to the last row.
#[inline(always)]
fn differences(weight: &Matrix, mut forecast: Vec<f64>, context: &[f64]) -> Vec<f64> {
    let last = context[context.len() - 1];
    for (i, value) in context[..context.len() - 1].iter().enumerate() {
        add(&mut forecast, value - last, weight.row(i));
    }
    forecast
}

#[inline(always)]
fn add(to: &mut [f64], factor: f64, numbers: &[f64]) {
    for (to, number) in to.iter_mut().zip(numbers) {
        *to += factor * number;
    }
}

impl Own {
    pub(crate) fn read(tensors: &Tensors, target: usize, shape: Shape) -> Result<Self, ArtifactError> {
        let [weight, bias, calendar] = Self::names(target);
        Ok(Self {
            weight: matrix(tensors, &weight, shape.context - 1, shape.horizon)?,
            bias: tensors::f64s(tensors, &bias, &[shape.horizon])?.to_vec(),
            calendar: read_calendar(tensors, &calendar, shape.calendar, shape.horizon)?,
        })
    }

    pub(crate) fn write(self, target: usize, tensors: &mut Tensors) {
        let [weight, bias, calendar] = Self::names(target);
        tensors.insert(weight, tensor(self.weight));
        tensors.insert(bias, Tensor::f64(vec![self.bias.len()], self.bias));
        write_calendar(self.calendar, calendar, tensors);
    }

    fn names(target: usize) -> [String; 3] {
        ["weight", "bias", "calendar"].map(|what| format!("{target}.{what}"))
    }
}

impl Pooled {
    pub(crate) const NAMES: [&str; 2] = ["pooled.weight", "pooled.calendar"];

    pub(crate) fn read(tensors: &Tensors, shape: Shape) -> Result<Self, ArtifactError> {
        let [weight, calendar] = Self::NAMES;
        Ok(Self {
            weight: matrix(tensors, weight, shape.context - 1, shape.horizon)?,
            calendar: read_calendar(tensors, calendar, shape.calendar, shape.outputs())?,
        })
    }

    pub(crate) fn write(self, tensors: &mut Tensors) {
        let [weight, calendar] = Self::NAMES;
        tensors.insert(weight.to_owned(), tensor(self.weight));
        write_calendar(self.calendar, calendar.to_owned(), tensors);
    }
}

impl Joint {
    pub(crate) const NAMES: [&str; 3] = ["all.weight", "all.bias", "all.calendar"];

    /// How many channels there are follows from the tensor.
    pub(crate) fn read(tensors: &Tensors, shape: Shape) -> Result<Self, ArtifactError> {
        let [weight, bias, calendar] = Self::NAMES;
        let outputs = shape.outputs();
        let rows = tensors.get(weight).and_then(|tensor| tensor.shape.first().copied());
        let whole = rows.unwrap_or(0) / shape.context * shape.context;
        Ok(Self {
            weight: matrix(tensors, weight, whole, outputs)?,
            bias: tensors::f64s(tensors, bias, &[outputs])?.to_vec(),
            calendar: read_calendar(tensors, calendar, shape.calendar, outputs)?,
        })
    }

    pub(crate) fn write(self, tensors: &mut Tensors) {
        let [weight, bias, calendar] = Self::NAMES;
        tensors.insert(weight.to_owned(), tensor(self.weight));
        tensors.insert(bias.to_owned(), Tensor::f64(vec![self.bias.len()], self.bias));
        write_calendar(self.calendar, calendar.to_owned(), tensors);
    }

    #[inline(always)]
    fn differences(&self, mut forecast: Vec<f64>, columns: &[Vec<f64>]) -> Vec<f64> {
        for (channel, context) in columns.iter().enumerate() {
            let last = context.len() - 1;
            for (i, value) in context.iter().enumerate() {
                let value = if i == last {
                    context[last]
                } else {
                    value - context[last]
                };
                add(&mut forecast, value, self.weight.row(channel * context.len() + i));
            }
        }
        forecast
    }
}

fn read_calendar(tensors: &Tensors, name: &str, inputs: usize, outputs: usize) -> Result<Matrix, ArtifactError> {
    if inputs == 0 && !tensors.contains_key(name) {
        return Ok(Matrix::zeros(0, outputs));
    }
    matrix(tensors, name, inputs, outputs)
}

fn write_calendar(weight: Matrix, name: String, tensors: &mut Tensors) {
    if weight.rows > 0 {
        tensors.insert(name, tensor(weight));
    }
}

fn matrix(tensors: &Tensors, name: &str, rows: usize, cols: usize) -> Result<Matrix, ArtifactError> {
    let data = tensors::f64s(tensors, name, &[rows, cols])?.to_vec();
    Ok(Matrix { rows, cols, data })
}

fn tensor(matrix: Matrix) -> Tensor {
    Tensor::f64(vec![matrix.rows, matrix.cols], matrix.data)
}
