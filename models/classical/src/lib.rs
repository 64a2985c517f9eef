//! The classical forecasters: exponential smoothing (ETS), Theta, decomposition into seasons and trend (MSTL), seasonal ARIMA, and
//! Croston's method for demand that is mostly 0.
//!
//! Promises: one model per target, fitted on the training rows alone; parameters stay frozen and the state moves on over
//! every observed row up to the origin, so many origins cost one pass over the rows. Equal data give equal bits on any number
//! of threads and every machine: no function is used whose last bit differs between systems. Rows that were not observed
//! advance a state in time without changing its values.
//!
//! Models work in units of their own: where all training rows are above 0, original values divided by their mean, so that
//! logarithms and multiplicative parts mean something; else centred ones. So no choice of scaling changes a forecast.
//!
//! Refuses to know files and clocks. Seasons are decomposed by `stlrs`. Start reading at [`Classical`], then `target` for what
//! each kind fits, `ets`, `theta`, `arima` and `croston` for the recursions, and [`Smoother`] for forecasts.

mod arima;
mod by_arima;
mod croston;
mod ets;
mod fit;
mod kinds;
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
