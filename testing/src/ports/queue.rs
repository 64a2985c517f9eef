use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use contract::Stage;
use platform::{Delivered, Outbox, Queue, QueueError};

use super::{Mailbox, OutboxBench, outbox_suite};

/// The environment in which a queue is checked: it makes empty queues and lets time pass.
#[async_trait]
pub trait QueueBench: Sync {
    /// Returns empty queues for all stages. A received message is hidden for one [`QueueBench::visibility`]; after 3
    /// deliveries it goes to the dead-letter queue.
    async fn fresh(&self) -> Arc<dyn Queue>;

    /// Returns the visibility timeout: a few seconds where the time really passes.
    fn visibility(&self) -> Duration;

    /// Lets time pass.
    async fn pass(&self, time: Duration);

    /// Returns whether a handle is valid until its message is received again, and void from then on. moto lets an old
    /// handle delete, and refuses to hide a message whose visibility timeout is over.
    fn voids_old_handles(&self) -> bool;
}

const HERE: Stage = Stage::Train;
const NO_WAIT: Duration = Duration::ZERO;

/// Checks that queues keep the promises of their port.
///
/// # Panics
/// When a queue breaks a promise; the panic says which.
pub async fn queue_suite(bench: &dyn QueueBench) {
    outbox_suite(&Queues(bench)).await;
    a_message_arrives_as_it_was_sent(bench).await;
    an_empty_queue_answers_at_once(bench).await;
    no_more_is_received_than_asked_for(bench).await;
    a_received_message_is_hidden_and_comes_back(bench).await;
    a_delivery_can_be_hidden_for_longer(bench).await;
    a_delivery_can_be_given_back_at_once(bench).await;
    a_delivery_counts_and_keeps_its_id(bench).await;
    a_deleted_message_never_comes_back(bench).await;
    deleting_again_is_no_error(bench).await;
    a_delivery_that_is_visible_again_can_still_be_deleted(bench).await;
    a_delivery_that_is_visible_again_can_still_be_hidden(bench).await;
    an_old_handle_deletes_nothing(bench).await;
    an_old_handle_hides_nothing(bench).await;
    a_handle_of_a_deleted_message_is_stale(bench).await;
    a_handle_that_never_was_is_no_crash(bench).await;
    a_message_received_too_often_is_put_aside(bench).await;
    what_was_put_aside_can_be_looked_at_and_put_back(bench).await;
    a_waiting_receiver_wakes_when_something_is_sent(bench).await;
}

/// The queues of a bench as outboxes.
struct Queues<'a>(&'a dyn QueueBench);

#[async_trait]
impl OutboxBench for Queues<'_> {
    async fn fresh(&self) -> Box<dyn Mailbox> {
        Box::new(QueueMailbox(self.0.fresh().await))
    }
}

struct QueueMailbox(Arc<dyn Queue>);

#[async_trait]
impl Mailbox for QueueMailbox {
    fn outbox(&self) -> Arc<dyn Outbox> {
        self.0.clone()
    }

    async fn arrived(&self, stage: Stage) -> Vec<String> {
        drain(&*self.0, stage).await
    }
}

async fn send(queue: &dyn Queue, bodies: &[&str]) {
    let bodies: Vec<String> = bodies.iter().map(|body| (*body).to_owned()).collect();
    queue.send(HERE, &bodies).await.unwrap();
}

async fn receive(queue: &dyn Queue) -> Vec<Delivered> {
    queue.receive(HERE, 10, NO_WAIT).await.unwrap()
}

/// Receives the only message in the queue.
async fn one(queue: &dyn Queue) -> Delivered {
    let mut received = receive(queue).await;
    assert_eq!(received.len(), 1, "{received:?}");
    received.remove(0)
}

/// Receives and deletes until nothing comes any more, in a bounded number of calls.
async fn drain(queue: &dyn Queue, stage: Stage) -> Vec<String> {
    let mut bodies = Vec::new();
    for _ in 0..100 {
        let received = queue.receive(stage, 10, NO_WAIT).await.unwrap();
        if received.is_empty() {
            break;
        }
        for delivered in received {
            queue.delete(stage, &delivered.handle).await.unwrap();
            bodies.push(delivered.body);
        }
    }
    bodies.sort();
    bodies
}

