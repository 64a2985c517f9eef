//! The engine on libtorch's tensors.

use recurrent::{
    Cell,
    engine::{Dropout, Engine, Learned, Start, Task, Update, Values},
};
use tch::{Kind, Tensor, no_grad};

/// The decay of the mean of gradients.
const BETA_1: f64 = 0.9;
/// The decay of the mean of their squares.
const BETA_2: f64 = 0.999;
/// Keeps the division away from zero.
const EPSILON: f64 = 1e-8;
/// How many selecting windows are graded at once.
const GRADED: usize = 256;

/// A net and its optimizer in libtorch's tensors.
///
/// # Panics
/// Where libtorch throws an exception; sizes and memory are checked before a fit begins.
pub(crate) struct Torch<'a> {
    task: &'a Task<'a>,
    /// Per layer the two weights and the two biases, then the head's.
    parameters: Vec<Tensor>,
    first: Vec<Tensor>,
    second: Vec<Tensor>,
}

impl<'a> Torch<'a> {
    /// Copies the parameters and moments from which a fit starts.
    pub(crate) fn new(task: &'a Task<'a>, start: Start) -> Self {
        let tensors = |values: Values| -> Vec<Tensor> {
            let shapes = task.tensors().into_iter().map(|(_, dimensions)| dimensions);
            values
                .iter()
                .zip(shapes)
                .map(|(values, dimensions)| tensor(values, &dimensions))
                .collect()
        };
        let [first, second] = start.moments;
        let parameters = tensors(start.values)
            .into_iter()
            .map(|values| values.set_requires_grad(true));
        Self {
            task,
            parameters: parameters.collect(),
            first: tensors(first),
            second: tensors(second),
        }
    }

    /// Returns the forecasts of some windows.
    ///
    /// # Shapes
    /// `rows` is `[windows, context, inputs]`, the result `[windows, outputs]`.
    fn forward(&self, rows: Tensor, dropout: Option<Dropout>) -> Tensor {
        let (layers, head) = self.parameters.split_at(self.parameters.len() - 2);
        let windows = rows.size()[0];
        let mut outputs = rows;
        for (number, layer) in layers.chunks_exact(4).enumerate() {
            if let Some(dropout) = dropout.filter(|_| number > 0) {
                let factors = factors(dropout, number - 1, &layer[0], windows, self.task.sizes()[0]);
                outputs = outputs.multiply(&factors);
            }
            let zeros = Tensor::zeros([1, windows, layer[1].size()[1]], (Kind::Float, outputs.device()));
            outputs = match self.task.cell() {
                Cell::Gru => outputs.gru(&zeros, layer, true, 1, 0.0, true, false, true).0,
                Cell::Lstm => {
                    outputs
                        .lstm(&[&zeros, &zeros], &each(layer), true, 1, 0.0, true, false, true)
                        .0
                }
            };
        }
        outputs.select(1, -1).linear(&head[0], Some(&head[1]))
    }

    fn tensors(&self, (rows, targets): &(Vec<f32>, Vec<f32>)) -> (Tensor, Tensor) {
        let [context, inputs, outputs] = self.task.sizes();
        let windows = targets.len() / outputs;
        (
            tensor(rows, &[windows, context, inputs]),
            tensor(targets, &[windows, outputs]),
        )
    }
}

impl Engine for Torch<'_> {
    fn learn(&mut self, windows: &[usize], dropout: Option<Dropout>) -> Learned {
        let (rows, targets) = self.tensors(&self.task.training(windows));
        for parameter in &mut self.parameters {
            parameter.zero_grad();
        }
        let errors = self.forward(rows, dropout) - &targets;
        errors.square().mean(Kind::Float).backward();
        let norm: f64 = self
            .parameters
            .iter()
            .map(|parameter| sum_of_squares(&parameter.grad()))
            .sum();
        Learned {
            sum: sum_of_squares(&errors),
            sum_of_zeros: sum_of_squares(&targets),
            norm: norm.sqrt(),
        }
    }

    fn update(&mut self, update: &Update) {
        #[expect(clippy::cast_precision_loss, reason = "past 2^53 steps both corrections are 1")]
        let number = update.number as f64;
        let clip = (update.clip / (update.norm + 1e-6)).min(1.0);
        let rate = update.rate / (1.0 - libm::pow(BETA_1, number));
        let correction = (1.0 - libm::pow(BETA_2, number)).sqrt();
        no_grad(|| {
            let moments = self.first.iter_mut().zip(&mut self.second);
            for (parameter, (first, second)) in self.parameters.iter_mut().zip(moments) {
                let gradient = parameter.grad() * clip + &*parameter * update.added;
                *first = &*first * BETA_1 + &gradient * (1.0 - BETA_1);
                *second = &*second * BETA_2 + gradient.square() * (1.0 - BETA_2);
                let move_by = &*first * rate / (second.sqrt() / correction + EPSILON);
                let next = &*parameter * update.left - move_by;
                parameter.copy_(&next);
            }
        });
    }

    fn grade(&mut self) -> f64 {
        let all = self.task.selecting();
        let batch = |first: usize| {
            let (rows, targets) = self.tensors(&self.task.select(first..all.min(first + GRADED)));
            no_grad(|| sum_of_squares(&(self.forward(rows, None) - targets)))
        };
        (0..all).step_by(GRADED).map(batch).sum()
    }

    fn values(&self) -> Values {
        self.parameters.iter().map(numbers).collect()
    }

    fn moments(&self) -> [Values; 2] {
        [&self.first, &self.second].map(|moments| moments.iter().map(numbers).collect())
    }

    fn go_back(&mut self, start: Start) {
        *self = Self::new(self.task, start);
    }
}

/// Returns the factors of a layer's outputs before they become the inputs of the layer above.
fn factors(dropout: Dropout, layer: usize, above: &Tensor, windows: i64, context: usize) -> Tensor {
    let size = |size: i64| usize::try_from(size).unwrap_or(0);
    let (windows, hidden) = (size(windows), size(above.size()[1]));
    let factors = dropout.factors(layer, windows, context, hidden);
    tensor(&factors, &[windows, context, hidden])
}

fn tensor(values: &[f32], dimensions: &[usize]) -> Tensor {
    let dimensions: Vec<i64> = dimensions
        .iter()
        .map(|&size| i64::try_from(size).unwrap_or(i64::MAX))
        .collect();
    Tensor::from_slice(values).reshape(dimensions)
}

fn each(tensors: &[Tensor]) -> Vec<&Tensor> {
    tensors.iter().collect()
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    let mut values = vec![0.0; tensor.numel()];
    tensor.copy_data(&mut values, tensor.numel());
    values
}

fn sum_of_squares(tensor: &Tensor) -> f64 {
    tensor
        .detach()
        .to_kind(Kind::Double)
        .square()
        .sum(Kind::Double)
        .double_value(&[])
}
