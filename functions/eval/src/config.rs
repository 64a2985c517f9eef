//! What `eval` takes from its host.

use platform::Host;

/// The limits of this stage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Config {
    /// The largest clean part that is read, in bytes.
    pub clean_bytes: u64,
    /// The largest artifact that is read, in bytes.
    pub artifact_bytes: u64,
    /// Threads that forecasts may use; never changes a result.
    pub threads: usize,
}

impl Config {
    /// Takes the limits from the host: what is read grows several times when it is unpacked.
    #[must_use]
    pub fn of(host: &Host) -> Self {
        Self {
            clean_bytes: host.memory / 4,
            artifact_bytes: host.memory / 4,
            threads: host.threads.max(1),
        }
    }
}
