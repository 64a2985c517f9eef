//! One batch after another: the state that all threads share, and the phases in which they change it.
//!
//! Within a phase every task writes its own part and reads only what no task of the phase writes, so results do not depend
//! on which thread takes which task. The locks are never waited for; they are how the compiler knows that.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::{
    adam::{AdamStep, Moments},
    chunk::WINDOWS,
    gradient::Block,
    lesson::Lesson,
    outer::Scratch,
    samples::Samples,
    simd::Path,
    team::Team,
    weights::{Tensor, Weights},
};

/// What a fit works on, shared by its threads.
pub(crate) struct Shared<'a> {
    path: Path,
    training: &'a Samples<'a>,
    select: &'a Samples<'a>,
    weights: RwLock<Weights>,
    /// The numbers of the windows at work.
    batch: RwLock<Vec<usize>>,
    slots: Vec<RwLock<Slot>>,
    blocks: Vec<Mutex<Block>>,
    updates: Vec<Mutex<Update>>,
}

/// One chunk of the batch and its sum of squared errors.
struct Slot {
    lesson: Lesson,
    sum: f64,
}

/// One tensor's next values and its moments.
struct Update {
    next: Tensor,
    moments: Moments,
    /// Where its blocks stand among all.
    blocks: std::ops::Range<usize>,
}

/// What the threads do together.
#[derive(Clone, Copy)]
pub(crate) enum Phase {
    /// Each chunk of the batch goes forward and back. `scale` times the squared error is the loss.
    Learn { scale: f32 },
    /// Each chunk of the batch of selecting windows goes forward.
    Grade,
    /// Each block of gradients is summed over the chunks.
    Sum { chunks: usize },
    /// Each tensor takes a step.
    Step(AdamStep),
}

impl<'a> Shared<'a> {
    /// Reserves the room for batches of a size.
    pub(crate) fn new(
        path: Path,
        samples: (&'a Samples<'a>, &'a Samples<'a>),
        weights: Weights,
        moments: Vec<Moments>,
        batch: usize,
    ) -> Self {
        let layouts: Vec<_> = weights.tensors.iter().map(|tensor| tensor.layout.clone()).collect();
        let blocks = Block::all(&layouts);
        let updates = weights
            .tensors
            .iter()
            .zip(moments)
            .enumerate()
            .map(|(number, (tensor, moments))| {
                let first = blocks.partition_point(|block| block.tensor < number);
                let after = blocks.partition_point(|block| block.tensor <= number);
                Mutex::new(Update {
                    next: tensor.clone(),
                    moments,
                    blocks: first..after,
                })
            });
        let slot = |_| {
            RwLock::new(Slot {
                lesson: Lesson::new(path, weights.shape),
                sum: 0.0,
            })
        };
        Self {
            path,
            training: samples.0,
            select: samples.1,
            updates: updates.collect(),
            slots: (0..batch.div_ceil(WINDOWS)).map(slot).collect(),
            weights: RwLock::new(weights),
            batch: RwLock::new(Vec::with_capacity(batch)),
            blocks: blocks.into_iter().map(Mutex::new).collect(),
        }
    }

    /// Does one task of a phase.
    pub(crate) fn work(&self, phase: Phase, task: usize, scratch: &mut Scratch) {
        match phase {
            Phase::Learn { scale } => {
                let mut slot = self.load(task, self.training);
                slot.sum = slot.lesson.learn(&read(&self.weights), scale);
            }
            Phase::Grade => {
                let mut slot = self.load(task, self.select);
                slot.sum = slot.lesson.grade(&read(&self.weights));
            }
            Phase::Sum { chunks } => {
                let mut block = lock(&self.blocks[task]);
                block.clear();
                for slot in &self.slots[..chunks] {
                    block.add(self.path, &read(slot).lesson, scratch);
                }
                block.finish(self.path);
            }
            Phase::Step(step) => self.step(task, step),
        }
    }

