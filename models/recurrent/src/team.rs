//! Threads that live as long as a fit and divide its tasks among themselves, phase by phase.
//!
//! A phase of a small net is over in a fraction of a millisecond, so a thread that has nothing to do first spins until its next
//! order, then yields to other threads, and sleeps only when that takes long.
//!
//! Each thread begins with tasks of its own, the same in every phase with as many tasks, because their data are still in its
//! core's cache. Then it takes tasks of the others.

use std::{
    hint::spin_loop,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, Thread},
};

/// How often a thread checks for an order before it yields: some tens of microseconds.
const LOOKS: usize = 1000;

/// How often it yields before it sleeps: about a millisecond where no other thread is waiting.
const YIELDS: usize = 2000;

/// Does one task of a phase.
type Work<'a, P> = &'a (dyn Fn(P, usize) + Sync);

/// A team of threads, led by the calling one.
pub(crate) struct Team<'a, P> {
    work: Work<'a, P>,
    board: &'a Board<P>,
    others: Vec<Thread>,
}

/// A counter in cache lines of its own.
#[repr(align(128))]
#[derive(Default)]
struct Taken(AtomicUsize);

/// Where the lead writes orders and the others report that they are done.
struct Board<P> {
    /// Grows with every order.
    number: AtomicUsize,
    /// The phase and its number of tasks; `None` ends the team.
    order: Mutex<Option<(P, usize)>>,
    /// How many of each thread's own tasks are taken; task `t` belongs to thread `t mod threads`.
    taken: Vec<Taken>,
    /// How many of the others are still working.
    busy: AtomicUsize,
    broken: AtomicBool,
    lead: Thread,
}

impl<P: Copy + Send> Team<'_, P> {
    /// Gathers a team of `threads` for as long as `lead` runs.
    pub(crate) fn gather<R>(threads: usize, work: Work<'_, P>, lead: impl FnOnce(&mut Team<'_, P>) -> R) -> R {
        let board = &Board {
            number: AtomicUsize::new(0),
            order: Mutex::new(None),
            taken: (0..threads.max(1)).map(|_| Taken::default()).collect(),
            busy: AtomicUsize::new(0),
            broken: AtomicBool::new(false),
            lead: thread::current(),
        };
        thread::scope(|scope| {
            let others = (1..threads).map(|own| scope.spawn(move || board.serve(work, own)).thread().clone());
            lead(&mut Team {
                work,
                board,
                others: others.collect(),
            })
        })
    }

    /// Does all tasks of a phase and returns when the last is done.
    ///
    /// # Panics
    /// When a task panics on another thread.
    pub(crate) fn run(&mut self, phase: P, tasks: usize) {
        for taken in &self.board.taken {
            taken.0.store(0, Ordering::Relaxed);
        }
        self.board.busy.store(self.others.len(), Ordering::Relaxed);
        self.board.write(Some((phase, tasks)), &self.others);
        self.board.share(self.work, 0, phase, tasks);
        wait(|| self.board.busy.load(Ordering::Acquire) == 0);
        assert!(
            !self.board.broken.load(Ordering::Relaxed),
            "a thread of the team ends only by a panic"
        );
    }
}

impl<P> Drop for Team<'_, P> {
    fn drop(&mut self) {
        self.board.write(None, &self.others);
    }
}

impl<P> Board<P> {
    fn write(&self, order: Option<(P, usize)>, others: &[Thread]) {
        *lock(&self.order) = order;
        // Makes the counters' reset visible to each thread that sees the number.
        self.number.fetch_add(1, Ordering::Release);
        for other in others {
            other.unpark();
        }
    }
}

impl<P: Copy> Board<P> {
    fn serve(&self, work: Work<'_, P>, own: usize) {
        let mut seen = 0;
        loop {
            wait(|| self.number.load(Ordering::Acquire) != seen);
            seen = self.number.load(Ordering::Acquire);
            let order = *lock(&self.order);
            let Some((phase, tasks)) = order else {
                return;
            };
            let _done = Done(self);
            self.share(work, own, phase, tasks);
        }
    }

    fn share(&self, work: Work<'_, P>, own: usize, phase: P, tasks: usize) {
        let threads = self.taken.len();
        for owner in (own..threads).chain(0..own) {
            loop {
                let task = owner + threads * self.taken[owner].0.fetch_add(1, Ordering::Relaxed);
                if task >= tasks {
                    break;
                }
                work(phase, task);
            }
        }
    }
}

/// Reports to the lead when dropped, also where the thread panics.
struct Done<'a, P>(&'a Board<P>);

impl<P> Drop for Done<'_, P> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.broken.store(true, Ordering::Relaxed);
        }
        if self.0.busy.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.lead.unpark();
        }
    }
}

fn wait(over: impl Fn() -> bool) {
    for _ in 0..LOOKS {
        if over() {
            return;
        }
        spin_loop();
    }
    for _ in 0..YIELDS {
        if over() {
            return;
        }
        thread::yield_now();
    }
    while !over() {
        thread::park();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_is_done_once_whatever_the_number_of_threads() {
        for (threads, tasks) in [(1, 5), (2, 0), (2, 1), (3, 40), (8, 3)] {
            let seen = Mutex::new(Vec::new());
            let work = |phase: u8, task: usize| seen.lock().unwrap().push((phase, task));
            Team::gather(threads, &work, |team| {
                team.run(7, tasks);
                team.run(8, tasks);
            });
            let mut seen = seen.into_inner().unwrap();
            seen.sort_unstable();
            let expected: Vec<_> = [7, 8]
                .into_iter()
                .flat_map(|p| (0..tasks).map(move |t| (p, t)))
                .collect();
            assert_eq!(seen, expected, "{threads} threads");
        }
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_panic_on_any_thread_ends_the_fit_instead_of_hanging_it() {
        let hits = AtomicUsize::new(0);
        let work = |(): (), _: usize| {
            // The calling thread must not be the one that panics: it waits until another has.
            if thread::current().name().is_none() {
                hits.fetch_add(1, Ordering::SeqCst);
                panic!("on purpose");
            }
            while hits.load(Ordering::SeqCst) == 0 {
                thread::yield_now();
            }
        };
        Team::gather(2, &work, |team| {
            let lead = std::panic::AssertUnwindSafe(|| team.run((), 2));
            assert!(std::panic::catch_unwind(lead).is_err(), "the lead hears of it");
        });
    }
}
