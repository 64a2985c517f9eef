//! The function `sweep`: finds on a schedule what no message leads to any more, and sends it on.
//!
//! It promises that a job whose message is lost still ends, and that an upload whose notification was lost still begins:
//! it sends what a crash left unsent, the messages of jobs that have no worker any more, and the events of uploads
//! without a receipt. It refuses to work on a job itself, so it is a second sender and no second code path: whoever
//! receives a message twice notices. It knows no host.
//!
//! Start with [`sweep`].

mod error;
mod jobs;
mod listing;
mod uploads;
mod window;

use futures_util::try_join;
use platform::Platform;
use serde::Serialize;
use serde_json::Value;

pub use error::SweepError;
use window::Window;

/// How many objects are looked at side by side.
const ABREAST: usize = 16;

/// How far to look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Asked {
    /// Whether to look at objects of all ages, instead of those that were written 5 to 20 minutes ago.
    pub deep: bool,
}

/// What was found and done, in numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Swept {
    /// The ledgers and uploads that the store listed.
    pub listed: usize,
    /// The ledgers that were read.
    pub read: usize,
    /// The ended jobs after which something was sent that had not been sent, or was lost before a worker saw it.
    pub resent: usize,
    /// The jobs without a worker whose message was sent again.
    pub taken_over: usize,
    /// The jobs that were failed as `exhausted`.
    pub failed: usize,
    /// The uploads whose event was sent.
    pub uploads: usize,
    /// The ledgers that this code cannot read or help; the log names them.
    pub skipped: usize,
}

/// Sends on what no message leads to any more.
///
/// Ages are those of the store's clock. Nothing is changed for a job whose lease holds. May run at any time and beside
/// itself: what is sent twice is done once.
///
/// # Errors
/// When the store or the queue does not answer. What was sent until then stays sent, and the next sweep does the rest.
pub async fn sweep(asked: &Asked, platform: &Platform) -> Result<Swept, SweepError> {
    let store = platform.store.as_ref();
    let (ledgers, raw) = try_join!(listing::jobs(store), listing::raw(store))?;
    let listed = ledgers.len() + raw.len();
    let any = ledgers.keys.iter().chain(&raw);
    let Some(now) = window::now(any, store).await? else {
        return Ok(Swept::default());
    };
    let window = Window { now, deep: asked.deep };
    let swept = jobs::tend(&ledgers, window, platform).await?;
    let uploads = uploads::begin(&raw, &ledgers, window, platform).await?;
    Ok(Swept {
        listed,
        uploads,
        ..swept
    })
}

impl Asked {
    /// Reads the event of a schedule: `{"sweep": "deep"}` asks for all ages. Any other event asks for the usual ones.
    ///
    /// # Errors
    /// When `sweep` has another value than `deep`.
    pub fn of_event(event: &Value) -> Result<Self, SweepError> {
        match event.get("sweep") {
            None => Ok(Self { deep: false }),
            Some(word) if word == "deep" => Ok(Self { deep: true }),
            Some(word) => Err(SweepError::Event { have: word.to_string() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schedule_asks_for_a_usual_or_a_deep_sweep_and_a_typo_for_neither() {
        let scheduled = json!({"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}});
        for (event, deep) in [
            (json!({}), Some(false)),
            (json!(null), Some(false)),
            (scheduled, Some(false)),
            (json!({"sweep": "deep"}), Some(true)),
            (json!({"sweep": "dep"}), None),
        ] {
            assert_eq!(Asked::of_event(&event).ok().map(|asked| asked.deep), deep, "{event}");
        }
    }
}
