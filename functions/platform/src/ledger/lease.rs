//! How long a claim holds: for other workers, on the store's clock, and for its holder, on its own clock.

use std::time::Duration;

/// The longest time for which a message is given back after a failed attempt.
const MAX_BACKOFF: Duration = Duration::from_mins(5);

/// By how much a message stays hidden longer than its lease.
const VISIBILITY_MARGIN: Duration = Duration::from_secs(30);

/// Returns for how long a claim still holds; `None` when it has expired.
///
/// `age_s` is the store's `Date` minus `Last-Modified`. Both are whole seconds, so an age may be up to a second too
/// high: a claim has expired from one second past its lease. A claim with a negative age (a store whose two clocks
/// differ) holds.
#[must_use]
pub fn remaining(lease_s: u64, age_s: i64) -> Option<Duration> {
    let age_s = u64::try_from(age_s).unwrap_or(0);
    let remaining_s = lease_s.saturating_add(1).saturating_sub(age_s);
    (remaining_s > 0).then(|| Duration::from_secs(remaining_s))
}

/// Returns whether a claim is void at any age, because its owner belongs to another epoch of the local harness.
///
/// A local owner is named `local/{epoch}`. Each process that opens the directory takes the next epoch, so the process
/// of an earlier epoch has ended.
#[must_use]
pub(crate) fn is_void(owner: &str, me: &str) -> bool {
    owner.starts_with("local/") && me.starts_with("local/") && owner != me
}

/// Returns the time between two renewals.
#[must_use]
pub(crate) fn renew_every(lease: Duration) -> Duration {
    lease / 3
}

/// Returns the moment at which a holder stops, on its monotonic clock. `asked` is when it sent its last successful
/// write.
#[must_use]
pub fn hold_until(asked: Duration, lease: Duration) -> Duration {
    asked + lease * 2 / 3
}

/// Returns the visibility timeout of a claimed message.
#[must_use]
pub fn visibility(lease: Duration) -> Duration {
    lease + VISIBILITY_MARGIN
}

/// Returns for how long a message is given back after a failed attempt. `attempt` counts from 0.
#[must_use]
pub(crate) fn backoff(attempt: u32) -> Duration {
    Duration::from_secs(5)
        .saturating_mul(2_u32.saturating_pow(attempt))
        .min(MAX_BACKOFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_ends_one_second_past_its_length() {
        for (age_s, remaining_s) in [
            (-5, Some(121)),
            (0, Some(121)),
            (120, Some(1)),
            (121, None),
            (i64::MAX, None),
        ] {
            assert_eq!(
                remaining(120, age_s),
                remaining_s.map(Duration::from_secs),
                "age of {age_s} s"
            );
        }
    }

    #[test]
    fn only_another_local_epoch_is_void() {
        for (owner, me, void) in [
            ("local/1", "local/2", true),
            ("local/2", "local/1", true),
            ("local/2", "local/2", false),
            ("lambda/a", "lambda/b", false),
            ("local/1", "lambda/b", false),
            ("lambda/a", "local/1", false),
        ] {
            assert_eq!(is_void(owner, me), void, "{owner} seen by {me}");
        }
    }

    #[test]
    fn backing_off_doubles_up_to_five_minutes() {
        let seconds: Vec<u64> = [0, 1, 2, 5, 6, 63, u32::MAX]
            .map(|attempt| backoff(attempt).as_secs())
            .into();
        assert_eq!(seconds, [5, 10, 20, 160, 300, 300, 300]);
    }

    #[test]
    fn a_holder_stops_before_others_may_take_over() {
        let lease = Duration::from_secs(3);
        assert_eq!(hold_until(Duration::from_secs(10), lease), Duration::from_secs(12));
        assert_eq!(renew_every(lease), Duration::from_secs(1));
        assert_eq!(visibility(lease), Duration::from_secs(33));
    }
}
