//! The plan of a fit: what it tries, in which order, and what it chooses.

use forecast::{ArtifactError, Channels, Lambda, LinearSpec, SeriesData, Tensor, Tensors, Training, tensors};
use series::Windows;

use crate::{
    candidate,
    maps::{Joint, Own, Pooled, Shape},
    ridge::{LAMBDA, SELECT_MSE},
    scale,
};

/// The lambdas that are tried, the strongest first: of equally good ones the first wins.
///
/// Four per decade where it matters: the error of a long context has its minimum within less than a decade.
const LAMBDAS: [f64; 20] = [
    100.0, 31.6, 10.0, 5.62, 3.16, 1.78, 1.0, 0.562, 0.316, 0.178, 0.1, 0.0562, 0.0316, 0.0178, 0.01, 3.16e-3, 1e-3,
    1e-4, 1e-5, 1e-6,
];
/// The lambda where no rows select.
const UNSELECTED: f64 = 1e-3;
/// The most inputs with which `auto` tries the lags of all channels: the time grows with their cube.
const TRIED_INPUTS: usize = 512;
/// The prefix of tensors that only the search needs.
const ERRORS: &str = "errors.";

/// A piece of work between two calls of `stop`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Batch {
    /// Tries every lambda on one target.
    TryOwn(usize),
    /// Solves for one target with the chosen lambda.
    SolveOwn(usize),
    /// Tries every lambda and keeps the best solution.
    Pooled,
    /// Tries every lambda and keeps the best solution.
    All,
}

/// Which lags a target is forecast from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Choice {
    Own,
    Pooled,
    All,
}

/// The result of a batch.
struct Chosen {
    choice: Choice,
    lambda: f64,
    /// The sum of squared errors; `None` where no rows select.
    error: Option<f64>,
}

/// What is tried.
#[derive(Debug)]
pub(crate) struct Plan {
    choices: Vec<Choice>,
    pub(crate) lambdas: Vec<f64>,
    /// Whether rows select among the choices.
    pub(crate) selects: bool,
    shape: Shape,
    /// How many forecast values select: windows times targets times steps.
    values: f64,
}

impl Plan {
    pub(crate) fn of(spec: &LinearSpec, data: &Training<'_>) -> Self {
        let windows = |series: &SeriesData<'_>| Windows::holdout(series.cut.select.clone(), data.window).len();
        let selecting: usize = data.series.iter().map(windows).sum();
        let values = selecting * data.target_names.len() * data.window.horizon;
        let selecting = selecting > 0;
        let choices = match spec.channels {
            Channels::Pooled => vec![Choice::Pooled],
            Channels::All => vec![Choice::All],
            Channels::Auto if selecting => worth_trying(data),
            Channels::Own | Channels::Auto => vec![Choice::Own],
        };
        let lambdas = match spec.lambda {
            Lambda::Given(lambda) => vec![lambda],
            Lambda::Auto if selecting => LAMBDAS.to_vec(),
            Lambda::Auto => vec![UNSELECTED],
        };
        Self {
            selects: selecting && choices.len().max(lambdas.len()) > 1,
            choices,
            lambdas,
            shape: Shape {
                context: data.window.context,
                horizon: data.window.horizon,
                targets: data.target_names.len(),
                calendar: scale::calendar_inputs(data, spec.calendar).len(),
            },
            values: number(values),
        }
    }

    /// Returns the batch after those that are done; `None` when all are done.
    pub(crate) fn batch(&self, done: usize, tensors: &Tensors) -> Result<Option<Batch>, ArtifactError> {
        let mut tries = Vec::new();
        for choice in &self.choices {
            match choice {
                Choice::Own if self.selects => tries.extend((0..self.shape.targets).map(Batch::TryOwn)),
                Choice::Own => (),
                Choice::Pooled => tries.push(Batch::Pooled),
                Choice::All => tries.push(Batch::All),
            }
        }
        if let Some(&batch) = tries.get(done) {
            return Ok(Some(batch));
        }
        let solved = done - tries.len();
        let more = solved < self.shape.targets && self.chosen(tensors)?.choice == Choice::Own;
        Ok(more.then_some(Batch::SolveOwn(solved)))
    }

    /// Returns the chosen lambda after everything was tried.
    pub(crate) fn lambda(&self, tensors: &Tensors) -> Result<f64, ArtifactError> {
        Ok(self.chosen(tensors)?.lambda)
    }

    /// Stores the error of every lambda and returns the best lambda.
    pub(crate) fn note(&self, batch: Batch, errors: Vec<f64>, tensors: &mut Tensors) -> f64 {
        let best = best(&errors);
        tensors.insert(errors_of(batch), vector(errors));
        self.lambdas[best]
    }

