//! Numbers beside the runtime: a stage that computes must not starve the renewal of its own lease.

/// Runs a computation on a thread where it may block, and waits for it. A panic goes on in the caller.
///
/// # Panics
/// When the computation does.
pub async fn apart<T, F>(compute: F) -> T
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
