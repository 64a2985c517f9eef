//! Deliveries that a queue may make by its contract but seldom does, for tests of the systems behind it.

use std::sync::Mutex;

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// How many candidates are shuffled.
const SHUFFLED: usize = 4096;

/// What to inject into receives. Given when the queues are made; nothing on the wire reaches it.
#[derive(Debug)]
pub struct Faults {
    /// How often each message is delivered; every delivery can be deleted apart, as copies of a message are on a
    /// service that lost track of a deletion. 1 is the calm case.
    pub duplicate: u32,
    /// Shuffles what is delivered next; none is the calm case.
    pub reorder: Option<Reorder>,
}

/// A seeded order.
#[derive(Debug)]
pub struct Reorder(Mutex<ChaCha8Rng>);

impl Faults {
    /// Injects nothing.
    #[must_use]
    pub fn none() -> Self {
        Self {
            duplicate: 1,
            reorder: None,
        }
    }

    /// Gives how many candidates to look at for `wanted` deliveries: many, where their order is shuffled.
    pub(crate) fn window(&self, wanted: usize) -> usize {
        if self.reorder.is_some() { SHUFFLED } else { wanted }
    }

    pub(crate) fn shuffle<T>(&self, candidates: &mut [T]) {
        let Some(Reorder(rng)) = &self.reorder else { return };
        let mut rng = rng.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for last in (1..candidates.len()).rev() {
            // The bias of a remainder is far below what a shuffle of messages could show.
            let other = rng.next_u64() % (last as u64 + 1);
            candidates.swap(last, usize::try_from(other).expect("at most `last`"));
        }
    }
}

impl Reorder {
    /// Makes the order of a seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Mutex::new(ChaCha8Rng::seed_from_u64(seed)))
    }
}
