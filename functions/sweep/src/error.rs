use platform::{StoreError, driver::tend::TendError};

/// Why a sweep stopped before its end.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The event asks for something unknown.
    #[error("event asks for the sweep {have}, `deep` is the only one that can be asked for")]
    Event {
        /// The value of `sweep` in the event, as JSON.
        have: String,
    },
    /// The store did not answer.
    #[error("cannot list or read what may be left over")]
    Store(#[from] StoreError),
    /// The store or the queue did not answer while something was sent on.
    #[error("cannot send on what is left over")]
    Send(#[from] TendError),
}
