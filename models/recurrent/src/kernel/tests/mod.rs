//! What the paths must agree on.

mod halves;
mod products;

use super::{Path, paths};

#[test]
fn the_fastest_path_is_one_that_the_cpu_has() {
    assert_eq!(paths()[0], Path::fastest());
}
