//! One batch after another: the state that all threads share, and the phases in which they change it.
//!
//! Within a phase every task writes its own part and reads only what no task of the phase writes, so results do not depend
//! on which thread takes which task. The locks are never waited for; they are how the compiler knows that.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::{
    adam::{AdamStep, Moments},
    dropout::Dropout,
    engine::{Engine, Learned, Start, Update, Values},
    gradient::Gradient,
    kernel::{Block, Path, Row},
    lesson::Lesson,
    samples::Samples,
    team::Team,
    weights::{Weights, to_blocks, to_tensors},
};

/// What a fit works on, shared by its threads.
pub(crate) struct Shared<'a> {
    path: Path,
    training: &'a Samples<'a>,
    select: &'a Samples<'a>,
    weights: RwLock<Weights>,
    /// The numbers of the windows at work.
    batch: RwLock<Vec<usize>>,
    /// The windows of a chunk, and of a share.
    chunk: usize,
    share: usize,
    shares: Vec<RwLock<Share>>,
    /// Room for one chunk each, as many as threads were ever at work at once. Who lays one down takes it up again: it is
    /// still in the core's cache then.
    lessons: Mutex<Vec<Lesson>>,
    updates: Vec<Mutex<BlockState>>,
}

/// What some chunks of the batch, a thread's task, add to the sums over all.
struct Share {
    /// Block by block.
    gradients: Vec<Gradient>,
    /// Those of one chunk after the first, where a share has more.
    more: Vec<Gradient>,
    /// The sum of squared errors.
    sum: f64,
    /// The same, had nothing but zero been forecast.
    sum_of_zeros: f64,
}

/// One block's gradients, its moments, and the block itself while it takes a step.
struct BlockState {
    gradient: Gradient,
    sum_of_squares: f64,
    block: Block,
    moments: Moments,
}

/// What the threads do together.
#[derive(Clone, Copy)]
pub(crate) enum Phase {
    /// Each share of the batch goes forward and back. `scale` times the squared error is the loss.
    Learn { scale: f32, dropout: Option<Dropout> },
    /// Each share of the batch of selecting windows goes forward.
    Grade,
    /// Each block of gradients is summed over the shares.
    Sum { shares: usize },
    /// Each block takes a step.
    Step(AdamStep),
}

impl<'a> Shared<'a> {
    /// Reserves the room for batches of a size.
    pub(crate) fn new(
        path: Path,
        samples: (&'a Samples<'a>, &'a Samples<'a>),
        weights: Weights,
        [first, second]: [Vec<Vec<Row>>; 2],
        batch: usize,
    ) -> Self {
        let updates = weights.blocks.iter().zip(first.into_iter().zip(second));
        let updates = updates.map(|(block, (first, second))| {
            Mutex::new(BlockState {
                gradient: Gradient::zero(block.position),
                sum_of_squares: 0.0,
                block: Block::empty(block.position),
                moments: Moments { first, second },
            })
        });
        let (chunk, share) = (weights.shape.chunk(batch), weights.shape.share(batch));
        let gradients = || {
            weights
                .blocks
                .iter()
                .map(|block| Gradient::zero(block.position))
                .collect()
        };
        let empty = |_| {
            RwLock::new(Share {
                gradients: gradients(),
                more: if share > chunk { gradients() } else { Vec::new() },
                sum: 0.0,
                sum_of_zeros: 0.0,
            })
        };
        Self {
            path,
            training: samples.0,
            select: samples.1,
            updates: updates.collect(),
            chunk,
            share,
            shares: (0..batch.div_ceil(share)).map(empty).collect(),
            lessons: Mutex::default(),
            weights: RwLock::new(weights),
            batch: RwLock::new(Vec::with_capacity(batch)),
        }
    }

    /// Does one task of a phase.
    pub(crate) fn work(&self, phase: Phase, task: usize) {
        match phase {
            Phase::Learn { scale, dropout } => self.learn(task, scale, dropout),
            Phase::Grade => self.grade(task),
            Phase::Sum { shares } => {
                let shares: Vec<_> = self.shares[..shares].iter().map(read).collect();
                let update = &mut *lock(&self.updates[task]);
                let gradients = shares.iter().map(|share| &share.gradients[task]);
                update.sum_of_squares = update.gradient.sum(self.path, gradients);
            }
            Phase::Step(step) => self.step(task, step),
        }
    }

    fn learn(&self, task: usize, scale: f32, dropout: Option<Dropout>) {
        let share = &mut *write(&self.shares[task]);
        (share.sum, share.sum_of_zeros) = (0.0, 0.0);
        self.each_chunk(task, self.training, |first, lesson, weights| {
            let dropout = dropout.map(|dropout| dropout.starting_at(first));
            let is_more = first > task * self.share;
            let gradients = if is_more { &mut share.more } else { &mut share.gradients };
            share.sum += lesson.learn(weights, scale, dropout, gradients);
            share.sum_of_zeros += lesson.squared_targets();
            if is_more {
                for (sum, more) in share.gradients.iter_mut().zip(&share.more) {
                    sum.add(self.path, more);
                }
            }
        });
    }

