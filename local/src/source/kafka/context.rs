//! What librdkafka tells about itself.

use std::sync::{Mutex, PoisonError};

use platform::error::chain;
use rdkafka::{
    ClientContext, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance},
    error::{KafkaError, RDKafkaErrorCode},
};

/// Logs what the client tells, and commits before partitions are given up.
#[derive(Default)]
pub(super) struct Context {
    trouble: Mutex<Option<String>>,
}

impl Context {
    /// Returns the last reason for which a broker was not reached.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        let is_news = (level as i32) <= (RDKafkaLogLevel::Warning as i32);
        // What failed arrives as an error too.
        if is_news && facility != "FAIL" {
            tracing::warn!(facility, line, "librdkafka");
        } else {
            tracing::debug!(facility, line, "librdkafka");
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // Each broker has said why before.
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) {
            return tracing::debug!(reason, "Kafka has trouble");
        }
        tracing::warn!(reason, "Kafka has trouble");
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
    }
}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(given) => tracing::info!(partitions = numbers(given), "partitions are assigned"),
            Rebalance::Revoke(taken) => {
                tracing::info!(partitions = numbers(taken), "partitions are given up");
                // What is done is committed already, unless a commit failed. A lost partition has another owner.
                if !consumer.assignment_lost()
                    && let Err(error) = consumer.commit_consumer_state(CommitMode::Sync)
                    && error.rdkafka_error_code() != Some(RDKafkaErrorCode::NoOffset)
                {
                    tracing::warn!(
                        error = chain(&error),
                        "partitions are given up without their last offsets"
                    );
                }
            }
            Rebalance::Error(error) => {
                tracing::warn!(error = chain(error), "the group could not divide its partitions");
            }
        }
    }
}

fn numbers(partitions: &TopicPartitionList) -> String {
    let numbers: Vec<String> = partitions
        .elements()
        .iter()
        .map(|one| one.partition().to_string())
        .collect();
    numbers.join(",")
}
