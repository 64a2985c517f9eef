//! What `train` takes from its host.

use platform::Host;

/// The limits of this stage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Config {
    /// The largest clean part that is read, in bytes.
    pub clean_bytes: u64,
    /// Threads that a fit may use; never changes a result.
    pub threads: usize,
}

impl Config {
    /// Takes the limits from the host: a packed part grows several times when it is unpacked.
    #[must_use]
    pub fn of(host: &Host) -> Self {
        Self {
            clean_bytes: host.memory / 4,
            threads: host.threads.max(1),
        }
    }
}
