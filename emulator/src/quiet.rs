//! Panics of the database when a file is damaged. They become errors, so the panic hook of the process does not print
//! them as well.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs a closure and catches its panic without printing it.
///
/// # Errors
/// The payload of the panic.
pub(crate) fn catch<T>(run: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let hook = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                hook(info);
            }
        }));
    });
    let before = QUIET.replace(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(run));
    QUIET.set(before);
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_handed_over_and_the_next_one_is_heard_again() {
        assert_eq!(catch(|| 1).unwrap(), 1);
        let panic = catch(|| panic!("damaged")).unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"damaged"));
        assert!(!QUIET.get());
    }
}
