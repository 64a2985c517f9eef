//! What a recurrent net promises to its callers: gradients, agreement with PyTorch, bits, stops, skill and refusals.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::cast_precision_loss, reason = "the counts of tests are small")]

mod bits;
mod data;
mod forecasts;
mod gradients;
mod learning;
mod parity;
mod reference;
mod settings;
