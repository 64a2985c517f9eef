//! Computations beside the async runtime: a stage that computes must not delay the renewal of its own lease.

/// Runs a computation on a blocking thread and waits for it.
///
/// # Panics
/// When the computation panics.
pub async fn run_blocking<T, F>(compute: F) -> T
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let span = tracing::Span::current();
    match tokio::task::spawn_blocking(move || span.in_scope(compute)).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
