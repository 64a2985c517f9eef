//! Faults on purpose: deliveries that the contract of a queue allows but that seldom happen, for tests of what receives
//! them.

use std::sync::Mutex;

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// The most messages that are shuffled at once.
const SHUFFLED: usize = 4096;

/// What goes wrong in receives. It is set when the emulator starts; no request can change it.
#[derive(Debug)]
pub struct Faults {
    /// How often each message is delivered, at least 1. Each copy is deleted by itself, like the copies that a service
    /// delivers when it lost track of a deletion. 1 injects nothing.
    pub duplicate: u32,
    /// Shuffles what is delivered next; `None` keeps the order of sending.
    pub reorder: Option<Reorder>,
}

/// A random order that its seed decides.
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

    /// Returns how many messages to look at for `wanted` deliveries: many where the order is shuffled.
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
    /// Makes the order that belongs to a seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Mutex::new(ChaCha8Rng::seed_from_u64(seed)))
    }
}
