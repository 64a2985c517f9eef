//! The plan of a fit: what it tries, in which order, and what it chooses.

use forecast::{ArtifactError, Channels, Lambda, LinearSpec, Tensor, Tensors, Training, tensors};

use crate::{
    contexts, judge,
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
/// With all channels the levels are inputs too, and `auto` tries that only where so many training windows that share no row
/// tell about each level: over a long horizon of few such windows a level seems to return to a mean that it never had.
const WINDOWS_PER_LEVEL: usize = 20;
/// The most operations, targets times the cube of the context, with which `auto` tries coefficients for each target.
const TRIED_OWN: usize = 300_000_000;
/// By which share the error must be smaller to be clearly so, where one window judges; with more windows that share no row
/// the share falls with the root of their number, as the error of a mean does.
const CLEAR: f64 = 0.1;
/// The prefix of tensors that only the search needs.
const ERRORS: &str = "errors.";

/// Which lags a target is forecast from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Choice {
    Own,
    Pooled,
    All,
}

/// A piece of work between two calls of `stop`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Batch {
    /// Whether it solves for the chosen coefficients; it tries every lambda otherwise.
    pub(crate) solves: bool,
    pub(crate) system: System,
}

/// One system of equations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct System {
    pub(crate) choice: Choice,
    pub(crate) context: usize,
    /// The target of [`Choice::Own`]; 0 for the others.
    pub(crate) target: usize,
}

/// What is best of all that was tried.
#[derive(Clone, Copy)]
struct Chosen {
    choice: Choice,
    context: usize,
    lambda: f64,
    /// The sum of squared errors; `None` where no rows select.
    error: Option<f64>,
}

/// What is tried.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The simplest first.
    choices: Vec<Choice>,
    contexts: Vec<usize>,
    pub(crate) lambdas: Vec<f64>,
    /// Whether rows select among the candidates.
    selects: bool,
    /// The error of a choice that is clearly better than another, as a share of the other's.
    clear: f64,
    /// Of each context, whether the lags of all channels are worth trying.
    few_inputs: Vec<bool>,
    horizon: usize,
    targets: usize,
    calendar: usize,
    /// How many forecast values select: windows times targets times steps.
    values: f64,
}

impl Plan {
    /// Plans the fit of some settings; `data` has the cuts by which candidates are tried.
    pub(crate) fn of(spec: &LinearSpec, data: &Training<'_>) -> Self {
        let selecting = judge::windows(data);
        let values = selecting * data.target_names.len() * data.window.horizon;
        let selecting = selecting > 0;
        let mut contexts = contexts::possible(data);
        if !selecting {
            contexts = vec![contexts::unselected(data, &contexts)];
        }
        let choices = match spec.channels {
            Channels::Pooled => vec![Choice::Pooled],
            Channels::All => vec![Choice::All],
            Channels::Auto if selecting => vec![Choice::Pooled, Choice::Own, Choice::All],
            Channels::Own | Channels::Auto => vec![Choice::Own],
        };
        let lambdas = match spec.lambda {
            Lambda::Given(lambda) => vec![lambda],
            Lambda::Auto if selecting => LAMBDAS.to_vec(),
            Lambda::Auto => vec![UNSELECTED],
        };
        let channels = scale::inputs(data).len();
        let targets = data.target_names.len();
        let told = judge::training_rows(data) / data.window.horizon.max(1) >= WINDOWS_PER_LEVEL * channels;
        let few = |context: &usize| channels > 1 && told && channels * context <= TRIED_INPUTS;
        Self {
            selects: selecting && choices.len().max(lambdas.len()).max(contexts.len()) > 1,
            clear: 1.0 - CLEAR / number(judge::independent(data)).sqrt(),
            few_inputs: contexts.iter().map(few).collect(),
            choices,
            contexts,
            lambdas,
            horizon: data.window.horizon,
            targets,
            calendar: scale::calendar_inputs(data, spec.calendar).len(),
            values: number(values),
        }
    }

    /// Returns the batch after those that are done; `None` when all are done.
    pub(crate) fn batch(&self, done: usize, tensors: &Tensors) -> Result<Option<Batch>, ArtifactError> {
        let mut before = 0;
        for &choice in if self.selects { &self.choices[..] } else { &[] } {
            // The contexts of a choice may depend on the errors of the one before, which is done by then.
            let tries = self.systems(choice, tensors)?;
            if let Some(&system) = tries.get(done - before) {
                return Ok(Some(Batch { solves: false, system }));
            }
            before += tries.len();
        }
        let Chosen { choice, context, .. } = self.chosen(tensors)?;
        let solved = self.targets_of(choice, context).nth(done - before);
        Ok(solved.map(|system| Batch { solves: true, system }))
    }

    /// Returns the systems that are tried of a choice.
    fn systems(&self, choice: Choice, tensors: &Tensors) -> Result<Vec<System>, ArtifactError> {
        let mut contexts = self.contexts.clone();
        if self.choices.len() > 1 {
            match choice {
                Choice::Pooled => {}
                Choice::Own => {
                    // The best pooled context, since the time grows with targets and contexts; else the next shorter one.
                    let most = self.best(Choice::Pooled, tensors)?.map_or(0, |chosen| chosen.context);
                    let fits = |context: &usize| self.targets * context.pow(3) <= TRIED_OWN;
                    contexts.retain(|context| *context <= most && fits(context));
                    contexts = contexts.last().copied().into_iter().collect();
                }
                Choice::All => {
                    let mut few = self.few_inputs.iter();
                    contexts.retain(|_| few.next() == Some(&true));
                }
            }
        }
        Ok(contexts
            .into_iter()
            .flat_map(|context| self.targets_of(choice, context))
            .collect())
    }

