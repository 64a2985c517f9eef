//! What an emulator is started with.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use connections::Timeouts;

use crate::faults::Faults;

/// The id of the one account, which owns every bucket and queue. Queue URLs and ARNs contain it.
pub const ACCOUNT: &str = "000000000000";

/// A clock: returns the time of day in UTC milliseconds.
pub type Now = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Region, keys, clock, faults and timeouts of an emulator.
pub struct Settings {
    /// The region of all buckets and queues; requests to S3 must be signed for it.
    pub region: String,
    /// The id of the one access key.
    pub access_key: String,
    /// The secret of that key.
    pub secret_key: String,
    /// The clock of object times, visibility timeouts and retention; tests may move it. Signatures must lie within 15
    /// minutes of it.
    pub now: Now,
    /// What goes wrong in receives, for tests.
    pub faults: Faults,
    /// How long clients of both servers may take to send a request.
    pub timeouts: Timeouts,
}

impl Settings {
    /// Returns settings with the system's clock, no faults and the default timeouts.
    #[must_use]
    pub fn new(region: &str, access_key: &str, secret_key: &str) -> Self {
        Self {
            region: region.to_owned(),
            access_key: access_key.to_owned(),
            secret_key: secret_key.to_owned(),
            now: Arc::new(system_ms),
            faults: Faults::none(),
            timeouts: Timeouts::default(),
        }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("region", &self.region)
            .field("access_key", &self.access_key)
            .field("secret_key", &"<secret>")
            .field("faults", &self.faults)
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the default clock; everything else takes the clock from the settings"
)]
fn system_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
