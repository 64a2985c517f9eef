//! Serves HTTP connections: accepts them, cuts off clients that are too slow or send too much of a head, and ends when
//! told to.
//!
//! It promises that requests under way are answered before [`serve`] returns, and that a client which sends nothing costs
//! a connection and no more. It refuses to know what is served: that is a router.

mod serve;
mod timeouts;

pub use serve::{Limits, serve};
pub use timeouts::{Timeouts, TooSlow};
