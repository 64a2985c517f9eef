//! Walks in memory that nothing happens to: what every host must leave.

use super::{
    host::{Host, Hosts as _, Left, left, upload, work},
    memory::InMemory,
};

/// Returns what the usual upload under a spec leaves.
pub(crate) async fn calm(spec: &str) -> Left {
    walked(async |host| upload(host, spec).await).await
}

/// Returns what is left of what somebody puts into the bucket.
pub(crate) async fn walked(puts: impl AsyncFnOnce(&dyn Host)) -> Left {
    let host = InMemory.fresh().await;
    puts(&*host).await;
    work(&*host).await;
    left(&*host).await
}
