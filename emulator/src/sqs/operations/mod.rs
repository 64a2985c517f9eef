//! The operations, from a request to an answer.

mod messages;
mod queues;
mod rules;