async fn a_message_arrives_as_it_was_sent(bench: &dyn QueueBench) {
    let queue = bench.fresh().await;
    send(&*queue, &["hello"]).await;
    let delivered = one(&*queue).await;
    assert_eq!((delivered.body.as_str(), delivered.receive_count), ("hello", 1));
    assert!(!delivered.id.is_empty() && !delivered.handle.is_empty());
}

async fn an_empty_queue_answers_at_once(bench: &dyn QueueBench) {
    let queue = bench.fresh().await;
    assert_eq!(receive(&*queue).await, []);
}

async fn no_more_is_received_than_asked_for(bench: &dyn QueueBench) {
    let queue = bench.fresh().await;
    send(&*queue, &["a"; 12]).await;
    assert!(queue.receive(HERE, 3, NO_WAIT).await.unwrap().len() <= 3);
    assert!(queue.receive(HERE, 100, NO_WAIT).await.unwrap().len() <= 10);
}

async fn a_received_message_is_hidden_and_comes_back(bench: &dyn QueueBench) {
    let queue = bench.fresh().await;
    send(&*queue, &["a"]).await;
    one(&*queue).await;
    assert_eq!(receive(&*queue).await, []);
    bench.pass(bench.visibility() / 2).await;
    assert_eq!(receive(&*queue).await, []);
    bench.pass(bench.visibility()).await;
    assert_eq!(one(&*queue).await.body, "a");
}

async fn a_delivery_can_be_hidden_for_longer(bench: &dyn QueueBench) {
    let queue = bench.fresh().await;
    send(&*queue, &["a"]).await;
    let delivered = one(&*queue).await;
    queue
        .extend(HERE, &delivered.handle, bench.visibility() * 3)
        .await
        .unwrap();
    bench.pass(bench.visibility() * 2).await;
    assert_eq!(receive(&*queue).await, []);
    bench.pass(bench.visibility() * 2).await;
    one(&*queue).await;
}

async fn a_delivery_can_be_given_back_at_once(bench: &dyn QueueBench) {
    let queue = bench.fresh().await;
    send(&*queue, &["a"]).await;
    let delivered = one(&*queue).await;
    queue.extend(HERE, &delivered.handle, Duration::ZERO).await.unwrap();
    assert_eq!(one(&*queue).await.id, delivered.id);
}

async fn a_delivery_counts_and_keeps_its_id(bench: &dyn QueueBench) {
    let queue = bench.fresh().await;
    send(&*queue, &["a"]).await;
    let mut ids = BTreeSet::new();
    for count in 1..=3 {
        let delivered = one(&*queue).await;
        assert_eq!(delivered.receive_count, count);
        ids.insert(delivered.id);
        queue.extend(HERE, &delivered.handle, Duration::ZERO).await.unwrap();
    }
    assert_eq!(ids.len(), 1);
}

async fn a_deleted_message_never_comes_back(bench: &dyn QueueBench) {
    let queue = bench.fresh().await;
    send(&*queue, &["a"]).await;
    let delivered = one(&*queue).await;
    queue.delete(HERE, &delivered.handle).await.unwrap();
    bench.pass(bench.visibility() * 2).await;
    assert_eq!(receive(&*queue).await, []);
}

async fn deleting_again_is_no_error(bench: &dyn QueueBench) {
    let queue = bench.fresh().await;
    send(&*queue, &["a"]).await;
    let delivered = one(&*queue).await;
    for _ in 0..2 {
        queue.delete(HERE, &delivered.handle).await.unwrap();
    }
}

async fn a_delivery_that_is_visible_again_can_still_be_deleted(bench: &dyn QueueBench) {
    let queue = bench.fresh().await;
    send(&*queue, &["a"]).await;
    let delivered = one(&*queue).await;
    bench.pass(bench.visibility() * 2).await;
    queue.delete(HERE, &delivered.handle).await.unwrap();
    assert_eq!(receive(&*queue).await, []);
}

async fn a_delivery_that_is_visible_again_can_still_be_hidden(bench: &dyn QueueBench) {
    let queue = bench.fresh().await;
    send(&*queue, &["a"]).await;
    let delivered = one(&*queue).await;
    bench.pass(bench.visibility() * 2).await;
    let hidden = queue.extend(HERE, &delivered.handle, bench.visibility() * 2).await;
    if bench.voids_old_handles() {
        hidden.unwrap();
        assert_eq!(receive(&*queue).await, []);
        bench.pass(bench.visibility() * 3).await;
        assert_eq!(one(&*queue).await.id, delivered.id);
    }
}

