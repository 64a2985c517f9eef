//! The `flits` command as a user runs it: one upload, again, changed, broken, killed, and with a model whose worker
//! dies.

#![expect(clippy::unwrap_used, reason = "a test ends where an expectation fails")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

mod again;
mod backend;
mod broken;
mod dlq;
mod doctor;
mod flits;
mod heals;
mod hostile;
mod hosts;
mod inspect;
mod isolated;
mod killed;
mod lineage;
mod link;
mod older;
mod pages;
mod predecessor;
mod rollback;
mod sweep;
