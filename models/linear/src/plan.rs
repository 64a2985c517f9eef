//! What a fit tries, in which order, and what it chooses.

use forecast::{ArtifactError, Channels, Lambda, LinearSpec, SeriesData, Tensor, Tensors, Training, tensors};
use series::Windows;

use crate::{
    candidate,
    maps::{Joint, Own, Pooled, Shape},
    ridge::{LAMBDA, SELECT_MSE},
    scale,
};

/// Multiples of the Gram matrix' mean diagonal that are tried, the strongest first: of equally good ones it wins.
///
/// Four a decade where it matters: the error of a long context turns within less than a decade.
const LAMBDAS: [f64; 20] = [
    100.0, 31.6, 10.0, 5.62, 3.16, 1.78, 1.0, 0.562, 0.316, 0.178, 0.1, 0.0562, 0.0316, 0.0178, 0.01, 3.16e-3, 1e-3,
    1e-4, 1e-5, 1e-6,
];
/// The multiple where no rows select.
const UNSELECTED: f64 = 1e-3;
/// The most inputs with which `auto` tries all channels' lags together: its time grows with their cube.
const TRIED_INPUTS: usize = 512;
/// What tensors that are only of the search are called.
const ERRORS: &str = "errors.";

/// A piece of work between two questions whether to stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Batch {
    /// Tries every lambda on one target.
    TryOwn(usize),
    /// Solves for one target, with the chosen lambda.
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

/// What came of it.
struct Chosen {
    choice: Choice,
    lambda: f64,
    /// The sum of squared errors, where rows selected.
    error: Option<f64>,
}

/// What is tried.
#[derive(Debug)]
pub(crate) struct Plan {
    choices: Vec<Choice>,
    pub(crate) lambdas: Vec<f64>,
    /// Whether rows select among them.
    pub(crate) selects: bool,
    shape: Shape,
    /// Forecast values that select: windows times targets times steps.
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

    /// Gives the batch after some that are done, none when all are.
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

    /// Gives the chosen lambda, once everything was tried.
    pub(crate) fn lambda(&self, tensors: &Tensors) -> Result<f64, ArtifactError> {
        Ok(self.chosen(tensors)?.lambda)
    }

    /// Notes the error of every lambda and gives the best lambda.
    pub(crate) fn note(&self, batch: Batch, errors: Vec<f64>, tensors: &mut Tensors) -> f64 {
        let best = best(&errors);
        tensors.insert(errors_of(batch), vector(errors));
        self.lambdas[best]
    }

    /// Checks that the batches which are said to be done left what they leave.
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

    /// Leaves only the chosen map and its lambda.
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

    /// Gives the choice and the lambda with the smallest error over all targets, the first of equal ones.
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

/// Lists what `auto` tries; of equally good ones the first wins.
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

/// Gives the place of the smallest error, the first of equal ones.
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
