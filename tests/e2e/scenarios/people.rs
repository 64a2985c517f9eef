//! What a person does.

use contract::{Digest, FailedStage, Message, PartId, Stage, Task};
use eval::rollback::{forecast, pin, unpin};
use platform::{bucket, ledger::Ledger};

use super::{
    calm::calm,
    host::{Host, Hosts, Left, assert_left, cell, ledgers, left, put_raw, upload, work},
    memory::InMemory,
};
use crate::house::{KEY, SPEC, csv};

/// An upload becomes a forecast.
pub(super) async fn one_upload(hosts: &dyn Hosts) {
    let host = hosts.fresh().await;
    upload(&*host, SPEC).await;
    work(&*host).await;
    assert_left(&*host, &calm(SPEC).await).await;
}

/// A new event of known bytes: nothing is trained again, and the forecast, which somebody has deleted, is there again.
pub(super) async fn same_upload(hosts: &dyn Hosts) {
    let host = hosts.fresh().await;
    upload(&*host, SPEC).await;
    work(&*host).await;
    let trained = fits(&*host).await;
    let store = host.platform().store.as_ref();
    let latest = bucket::latest(store, &cell()).await.unwrap().unwrap();
    store.delete(&latest.key).await.unwrap();
    upload(&*host, SPEC).await;
    work(&*host).await;
    assert_eq!(fits(&*host).await, trained, "nothing is trained again");
    assert_left(&*host, &calm(SPEC).await).await;
}

/// Returns the ledgers of all fits.
async fn fits(host: &dyn Host) -> Vec<Ledger> {
    let mut ledgers = ledgers(host).await;
    ledgers.retain(|ledger| ledger.stage == FailedStage::Stage(Stage::Train));
    ledgers
}

/// An earlier champion forecasts again. It reigns over the next upload, and no longer when it is unpinned.
pub(super) async fn rollback(hosts: &dyn Hosts) {
    let host = hosts.fresh().await;
    rolled_back(&*host).await;
    let calm = InMemory.fresh().await;
    assert_left(&*host, &rolled_back(&*calm).await).await;
}

async fn rolled_back(host: &dyn Host) -> Left {
    let (store, part) = (host.platform().store.as_ref(), PartId::WHOLE);
    upload(host, SPEC).await;
    work(host).await;
    let pinned = pin(store, &cell(), part, None).await.unwrap();
    let (task, spec) = forecast(store, &cell(), part, &pinned).await.unwrap();
    let message = Message::new(Task::Infer(task), &spec, "rollback");
    let outbox = &host.platform().outbox;
    outbox.send(Stage::Infer, &[message.to_json()]).await.unwrap();
    work(host).await;
    let latest = bucket::latest(store, &cell()).await.unwrap().unwrap();
    assert_eq!(latest.generation, pinned.generation, "the pinned champion forecasts");

    put_raw(host, &[KEY.to_owned()], &csv(90)).await;
    work(host).await;
    assert_eq!(reigning(host).await, pinned.artifact, "a round does not replace it");
    unpin(store, &cell(), part).await.unwrap();
    put_raw(host, &[KEY.to_owned()], &csv(100)).await;
    work(host).await;
    assert_ne!(reigning(host).await, pinned.artifact, "now one does");
    left(host).await
}

async fn reigning(host: &dyn Host) -> Digest {
    let store = host.platform().store.as_ref();
    bucket::champion(store, &cell()).await.unwrap().unwrap().artifact
}
