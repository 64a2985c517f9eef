//! Independent pieces of work on several threads.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Does `count` pieces of work and returns their results in order, which do not depend on the number of threads.
pub(crate) fn map<R: Send>(threads: usize, count: usize, work: impl Fn(usize) -> R + Sync) -> Vec<R> {
    map_with(threads, count, || (), |(), piece| work(piece))
}

/// Does the same with a buffer for each thread. The result of a piece must not depend on the previous content of the buffer.
pub(crate) fn map_with<S, R: Send>(
    threads: usize,
    count: usize,
    buffer: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> R + Sync,
) -> Vec<R> {
    let threads = threads.clamp(1, count.max(1));
    let next = AtomicUsize::new(0);
    let take = || {
        let (mut own, mut done) = (buffer(), Vec::new());
        loop {
            let piece = next.fetch_add(1, Ordering::Relaxed);
            if piece >= count {
                return done;
            }
            done.push((piece, work(&mut own, piece)));
        }
    };
    let mut done = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(take)).collect();
        let mut done = take();
        for other in others {
            match other.join() {
                Ok(theirs) => done.extend(theirs),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_by_key(|&(piece, _)| piece);
    done.into_iter().map(|(_, left)| left).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn results_come_in_order_whatever_the_threads() {
        for threads in [0, 1, 2, 7, 100] {
            let squares = super::map(threads, 20, |piece| piece * piece);
            assert_eq!(squares, (0..20).map(|i| i * i).collect::<Vec<_>>(), "{threads} threads");
        }
        assert!(super::map(3, 0, |piece| piece).is_empty());
    }
}