    /// Checks that the tensors of all finished batches exist.
    pub(crate) fn check(&self, done: usize, tensors: &Tensors) -> Result<(), ArtifactError> {
        for batch in 0..done {
            match self.batch(batch, tensors)? {
                Some(batch) => self.check_batch(batch, tensors)?,
                None => return Ok(()),
            }
        }
        Ok(())
    }

    fn check_batch(&self, batch: Batch, tensors: &Tensors) -> Result<(), ArtifactError> {
        if let Batch::SolveOwn(target) = batch {
            return Own::read(tensors, target, self.shape).map(|_| ());
        }
        if self.selects {
            tensors::f64s(tensors, &errors_of(batch), &[self.lambdas.len()])?;
        }
        match batch {
            Batch::Pooled => Pooled::read(tensors, self.shape).map(|_| ()),
            Batch::All => Joint::read(tensors, self.shape).map(|_| ()),
            Batch::TryOwn(_) | Batch::SolveOwn(_) => Ok(()),
        }
    }

    /// Removes everything but the chosen map and its lambda.
    pub(crate) fn finish(&self, mut tensors: Tensors) -> Result<Tensors, ArtifactError> {
        let Chosen { choice, lambda, error } = self.chosen(&tensors)?;
        let of_another = |name: &str| match choice {
            Choice::Own => Pooled::NAMES.contains(&name) || Joint::NAMES.contains(&name),
            Choice::Pooled => !Pooled::NAMES.contains(&name),
            Choice::All => !Joint::NAMES.contains(&name),
        };
        tensors.retain(|name, _| !name.starts_with(ERRORS) && !of_another(name));
        tensors.insert(LAMBDA.to_owned(), vector(vec![lambda]));
        if let Some(error) = error {
            tensors.insert(SELECT_MSE.to_owned(), vector(vec![error / self.values]));
        }
        Ok(tensors)
    }

    /// Returns the choice and the lambda with the smallest error over all targets, the first of equal ones.
    fn chosen(&self, tensors: &Tensors) -> Result<Chosen, ArtifactError> {
        let mut chosen = Chosen {
            choice: self.choices[0],
            lambda: self.lambdas[0],
            error: None,
        };
        let tried: &[Choice] = if self.selects { &self.choices } else { &[] };
        for &choice in tried {
            let errors = self.errors(choice, tensors)?;
            let best = best(&errors);
            if chosen.error.is_none_or(|error| errors[best] < error) {
                let (lambda, error) = (self.lambdas[best], Some(errors[best]));
                chosen = Chosen { choice, lambda, error };
            }
        }
        Ok(chosen)
    }

    fn errors(&self, choice: Choice, tensors: &Tensors) -> Result<Vec<f64>, ArtifactError> {
        let batches = match choice {
            Choice::Own => (0..self.shape.targets).map(Batch::TryOwn).collect(),
            Choice::Pooled => vec![Batch::Pooled],
            Choice::All => vec![Batch::All],
        };
        let mut totals = vec![0.0; self.lambdas.len()];
        for batch in batches {
            let errors = tensors::f64s(tensors, &errors_of(batch), &[self.lambdas.len()])?;
            for (total, error) in totals.iter_mut().zip(errors) {
                *total += error;
            }
        }
        Ok(totals)
    }
}

/// Returns the lags that are tried; of equally good ones the first wins.
fn worth_trying(data: &Training<'_>) -> Vec<Choice> {
    let mut choices = vec![Choice::Own];
    if data.target_names.len() > 1 {
        choices.push(Choice::Pooled);
    }
    let inputs = candidate::inputs_of_all(data);
    if inputs > data.window.context && inputs <= TRIED_INPUTS {
        choices.push(Choice::All);
    }
    choices
}

/// Returns the index of the smallest error, the first of equal ones.
fn best(errors: &[f64]) -> usize {
    let mut best = 0;
    for (index, error) in errors.iter().enumerate() {
        if *error < errors[best] {
            best = index;
        }
    }
    best
}

fn errors_of(batch: Batch) -> String {
    match batch {
        Batch::TryOwn(target) | Batch::SolveOwn(target) => format!("{ERRORS}own.{target}"),
        Batch::Pooled => format!("{ERRORS}pooled"),
        Batch::All => format!("{ERRORS}all"),
    }
}

fn vector(numbers: Vec<f64>) -> Tensor {
    Tensor::f64(vec![numbers.len()], numbers)
}

#[expect(clippy::cast_precision_loss, reason = "counts of forecast values lie far below 2^52")]
fn number(count: usize) -> f64 {
    count.max(1) as f64
}
