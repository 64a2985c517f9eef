use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use platform::Clock;

/// The time of day at which every memory clock starts: 2023-11-14T22:13:20Z.
const START_S: i64 = 1_700_000_000;

/// A clock that stands still until a test advances it.
pub struct MemoryClock {
    elapsed: watch::Sender<Duration>,
}

impl MemoryClock {
    /// Returns a clock that has not advanced yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            elapsed: watch::Sender::new(Duration::ZERO),
        }
    }

    /// Returns how many wait for a time.
    #[must_use]
    pub fn sleepers(&self) -> usize {
        self.elapsed.receiver_count()
    }

    /// Advances the clock and wakes those who waited for the time.
    pub fn advance(&self, time: Duration) {
        self.elapsed.send_modify(|elapsed| *elapsed += time);
    }

    /// Advances the clock to a moment of its monotonic time. Does nothing when that has passed.
    pub fn advance_to(&self, moment: Duration) {
        self.elapsed.send_modify(|elapsed| *elapsed = moment.max(*elapsed));
    }
}

impl Default for MemoryClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for MemoryClock {
    fn now_s(&self) -> i64 {
        let seconds = self.elapsed.borrow().as_secs();
        START_S + i64::try_from(seconds).expect("tests do not last for aeons")
    }

    fn monotonic(&self) -> Duration {
        *self.elapsed.borrow()
    }

    async fn sleep(&self, time: Duration) {
        let mut elapsed = self.elapsed.subscribe();
        let end = *elapsed.borrow_and_update() + time;
        // The sender lives in `self`, so the channel cannot close.
        let _ = elapsed.wait_for(|now| *now >= end).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn a_sleeper_wakes_when_time_has_passed_and_not_before() {
        let clock = Arc::new(MemoryClock::new());
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(Duration::from_secs(5)).await }
        });
        tokio::task::yield_now().await;
        clock.advance(Duration::from_millis(4999));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(Duration::from_millis(1));
        sleeper.await.unwrap();
        assert_eq!(clock.now_s(), START_S + 5);
    }
}
