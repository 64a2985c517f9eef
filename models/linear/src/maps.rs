//! The coefficients of a ridge regression, and forecasts from them.
#![expect(
    clippy::inline_always,
    reason = "only inlined code is compiled for the widest vectors"
)]

use forecast::{About, ArtifactError, Channels, Tensor, Tensors, tensors};
use series::Matrix;

use crate::wide::wide;

/// The coefficients, by the lags that a target is forecast from.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Map {
    /// Each target has its own map of its own lags.
    Own(Vec<Own>),
    /// All targets share one map of their own lags.
    Pooled(Pooled),
    /// One map from all channels to all targets.
    All(Joint),
}

/// The map of one target.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Own {
    /// The weights of the lags, `[context - 1, horizon]`.
    pub(crate) weight: Matrix,
    /// The intercept of each step.
    pub(crate) bias: Vec<f64>,
    /// The weights of calendar inputs, `[calendar, horizon]`.
    pub(crate) calendar: Matrix,
}

/// The map that all targets share.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Pooled {
    /// The weights of the lags, without a unit: `[context - 1, horizon]`.
    pub(crate) weight: Matrix,
    /// The weights of calendar inputs, in the unit of each target: `[calendar, targets * horizon]`.
    pub(crate) calendar: Matrix,
}

/// The map from all channels to all targets.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Joint {
    /// The weights, `[channels * context, targets * horizon]`; a channel's last row is taken as it is, the others relative to it.
    pub(crate) weight: Matrix,
    /// The intercept of each target and step.
    pub(crate) bias: Vec<f64>,
    /// The weights of calendar inputs, `[calendar, targets * horizon]`.
    pub(crate) calendar: Matrix,
}

/// The sizes of a map. Without calendar inputs it has no weights of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Shape {
    pub(crate) context: usize,
    pub(crate) horizon: usize,
    pub(crate) targets: usize,
    /// How many calendar inputs there are.
    pub(crate) calendar: usize,
}

impl Shape {
    /// Returns the sizes of a finished model; its tensors tell how many calendar inputs it has.
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

/// The ending of the names of calendar weights.
const CALENDAR: &str = ".calendar";

impl Map {
    /// Reads the map, of whichever kind it is.
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

    /// Returns which lags a target is forecast from.
    pub(crate) fn lags(&self) -> Channels {
        match self {
            Self::Own(_) => Channels::Own,
            Self::Pooled(_) => Channels::Pooled,
            Self::All(_) => Channels::All,
        }
    }

    /// Returns how many channels it needs; `None` where it needs only the targets.
    pub(crate) fn channels(&self, context: usize) -> Option<usize> {
        match self {
            Self::Own(_) | Self::Pooled(_) => None,
            Self::All(joint) => Some(joint.weight.rows / context),
        }
    }

    /// Forecasts the trained horizon from one context; the result is one of the buffers, `[horizon, targets]`.
    ///
    /// # Shapes
    /// `window` is `[context, inputs]`, row-major.
    pub(crate) fn forecast<'r>(&self, window: &[f64], inputs: &Inputs<'_>, buffers: &'r mut Buffers) -> &'r [f64] {
        wide(
            #[inline(always)]
            || self.block(window, inputs, buffers),
        );
        &buffers.forecast.data
    }

    #[inline(always)]
    fn block(&self, window: &[f64], inputs: &Inputs<'_>, buffers: &mut Buffers) {
        let Buffers {
            contexts,
            now,
            beyond,
            forecast,
        } = buffers;
        let rows = window.chunks_exact(inputs.cols);
        for (step, row) in rows.enumerate() {
            for (channel, &input) in inputs.channels.iter().enumerate() {
                *contexts.at_mut(channel, step) = row[input];
            }
        }
        let last = &window[window.len() - inputs.cols..];
        now.iter_mut()
            .zip(inputs.calendar)
            .for_each(|(now, &input)| *now = last[input]);
        match self {
            Self::Own(_) => {}
            Self::Pooled(pooled) => {
                beyond.data.fill(0.0);
                add_all(&mut beyond.data, now, &pooled.calendar);
            }
            Self::All(joint) => joint.forecast(&mut beyond.data, now, contexts),
        }
        for target in 0..beyond.rows {
            let (beyond, context) = (beyond.row_mut(target), contexts.row(target));
            match self {
                Self::Own(own) => own[target].forecast(beyond, now, context),
                Self::Pooled(pooled) => add_differences(beyond, context, &pooled.weight),
                Self::All(_) => {}
            }
            for (step, beyond) in beyond.iter().enumerate() {
                *forecast.at_mut(step, target) = context[context.len() - 1] + beyond;
            }
        }
    }
}

/// Which columns of a window a map reads.
pub(crate) struct Inputs<'a> {
    /// How many columns there are.
    pub(crate) cols: usize,
    /// The columns whose lags count, targets first.
    pub(crate) channels: Vec<usize>,
    /// The columns of which only the last row counts.
    pub(crate) calendar: &'a [usize],
}

/// The memory of a forecast, used again for each of many.
pub(crate) struct Buffers {
    /// The lags, `[channels, context]`.
    contexts: Matrix,
    /// The calendar inputs of the last row.
    now: Vec<f64>,
    /// The forecast beyond each target's last value, `[targets, horizon]`.
    beyond: Matrix,
    /// The forecast, `[horizon, targets]`.
    forecast: Matrix,
}

impl Buffers {
    pub(crate) fn new(inputs: &Inputs<'_>, shape: Shape) -> Self {
        Self {
            contexts: Matrix::zeros(inputs.channels.len(), shape.context),
            now: vec![0.0; inputs.calendar.len()],
            beyond: Matrix::zeros(shape.targets, shape.horizon),
            forecast: Matrix::zeros(shape.horizon, shape.targets),
        }
    }
}

/// Adds the products of some inputs with a map's weights.
#[inline(always)]
fn add_all(to: &mut [f64], inputs: &[f64], weight: &Matrix) {
    for (i, value) in inputs.iter().enumerate() {
        add(to, *value, weight.row(i));
    }
}

/// Adds the products of a context, relative to its last row, with a map's weights.
#[inline(always)]
fn add_differences(to: &mut [f64], context: &[f64], weight: &Matrix) {
    let last = context[context.len() - 1];
    for (i, value) in context[..context.len() - 1].iter().enumerate() {
        add(to, value - last, weight.row(i));
    }
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

    #[inline(always)]
    fn forecast(&self, to: &mut [f64], now: &[f64], context: &[f64]) {
        to.copy_from_slice(&self.bias);
        add_all(to, now, &self.calendar);
        add_differences(to, context, &self.weight);
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

    /// Reads the map; the length of its tensor tells how many channels it has.
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
    fn forecast(&self, to: &mut [f64], now: &[f64], contexts: &Matrix) {
        to.copy_from_slice(&self.bias);
        add_all(to, now, &self.calendar);
        for channel in 0..contexts.rows {
            let context = contexts.row(channel);
            let last = context.len() - 1;
            for (i, value) in context.iter().enumerate() {
                let value = if i == last {
                    context[last]
                } else {
                    value - context[last]
                };
                add(to, value, self.weight.row(channel * context.len() + i));
            }
        }
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
