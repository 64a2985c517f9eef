//! The arithmetic of nets: the widest instructions of the CPU behind a few types, with the same bits on every choice.
//!
//! A [`Kernel`] is one piece of arithmetic, written once and always inlined. [`Path::run`] compiles it for AVX-512, for AVX2
//! with FMA, and for whatever the target guarantees. A kernel vectorises over its outputs and never across an accumulation,
//! and fuses multiplication and addition, which is correctly rounded everywhere, so the paths differ in speed only.
//!
//! Products of bf16 have the bits of the tile instructions, see [`pairs::multiply`]. CPUs that only have products of pairs
//! reach the same bits with these, and all others step by step, which is slow.
//!
//! Each file reads only from those before it: the data as products read it (`panel`), what a set of instructions must be able
//! to do (`lanes`), what is built on that alone (`twice`, `elements`, `math`, `halves`, `tile`, `product`), the tile
//! instructions (`amx`) and the products of bf16 (`pairs`), the other sets of instructions (`portable`, `avx2`, `avx512`), the
//! choice among them (`path`), the values of a net (`activation`, `block`), and one interface to the products of either
//! precision (`factors`).
#![expect(
    unsafe_code,
    reason = "vector instructions exist only on CPUs that were seen to have them"
)]

mod activation;
#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod block;
mod elements;
mod factors;
mod halves;
mod lanes;
mod math;
mod pairs;
mod panel;
mod path;
mod portable;
mod product;
mod tile;
mod twice;

pub(crate) use activation::{Activation, Panels, Passes};
pub(crate) use block::{Block, Position};
pub(crate) use elements::{Elements, Plus, each};
pub(crate) use factors::{Bf16, F32, Factors, Refresh};
pub(crate) use lanes::{Arithmetic, Kernel, Lanes};
pub(crate) use math::{sigmoids, tanh};
pub(crate) use panel::{Addend, Neighbours, PANEL, Row, zeros};
pub(crate) use path::Path;
#[cfg(test)]
pub(crate) use path::paths;

#[cfg(test)]
mod tests;
