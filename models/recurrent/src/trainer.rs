//! Our own engine: the state that all threads share, and the phases in which they change it.
//!
//! Within a phase every task writes its own part and reads only what no task of the phase writes, so results do not depend
//! on which thread takes which task. No thread ever waits for a lock; the locks prove to the compiler that access is exclusive.

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
    /// The numbers of the windows of the current batch.
    batch: RwLock<Vec<usize>>,
    /// How many windows a chunk has.
    chunk: usize,
    /// How many windows a portion has.
    portion: usize,
    portions: Vec<RwLock<Portion>>,
    /// Buffers of one chunk each, as many as threads worked at the same time. A thread takes the one that was returned last, which
    /// is probably still in its core's cache.
    lessons: Mutex<Vec<Lesson>>,
    updates: Vec<Mutex<BlockState>>,
}

/// The sums over some chunks of the batch, one task for a thread.
struct Portion {
    /// The gradients by block.
    gradients: Vec<Gradient>,
    /// The gradients of one further chunk; empty where a portion has only one.
    more: Vec<Gradient>,
    /// The sum of squared errors.
    sum: f64,
    /// The sum of squared errors that forecasts of zero would have.
    sum_of_zeros: f64,
}

/// One block's gradients, its moments, and the block itself while it is updated.
struct BlockState {
    gradient: Gradient,
    sum_of_squares: f64,
    block: Block,
    moments: Moments,
}

/// What the threads do together.
#[derive(Clone, Copy)]
pub(crate) enum Phase {
    /// Each portion of the batch goes forward and back. `scale` times the squared error is the loss.
    Learn { scale: f32, dropout: Option<Dropout> },
    /// Each portion of the batch of selecting windows goes forward.
    Grade,
    /// Each block of gradients is summed over the portions.
    Sum { portions: usize },
    /// Each block is updated.
    Update(AdamStep),
}

impl<'a> Shared<'a> {
    /// Allocates the buffers for batches of up to `batch` windows.
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
        let (chunk, portion) = (weights.shape.chunk(batch), weights.shape.portion(batch));
        let gradients = || {
            weights
                .blocks
                .iter()
                .map(|block| Gradient::zero(block.position))
                .collect()
        };
        let empty = |_| {
            RwLock::new(Portion {
                gradients: gradients(),
                more: if portion > chunk { gradients() } else { Vec::new() },
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
            portion,
            portions: (0..batch.div_ceil(portion)).map(empty).collect(),
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
            Phase::Sum { portions } => {
                let portions: Vec<_> = self.portions[..portions].iter().map(read).collect();
                let update = &mut *lock(&self.updates[task]);
                let gradients = portions.iter().map(|portion| &portion.gradients[task]);
                update.sum_of_squares = update.gradient.sum(self.path, gradients);
            }
            Phase::Update(step) => self.update_block(task, step),
        }
    }

    fn learn(&self, task: usize, scale: f32, dropout: Option<Dropout>) {
        let portion = &mut *write(&self.portions[task]);
        (portion.sum, portion.sum_of_zeros) = (0.0, 0.0);
        self.each_chunk(task, self.training, |first, lesson, weights| {
            let dropout = dropout.map(|dropout| dropout.starting_at(first));
            let is_more = first > task * self.portion;
            let gradients = if is_more {
                &mut portion.more
            } else {
                &mut portion.gradients
            };
            portion.sum += lesson.learn(weights, scale, dropout, gradients);
            portion.sum_of_zeros += lesson.squared_targets();
            if is_more {
                for (sum, more) in portion.gradients.iter_mut().zip(&portion.more) {
                    sum.add(self.path, more);
                }
            }
        });
    }

    fn grade(&self, task: usize) {
        let portion = &mut *write(&self.portions[task]);
        portion.sum = 0.0;
        self.each_chunk(task, self.select, |_, lesson, weights| {
            portion.sum += lesson.grade(weights);
        });
    }

    /// Calls `work` for each chunk of a portion with the number of its first window in the batch.
    fn each_chunk(&self, task: usize, samples: &Samples<'_>, mut work: impl FnMut(usize, &mut Lesson, &Weights)) {
        let (weights, batch) = (read(&self.weights), read(&self.batch));
        let kept = lock(&self.lessons).pop();
        let mut lesson = kept.unwrap_or_else(|| Lesson::new(self.path, weights.shape, self.chunk));
        let portion = batch.chunks(self.portion).nth(task).unwrap_or_default();
        for (chunk, numbers) in portion.chunks(self.chunk).enumerate() {
            lesson.load(samples, numbers);
            work(task * self.portion + chunk * self.chunk, &mut lesson, &weights);
        }
        lock(&self.lessons).push(lesson);
    }

    fn update_block(&self, block: usize, step: AdamStep) {
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

    /// Returns the parameters.
    pub(crate) fn weights(&self) -> RwLockReadGuard<'_, Weights> {
        read(&self.weights)
    }

    /// Returns the means of gradients and of their squares, by tensor.
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
        let portions = numbers.len().div_ceil(self.shared.portion);
        self.team.run(Phase::Sum { portions }, self.shared.updates.len());
        let norm = self
            .shared
            .updates
            .iter()
            .map(|update| lock(update).sum_of_squares)
            .sum::<f64>()
            .sqrt();
        let sum_of_zeros = self.shared.portions[..portions]
            .iter()
            .map(|portion| read(portion).sum_of_zeros)
            .sum();
        Learned {
            sum,
            sum_of_zeros,
            norm,
        }
    }

    fn update(&mut self, update: &Update) {
        // Each thread changes blocks of its own, so the blocks are moved out of the weights meanwhile.
        self.shared.swap_blocks();
        self.team
            .run(Phase::Update(AdamStep::new(update)), self.shared.updates.len());
        self.shared.swap_blocks();
    }

    fn grade(&mut self) -> f64 {
        let (all, batch) = (
            self.shared.select.len(),
            self.shared.portions.len() * self.shared.portion,
        );
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
        let portions = numbers.len().div_ceil(self.shared.portion);
        let mut batch = write(&self.shared.batch);
        batch.clear();
        batch.extend(numbers);
        drop(batch);
        self.team.run(phase, portions);
        self.shared.portions[..portions]
            .iter()
            .map(|portion| read(portion).sum)
            .sum()
    }
}

/// Locks a mutex, also a poisoned one: the panic of another thread ends the fit anyway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
