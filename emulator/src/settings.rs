//! Who may speak to the queues, and what the time is.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::{faults::Faults, patience::Patience};

/// The account that owns everything: queue URLs, ARNs and expected owners name it.
pub const ACCOUNT: &str = "000000000000";

/// Gives the time of day, UTC milliseconds.
pub type Now = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Who may speak to the queues, and what the time is.
pub struct Settings {
    /// The region that ARNs name.
    pub region: String,
    /// The one access key id that is known.
    pub access_key: String,
    /// Its secret.
    pub secret_key: String,
    /// The clock.
    pub now: Now,
    /// What to inject into receives.
    pub faults: Faults,
    /// How long clients of both servers may take.
    pub patience: Patience,
}

impl Settings {
    /// Gives settings with the system's clock and no faults.
    #[must_use]
    pub fn new(region: &str, access_key: &str, secret_key: &str) -> Self {
        Self {
            region: region.to_owned(),
            access_key: access_key.to_owned(),
            secret_key: secret_key.to_owned(),
            now: Arc::new(system_ms),
            faults: Faults::none(),
            patience: Patience::default(),
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
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the queues learn the time; everything else is handed it"
)]
fn system_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
