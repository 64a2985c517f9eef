//! Recurrent nets in pure Rust: a GRU and an LSTM with backpropagation through time, Adam and early stopping, on the CPU.
//!
//! Promises: equal seeds give equal bits, whatever the instructions of the CPU, the number of threads, and however often the
//! fit was stopped and resumed. Tensors have the layout and the names of PyTorch's `nn.GRU` and `nn.LSTM`.
//!
//! Refuses to know files, clocks, and what the columns mean. Start reading at [`Recurrent`], whose `run` leads through a fit
//! from the first parameters to the artifact, and at [`Net`], which forecasts from one. How the bits are kept equal is
//! explained in `kernel` (instructions and the order of sums), `trainer` (threads) and `state` (stops).

#![expect(
    clippy::inline_always,
    reason = "only what is inlined is compiled for a path's instructions"
)]

mod adam;
mod backward;
mod cell;
mod chunk;
mod dropout;
pub mod engine;
mod fit;
mod forward;
mod gradient;
mod kernel;
mod layer;
mod lesson;
mod net;
mod random;
mod run;
mod samples;
mod shape;
mod state;
mod team;
mod trainer;
mod weights;

pub use fit::{MEMORY_BOUND, Recurrent};
pub use net::Net;
pub use shape::Cell;