async fn an_old_handle_deletes_nothing(bench: &dyn QueueBench) {
    let queue = bench.fresh().await;
    send(&*queue, &["a"]).await;
    let old = one(&*queue).await;
    queue.extend(HERE, &old.handle, Duration::ZERO).await.unwrap();
    let new = one(&*queue).await;
    queue.delete(HERE, &old.handle).await.unwrap();
    if bench.voids_old_handles() {
        queue.extend(HERE, &new.handle, Duration::ZERO).await.unwrap();
        assert_eq!(one(&*queue).await.id, new.id);
    }
}

async fn an_old_handle_hides_nothing(bench: &dyn QueueBench) {
    let queue = bench.fresh().await;
    send(&*queue, &["a"]).await;
    let old = one(&*queue).await;
    queue.extend(HERE, &old.handle, Duration::ZERO).await.unwrap();
    one(&*queue).await;
    let hidden = queue.extend(HERE, &old.handle, bench.visibility() * 5).await;
    if bench.voids_old_handles() {
        assert!(matches!(hidden, Err(QueueError::Stale { .. })), "{hidden:?}");
        bench.pass(bench.visibility() * 2).await;
        one(&*queue).await;
    }
}

async fn a_handle_of_a_deleted_message_is_stale(bench: &dyn QueueBench) {
    let queue = bench.fresh().await;
    send(&*queue, &["a"]).await;
    let delivered = one(&*queue).await;
    queue.delete(HERE, &delivered.handle).await.unwrap();
    let hidden = queue.extend(HERE, &delivered.handle, bench.visibility()).await;
    assert!(matches!(hidden, Err(QueueError::Stale { .. })), "{hidden:?}");
}

async fn a_handle_that_never_was_is_no_crash(bench: &dyn QueueBench) {
    let queue = bench.fresh().await;
    queue.delete(HERE, "never-was").await.unwrap();
    let hidden = queue.extend(HERE, "never-was", bench.visibility()).await;
    assert!(matches!(hidden, Err(QueueError::Stale { .. })), "{hidden:?}");
}

async fn a_message_received_too_often_is_put_aside(bench: &dyn QueueBench) {
    let queue = bench.fresh().await;
    send(&*queue, &["poison"]).await;
    for _ in 0..3 {
        let delivered = one(&*queue).await;
        queue.extend(HERE, &delivered.handle, Duration::ZERO).await.unwrap();
    }
    assert_eq!(receive(&*queue).await, []);
}

async fn what_was_put_aside_can_be_looked_at_and_put_back(bench: &dyn QueueBench) {
    let queue = bench.fresh().await;
    let dead = queue.dead_letters().expect("these queues put aside");
    assert_eq!(receive(&*dead).await, []);
    send(&*queue, &["poison"]).await;
    let mut sent = None;
    for _ in 0..3 {
        let delivered = one(&*queue).await;
        sent = delivered.sent;
        queue.extend(HERE, &delivered.handle, Duration::ZERO).await.unwrap();
    }
    assert_eq!(receive(&*queue).await, []);
    let mut ids = BTreeSet::new();
    for _ in 0..5 {
        let looked = one(&*dead).await;
        assert_eq!((looked.body.as_str(), looked.sent), ("poison", sent));
        assert!(looked.receive_count > 0 && sent.is_some());
        assert_eq!(receive(&*dead).await, [], "hidden while somebody looks at it");
        dead.extend(HERE, &looked.handle, Duration::ZERO).await.unwrap();
        ids.insert(looked.id);
    }
    assert_eq!(ids.len(), 1, "it stays however often it is looked at");
    let taken = one(&*dead).await;
    send(&*queue, &[&taken.body]).await;
    dead.delete(HERE, &taken.handle).await.unwrap();
    assert_eq!(receive(&*dead).await, []);
    let back = one(&*queue).await;
    assert_eq!((back.body.as_str(), back.receive_count), ("poison", 1));
}

async fn a_waiting_receiver_wakes_when_something_is_sent(bench: &dyn QueueBench) {
    let queue = bench.fresh().await;
    let receiving = queue.receive(HERE, 10, Duration::from_secs(20));
    let bodies = ["late".to_owned()];
    let (received, sent) = tokio::join!(receiving, queue.send(HERE, &bodies));
    sent.unwrap();
    let received = received.unwrap();
    assert_eq!(
        received
            .iter()
            .map(|delivered| delivered.body.as_str())
            .collect::<Vec<_>>(),
        ["late"]
    );
}
