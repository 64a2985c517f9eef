//! What `preprocess` takes from its host.

use platform::Host;

/// What an upload may hold at most, checked before anything is allocated for it. Its size in bytes is a limit that the
/// host states itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes of one line of a CSV file.
    pub line: usize,
    /// Columns.
    pub columns: usize,
    /// Values on the regular grid, rows times columns.
    pub values: usize,
}

/// Bytes that one value needs at the worst moment: as text, as number, on the grid and in the written part.
const BYTES_OF_A_VALUE: u64 = 64;

impl Limits {
    /// Takes the limits from the host's memory.
    #[must_use]
    pub fn of(host: &Host) -> Self {
        let values = usize::try_from(host.memory / BYTES_OF_A_VALUE).unwrap_or(usize::MAX);
        Self {
            line: 1024 * 1024,
            columns: 2_000,
            values,
        }
    }

    /// Gives the most rows of a grid with so many columns.
    #[must_use]
    pub fn rows(&self, columns: usize) -> usize {
        self.values / columns.max(1)
    }
}
