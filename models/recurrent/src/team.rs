//! Threads that live as long as a fit and share out its tasks, phase by phase.

use std::{
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

/// A phase's work on one of its tasks.
type Work<'a, P> = &'a (dyn Fn(P, usize) + Sync);

/// Some threads, the calling one among them.
pub(crate) struct Team<'a, P> {
    work: Work<'a, P>,
    next: &'a AtomicUsize,
    others: Vec<Other<P>>,
}

/// Another thread: where it takes orders, a phase and its number of tasks, and where it says that it found no more task.
type Other<P> = (Sender<(P, usize)>, Receiver<()>);

impl<P: Copy + Send> Team<'_, P> {
    /// Gathers a team of `threads` for as long as `lead` runs.
    pub(crate) fn gather<R>(threads: usize, work: Work<'_, P>, lead: impl FnOnce(&mut Team<'_, P>) -> R) -> R {
        let next = AtomicUsize::new(0);
        thread::scope(|scope| {
            let others = (1..threads).map(|_| {
                let (order, orders) = channel::<(P, usize)>();
                let (done, dones) = channel();
                let next = &next;
                scope.spawn(move || {
                    for (phase, tasks) in orders {
                        share(work, next, phase, tasks);
                        if done.send(()).is_err() {
                            return;
                        }
                    }
                });
                (order, dones)
            });
            let others = others.collect();
            lead(&mut Team {
                work,
                next: &next,
                others,
            })
        })
    }

    /// Does all tasks of a phase and returns when the last is done.
    ///
    /// # Panics
    /// When a task panics on another thread.
    pub(crate) fn run(&mut self, phase: P, tasks: usize) {
        self.next.store(0, Ordering::Relaxed);
        // Sending an order also makes the reset visible to the thread that takes it.
        for (order, _) in self.others.iter().take(tasks.saturating_sub(1)) {
            order
                .send((phase, tasks))
                .expect("a thread of the team ends only by a panic");
        }
        share(self.work, self.next, phase, tasks);
        for (_, done) in self.others.iter().take(tasks.saturating_sub(1)) {
            done.recv().expect("a thread of the team ends only by a panic");
        }
    }
}

fn share<P: Copy>(work: Work<'_, P>, next: &AtomicUsize, phase: P, tasks: usize) {
    loop {
        let task = next.fetch_add(1, Ordering::Relaxed);
        if task >= tasks {
            return;
        }
        work(phase, task);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

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
