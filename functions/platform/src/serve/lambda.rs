//! AWS Lambda: answers the Runtime API.

use std::{
    io::Write as _,
    sync::{Arc, LazyLock},
    time::Duration,
};

use axum::Router;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

use super::url;
use crate::{batch::handle_batch, event::Invocation, host::Platform, stop::Stop, work::ErasedWork};

/// A deadline that lies further in the past than this, in seconds, is not one: `cargo lambda watch` sends a duration,
/// which reads as 1970.
const DISTANT_S: u64 = 24 * 3600;
/// The longest time that is reserved for the checkpoint, the ledger and the messages.
const MARGIN: Duration = Duration::from_secs(20);

/// Answers invocations until the runtime ends. `router` makes the router of the function's URL; most functions have none.
pub(super) async fn serve(
    work: Arc<dyn ErasedWork>,
    router: impl FnOnce() -> Router + Send + Sync + 'static,
    platform: Arc<Platform>,
    ending: Stop,
) -> Result<(), Error> {
    // Made for the first request: a function without a URL starts faster.
    let router = Arc::new(LazyLock::new(router));
    let handle = |event: LambdaEvent<Value>| {
        let (work, platform, ending) = (work.clone(), platform.clone(), ending.clone());
        let router = router.clone();
        async move {
            let answer = if url::is_request(&event.payload) {
                let router = Router::clone(&router);
                url::answer(event.payload, router).await.map_err(Error::from)
            } else {
                invoke(work.as_ref(), event, &ending, &platform).await
            };
            tell(&platform);
            answer
        }
    };
    lambda_runtime::run(service_fn(handle)).await
}

/// Prints what was counted; CloudWatch takes metrics from the log.
fn tell(platform: &Platform) {
    let mut out = std::io::stdout().lock();
    for line in platform.metrics.emf(platform.clock.now_s()) {
        // When standard output is closed, the numbers are lost.
        let _ = writeln!(out, "{line}");
    }
}

async fn invoke(
    work: &dyn ErasedWork,
    event: LambdaEvent<Value>,
    ending: &Stop,
    platform: &Platform,
) -> Result<Value, Error> {
    let now_s = u64::try_from(platform.clock.now_s()).unwrap_or(0);
    let time = time_left(event.context.deadline, now_s, platform.host.deadline);
    let stop = ending.child(platform.clock.clone(), platform.clock.monotonic() + time);
    let invocation = Invocation::from_value(event.payload)?;
    let response = handle_batch(work, invocation.event, &stop, platform).await;
    // Without a queue nobody reads the list of failures. An error makes the caller try again.
    if !invocation.queued && !response.batch_item_failures.is_empty() {
        return Err("the event was not finished and no queue delivers it again".into());
    }
    Ok(serde_json::to_value(response)?)
}

/// Returns the time that work may take: up to the deadline, minus the time that a clean end needs.
fn time_left(deadline_ms: u64, now_s: u64, fallback: Duration) -> Duration {
    let unknown = deadline_ms / 1000 + DISTANT_S < now_s;
    let whole = if unknown {
        fallback
    } else {
        Duration::from_millis(deadline_ms.saturating_sub(now_s * 1000))
    };
    whole.saturating_sub(MARGIN.min(whole / 5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_in_the_distant_past_means_that_it_is_not_known() {
        let fallback = Duration::from_mins(15);
        let now_s = 1_795_000_000;
        for (case, deadline_ms, expected_s) in [
            ("cargo lambda watch sends a duration", 600_000, 880),
            ("a quarter of an hour", (now_s + 900) * 1000, 880),
            ("ten seconds", (now_s + 10) * 1000, 8),
            ("just over", (now_s - 1) * 1000, 0),
            ("no deadline", 0, 880),
        ] {
            assert_eq!(time_left(deadline_ms, now_s, fallback).as_secs(), expected_s, "{case}");
        }
    }
}
