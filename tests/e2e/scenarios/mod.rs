//! One suite of scenarios on every host: what a person does, and what goes wrong meanwhile. Each scenario ends with the
//! objects that a calm walk leaves in memory, to the last byte.
//!
//! | Row | Bucket and queues | Functions |
//! | --- | --- | --- |
//! | [`memory`] | in memory | in this process |
//! | [`processes`] | the embedded servers | processes of their own, through `flits pump --isolated` |
//! | `elsewhere` | servers that the environment names, with their own notifications | the same processes |
//!
//! A scenario is a function over [`Hosts`](host::Hosts). Start with [`people`], then [`faults`].

mod calm;
#[cfg(feature = "endpoints")]
mod elsewhere;
mod faults;
mod host;
mod memory;
mod people;
mod processes;

use std::time::Instant;

use futures_util::{StreamExt as _, future::LocalBoxFuture, stream};

use self::{host::Hosts, memory::InMemory, processes::Embedded};
use crate::house::{KEY, SPEC, csv};

/// Runs all scenarios, so many at once.
#[expect(clippy::print_stdout, reason = "the recipe counts which ones ran")]
async fn suite(hosts: &dyn Hosts, at_once: usize) {
    let scenarios: [(&str, LocalBoxFuture<'_, ()>); 8] = [
        ("an upload becomes a forecast", Box::pin(people::one_upload(hosts))),
        ("the same upload again", Box::pin(people::same_upload(hosts))),
        ("rollback and unpin", Box::pin(people::rollback(hosts))),
        (
            "ten duplicates of each message, shuffled",
            Box::pin(faults::duplicates(hosts)),
        ),
        ("poison in a batch of ten", Box::pin(faults::poison(hosts))),
        ("a kill in the middle", Box::pin(faults::kill(hosts))),
        ("training over three hops", Box::pin(faults::hops(hosts))),
        ("a lost notification", Box::pin(faults::lost(hosts))),
    ];
    stream::iter(scenarios)
        .for_each_concurrent(at_once, async |(name, scenario)| {
            let began = Instant::now();
            scenario.await;
            let seconds = began.elapsed().as_secs_f64();
            println!("scenario: {name}: equal digests after {seconds:.1} s");
        })
        .await;
}

#[tokio::test]
async fn every_scenario_ends_like_a_calm_walk_in_memory() {
    suite(&InMemory, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_scenario_ends_like_a_calm_walk_in_processes() {
    match Embedded::find() {
        Some(hosts) => suite(&hosts, usize::MAX).await,
        None => println!("SKIPPED: the binaries are not built; `cargo build --workspace --bins` builds them"),
    }
}

/// One byte more in one object, which no scenario may overlook.
#[tokio::test]
#[should_panic(expected = "other objects than in memory: [\n    \"raw/cell/load.csv\",\n]")]
async fn another_byte_is_found() {
    let host = InMemory.fresh().await;
    host::upload(&*host, SPEC).await;
    host::work(&*host).await;
    host.put(KEY, (csv(72) + "\n").into()).await;
    host::assert_left(&*host, &calm::calm(SPEC).await).await;
}

#[cfg(feature = "endpoints")]
#[tokio::test(flavor = "multi_thread")]
async fn every_scenario_ends_like_a_calm_walk_on_servers_elsewhere() {
    suite(&elsewhere::Elsewhere, 1).await;
}