    fn grade(&self, task: usize) {
        let share = &mut *write(&self.shares[task]);
        share.sum = 0.0;
        self.each_chunk(task, self.select, |_, lesson, weights| {
            share.sum += lesson.grade(weights);
        });
    }

    /// Does something with each chunk of a share, given the number of its first window in the batch.
    fn each_chunk(&self, task: usize, samples: &Samples<'_>, mut work: impl FnMut(usize, &mut Lesson, &Weights)) {
        let (weights, batch) = (read(&self.weights), read(&self.batch));
        let kept = lock(&self.lessons).pop();
        let mut lesson = kept.unwrap_or_else(|| Lesson::new(self.path, weights.shape, self.chunk));
        let share = batch.chunks(self.share).nth(task).unwrap_or_default();
        for (chunk, numbers) in share.chunks(self.chunk).enumerate() {
            lesson.load(samples, numbers);
            work(task * self.share + chunk * self.chunk, &mut lesson, &weights);
        }
        lock(&self.lessons).push(lesson);
    }

    fn step(&self, block: usize, step: AdamStep) {
        let BlockState {
            gradient,
            block,
            moments,
            ..
        } = &mut *lock(&self.updates[block]);
        step.take(self.path, &gradient.values, &mut block.values, moments);
        block.pack(self.path);
    }

    fn swap_blocks(&self) {
        for (block, update) in write(&self.weights).blocks.iter_mut().zip(&self.updates) {
            std::mem::swap(block, &mut lock(update).block);
        }
    }

    /// Gives the parameters.
    pub(crate) fn weights(&self) -> RwLockReadGuard<'_, Weights> {
        read(&self.weights)
    }

    /// Gives the means of gradients and of their squares, by tensor.
    pub(crate) fn moments(&self) -> [Vec<Vec<f32>>; 2] {
        let updates: Vec<_> = self.updates.iter().map(lock).collect();
        let tensors = |part: fn(&Moments) -> &Vec<Row>| {
            to_tensors(
                &self.weights().shape,
                updates.iter().map(|update| part(&update.moments).as_slice()),
            )
        };
        [tensors(|moments| &moments.first), tensors(|moments| &moments.second)]
    }
}

/// The thread that leads the others through a batch.
pub(crate) struct Trainer<'a, 't> {
    pub(crate) shared: &'a Shared<'a>,
    pub(crate) team: &'a mut Team<'t, Phase>,
}

impl Engine for Trainer<'_, '_> {
    fn learn(&mut self, numbers: &[usize], dropout: Option<Dropout>) -> Learned {
        let outputs = self.shared.weights().shape.outputs;
        #[expect(
            clippy::cast_precision_loss,
            reason = "a batch has fewer than 2^24 outputs, or the last bits do not matter"
        )]
        let scale = 1.0 / (numbers.len() * outputs) as f32;
        let sum = self.take(numbers.iter().copied(), Phase::Learn { scale, dropout });
        let shares = numbers.len().div_ceil(self.shared.share);
        self.team.run(Phase::Sum { shares }, self.shared.updates.len());
        let norm = self
            .shared
            .updates
            .iter()
            .map(|update| lock(update).sum_of_squares)
            .sum::<f64>()
            .sqrt();
        let sum_of_zeros = self.shared.shares[..shares]
            .iter()
            .map(|share| read(share).sum_of_zeros)
            .sum();
        Learned {
            sum,
            sum_of_zeros,
            norm,
        }
    }

    fn update(&mut self, update: &Update) {
        // Each thread changes blocks of its own, so they leave the weights for as long.
        self.shared.swap_blocks();
        self.team
            .run(Phase::Step(AdamStep::new(update)), self.shared.updates.len());
        self.shared.swap_blocks();
    }

    fn grade(&mut self) -> f64 {
        let (all, batch) = (self.shared.select.len(), self.shared.shares.len() * self.shared.share);
        (0..all)
            .step_by(batch)
            .map(|first| self.take(first..all.min(first + batch), Phase::Grade))
            .sum()
    }

    fn values(&self) -> Values {
        self.shared.weights().values()
    }

    fn moments(&self) -> [Values; 2] {
        self.shared.moments()
    }

    fn go_back(&mut self, start: Start) {
        let mut weights = write(&self.shared.weights);
        *weights = Weights::new(self.shared.path, weights.shape, &start.values);
        let [first, second] = start.moments.map(|moments| to_blocks(&weights.shape, &moments));
        for (update, (first, second)) in self.shared.updates.iter().zip(first.into_iter().zip(second)) {
            lock(update).moments = Moments { first, second };
        }
    }
}

impl Trainer<'_, '_> {
    fn take(&mut self, numbers: impl ExactSizeIterator<Item = usize>, phase: Phase) -> f64 {
        let shares = numbers.len().div_ceil(self.shared.share);
        let mut batch = write(&self.shared.batch);
        batch.clear();
        batch.extend(numbers);
        drop(batch);
        self.team.run(phase, shares);
        self.shared.shares[..shares].iter().map(|share| read(share).sum).sum()
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