    /// Returns the systems of a choice with one context.
    fn targets_of(&self, choice: Choice, context: usize) -> impl Iterator<Item = System> + use<> {
        let targets = if choice == Choice::Own { self.targets } else { 1 };
        (0..targets).map(move |target| System {
            choice,
            context,
            target,
        })
    }

    /// Returns the chosen lambda after everything was tried.
    pub(crate) fn lambda(&self, tensors: &Tensors) -> Result<f64, ArtifactError> {
        Ok(self.chosen(tensors)?.lambda)
    }

    /// Returns the chosen context after everything was tried.
    pub(crate) fn context(&self, tensors: &Tensors) -> Result<usize, ArtifactError> {
        Ok(self.chosen(tensors)?.context)
    }

    /// Checks that the tensors of all finished batches exist.
    pub(crate) fn check(&self, done: usize, tensors: &Tensors) -> Result<(), ArtifactError> {
        for batch in 0..done {
            match self.batch(batch, tensors)? {
                Some(Batch { solves: true, system }) => self.check_solution(system, tensors)?,
                Some(Batch { system, .. }) => self.errors(system, tensors).map(|_| ())?,
                None => return Ok(()),
            }
        }
        Ok(())
    }

    fn check_solution(&self, system: System, tensors: &Tensors) -> Result<(), ArtifactError> {
        let shape = Shape {
            context: system.context,
            horizon: self.horizon,
            targets: self.targets,
            calendar: self.calendar,
        };
        match system.choice {
            Choice::Own => Own::read(tensors, system.target, shape).map(|_| ()),
            Choice::Pooled => Pooled::read(tensors, shape).map(|_| ()),
            Choice::All => Joint::read(tensors, shape).map(|_| ()),
        }
    }

    /// Removes everything but the chosen map and its lambda.
    pub(crate) fn finish(&self, mut tensors: Tensors) -> Result<Tensors, ArtifactError> {
        let Chosen { lambda, error, .. } = self.chosen(&tensors)?;
        tensors.retain(|name, _| !name.starts_with(ERRORS));
        tensors.insert(LAMBDA.to_owned(), vector(vec![lambda]));
        if let Some(error) = error {
            tensors.insert(SELECT_MSE.to_owned(), vector(vec![error / self.values]));
        }
        Ok(tensors)
    }

    /// Returns the simplest choice, or the next that is clearly better than those before.
    fn chosen(&self, tensors: &Tensors) -> Result<Chosen, ArtifactError> {
        let mut chosen = Chosen {
            choice: self.choices[0],
            context: self.contexts[0],
            lambda: self.lambdas[0],
            error: None,
        };
        let tried: &[Choice] = if self.selects { &self.choices } else { &[] };
        for &choice in tried {
            let Some(best) = self.best(choice, tensors)? else {
                continue;
            };
            let bound = chosen.error.map_or(f64::INFINITY, |error| error * self.clear);
            if best.error.is_some_and(|error| error < bound) {
                chosen = best;
            }
        }
        Ok(chosen)
    }

    /// Returns the longest context of a choice than which no shorter one is clearly better, with its best lambda.
    ///
    /// A long context holds the short ones, and shrinking takes care of the lags that say nothing.
    fn best(&self, choice: Choice, tensors: &Tensors) -> Result<Option<Chosen>, ArtifactError> {
        let mut best: Option<Chosen> = None;
        let systems = self.systems(choice, tensors)?;
        let mut each = Vec::new();
        for systems in systems.chunk_by(|a, b| a.context == b.context) {
            each.push((systems[0].context, self.least(systems, tensors)?));
        }
        let least = each
            .iter()
            .fold(f64::INFINITY, |least, (_, (error, _))| error.min(least));
        for (context, (error, lambda)) in each {
            if error * self.clear <= least {
                best = Some(Chosen {
                    choice,
                    context,
                    lambda,
                    error: Some(error),
                });
            }
        }
        Ok(best)
    }

    /// Returns the smallest error over some targets together and its lambda, the first of equal ones.
    fn least(&self, systems: &[System], tensors: &Tensors) -> Result<(f64, f64), ArtifactError> {
        let mut totals = vec![0.0; self.lambdas.len()];
        for &system in systems {
            let errors = self.errors(system, tensors)?;
            totals.iter_mut().zip(errors).for_each(|(total, error)| *total += error);
        }
        let mut least = (totals[0], self.lambdas[0]);
        for (&error, &lambda) in totals.iter().zip(&self.lambdas) {
            if error < least.0 {
                least = (error, lambda);
            }
        }
        Ok(least)
    }

    fn errors<'a>(&self, system: System, tensors: &'a Tensors) -> Result<&'a [f64], ArtifactError> {
        tensors::f64s(tensors, &errors_of(system), &[self.lambdas.len()])
    }
}

/// Stores the error of every lambda.
pub(crate) fn note(system: System, errors: Vec<f64>, tensors: &mut Tensors) {
    tensors.insert(errors_of(system), vector(errors));
}

fn errors_of(system: System) -> String {
    let System {
        choice,
        context,
        target,
    } = system;
    let choice = match choice {
        Choice::Own => format!("own.{target}"),
        Choice::Pooled => "pooled".to_owned(),
        Choice::All => "all".to_owned(),
    };
    format!("{ERRORS}{context}.{choice}")
}

fn vector(numbers: Vec<f64>) -> Tensor {
    Tensor::f64(vec![numbers.len()], numbers)
}

#[expect(clippy::cast_precision_loss, reason = "counts of forecast values lie far below 2^52")]
fn number(count: usize) -> f64 {
    count.max(1) as f64
}
