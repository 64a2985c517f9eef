use std::sync::{Mutex, MutexGuard};

/// Locks a mutex. After a panic under the lock its plain data are still valid.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
