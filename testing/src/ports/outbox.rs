use std::sync::Arc;

use async_trait::async_trait;
use contract::Stage;
use platform::Outbox;

/// The environment in which an outbox is checked.
#[async_trait]
pub trait OutboxBench: Sync {
    /// Returns an outbox whose messages nobody has received yet.
    async fn fresh(&self) -> Box<dyn Mailbox>;
}

/// An outbox and where its messages arrive.
#[async_trait]
pub trait Mailbox: Send + Sync {
    /// Returns the outbox.
    fn outbox(&self) -> Arc<dyn Outbox>;

    /// Takes all messages that have arrived for a stage, in the order of their texts.
    async fn arrived(&self, stage: Stage) -> Vec<String>;
}

const HERE: Stage = Stage::Train;

/// Checks that outboxes keep the promises of their port.
///
/// # Panics
/// When an outbox breaks a promise; the panic says which.
pub async fn outbox_suite(bench: &dyn OutboxBench) {
    any_text_is_a_body(bench).await;
    many_messages_are_sent_at_once(bench).await;
    large_messages_are_sent_at_once(bench).await;
    nothing_is_sent_where_nothing_is_given(bench).await;
    messages_reach_their_own_stage(bench).await;
}

async fn any_text_is_a_body(bench: &dyn OutboxBench) {
    let mailbox = bench.fresh().await;
    let mut bodies = ["{\"a\": \"b\\n\"}", "<&>\"'", "line\nline\ttab", "é日本", " x "].map(str::to_owned);
    mailbox.outbox().send(HERE, &bodies).await.unwrap();
    bodies.sort_unstable();
    assert_eq!(mailbox.arrived(HERE).await, bodies);
}

async fn many_messages_are_sent_at_once(bench: &dyn OutboxBench) {
    let mailbox = bench.fresh().await;
    let bodies: Vec<String> = (0..25).map(|n| format!("{n:02}")).collect();
    mailbox.outbox().send(HERE, &bodies).await.unwrap();
    assert_eq!(mailbox.arrived(HERE).await, bodies);
}

async fn large_messages_are_sent_at_once(bench: &dyn OutboxBench) {
    let mailbox = bench.fresh().await;
    let bodies: Vec<String> = (0..10).map(|n| n.to_string().repeat(60_000)).collect();
    mailbox.outbox().send(HERE, &bodies).await.unwrap();
    assert!(mailbox.arrived(HERE).await == bodies);
}

async fn nothing_is_sent_where_nothing_is_given(bench: &dyn OutboxBench) {
    let mailbox = bench.fresh().await;
    mailbox.outbox().send(HERE, &[]).await.unwrap();
    assert!(mailbox.arrived(HERE).await.is_empty());
}

async fn messages_reach_their_own_stage(bench: &dyn OutboxBench) {
    let mailbox = bench.fresh().await;
    for stage in Stage::ALL {
        mailbox.outbox().send(stage, &[stage.to_string()]).await.unwrap();
    }
    for stage in Stage::ALL {
        assert_eq!(mailbox.arrived(stage).await, [stage.to_string()]);
    }
}
