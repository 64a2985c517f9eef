//! Files as people upload them, each with what is right for it.

mod cases;
mod generated;

use contract::{
    Spec,
    spec::{Layer, parse_set, resolve},
};

fn spec(pairs: &[&str]) -> Spec {
    let pairs = pairs.iter().map(|pair| parse_set(pair).expect("a pair of the test"));
    resolve(&[Layer::set(pairs)]).expect("a spec of the test")
}