    fn load(&self, chunk: usize, samples: &Samples<'_>) -> RwLockWriteGuard<'_, Slot> {
        let mut slot = write(&self.slots[chunk]);
        let batch = read(&self.batch);
        let numbers = batch.chunks(WINDOWS).nth(chunk).unwrap_or_default();
        let (inputs, targets) = slot.lesson.windows_mut(numbers.len());
        samples.gather(numbers, inputs, targets);
        slot
    }

    fn step(&self, tensor: usize, step: AdamStep) {
        let mut update = lock(&self.updates[tensor]);
        let Update { next, moments, blocks } = &mut *update;
        let weights = read(&self.weights);
        let before = &weights.tensors[tensor].values;
        let mut done = 0;
        for block in &self.blocks[blocks.clone()] {
            let block = lock(block);
            let range = done..done + block.values.len();
            done = range.end;
            let moments = (&mut moments.first[range.clone()], &mut moments.second[range.clone()]);
            step.apply(
                self.path,
                &block,
                &before[range.clone()],
                &mut next.values[range],
                moments,
            );
        }
        next.pack();
    }

    /// Gives the parameters.
    pub(crate) fn weights(&self) -> RwLockReadGuard<'_, Weights> {
        read(&self.weights)
    }

    /// Gives the moments of every tensor.
    pub(crate) fn moments(&self) -> Vec<Moments> {
        self.updates.iter().map(|update| lock(update).moments.clone()).collect()
    }
}

/// The thread that leads the others through a batch.
pub(crate) struct Trainer<'a, 't> {
    pub(crate) shared: &'a Shared<'a>,
    pub(crate) team: &'a mut Team<'t, Phase, Scratch>,
}

/// What a batch gave.
pub(crate) struct Learned {
    /// The sum of squared errors before the update.
    pub(crate) sum: f64,
    /// The same of forecasts that are all zero.
    pub(crate) sum_of_zeros: f64,
    /// The gradients' norm.
    pub(crate) norm: f64,
}

impl Trainer<'_, '_> {
    /// Finds the gradients of a batch's mean squared error.
    pub(crate) fn learn(&mut self, numbers: &[usize]) -> Learned {
        let outputs = self.shared.weights().shape.outputs;
        #[expect(
            clippy::cast_precision_loss,
            reason = "a batch has fewer than 2^24 outputs, or the last bits do not matter"
        )]
        let scale = 1.0 / (numbers.len() * outputs) as f32;
        let sum = self.take(numbers.iter().copied(), Phase::Learn { scale });
        let chunks = numbers.len().div_ceil(WINDOWS);
        self.team.run(Phase::Sum { chunks }, self.shared.blocks.len());
        let norm = self
            .shared
            .blocks
            .iter()
            .map(|block| lock(block).sum_of_squares)
            .sum::<f64>()
            .sqrt();
        let sum_of_zeros = self.shared.slots[..chunks]
            .iter()
            .map(|slot| read(slot).lesson.squared_targets())
            .sum();
        Learned {
            sum,
            sum_of_zeros,
            norm,
        }
    }

    /// Moves the parameters by the gradients that were found last.
    pub(crate) fn step(&mut self, step: AdamStep) {
        self.team.run(Phase::Step(step), self.shared.updates.len());
        let mut weights = write(&self.shared.weights);
        for (tensor, update) in weights.tensors.iter_mut().zip(&self.shared.updates) {
            std::mem::swap(tensor, &mut lock(update).next);
        }
    }

    /// Gives the sum of squared errors over all selecting windows.
    pub(crate) fn grade(&mut self) -> f64 {
        let (all, batch) = (self.shared.select.len(), self.shared.slots.len() * WINDOWS);
        (0..all)
            .step_by(batch)
            .map(|first| self.take(first..all.min(first + batch), Phase::Grade))
            .sum()
    }

    fn take(&mut self, numbers: impl ExactSizeIterator<Item = usize>, phase: Phase) -> f64 {
        let chunks = numbers.len().div_ceil(WINDOWS);
        let mut batch = write(&self.shared.batch);
        batch.clear();
        batch.extend(numbers);
        drop(batch);
        self.team.run(phase, chunks);
        self.shared.slots[..chunks].iter().map(|slot| read(slot).sum).sum()
    }
}

/// A panic on another thread ends the fit by itself; a lock that it poisoned says nothing new.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
