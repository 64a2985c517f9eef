//! Which objects are old enough, and not too old, to be looked at.

use platform::{Listed, Store, StoreError};

/// Younger objects, in seconds, are those of jobs that go on by themselves.
const YOUNGEST_S: i64 = 5 * 60;

/// Older objects, in seconds, were looked at by earlier sweeps.
const OLDEST_S: i64 = 20 * 60;

/// The ages that a sweep looks at.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    /// The time of the store's clock in UTC seconds.
    pub now: i64,
    /// Whether all ages are looked at.
    pub deep: bool,
}

impl Window {
    /// Returns whether an object of this time (UTC seconds) is looked at.
    pub(crate) fn holds(self, last_modified: i64) -> bool {
        self.deep || (YOUNGEST_S..=OLDEST_S).contains(&(self.now - last_modified))
    }

    /// Returns whether a message that was sent at this time (UTC seconds) should have reached a worker. Only a deep
    /// sweep asks: queues may be long, and each sweep would make them longer.
    pub(crate) fn is_overdue(self, sent: i64) -> bool {
        self.deep && self.now - sent > OLDEST_S
    }
}

/// Returns the time of the store's clock, which a listing does not say; `None` when no object is left.
pub(crate) async fn now(objects: impl Iterator<Item = &Listed>, store: &dyn Store) -> Result<Option<i64>, StoreError> {
    for object in objects {
        match store.head(&object.key).await {
            Ok(meta) => return Ok(Some(meta.date)),
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}
