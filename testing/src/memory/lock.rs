use std::sync::{Mutex, MutexGuard};

/// Locks a mutex. A panic elsewhere while it was held leaves plain data that is still whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
