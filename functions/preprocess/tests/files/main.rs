//! Files as people upload them, each with what is right for it.

mod cases;
mod generated;

use contract::{
    Spec,
    spec::{Layer, parse_set, resolve},
};
use preprocess::{Limits, Recipe};

fn spec(pairs: &[&str]) -> Spec {
    let pairs = pairs.iter().map(|pair| parse_set(pair).expect("a pair of the test"));
    resolve(&[Layer::set(pairs)]).expect("a spec of the test")
}

fn recipe(spec: &Spec) -> Recipe<'_> {
    Recipe {
        data: &spec.data,
        calendar: spec.clean.calendar,
        limits: Limits::of(&testing::host()),
        threads: 2,
    }
}
