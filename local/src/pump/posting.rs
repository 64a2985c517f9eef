//! Runs messages elsewhere: each is posted as a CloudEvent to the HTTP face of its stage.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use contract::Stage;
use futures_util::{StreamExt as _, stream};
use platform::{
    Clock, Outbox as _, Queue,
    error::chain,
    http::HttpConfig,
    sink::{Sink, SinkConfig},
};

use super::{Deadline, InvokeError, Invoker};

/// What stands for the stage in an address.
const STAGE: &str = "{stage}";
/// How long a message is hidden while its function works. It is hidden again after half of it.
const HIDDEN: Duration = Duration::from_mins(1);
/// How long an answer may take beyond the longest time of a request: the network, and a function that starts first.
const MARGIN: Duration = Duration::from_mins(1);
/// The pause before a message is delivered again that was given back for the first time. It doubles each time.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// The addresses of functions, such as `http://flits-{stage}.example`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses(String);

/// Posts messages to functions that stand elsewhere.
pub struct Posting {
    functions: BTreeMap<Stage, Sink>,
    queue: Arc<dyn Queue>,
    clock: Arc<dyn Clock>,
}

impl std::str::FromStr for Addresses {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_url = text.starts_with("http://") || text.starts_with("https://");
        if is_url && text.contains(STAGE) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!(
                "it must be a URL with `{STAGE}` in it, such as http://flits-{STAGE}.example"
            ))
        }
    }
}

impl Posting {
    /// Makes an invoker. `http` holds the token and the longest time of a request, which are those of the functions.
    ///
    /// # Errors
    /// When the system gives no TLS certificates.
    pub fn new(
        addresses: &Addresses,
        stages: &[Stage],
        http: &HttpConfig,
        queue: Arc<dyn Queue>,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let mut functions = BTreeMap::new();
        for stage in stages {
            let sink = Sink::new(SinkConfig {
                url: addresses.0.replace(STAGE, stage.name()),
                extensions: BTreeMap::new(),
                token: http.token.clone(),
                time: http.time + MARGIN,
            })?;
            functions.insert(*stage, sink);
        }
        Ok(Self {
            functions,
            queue,
            clock,
        })
    }

    /// Posts one message and waits for the answer. Returns whether the function has acknowledged it; else it is given
    /// back.
    async fn post(&self, stage: Stage, function: &Sink, record: &SqsMessage, deadline: &Deadline) -> bool {
        let body = [record.body.clone().unwrap_or_default()];
        let handle = record.receipt_handle.as_deref().unwrap_or_default();
        let answered = tokio::select! {
            answered = function.send(stage, &body) => answered,
            () = self.hide(stage, handle) => unreachable!("a message is hidden until its function answers"),
            // The function works on; the next delivery finds what it has done.
            () = deadline.asked() => return false,
        };
        let Err(error) = answered else {
            return true;
        };
        tracing::warn!(stage = stage.name(), error = chain(&error), "a message is given back");
        let pause = pause(deliveries(record));
        if let Err(error) = self.queue.extend(stage, handle, pause).await {
            tracing::debug!(
                stage = stage.name(),
                error = chain(&error),
                "cannot give a message back"
            );
        }
        false
    }

    /// Keeps a message hidden for ever: its function has no handle of it.
    async fn hide(&self, stage: Stage, handle: &str) {
        loop {
            if let Err(error) = self.queue.extend(stage, handle, HIDDEN).await {
                // It may be delivered twice, which the ledger meets.
                tracing::debug!(stage = stage.name(), error = chain(&error), "cannot hide a message");
            }
            self.clock.sleep(HIDDEN / 2).await;
        }
    }
}

#[async_trait]
impl Invoker for Posting {
    async fn invoke(
        &self,
        stage: Stage,
        event: SqsEvent,
        deadline: &Deadline,
    ) -> Result<SqsBatchResponse, InvokeError> {
        let function = self.functions.get(&stage).ok_or(InvokeError::NoHandler(stage))?;
        let at_once = event.records.len().max(1);
        let posts = event.records.iter().map(async |record| {
            let done = self.post(stage, function, record, deadline).await;
            (!done).then(|| record.message_id.clone().unwrap_or_default())
        });
        // Collected before they run: each borrows its record.
        let posts: Vec<_> = posts.collect();
        let failed: Vec<Option<String>> = stream::iter(posts).buffer_unordered(at_once).collect().await;
        let mut response = SqsBatchResponse::default();
        for id in failed.into_iter().flatten() {
            response.add_failure(id);
        }
        Ok(response)
    }
}

fn deliveries(record: &SqsMessage) -> u32 {
    let count = record.attributes.get("ApproximateReceiveCount");
    count.and_then(|count| count.parse().ok()).unwrap_or(1)
}

/// Returns how long a message rests after so many deliveries.
fn pause(deliveries: u32) -> Duration {
    let doubled = 1_u32.checked_shl(deliveries.saturating_sub(1)).unwrap_or(u32::MAX);
    PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_place_for_the_stage() {
        for (text, is_one) in [
            ("http://flits-{stage}.flits.svc.cluster.local", true),
            ("https://functions.example/{stage}", true),
            ("http://flits-train", false),
            ("flits-{stage}", false),
        ] {
            assert_eq!(text.parse::<Addresses>().is_ok(), is_one, "{text}");
        }
    }

    #[test]
    fn pauses_double_up_to_a_bound() {
        for (deliveries, seconds) in [(0, 1), (1, 1), (2, 2), (5, 16), (9, 256), (10, 300), (40, 300)] {
            assert_eq!(pause(deliveries).as_secs(), seconds, "{deliveries}");
        }
    }
}
