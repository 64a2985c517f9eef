//! What goes wrong: on the way of a message, in a message, and under a function.

use contract::{FailedStage, Stage, keys};
use platform::{bucket, ledger::State};
use sweep::{Asked, sweep};
use testing::memory::Faults;

use super::{
    calm::{calm, walked},
    host::{
        Host, Hosts, Pace, assert_left, fit, is_idle, ledgers, long_spec, put_raw, take_all, until, upload, work,
        work_on,
    },
};
use crate::house::{SPEC, csv};

const COPIES: usize = 10;
const HOPS: u32 = 3;
/// A body that is neither a message nor a notification.
const POISON: &str = r#"{"Records":[{"eventName":"ObjectCreated:Put","s3":7}]}"#;
/// Quick, because there are nine of them.
const NEIGHBOUR: &str = "[window]\ncontext = 4\n[[models]]\nkind = \"naive\"\n";

/// Every message is there ten times, in another order.
pub(super) async fn duplicates(hosts: &dyn Hosts) {
    let host = hosts.fresh().await;
    upload(&*host, SPEC).await;
    let tenfold = Faults::duplicating(COPIES, 7).queue(host.platform().queue.clone());
    while let Some(stage) = first_waiting(&*host).await {
        let bodies = take_all(&*host, stage).await;
        tenfold.send(stage, &bodies).await.unwrap();
        work_on(&*host, &[stage], Pace::Calm).await;
    }
    let committed = ledgers(&*host).await;
    assert!(
        committed.iter().all(|ledger| ledger.state == State::Committed),
        "{committed:#?}"
    );
    assert_left(&*host, &calm(SPEC).await).await;
}

async fn first_waiting(host: &dyn Host) -> Option<Stage> {
    for stage in Stage::ALL {
        if host.waiting(stage).await > 0 {
            return Some(stage);
        }
    }
    None
}

/// One of ten messages is poison: its nine neighbours end, and it fails once.
pub(super) async fn poison(hosts: &dyn Hosts) {
    let host = hosts.fresh().await;
    upload_neighbours(&*host).await;
    let outbox = &host.platform().outbox;
    outbox.send(Stage::Preprocess, &[POISON.to_owned()]).await.unwrap();
    work(&*host).await;
    let store = host.platform().store.as_ref();
    assert_eq!(bucket::list(store, "failed/").await.unwrap().len(), 1);
    let ledgers = ledgers(&*host).await;
    let refused = ledgers.iter().filter(|ledger| ledger.stage == FailedStage::Receive);
    let refused: Vec<_> = refused.map(|ledger| (ledger.state, ledger.token)).collect();
    assert_eq!(refused, [(State::Failed, 1)], "it is looked at once");
    assert_left(&*host, &walked(upload_neighbours).await).await;
}

async fn upload_neighbours(host: &dyn Host) {
    let names: Vec<String> = (1..COPIES).map(|number| format!("neighbour-{number}")).collect();
    for name in &names {
        host.put(&keys::spec(&name.parse().unwrap()), NEIGHBOUR.into()).await;
    }
    let keys: Vec<String> = names.iter().map(|name| format!("raw/{name}/load.csv")).collect();
    put_raw(host, &keys, &csv(72)).await;
}

/// A function is killed in the middle of a fit, and another one takes the fit over.
pub(super) async fn kill(hosts: &dyn Hosts) {
    for epochs in hosts.epochs() {
        // It need not be as long as one that is to hop.
        let (host, spec) = (hosts.fresh().await, long_spec(epochs / 4));
        upload(&*host, &spec).await;
        let mut running = host.start(&Stage::ALL, Pace::Calm).await;
        let fits = async || fit(&*host).await.is_some_and(|ledger| ledger.state == State::Running);
        let ends = async || is_idle(&*host, &Stage::ALL).await;
        until(&*host, "a fit begins", async || fits().await || ends().await).await;
        running.kill().await;
        until(&*host, "the queues are empty", ends).await;
        running.stop().await;
        if fit(&*host).await.unwrap().token > 1 {
            return assert_left(&*host, &calm(&spec).await).await;
        }
    }
    panic!("every fit ends before it is killed");
}

/// Invocations are so short that a fit ends in its fourth. It makes the model of a fit that was never stopped.
pub(super) async fn hops(hosts: &dyn Hosts) {
    for epochs in hosts.epochs() {
        let (host, spec) = (hosts.fresh().await, long_spec(*epochs));
        upload(&*host, &spec).await;
        work_on(&*host, &[Stage::Preprocess, Stage::Sample], Pace::Calm).await;
        work_on(&*host, &[Stage::Train], Pace::Hurried).await;
        work(&*host).await;
        if fit(&*host).await.unwrap().hop >= HOPS {
            return assert_left(&*host, &calm(&spec).await).await;
        }
    }
    panic!("every fit ends before its third hop");
}

/// The notification of an upload is lost. A sweep finds the upload.
pub(super) async fn lost(hosts: &dyn Hosts) {
    let host = hosts.fresh().await;
    upload(&*host, SPEC).await;
    take_all(&*host, Stage::Preprocess).await;
    let swept = sweep(&Asked { deep: true }, host.platform()).await.unwrap();
    assert_eq!((swept.uploads, swept.resent, swept.taken_over), (1, 0, 0), "{swept:?}");
    work(&*host).await;
    assert_left(&*host, &calm(SPEC).await).await;
}
