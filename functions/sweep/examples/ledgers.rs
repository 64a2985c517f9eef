//! What a sweep over many ledgers costs: `ledgers [COUNT]`, 100,000 unless given.
//!
//! All jobs have ended; one in a hundred of their ledgers was written ten minutes ago. The store is in memory, so the
//! seconds are those of the sweep itself, and its requests are counted.

#![expect(clippy::print_stdout, reason = "it prints a measurement")]

use std::{collections::BTreeMap, time::Duration};

use contract::{FailedStage, Stage, identity::receive_job, keys};
use platform::{
    Clock as _, Store as _,
    aws::SystemClock,
    ledger::{Completion, Ledger, Nonce, State},
};
use sweep::{Asked, sweep};
use testing::{
    memory::{Faults, World},
    stage::platform,
};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let count: usize = std::env::args().nth(1).map_or(Ok(100_000), |count| count.parse())?;
    let world = World::new();
    for number in 0..count {
        if number == count - count / 100 {
            world.clock.advance(Duration::from_hours(1));
        }
        let ledger = ended(number);
        world
            .store
            .put(&keys::ledger(ledger.job), ledger.to_json().into())
            .await?;
    }
    world.clock.advance(Duration::from_mins(10));
    let clock = SystemClock::new();
    for deep in [false, true] {
        let faults = Faults::new(None);
        let counted = platform(&world).on(faults.store(world.store.clone()), faults.queue(world.queue.clone()));
        let began = clock.monotonic();
        let swept = sweep(&Asked { deep }, &counted).await?;
        let seconds = clock.monotonic().saturating_sub(began).as_secs_f64();
        let mut requests: BTreeMap<String, usize> = BTreeMap::new();
        for operation in faults.operations() {
            let kind = operation.split(' ').next().unwrap_or_default().to_owned();
            *requests.entry(kind).or_default() += 1;
        }
        println!("deep {deep}: {seconds:.2} s, requests {requests:?}, {swept:?}");
    }
    Ok(())
}

/// Returns the ledger of a job that has ended and sent what came next.
fn ended(number: usize) -> Ledger {
    let job = receive_job("flits", &number.to_string(), "1", b"");
    Ledger {
        version: 1,
        job,
        work: job,
        stage: FailedStage::Stage(Stage::Infer),
        state: State::Committed,
        token: 1,
        nonce: Nonce::fresh(),
        owner: "host/a".to_owned(),
        lease_s: 120,
        attempt: 0,
        hop: 0,
        progress: None,
        waiting_since: None,
        checkpoint: None,
        result: Some(Completion { adopted: false, at: 0 }),
        failure: None,
        next: None,
        sent: true,
        trigger: None,
        started: 0,
        seconds: 1.0,
    }
}
